"""Convolutions and their two gradients: of images and volumes, in groups, channel by channel.

Sequences are images of one row. What is not as the library wants it is brought into order in
working space: filters always (their axes are turned), images where they are strided or their
channels are filled up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...device.base import Array
from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from ...ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from ...ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from ...spec import Spec, float32, uint8
from .. import tf32
from .frontend import NAMES, Maker, Planned, Target, offered, planned, why_not
from .geometry import FILTERS, FORWARD, IMAGES, Convolution, Placed, channels_last, placed


@dataclass(frozen=True)
class ConvolutionProblem:
    """A convolution as the frontend is told of it; tensors are two operands and the result."""

    lie: Convolution

    @property
    def dtype(self) -> str:
        """The name of the element type."""
        return self.lie.dtype

    def build(self, maker: Maker) -> None:
        """Describe the convolution."""
        one = self.lie
        how = {
            "pre_padding": list(one.before), "post_padding": list(one.after),
            "stride": list(one.strides), "dilation": list(one.dilation),
        }  # fmt: skip
        x, w, y = one.x, one.w, one.y
        graph = maker.graph
        if one.direction == FORWARD:
            made = graph.conv_fprop(_image(maker, x), _image(maker, w), **how)
            maker.result(made, y, channels_last(y))
        elif one.direction == IMAGES:
            made = graph.conv_dgrad(_image(maker, y), _image(maker, w), **how)
            maker.result(made, x, channels_last(x))
        else:
            gy = _image(maker, y)
            made = graph.conv_wgrad(_image(maker, x), gy, **how)
            maker.result(made, w, channels_last(w))


def _image(maker: Maker, sizes: tuple[int, ...]) -> Any:
    return maker.given(sizes, channels_last(sizes))


class Ordered(Kernel):
    """A convolution by the library, with what brings its operands into order before and after."""

    def __init__(self, call: Call, one: Placed, plan: Planned) -> None:
        self.one = one
        self.plan = plan
        shapes = {
            FORWARD: (one.x, one.w, one.y), IMAGES: (one.y, one.w, one.x),
            FILTERS: (one.y, one.x, one.w),
        }[one.problem.direction]  # fmt: skip
        filters = 2 if one.problem.direction == FILTERS else 1
        arrays = zip((*call.ins, *call.outs), shapes, strict=True)
        self.aside = [  # whether an array takes part by a copy
            place == filters or spec.shape != shape or not spec.contiguous
            for place, (spec, shape) in enumerate(arrays)
        ]
        scratch = [Spec(shape, call.ins[0].dtype)
                   for shape, aside in zip(shapes, self.aside, strict=True) if aside]  # fmt: skip
        self.filters = filters
        self.scratch = (*scratch, Spec((max(plan.workspace, 1),), uint8))

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Convolve."""
        self.bind(ins, outs, scratch)()

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step with all addresses fixed."""
        *held, workspace = scratch
        waiting = iter(held)
        given = (*ins, *outs)
        used = [next(waiting) if aside else array
                for array, aside in zip(given, self.aside, strict=True)]  # fmt: skip
        before = [(place, used[place], given[place]) for place in (0, 1) if self.aside[place]]
        compute = self.plan.step(used, workspace)
        result = (used[2], given[2]) if self.aside[2] else None

        def step() -> None:
            for place, target, source in before:
                self._brought(place, target, source)
            compute()
            if result is not None:
                self._handed_out(*result)

        return step

    def _brought(self, place: int, target: Array, source: Array) -> None:
        """Copy an operand into order; what fills it up is 0."""
        if place == self.filters:
            inner, values = self.one.inner(target), self.one.turned(source)
            if self.one.depthwise == 0 and inner.size != target.size:
                target.fill(0)
            inner[...] = values
            return
        channels = source.shape[-1]
        if channels != target.shape[-1]:
            target[..., channels:] = 0
        target[..., :channels] = source

    def _handed_out(self, made: Array, result: Array) -> None:
        if self.filters == 2:
            self.one.turned(result)[...] = self.one.inner(made)
        else:
            result[...] = made[..., : result.shape[-1]]


def order(call: Call, target: Target) -> Ordered:
    """Return the body of a convolution for a target.

    Raises:
        UnplannedError: the library has no plan.
    """
    function: Any = call.function
    one = placed(function, call.ins, call.outs[0])
    strict = call.ins[0].dtype == float32 and not tf32.allowed()
    return Ordered(call, one, planned(ConvolutionProblem(one.problem), target, strict))


def convolution(call: Call) -> Kernel | None:
    """Offer a convolution or one of its gradients."""
    reason = why_not()
    if not reason and call.ins[0].dtype not in NAMES:
        reason = f"cuDNN convolves no {call.ins[0].dtype}"
    if not reason and any(spec.size == 0 for spec in (*call.ins, *call.outs)):
        reason = "cuDNN takes no empty arrays"
    return offered(call, reason, order)


for _function in (
    Conv2D, Conv2DInputGrad, Conv2DFilterGrad, Conv3D, Conv3DInputGrad, Conv3DFilterGrad,
    DepthwiseConv2D, DepthwiseInputGrad, DepthwiseFilterGrad,
):  # fmt: skip
    kernel(_function, on="gpu")(convolution)

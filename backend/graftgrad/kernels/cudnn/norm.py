"""Batch normalisation in training and its gradient, channels last.

Runtime-compiled bodies exist for channels in multiples of 8 (float32: 4); others are declined, and
so is float64. The library hands out 1 / √(variance + epsilon); the variance is computed from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ...device.base import Device
from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.norm import BatchNorm, BatchNormGrad
from ...spec import Shape, Spec, float32, uint8
from .frontend import Maker, Planned, Target, offered, planned, why_not
from .geometry import MULTIPLES, channels_first, channels_last


@dataclass(frozen=True)
class NormProblem:
    """Normalisation: x, gamma, beta, two averages -> y, mean, 1 / deviation, the averages moved.

    The library computes nothing without averages. They are replaced altogether, in working space.
    """

    sizes: Shape
    epsilon: float
    dtype: str

    def build(self, maker: Maker) -> None:
        """Describe the normalisation."""
        x = maker.given(self.sizes, channels_last(self.sizes))
        of_channels = (1, self.sizes[1], 1, 1)
        steps = channels_last(of_channels)
        gamma, beta, mean, variance = (maker.given(of_channels, steps, "float32") for _ in range(4))
        made = maker.graph.batchnorm(
            input=x, scale=gamma, bias=beta, in_running_mean=mean, in_running_var=variance,
            epsilon=maker.number(self.epsilon), momentum=maker.number(1.0),
        )  # fmt: skip
        maker.result(made[0], self.sizes, channels_last(self.sizes))
        for one in made[1:]:
            maker.result(one, of_channels, steps, "float32")


@dataclass(frozen=True)
class NormGradProblem:
    """Its gradient: gy, x, gamma, mean, 1 / deviation -> gx, ggamma, gbeta."""

    sizes: Shape
    dtype: str

    def build(self, maker: Maker) -> None:
        """Describe the gradient."""
        steps = channels_last(self.sizes)
        gy, x = maker.given(self.sizes, steps), maker.given(self.sizes, steps)
        of_channels = (1, self.sizes[1], 1, 1)
        each = channels_last(of_channels)
        gamma, mean, inverse = (maker.given(of_channels, each, "float32") for _ in range(3))
        made = maker.graph.batchnorm_backward(
            grad=gy, input=x, scale=gamma, mean=mean, inv_variance=inverse
        )
        maker.result(made[0], self.sizes, steps)
        for one in made[1:]:
            maker.result(one, of_channels, each, "float32")


def sizes_of(x: Spec) -> Shape:
    """Return x as images (N, C, H, W), or as as many samples as there are rows."""
    if x.ndim == 4:
        return channels_first(x.shape)
    return (x.size // x.shape[-1], x.shape[-1], 1, 1)


class Norm(Kernel):
    """Normalisation by the library."""

    def __init__(self, call: Call, plan: Planned) -> None:
        function: Any = call.function
        self.device = call.device
        self.epsilon = float(function.epsilon)
        self.plan = plan
        channel = Spec(call.ins[1].shape, float32)
        self.scratch = (channel, channel, Spec((max(plan.workspace, 1),), uint8))

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Normalise."""
        self.bind(ins, outs, scratch)()

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step with all addresses fixed."""
        x, gamma, beta = ins
        y, mean, variance, inverse = outs
        averages = gamma, gamma  # times 0: whatever is finite will do
        arrays = (x, gamma, beta, *averages, y, mean, inverse, *scratch[:2])
        compute = self.plan.step(arrays, scratch[2])
        spread = _variance(self.device)

        def step() -> None:
            compute()
            spread(inverse, self.epsilon, variance)

        return step


@cache
def _variance(device: Device) -> Any:
    """Return what computes variances from 1 / √(variance + epsilon), in double precision."""
    return device.xp.ElementwiseKernel(
        "float32 inverse, float64 epsilon", "float32 variance",
        "double v = 1 / ((double)inverse * inverse) - epsilon; variance = v < 0 ? 0 : v",
        "graft_variance_of_inverse",
    )  # fmt: skip


class NormGrad(Kernel):
    """Its gradient by the library."""

    def __init__(self, plan: Planned) -> None:
        self.plan = plan
        self.scratch = (Spec((max(plan.workspace, 1),), uint8),)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute the gradients."""
        self.bind(ins, outs, scratch)()

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step with all addresses fixed."""
        return self.plan.step((*ins, *outs), scratch[0])


def unfit(call: Call, x: Spec) -> str:
    """Say why the library has no normalisation of x; an empty string where it may have one."""
    multiple = MULTIPLES.get(x.dtype)
    if multiple is None:
        return f"cuDNN normalises no {x.dtype}"
    if x.shape[-1] % multiple:
        return f"cuDNN normalises {x.dtype} with channels in multiples of {multiple} alone"
    if not all(spec.contiguous for spec in call.ins):
        return "cuDNN normalises arrays without gaps"
    return why_not()


def forward(call: Call, target: Target) -> Norm:
    """Return the body for a target.

    Raises:
        UnplannedError: the library has no plan.
    """
    function: Any = call.function
    x = call.ins[0]
    problem = NormProblem(sizes_of(x), float(function.epsilon), str(x.dtype))
    return Norm(call, planned(problem, target))


def backward(call: Call, target: Target) -> NormGrad:
    """Return the gradient's body for a target.

    Raises:
        UnplannedError: the library has no plan.
    """
    x = call.ins[1]
    return NormGrad(planned(NormGradProblem(sizes_of(x), str(x.dtype)), target))


@kernel(BatchNorm, on="gpu")
def batch_norm(call: Call) -> Kernel | None:
    """Offer normalisation by batch."""
    return offered(call, unfit(call, call.ins[0]), forward)


@kernel(BatchNormGrad, on="gpu")
def batch_norm_grad(call: Call) -> Kernel | None:
    """Offer its gradient."""
    return offered(call, unfit(call, call.ins[1]), backward)

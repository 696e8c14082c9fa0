"""Convolutions and their two gradients, of whole images and of every channel by itself."""

from __future__ import annotations

from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from ...ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from ...ops.window import Windowed
from ...spec import Spec
from .library import library
from .memory import anyhow, filter_sizes, filters, images, numbers
from .primitive import (
    GRAD_RESULT,
    GRAD_SOURCE,
    GRAD_WEIGHTS,
    RESULT,
    SOURCE,
    WEIGHTS,
    Recipe,
    Work,
    offer,
)

TRAINING, INFERENCE = 64, 96
DIRECT = 1
FEW_CHANNELS = (
    4  # as many or fewer fill so little of a vector that one product of matrices is faster
)
MANY = 1 << 24
WEIGHTS_LAYOUT, GRAD_WEIGHTS_LAYOUT = 131, 132


class Convolution:
    """One convolution in the library's terms: images x, filters w, results y, how windows lie."""

    def __init__(self, function: Windowed, x: Spec, w: Spec, y: Spec, groups: int) -> None:
        self.x, self.y = images(x), images(y)
        self.plain = filters(w, groups)
        self.chosen = anyhow(filter_sizes(w, groups))
        self.where = [
            numbers(function.strides),
            numbers([step - 1 for step in function.dilation]),
            numbers([before for before, _ in function.pads]),
            numbers([after for _, after in function.pads]),
        ]

    def forward(self, kind: int = INFERENCE) -> Recipe:
        """Return the recipe for y."""
        owner = library()
        return Recipe(
            "convolution_forward", owner.engine, kind, DIRECT,
            self.x, self.chosen, None, self.y, *self.where, owner.attributes,
        )  # fmt: skip

    def backward_data(self) -> Recipe:
        """Return the recipe for the gradient of x."""
        owner = library()
        return Recipe(
            "convolution_backward_data", owner.engine, DIRECT,
            self.x, self.chosen, self.y, *self.where,
            self.forward(TRAINING), owner.attributes,
        )  # fmt: skip

    def backward_weights(self) -> Recipe:
        """Return the recipe for the gradient of w."""
        owner = library()
        return Recipe(
            "convolution_backward_weights", owner.engine, DIRECT,
            self.x, self.chosen, None, self.y, *self.where,
            self.forward(TRAINING), owner.attributes,
        )  # fmt: skip

    def to_results(self) -> Work:
        """Return the work from (x, w) to y."""
        recipe, work = self.forward(), Work()
        weights = work.operand_as(1, self.plain, recipe.layout(WEIGHTS_LAYOUT))
        work.main(
            recipe,
            {SOURCE: work.operand(0, self.x), WEIGHTS: weights, RESULT: work.result(self.y)},
        )
        return work

    def to_images(self) -> Work:
        """Return the work from (gy, w) to the gradient of x."""
        recipe, work = self.backward_data(), Work()
        weights = work.operand_as(1, self.plain, recipe.layout(WEIGHTS_LAYOUT))
        gy = work.operand(0, self.y)
        work.main(recipe, {GRAD_RESULT: gy, WEIGHTS: weights, GRAD_SOURCE: work.result(self.x)})
        return work

    def to_filters(self) -> Work:
        """Return the work from (gy, x) to the gradient of w."""
        recipe, work = self.backward_weights(), Work()
        layout = recipe.layout(GRAD_WEIGHTS_LAYOUT)
        result = work.result(self.plain)
        made = result if self.plain.equals(layout) else work.between(layout)
        given = {GRAD_RESULT: work.operand(0, self.y), SOURCE: work.operand(1, self.x)}
        work.main(recipe, {**given, GRAD_WEIGHTS: made})
        if made is not result:
            work.reorder(made, result)
        return work


def _each(w: Spec) -> Spec:
    """Return filters of every channel (A, B, C, M) as filters of C groups, (A, B, 1, C·M)."""
    a, b, c, m = w.shape
    return w.shaped(a, b, 1, c * m)


@kernel(Conv2D, on="cpu")
def conv2d(call: Call) -> Kernel | None:
    """Offer the convolution."""
    (x, w), y = call.ins, call.outs[0]
    return offer(call, lambda one: _whole(one, x, w, y).to_results(), _products(y, w))


@kernel(Conv2DInputGrad, on="cpu")
def conv2d_input_grad(call: Call) -> Kernel | None:
    """Offer its gradient for images, but not for large ones of few channels, taken in strides."""
    (gy, w), gx = call.ins, call.outs[0]
    function: Any = call.function
    products = _products(gy, w)
    if function.strides != (1, 1) and w.shape[2] <= FEW_CHANNELS and products >= MANY:
        return None
    return offer(call, lambda one: _whole(one, gx, w, gy).to_images(), products)


@kernel(Conv2DFilterGrad, on="cpu")
def conv2d_filter_grad(call: Call) -> Kernel | None:
    """Offer its gradient for filters."""
    (gy, x), gw = call.ins, call.outs[0]
    return offer(call, lambda one: _whole(one, x, gw, gy).to_filters(), _products(gy, gw))


@kernel(DepthwiseConv2D, on="cpu")
def depthwise_conv2d(call: Call) -> Kernel | None:
    """Offer the convolution of every channel, with one filter each: of several it is slow."""
    (x, w), y = call.ins, call.outs[0]
    if w.shape[3] > 1:
        return None
    return offer(call, lambda one: _by_channel(one, x, w, y).to_results(), _products(y, _each(w)))


@kernel(DepthwiseInputGrad, on="cpu")
def depthwise_input_grad(call: Call) -> Kernel | None:
    """Offer its gradient for images."""
    (gy, w), gx = call.ins, call.outs[0]
    return offer(call, lambda one: _by_channel(one, gx, w, gy).to_images(), _products(gy, _each(w)))


@kernel(DepthwiseFilterGrad, on="cpu")
def depthwise_filter_grad(call: Call) -> Kernel | None:
    """Offer its gradient for filters."""
    (gy, x), gw = call.ins, call.outs[0]
    return offer(
        call, lambda one: _by_channel(one, x, gw, gy).to_filters(), _products(gy, _each(gw))
    )


def _whole(call: Call, x: Spec, w: Spec, y: Spec) -> Convolution:
    function: Any = call.function
    return Convolution(function, x, w, y, function.groups)


def _by_channel(call: Call, x: Spec, w: Spec, y: Spec) -> Convolution:
    function: Any = call.function
    return Convolution(function, x, _each(w), y, x.shape[3])


def _products(y: Spec, w: Spec) -> int:
    return y.size * w.shape[0] * w.shape[1] * w.shape[2]

"""Convolutions and their two gradients, of whole images and of every channel by itself."""

from __future__ import annotations

import math
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from ...ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from ...ops.fused_products import FusedConv2D, FusedDepthwiseConv2D
from ...ops.window import Windowed
from ...spec import Spec, float32, rounded
from .library import library
from .memory import (
    Description,
    View,
    anyhow,
    as_it_is,
    channel_filters,
    described,
    filters,
    images,
    numbers,
)
from .posts import following
from .primitive import offer
from .recipe import Attributes, Recipe
from .work import (
    GRAD_RESULT,
    GRAD_SOURCE,
    GRAD_WEIGHTS,
    INFERENCE,
    RESULT,
    SOURCE,
    TRAINING,
    WEIGHTS,
    Slot,
    Work,
)

DIRECT = 1
FEW_CHANNELS = 4  # as many or fewer fill so little of a vector that products of matrices are faster
FEW_PIXELS = 128  # fewer do not pay for bringing filters into another layout
WEIGHTS_LAYOUT, GRAD_WEIGHTS_LAYOUT = 131, 132


class Convolution:
    """One convolution in the library's terms: images x, filters w, results y, how windows lie.

    The library chooses the layout of filters, unless they are to be `plain`.
    """

    def __init__(
        self, function: Windowed, x: Spec, w: Spec, y: Spec, view: View, plain: bool = False
    ) -> None:
        self.view = view
        self.x, self.y = described(x, images), described(y, images)
        sizes, _ = view(w.shape, w.shape)
        used = rounded(w, x)
        self.chosen = described(used, view) if plain else anyhow(sizes, used.dtype)
        self.summed = self.chosen if used == w else anyhow(sizes, w.dtype)  # not to be rounded
        self.where = [
            numbers(function.strides),
            numbers([step - 1 for step in function.dilation]),
            numbers([before for before, _ in function.pads]),
            numbers([after for _, after in function.pads]),
        ]

    def forward(
        self,
        kind: int = INFERENCE,
        bias: Description | None = None,
        attributes: Attributes | None = None,
    ) -> Recipe:
        """Return the recipe for y."""
        owner = library()
        return Recipe(
            "convolution_forward", owner.engine, kind, DIRECT,
            self.x, self.chosen, bias, self.y, *self.where, attributes or owner.attributes,
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
            self.x, self.summed, None, self.y, *self.where,
            self.forward(TRAINING), owner.attributes,
        )  # fmt: skip

    def to_results(self, work: Work, recipe: Recipe, more: dict[int, Slot]) -> None:
        """Add the work from (x, w, …) to y."""
        weights = work.operand_as(1, self.view, recipe.layout(WEIGHTS_LAYOUT))
        x, y = work.operand(0, images), work.result(0, images)
        work.main(recipe, {SOURCE: x, WEIGHTS: weights, RESULT: y, **more})

    def to_images(self, work: Work) -> None:
        """Add the work from (gy, w) to the gradient of x."""
        recipe = self.backward_data()
        weights = work.operand_as(1, self.view, recipe.layout(WEIGHTS_LAYOUT))
        gy, gx = work.operand(0, images), work.result(0, images)
        work.main(recipe, {GRAD_RESULT: gy, WEIGHTS: weights, GRAD_SOURCE: gx})

    def to_filters(self, work: Work) -> None:
        """Add the work from (gy, x) to the gradient of w."""
        recipe = self.backward_weights()
        gy, x = work.operand(0, images), work.operand(1, images)
        result = work.result(0, self.view)
        layout = recipe.layout(GRAD_WEIGHTS_LAYOUT)
        plain = result.description.equals(layout)
        made = result if plain else work.between(layout)
        work.main(recipe, {GRAD_RESULT: gy, SOURCE: x, GRAD_WEIGHTS: made})
        if not plain:
            work.reorder(made, result)


@kernel(Conv2D, on="cpu")
def conv2d(call: Call) -> Kernel | None:
    """Offer the convolution."""
    (x, w), y = call.ins, call.outs[0]

    def build(work: Work) -> None:
        lie = whole(work, x, w, y, _few(work, y))
        lie.to_results(work, lie.forward(), {})

    return offer(call, build, products(y, w))


@kernel(FusedConv2D, on="cpu")
def fused_conv2d(call: Call) -> Kernel | None:
    """Offer the convolution with bias, addend and activation."""
    (x, w, *_), y = call.ins, call.outs[0]

    def build(work: Work) -> None:
        lie = whole(work, x, w, y, _few(work, y))
        posts = following(work, call.function, images, as_it_is)
        recipe = lie.forward(INFERENCE, posts.bias, posts.attributes)
        lie.to_results(work, recipe, posts.arguments)

    return offer(call, build, products(y, w))


@kernel(FusedDepthwiseConv2D, on="cpu")
def fused_depthwise_conv2d(call: Call) -> Kernel | None:
    """Offer the convolution of every channel with bias, addend and activation."""
    (x, w, *_), y = call.ins, call.outs[0]
    if w.shape[3] > 1:
        return None

    def build(work: Work) -> None:
        lie, posts = by_channel(call, x, w, y), following(work, call.function, images, as_it_is)
        recipe = lie.forward(INFERENCE, posts.bias, posts.attributes)
        lie.to_results(work, recipe, posts.arguments)

    return offer(call, build, channel_products(y, w))


@kernel(Conv2DInputGrad, on="cpu")
def conv2d_input_grad(call: Call) -> Kernel | None:
    """Offer its gradient for images."""
    (gy, w), gx = call.ins, call.outs[0]

    def build(work: Work) -> None:
        whole(work, gx, w, gy, w.shape[2] <= FEW_CHANNELS).to_images(work)

    return offer(call, build, products(gy, w))


@kernel(Conv2DFilterGrad, on="cpu")
def conv2d_filter_grad(call: Call) -> Kernel | None:
    """Offer its gradient for filters."""
    (gy, x), gw = call.ins, call.outs[0]
    return offer(call, lambda work: whole(work, x, gw, gy).to_filters(work), products(gy, gw))


@kernel(DepthwiseConv2D, on="cpu")
def depthwise_conv2d(call: Call) -> Kernel | None:
    """Offer the convolution of every channel, with one filter each: of several it is slow."""
    (x, w), y = call.ins, call.outs[0]
    if w.shape[3] > 1:
        return None

    def build(work: Work) -> None:
        lie = by_channel(call, x, w, y)
        lie.to_results(work, lie.forward(), {})

    return offer(call, build, channel_products(y, w))


@kernel(DepthwiseInputGrad, on="cpu")
def depthwise_input_grad(call: Call) -> Kernel | None:
    """Offer its gradient for images."""
    (gy, w), gx = call.ins, call.outs[0]
    build = by_channel
    return offer(call, lambda work: build(call, gx, w, gy).to_images(work), channel_products(gy, w))


@kernel(DepthwiseFilterGrad, on="cpu")
def depthwise_filter_grad(call: Call) -> Kernel | None:
    """Offer its gradient for filters."""
    (gy, x), gw = call.ins, call.outs[0]
    build = by_channel
    return offer(
        call, lambda work: build(call, x, gw, gy).to_filters(work), channel_products(gy, gw)
    )


def whole(work: Work, x: Spec, w: Spec, y: Spec, plain: bool = False) -> Convolution:
    """Return a convolution of whole images, or of their groups of channels."""
    function: Any = work.call.function
    plain = plain and x.dtype == float32  # for shorter numbers plain filters are slow
    return Convolution(function, x, w, y, filters(function.groups), plain)


def _few(work: Work, y: Spec) -> bool:
    return y.size // y.shape[-1] < FEW_PIXELS and 1 not in work.fixed


def by_channel(call: Call, x: Spec, w: Spec, y: Spec) -> Convolution:
    """Return a convolution of every channel by itself."""
    function: Any = call.function
    return Convolution(function, x, w, y, channel_filters)


def products(y: Spec, w: Spec) -> int:
    """Return how many multiplications a convolution takes."""
    return y.size * math.prod(w.shape[:-1])


def channel_products(y: Spec, w: Spec) -> int:
    """Return how many multiplications a convolution of every channel takes."""
    return y.size * w.shape[0] * w.shape[1]

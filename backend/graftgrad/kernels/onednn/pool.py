"""Maxima and averages over windows, and their gradients."""

from __future__ import annotations

from typing import Any

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.pool import AveragePool2D, AveragePoolGrad, MaxPool2D, MaxPoolScatter
from ...spec import Spec
from .library import library
from .memory import described, images, numbers
from .primitive import finite, offer
from .recipe import WORKSPACE_LAYOUT, Recipe
from .work import (
    GRAD_RESULT,
    GRAD_SOURCE,
    INFERENCE,
    RESULT,
    SOURCE,
    TRAINING,
    WORKSPACE,
    Slot,
    Work,
)

MAXIMUM, ALL_COUNT, INSIDE_COUNT = 0x1FF, 0x2FF, 0x3FF


class Pooling:
    """One pooling in the library's terms: images x, results y, how windows lie."""

    def __init__(self, function: Any, algorithm: int, x: Spec, y: Spec) -> None:
        self.algorithm = algorithm
        self.x, self.y = described(x, images), described(y, images)
        self.where = [
            numbers(function.strides),
            numbers(function.window),
            numbers([step - 1 for step in function.dilation]),
            numbers([before for before, _ in function.pads]),
            numbers([after for _, after in function.pads]),
        ]

    def forward(self, kind: int = INFERENCE) -> Recipe:
        """Return the recipe for y."""
        owner = library()
        return Recipe(
            "pooling_forward", owner.engine, kind, self.algorithm,
            self.x, self.y, *self.where, owner.attributes,
        )  # fmt: skip

    def backward(self, forward: Recipe) -> Recipe:
        """Return the recipe for the gradient of x."""
        owner = library()
        return Recipe(
            "pooling_backward", owner.engine, self.algorithm,
            self.x, self.y, *self.where, forward, owner.attributes,
        )  # fmt: skip


@kernel(AveragePool2D, on="cpu")
def average_pool2d(call: Call) -> Kernel | None:
    """Offer the average."""

    def build(work: Work) -> None:
        pooling = _average(call.function, call.ins[0], call.outs[0])
        x, y = work.operand(0, images), work.result(0, images)
        work.main(pooling.forward(), {SOURCE: x, RESULT: y})

    return offer(call, build, _products(call, call.outs[0]))


@kernel(AveragePoolGrad, on="cpu")
def average_pool_grad(call: Call) -> Kernel | None:
    """Offer its gradient."""

    def build(work: Work) -> None:
        pooling = _average(call.function, call.outs[0], call.ins[0])
        recipe = pooling.backward(pooling.forward(TRAINING))
        gy, gx = work.operand(0, images), work.result(0, images)
        work.main(recipe, {GRAD_RESULT: gy, GRAD_SOURCE: gx})

    return offer(call, build, _products(call, call.ins[0]))


def _average(function: Any, x: Spec, y: Spec) -> Pooling:
    algorithm = ALL_COUNT if function.count_include_pad else INSIDE_COUNT
    return Pooling(function, algorithm, x, y)


@kernel(MaxPool2D, on="cpu")
def max_pool2d(call: Call) -> Kernel | None:
    """Offer the maximum, if the library counts positions as the function does.

    The library passes over NaN without a trace, and takes −∞ for the lowest finite number: where
    there are such, the reference body computes.
    """

    def build(work: Work) -> None:
        pooling = Pooling(call.function, MAXIMUM, call.ins[0], call.outs[0])
        recipe = pooling.forward(TRAINING)
        x, y, positions = work.operand(0, images), work.result(0, images), work.result(1, images)
        _expect_bytes(positions, recipe)
        work.main(recipe, {SOURCE: x, RESULT: y, WORKSPACE: positions})

    def right(ins: Arrays, outs: Arrays) -> bool:
        return finite(ins[0])

    return offer(call, build, _products(call, call.outs[0]), right)


@kernel(MaxPoolScatter, on="cpu")
def max_pool_scatter(call: Call) -> Kernel | None:
    """Offer the way back from maxima, if the library counts positions as the function does."""

    def build(work: Work) -> None:
        pooling = Pooling(call.function, MAXIMUM, call.outs[0], call.ins[0])
        forward = pooling.forward(TRAINING)
        positions = work.operand(1, images)
        _expect_bytes(positions, forward)
        arguments = {
            GRAD_RESULT: work.operand(0, images),
            WORKSPACE: positions,
            GRAD_SOURCE: work.result(0, images),
        }
        work.main(pooling.backward(forward), arguments)

    return offer(call, build, _products(call, call.ins[0]))


def _expect_bytes(positions: Slot, forward: Recipe) -> None:
    """Hold the positions against the workspace of the library.

    Raises:
        LibraryError: it is something else.
    """
    if not positions.description.equals(forward.layout(WORKSPACE_LAYOUT)):
        raise LibraryError("oneDNN: positions must be plain bytes; got another layout.")


def _products(call: Call, y: Spec) -> int:
    function: Any = call.function
    return y.size * int(function.window[0] * function.window[1])

"""Probabilities from logits, and the gradients of them and their logarithms, over last axes."""

from __future__ import annotations

from typing import Any

from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.softmax import LogSoftmaxGrad, Softmax, SoftmaxGrad
from ...spec import Spec, float32
from .library import library
from .memory import View, described, rows
from .primitive import finite, offer
from .recipe import Recipe
from .work import GRAD_RESULT, GRAD_SOURCE, RESULT, SOURCE, TRAINING, Work

ACCURATE, LOGARITHM = 0x30000, 0x30001
COST = 16  # multiplications that an element takes as long as


def _view(call: Call) -> View | None:
    """Return how operands are seen, or None if the axes are not the last."""
    function: Any = call.function
    x, count = call.outs[0], len(function.axes)
    last = tuple(range(x.ndim - count, x.ndim))
    return rows(x.shape, count) if count and function.axes == last and x.size else None


def _recipe(x: Spec, y: Spec, view: View, algorithm: int) -> Recipe:
    owner = library()
    return Recipe(
        "softmax_forward", owner.engine, TRAINING, algorithm,
        described(x, view), described(y, view), 1, owner.attributes,
    )  # fmt: skip


def _backward(call: Call, algorithm: int) -> Kernel | None:
    view = _view(call)
    if view is None:
        return None

    def build(work: Work) -> None:
        owner, layout = library(), described(call.outs[0], view)
        forward = _recipe(call.outs[0], call.outs[0], view, algorithm)
        recipe = Recipe(
            "softmax_backward", owner.engine, algorithm,
            layout, layout, layout, 1, forward, owner.attributes,
        )  # fmt: skip
        gy, y = work.operand(0, view), work.operand(1, view)
        work.main(recipe, {GRAD_RESULT: gy, RESULT: y, GRAD_SOURCE: work.result(0, view)})

    return offer(call, build, COST * call.outs[0].size)


@kernel(Softmax, on="cpu")
def softmax(call: Call) -> Kernel | None:
    """Offer the probabilities; short ones are computed as float32 and rounded once.

    Their logarithms stay with the reference body: the library's are off by several units.
    """
    view, y = _view(call), call.outs[0]
    if view is None:
        return None

    def build(work: Work) -> None:
        wide = y.typed(float32)
        recipe = _recipe(call.ins[0], wide, view, ACCURATE)
        result = work.result(0, view)
        made = result if y.dtype == float32 else work.between(described(wide, view))
        work.main(recipe, {SOURCE: work.operand(0, view), RESULT: made})
        if made is not result:
            work.reorder(made, result)

    def right(ins: Arrays, outs: Arrays) -> bool:
        return finite(outs[0])  # a row of −∞ alone gives NaN

    return offer(call, build, COST * y.size, right)


@kernel(SoftmaxGrad, on="cpu")
def softmax_grad(call: Call) -> Kernel | None:
    """Offer the gradient of the probabilities."""
    return _backward(call, ACCURATE)


@kernel(LogSoftmaxGrad, on="cpu")
def log_softmax_grad(call: Call) -> Kernel | None:
    """Offer the gradient of their logarithms."""
    return _backward(call, LOGARITHM)

"""Sums over neighbouring axes: over the last by a reduction, over others by products with ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernel import Call, Kernel, kernel
from ...ops.reduce import Sum
from ...spec import Shape
from .library import library
from .memory import View, row_major, strided
from .primitive import offer
from .recipe import Recipe
from .work import RESULT, SOURCE, WEIGHTS, Work

TOTAL = 0x2FFF4


@kernel(Sum, on="cpu")
def total(call: Call) -> Kernel | None:
    """Offer sums over axes that are neighbours."""
    x = call.ins[0]
    function: Any = call.function
    axes: Shape = function.axes
    if not axes or axes != tuple(range(axes[0], axes[-1] + 1)) or not x.size:
        return None
    lead = math.prod(x.shape[: axes[0]])
    count = math.prod(x.shape[axes[0] : axes[-1] + 1])
    inner = math.prod(x.shape[axes[-1] + 1 :])
    if count == 1:
        return None
    build = _over_last(lead, count) if inner == 1 else _by_ones(lead, count, inner)
    return offer(call, build, x.size)


def _over_last(lead: int, count: int) -> Any:
    def build(work: Work) -> None:
        x, y = work.operand(0, _as((lead, count))), work.result(0, _as((lead, 1)))
        owner = library()
        recipe = Recipe(
            "reduction", owner.engine, TOTAL,
            x.description, y.description, 0.0, 0.0, owner.attributes,
        )  # fmt: skip
        work.main(recipe, {SOURCE: x, RESULT: y})

    return build


def _by_ones(lead: int, count: int, inner: int) -> Any:
    def build(work: Work) -> None:
        x, y = work.operand(0, _as((lead, count, inner))), work.result(0, _as((lead, 1, inner)))
        dtype = work.call.ins[0].dtype
        plain = work.constant(np.ones(count, dtype), (count,))
        ones = work.again(plain, strided((1, 1, count), (count, count, 1), dtype))
        owner = library()
        recipe = Recipe(
            "matmul", owner.engine,
            ones.description, x.description, None, y.description, owner.attributes,
        )  # fmt: skip
        work.main(recipe, {SOURCE: ones, WEIGHTS: x, RESULT: y})

    return build


def _as(sizes: Shape) -> View:
    """See an array without gaps under other sizes."""
    return lambda _shape, _strides: (sizes, row_major(sizes))

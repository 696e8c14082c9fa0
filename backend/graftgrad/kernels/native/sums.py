"""Sums over the first axes, the last ones or all, of elements and of squares; layer norm backward.

A long run is summed in rows whose sums are summed then: in one order, whatever the number of
threads, and with few roundings.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.reduce import Sum
from ...ops.sample_norm import LayerNormGrad
from ...ops.update import SumOfSquares
from ...spec import Spec, float32
from . import openmp
from .columns import ColumnLoop, summed
from .elementwise import KINDS
from .entry import entry
from .loops import AXES, ENTER, THREADS, TOTAL, WIDTH
from .program import FLOAT, Program, Value
from .rows import total
from .softmax import NUMBER, ROW, SHARED, Write, row_part, trailing
from .steps import LONG, Part, Steps, offered
from .vectors import SIZES, UNIT, ZERO, Slot

SHORT, WIDE = 1 << 15, 1 << 14  # elements: a run that is one row, the longest row of a longer one
ABREAST = 128  # columns that are worth sharing among threads

_made: dict[tuple[Any, ...], tuple[int, Any]] = {}


def column_part(
    key: str, rows: int, columns: int, kinds: Sequence[str], how: Sequence[str],
    places: Sequence[int], write: Write,
) -> Part:  # fmt: skip
    """Return a loop that sums columns; operands are whole rows or one number for each row."""
    layouts = [ZERO if role == NUMBER else UNIT for role in how]
    slots = tuple([Slot(kind, layout) for kind, layout in zip(kinds, layouts, strict=True)])
    known = _made.get((key, slots))
    if known is None:
        program = Program()
        values = [program.load(i, FLOAT, False) for i in range(len(slots))]
        for slot, x in write(program, values).items():
            program.store(slot, x)
        unit, enter = ColumnLoop(program, slots).unit()
        known = _made[key, slots] = enter, unit
    enter, unit = known
    words = [0] * (AXES + len(slots))
    words[ENTER], words[TOTAL], words[WIDTH] = enter, columns, rows
    words[THREADS] = min(openmp.share(rows * columns, len(slots)), columns // (ABREAST // 2))
    for i, (kind, role) in enumerate(zip(kinds, how, strict=True)):
        words[AXES + i] = {ROW: columns * SIZES[kind], NUMBER: SIZES[kind], SHARED: 0}[role]
    shape = (ctypes.c_int64 * len(words))(*words)
    call = entry(len(slots), rows * columns < LONG)
    return Part(call, ctypes.addressof(shape), tuple(places), enter, words[THREADS], (unit, shape))


def sum_of_rows(p: Program, values: list[Value]) -> dict[int, Value]:
    """Σ over the row."""
    return {1: total(p, values[0])}


def squares_of_rows(p: Program, values: list[Value]) -> dict[int, Value]:
    """Σ x² over the row."""
    return {1: total(p, values[0] * values[0])}


def sum_of_columns(p: Program, values: list[Value]) -> dict[int, Value]:
    """Σ over the rows."""
    return {1: summed(p, values[0])}


def all_summed(call: Call, write: Write) -> Kernel | None:
    """Return a kernel that sums all elements, of a long run row by row."""
    x, y = call.ins[0], call.outs[0]
    name = write.__name__
    if x.size <= SHORT:
        one = row_part((name,), 1, x.size, (x, y), (ROW, NUMBER), (0, 1), write)
        return None if one is None else Steps(call, (one,))
    width = next((w for w in range(WIDE, 0, -1) if x.size % w == 0), 1)
    if width * width * 64 < x.size:  # a prime number of elements, or nearly so
        width = x.size
    rows = x.size // width
    between = Spec((rows,), float32)
    first = row_part((name,), rows, width, (x, between), (ROW, NUMBER), (0, 2), write)
    last = row_part(("sum_of_rows",), 1, rows, (between, y), (ROW, NUMBER), (2, 1), sum_of_rows)
    if first is None or last is None:
        return None
    return Steps(call, (first, last), (between,))


def leading_summed(call: Call, columns: int) -> Kernel | None:
    """Return a kernel that sums over the first axes; few columns are laid side by side first."""
    x = call.ins[0]
    kind = KINDS.get(x.dtype)
    if kind is None:
        return None
    rows = x.size // columns
    fold = 1
    while (
        x.size > SHORT
        and columns * fold < ABREAST
        and rows % (2 * fold) == 0
        and rows // fold >= 16
    ):
        fold *= 2
    key = "sum_of_columns"
    if fold == 1:
        one = column_part(key, rows, columns, (kind, "f"), (ROW, SHARED), (0, 1), sum_of_columns)
        return Steps(call, (one,))
    first = column_part(
        key, rows // fold, columns * fold, (kind, "f"), (ROW, SHARED), (0, 2), sum_of_columns
    )
    last = column_part(key, fold, columns, ("f", "f"), (ROW, SHARED), (2, 1), sum_of_columns)
    return Steps(call, (first, last), (Spec((columns * fold,), float32),))


@kernel(Sum, on="cpu")
def build_sum(call: Call) -> Kernel | None:
    """Offer a kernel for a sum of float32 over the first or the last axes."""

    def make(call: Call) -> Kernel | None:
        x, y = call.ins[0], call.outs[0]
        assert isinstance(call.function, Sum)
        axes = tuple([i for i in call.function.axes if x.shape[i] > 1])
        live = tuple([i for i, size in enumerate(x.shape) if size > 1])
        if x.dtype != float32:
            return None
        if not axes:  # of one element each
            return leading_summed(call, y.size)
        if axes == live:
            return all_summed(call, sum_of_rows)
        if axes == live[-len(axes) :]:
            width = math.prod(x.shape[i] for i in axes)
            how = (ROW, NUMBER)
            one = row_part(("sum_of_rows",), y.size, width, (x, y), how, (0, 1), sum_of_rows)
            return None if one is None else Steps(call, (one,))
        return leading_summed(call, y.size) if axes == live[: len(axes)] else None

    return offered(call, make)


@kernel(SumOfSquares, on="cpu")
def build_sum_of_squares(call: Call) -> Kernel | None:
    """Offer a kernel for Σ x²."""

    def make(call: Call) -> Kernel | None:
        return all_summed(call, squares_of_rows) if call.ins[0].dtype in KINDS else None

    return offered(call, make)


def layer_norm_grad(function: LayerNormGrad, width: int) -> Write:
    """S · (g − ⟨g⟩ − x̂ · ⟨g · x̂⟩)."""

    def write(p: Program, values: list[Value]) -> dict[int, Value]:
        gy, x, gamma, mean, scale = values[:5]
        g = gy * gamma
        hat = (x - mean) * scale
        along = total(p, g * hat) / float(width)
        if function.centred:
            g = g - total(p, g) / float(width)
        return {5: (g - hat * along) * scale}

    return write


def columns_of_layer_norm(p: Program, values: list[Value]) -> dict[int, Value]:
    """Σ gy · x̂ and Σ gy."""
    gy, x, mean, scale = values[:4]
    return {4: summed(p, gy * ((x - mean) * scale)), 5: summed(p, gy)}


@kernel(LayerNormGrad, on="cpu")
def build_layer_norm_grad(call: Call) -> Kernel | None:
    """Offer a kernel for the gradients of layer norm."""

    def make(call: Call) -> Kernel | None:
        assert isinstance(call.function, LayerNormGrad)
        gy, x, gamma, mean, scale = call.ins
        width = gamma.size
        rows = x.size // width
        if {gamma.dtype, mean.dtype, scale.dtype} != {float32} or not trailing(
            tuple(range(x.ndim - gamma.ndim, x.ndim)), x
        ):
            return None
        how = (ROW, ROW, SHARED, NUMBER, NUMBER, ROW)
        specs = (gy, x, gamma, mean, scale, call.outs[0])
        key = ("layer_norm_grad", call.function, width)
        write = layer_norm_grad(call.function, width)
        first = row_part(key, rows, width, specs, how, (0, 1, 2, 3, 4, 5), write)
        kinds = [KINDS.get(spec.dtype) for spec in (gy, x, mean, scale)]
        if first is None or None in kinds:
            return None
        last = column_part(
            "columns_of_layer_norm", rows, width, [*[k for k in kinds if k], "f", "f"],
            (ROW, ROW, NUMBER, NUMBER, SHARED, SHARED), (0, 1, 3, 4, 6, 7), columns_of_layer_norm,
        )  # fmt: skip
        return Steps(call, (first, last))

    return offered(call, make)

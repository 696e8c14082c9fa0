"""Softmax, the cross entropies and layer norm, row by row: the last axes lie side by side.

The formulas are those of `ops.softmax` and `ops.sample_norm`; sums are taken in eight columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.sample_norm import LayerNorm
from ...ops.softmax import (
    CrossEntropy,
    CrossEntropyGrad,
    LogSoftmax,
    LogSoftmaxGrad,
    LogSumExp,
    Softmax,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
    SoftmaxGrad,
)
from ...spec import Spec, float32, int32, int64
from ..onednn import library as onednn
from .elementwise import KINDS
from .functions import exp, log
from .geometry import Walk
from .program import FLOAT, MASK, WHOLE, Program, Value
from .rows import RowLoop, index, largest, total
from .steps import Part, Steps, offered, part
from .vectors import LABEL, LONG_LABEL, SINGLE, SIZES, UNIT, ZERO, Slot

LABELS = {int32: LABEL, int64: LONG_LABEL}

MANY = 1 << 14  # elements from which on oneDNN's softmax, which keeps the exponentials, is faster

# per element, one per row, the same row for all, the same number for all
ROW, NUMBER, SHARED, STILL = "row", "number", "shared", "still"
Write = Callable[[Program, list[Value]], dict[int, Value]]


def load(program: Program, place: int, slot: Slot) -> Value:
    """Return the elements of an operand; labels stay whole."""
    kind = WHOLE if slot.kind in (LABEL, LONG_LABEL) else MASK if slot.kind == "b" else FLOAT
    return program.load(place, kind, False)


def row_part(
    key: tuple[Any, ...], rows: int, width: int, specs: Sequence[Spec], how: Sequence[str],
    places: Sequence[int], write: Write,
) -> Part | None:  # fmt: skip
    """Return a loop over rows, or None where an element type does not fit.

    Args:
        key: what tells the code from others.
        rows: how many.
        width: of each.
        specs: the arrays.
        how: ROW, NUMBER, SHARED or STILL for each.
        places: where each stands among operands and results.
        write: makes the results, by their position here.
    """
    kinds: list[str] = []
    for spec, role in zip(specs, how, strict=True):
        kind = KINDS.get(spec.dtype) or (LABELS.get(spec.dtype) if role == NUMBER else None)
        if kind is None:
            return None
        kinds.append(kind)
    strides = []
    for kind, role in zip(kinds, how, strict=True):
        size = SIZES[kind]
        steps = {ROW: (width * size, size), NUMBER: (size, 0), SHARED: (0, size), STILL: (0, 0)}
        strides.append(steps[role])
    layouts = tuple([ZERO if role in (NUMBER, STILL) else UNIT for role in how])
    walk = Walk((rows, width), tuple(strides), layouts)

    def stored(program: Program, values: list[Value]) -> None:
        for slot, x in write(program, values).items():
            if how[slot] == NUMBER and kinds[slot] != SINGLE:
                raise TypeError("one number for each row is a float32")
            program.store(slot, program.rounded(x, specs[slot].dtype))

    return part(key, walk, kinds, places, stored, load, RowLoop)


def rows_kernel(call: Call, width: int, how: Sequence[str], write: Write) -> Kernel | None:
    """Return a kernel of one loop over operands and results."""
    specs = (*call.ins, *call.outs)
    first = next(spec for spec, role in zip(specs, how, strict=True) if role == ROW)
    for spec, role in zip(specs, how, strict=True):
        if role == NUMBER and spec.dtype not in (float32, int32, int64):
            return None
    key = ("rows", call.function, width if _needs_width(call) else 0)
    one = row_part(key, first.size // width, width, specs, how, range(len(specs)), write)
    still = tuple([i for i, role in enumerate(how) if role == STILL])
    return None if one is None else Steps(call, (one,), still=still)


def _needs_width(call: Call) -> bool:
    return isinstance(call.function, (CrossEntropy, CrossEntropyGrad, LayerNorm))


def trailing(axes: tuple[int, ...], spec: Spec) -> int:
    """Return how many elements lie along axes that are the last ones; 0 where they are not."""
    if not axes or axes != tuple(range(spec.ndim - len(axes), spec.ndim)):
        return 0
    return math.prod(spec.shape[i] for i in axes)


def exponentials(p: Program, x: Value) -> tuple[Value, Value, Value]:
    """Return e^(x − top), the sum of each row, 1 where it is 0, and top, 0 where it is −∞."""
    top = largest(p, x)
    top = p.choose(p.compare("==", top, -math.inf), 0.0, top)
    e = exp(p, x - top)
    sum_of_row = total(p, e)
    return e, p.choose(p.compare("==", sum_of_row, 0.0), 1.0, sum_of_row), top


def softmax(p: Program, values: list[Value]) -> dict[int, Value]:
    """eˣ / Σ eˣ."""
    e, sum_of_row, _ = exponentials(p, values[0])
    return {1: e / sum_of_row}


def softmax_grad(p: Program, values: list[Value]) -> dict[int, Value]:
    """(gy − Σ gy · y) · y."""
    g, y = values[:2]
    return {2: (g - total(p, g * y)) * y}


def log_softmax(p: Program, values: list[Value]) -> dict[int, Value]:
    """X − ln Σ eˣ."""
    _, sum_of_row, top = exponentials(p, values[0])
    return {1: values[0] - top - log(p, sum_of_row)}


def log_softmax_grad(p: Program, values: list[Value]) -> dict[int, Value]:
    """Gy − e^y · Σ gy."""
    g, y = values[:2]
    return {2: g - exp(p, y) * total(p, g)}


def log_sum_exp(p: Program, values: list[Value]) -> dict[int, Value]:
    """Ln Σ eˣ; the sum of a row that is −∞ is 0 here."""
    x = values[0]
    top = largest(p, x)
    top = p.choose(p.compare("==", top, -math.inf), 0.0, top)
    return {1: log(p, total(p, exp(p, x - top))) + top}


def places_of(
    p: Program, label: Value, classes: int, ignored: int | None
) -> tuple[Value, Value, Value]:
    """Return where the label's class is, whether the row counts, and whether the label is wrong."""
    at = p.make("equal_whole", (index(p), label), MASK)
    below = p.make("greater_whole", (p.bits(0), label), MASK)
    above = p.make("greater_whole", (label, p.bits(classes - 1)), MASK)
    wrong = p.either(below, above)
    if ignored is None or not -(2**31) <= ignored < 2**31:
        return at, p.inverse(p.both(wrong, p.inverse(wrong))), wrong
    out = p.make("equal_whole", (label, p.bits(ignored)), MASK)
    return at, p.inverse(out), p.both(wrong, p.inverse(out))


def cross_entropy(function: CrossEntropy, classes: int) -> Write:
    """−Σₖ qₖ · ln softmax(x)ₖ of labels."""

    def write(p: Program, values: list[Value]) -> dict[int, Value]:
        x, label = values[:2]
        _, sum_of_row, top = exponentials(p, x)
        log_total = log(p, sum_of_row)
        at, kept, wrong = places_of(p, label, classes, function.ignored)
        picked = total(p, p.choose(at, x, 0.0))
        loss = log_total - (picked - top)
        if function.smoothing:
            mean = total(p, x - top) / float(classes)
            loss = loss * (1 - function.smoothing) + (log_total - mean) * function.smoothing
        loss = p.choose(kept, loss, 0.0)
        return {2: p.choose(wrong, math.nan, loss), 3: log_total + top}

    return write


def cross_entropy_grad(function: CrossEntropyGrad, classes: int) -> Write:
    """(softmax(x) − q) · gy."""

    def write(p: Program, values: list[Value]) -> dict[int, Value]:
        g, x, label, log_total = values[:4]
        at, kept, wrong = places_of(p, label, classes, function.ignored)
        weight = p.choose(wrong, math.nan, p.choose(kept, g, 0.0))
        y = exp(p, x - log_total)
        if function.smoothing:
            y = y - function.smoothing / classes
        return {4: (y - p.choose(at, 1 - function.smoothing, 0.0)) * weight}

    return write


def softmax_cross_entropy(p: Program, values: list[Value]) -> dict[int, Value]:
    """−Σₖ tₖ · ln softmax(x)ₖ."""
    x, t = values[:2]
    _, sum_of_row, top = exponentials(p, x)
    log_total = log(p, sum_of_row) + top
    terms = p.choose(p.compare("==", t, 0.0), 0.0, (log_total - x) * t)
    return {2: total(p, terms), 3: log_total}


def softmax_cross_entropy_grad(p: Program, values: list[Value]) -> dict[int, Value]:
    """(softmax(x) · Σ t − t) · gy."""
    g, x, t, log_total = values[:4]
    return {4: (exp(p, x - log_total) * total(p, t) - t) * g}


def layer_norm(function: LayerNorm, width: int) -> Write:
    """Gamma · (x − mean) / √(variance + epsilon) + beta."""

    def write(p: Program, values: list[Value]) -> dict[int, Value]:
        x, gamma, beta = values[:3]
        mean = total(p, x) / float(width) if function.centred else p.single(0.0)
        middle = x - mean if function.centred else x
        variance = total(p, middle * middle) / float(width)
        scale = 1.0 / p.root(variance + function.epsilon)
        y = middle * scale * gamma
        return {3: y + beta if function.centred else y, 4: mean, 5: scale}

    return write


def plain(kind: Any, how: Sequence[str], write: Write) -> None:
    """Register a builder for a function over its own last axes, or over the last axis."""

    def make(call: Call) -> Kernel | None:
        x = call.ins[0] if how[0] == ROW else call.ins[1]
        axes = getattr(call.function, "axes", (x.ndim - 1,))
        width = trailing(axes, x)
        if kind is Softmax and x.size > MANY and onednn.available():
            return None
        return rows_kernel(call, width, how, write) if width else None

    kernel(kind, on="cpu")(lambda call: offered(call, make))


plain(Softmax, (ROW, ROW), softmax)
plain(SoftmaxGrad, (ROW, ROW, ROW), softmax_grad)
plain(LogSoftmax, (ROW, ROW), log_softmax)
plain(LogSoftmaxGrad, (ROW, ROW, ROW), log_softmax_grad)
plain(LogSumExp, (ROW, NUMBER), log_sum_exp)
plain(SoftmaxCrossEntropy, (ROW, ROW, NUMBER, NUMBER), softmax_cross_entropy)
plain(SoftmaxCrossEntropyGrad, (NUMBER, ROW, ROW, NUMBER, ROW), softmax_cross_entropy_grad)


@kernel(CrossEntropy, on="cpu")
def build_cross_entropy(call: Call) -> Kernel | None:
    """Offer a kernel for the cross entropy of labels."""

    def make(call: Call) -> Kernel | None:
        assert isinstance(call.function, CrossEntropy)
        classes = call.ins[0].shape[-1]
        write = cross_entropy(call.function, classes)
        return rows_kernel(call, classes, (ROW, NUMBER, NUMBER, NUMBER), write)

    return offered(call, make)


@kernel(CrossEntropyGrad, on="cpu")
def build_cross_entropy_grad(call: Call) -> Kernel | None:
    """Offer a kernel for its gradient."""

    def make(call: Call) -> Kernel | None:
        assert isinstance(call.function, CrossEntropyGrad)
        classes = call.ins[1].shape[-1]
        write = cross_entropy_grad(call.function, classes)
        arriving = NUMBER if call.ins[0].contiguous else STILL  # of a mean it is one number
        return rows_kernel(call, classes, (arriving, ROW, NUMBER, NUMBER, ROW), write)

    return offered(call, make, still=(0,))


@kernel(LayerNorm, on="cpu")
def build_layer_norm(call: Call) -> Kernel | None:
    """Offer a kernel for layer norm and the root mean square."""

    def make(call: Call) -> Kernel | None:
        assert isinstance(call.function, LayerNorm)
        width = call.ins[1].size
        how = (ROW, SHARED, SHARED, ROW, NUMBER, NUMBER)
        return rows_kernel(call, width, how, layer_norm(call.function, width))

    return offered(call, make)

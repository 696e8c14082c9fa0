"""Runs of functions that state themselves in C, compiled to one pass over memory.

Every value of a run is brought to its element type before the next step reads it, so a run gives
the bits that its functions give one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ...function import Function
from ...kernel import Call, Kernel
from ...ops.fused import Fused, described
from ...spec import DType, Spec
from . import openmp, pages
from .elementwise import KINDS, READ_ONLY, brought, kinds_of, offer, written
from .program import Program, Unsupported, Value
from .translate import run, stated
from .vectors import DOUBLE, Slot


def fusible(function: Function, ins: Sequence[Spec], outs: Sequence[Spec]) -> bool:
    """Tell whether a function of such operands can be a step of a compiled run."""
    if len(outs) != 1 or function.updates or not stated(function):
        return False
    if any(spec.size == 0 for spec in (*ins, *outs)):
        return False
    return _expressible(function, tuple([spec.dtype for spec in ins]), outs[0].dtype)


@lru_cache(4096)
def _expressible(function: Function, ins: tuple[DType, ...], out: DType) -> bool:
    kinds = [READ_ONLY.get(dtype) for dtype in ins]
    result = KINDS.get(out)
    if result is None or None in kinds or not pages.available() or not openmp.available():
        return False
    converts = bool(getattr(function, "converts", False))
    if not converts and any(dtype not in KINDS for dtype in ins):
        return False

    def write(program: Program, operands: Sequence[Value]) -> dict[int, Value]:
        return {len(ins): applied(program, function, operands[:-1])}

    slots = [Slot(kind) for kind in (*kinds, result) if kind is not None]
    try:
        written(slots, frozenset((len(ins),)), write)
    except Unsupported:
        return False
    return True


def applied(program: Program, function: Function, operands: Sequence[Value]) -> Value:
    """Return the one result of a function.

    Raises:
        Unsupported: it cannot be expressed, or there are several.
    """
    given = run(program, function, dict(zip(type(function).operands, operands, strict=True)))
    if len(given) != 1:
        raise Unsupported(f"{function.name} has several results")
    (result,) = given.values()
    return result


def build(call: Call) -> Kernel | None:
    """Offer a kernel for a run whose results all have one shape."""
    function = call.function
    assert isinstance(function, Fused)
    if len({spec.shape for spec in call.outs}) > 1:
        return None
    count = len(call.ins)
    specs = described(function.steps, call.ins)
    kinds = kinds_of(call)
    if kinds is None:
        return None
    between = [DOUBLE if kinds[0] == DOUBLE else KINDS.get(spec.dtype) for spec in specs[count:]]
    if None in between:
        return None

    def write(program: Program, operands: Sequence[Value]) -> dict[int, Value]:
        values = list(operands[:count])
        for (kind, places), element in zip(function.steps, between, strict=True):
            assert element is not None
            x = applied(program, kind, [values[i] for i in places])
            values.append(brought(program, x, element))
        return {count + i: values[count + at] for i, at in enumerate(function.kept)}

    return offer(call, kinds, write)

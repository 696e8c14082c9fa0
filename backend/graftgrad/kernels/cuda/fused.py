"""Runs of functions that state themselves in C, as one kernel, one pass over memory.

Every value of a run is rounded to its element type before the next step reads it, so a run gives
the bits that its functions give one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ...function import Function
from ...kernel import Call, Kernel
from ...ops.fused import Fused, described
from ...spec import DType, Spec, float64, is_floating
from ..native.program import Unsupported
from ..native.translate import stated
from .elementwise import applied, body, offer
from .prelude import TYPES, type_of
from .translate import Value, Writer, operand


def fusible(function: Function, ins: Sequence[Spec], outs: Sequence[Spec]) -> bool:
    """Tell whether a function of such operands can be a step of a joined run."""
    if len(outs) != 1 or function.updates or not stated(function):
        return False
    if any(spec.size == 0 for spec in (*ins, *outs)):
        return False
    return _expressible(function, tuple([spec.dtype for spec in ins]), outs[0].dtype)


@lru_cache(4096)
def _expressible(function: Function, ins: tuple[DType, ...], out: DType) -> bool:
    if any(dtype not in TYPES for dtype in (*ins, out)):
        return False

    def write(writer: Writer, operands: Sequence[Value]) -> dict[int, Value]:
        return {len(ins): applied(writer, function, operands)}

    specs = [Spec((), dtype) for dtype in (*ins, out)]
    try:
        body(specs, len(ins), (len(ins),), write)
    except Unsupported:
        return False
    return True


def build(call: Call) -> Kernel | None:
    """Offer a kernel for a run whose results all have one shape."""
    function = call.function
    assert isinstance(function, Fused)
    count = len(call.ins)
    between = [spec.dtype for spec in described(function.steps, call.ins)]
    if any(dtype not in TYPES for dtype in between):
        return None

    def write(writer: Writer, operands: Sequence[Value]) -> dict[int, Value]:
        names = [x.text for x in operands]
        for (kind, places), dtype in zip(function.steps, between[count:], strict=True):
            real = writer.real = real_for(dtype, [between[i] for i in places])
            writer.whole = type_of(dtype) if not is_floating(dtype) else "long long"
            taken = [operand(names[i], between[i], real) for i in places]
            text = writer.as_result(applied(writer, kind, taken), dtype)
            element = type_of(dtype)
            name = f"r{len(names)}"
            writer.lines.append(f"const real_t<{element}> {name} = rounded<{element}>({text});")
            names.append(name)
        last = between[-1] if not function.kept else between[count + function.kept[0]]
        return {
            count + i: operand(names[count + at], between[count + at], real_for(last, ()))
            for i, at in enumerate(function.kept)
        }

    return offer(call, write)


def real_for(result: DType, ins: Sequence[DType]) -> str:
    """Return the type in which a step is computed, as if it stood alone."""
    floats = [dtype for dtype in ins if is_floating(dtype)]
    wide = result if is_floating(result) else max(floats, key=lambda d: d.itemsize, default=result)
    return "double" if wide == float64 else "float"

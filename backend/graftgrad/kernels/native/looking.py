"""Checks of a few values in machine code: whether all lie within bounds.

A recorded step makes them at every repetition, and Python takes tens of microseconds for each once
the step's own work has emptied the caches. Where a value lies outside, or nothing here fits, the
check itself looks: it knows what to say.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ...device.base import Array, address
from .assembler import RAX, RCX, RDI, RDX, RSI, Assembler, Memory
from .pages import Unit, available

FEW = 1 << 12  # values; with more, what Python costs is not noticed

Bounds = tuple[int, int] | tuple[float, float]


def quick(check: Callable[..., object], arrays: Sequence[Array]) -> Callable[[], object]:
    """Return a check of arrays that stay where they are.

    One that has `bounds` raises nothing where all values of its only array lie within them: whole
    numbers in [low, high), real ones in [low, high] or not a number.
    """
    bounds: Bounds | None = getattr(check, "bounds", None)
    if bounds is not None and len(arrays) == 1 and available():
        (array,) = arrays
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        if kind in _KINDS and array.flags.c_contiguous and 0 < array.size <= FEW:
            outside, start, count = _outside(kind, *bounds), address(array), array.size

            def look() -> None:
                if outside(start, count):
                    check(array)

            return look
    return lambda: check(*arrays)


_KINDS = ("i4", "i8", "u1", "f4")


@cache
def _outside(kind: str, low: float, high: float) -> Callable[[int, int], int]:
    """Return a function of address and count that returns 1 where a value lies outside."""
    code = Assembler()
    if kind != "f4":
        code.number(RDX, int(low))
        code.number(RCX, int(high) - int(low))
    code.label("value")
    if kind == "f4":
        code.two("vmovss", 0, Memory(RDI), short=True)
        code.two("vucomiss", 0, code.constant(struct.pack("<f", high)), short=True)
        code.jump("outside", "ja")  # not where one is not a number
        code.two("vmovss", 1, code.constant(struct.pack("<f", low)), short=True)
        code.two("vucomiss", 1, 0, short=True)
        code.jump("outside", "ja")
    else:
        if kind == "i8":
            code.move(RAX, Memory(RDI))
        elif kind == "i4":
            code.load_32(RAX, Memory(RDI))
            code.extend(RAX, RAX)
        else:
            code.load_8(RAX, Memory(RDI))
        code.arithmetic("sub", RAX, RDX)
        code.arithmetic("cmp", RAX, RCX)  # without sign: below the bounds is far above
        code.jump("outside", "jae")
    code.arithmetic_number("add", RDI, int(kind[1]))
    code.arithmetic_number("sub", RSI, 1)
    code.jump("value", "jne")
    code.number(RAX, 0)
    code.give_back()
    code.label("outside")
    code.number(RAX, 1)
    code.give_back()
    made = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
    found: Any = made(Unit(code.finish()).address)
    return found  # type: ignore[no-any-return]

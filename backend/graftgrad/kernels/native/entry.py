"""From Python into machine code in one call: the arrays themselves are the arguments.

A short piece of code takes the addresses out of the array objects, so that Python does not have to
ask for them. What is not a plain array is refused, and the caller computes in another way.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ...device.base import Array
from ...kernel import NativeCall
from ..threads import get_num_threads
from .assembler import R8, R9, RAX, RBP, RCX, RDI, RDX, RSI, RSP, Assembler, Memory
from .loops import ENTER
from .pages import HEAD, Unit

_ARGUMENTS = (RSI, RDX, RCX, R8, R9)


@cache
def entry(arrays: int, alone: bool) -> Callable[..., int]:
    """Return a function of a shape's address and so many arrays; it returns 1 if it refuses.

    Args:
        arrays: how many arrays a kernel takes.
        alone: keep Python's lock, which is dearer to give back and take than a short run.
    """
    made = (ctypes.PYFUNCTYPE if alone else ctypes.CFUNCTYPE)(
        ctypes.c_int, ctypes.c_void_p, *[ctypes.py_object] * arrays
    )
    found: Any = made(_unit(arrays).address)
    return found  # type: ignore[no-any-return]


def native_call(
    enter: int, address: int, arrays: Sequence[Array], threads: int, *keeps: object
) -> NativeCall:
    """Return a run of a loop over these arrays as one C call.

    Args:
        enter: where the loop begins.
        address: where its shape lies.
        arrays: what it takes.
        threads: how many threads the work keeps busy.
        keeps: what must live as long as the call.
    """
    where = [array.__array_interface__["data"][0] for array in arrays]
    block = (ctypes.c_int64 * (1 + len(where)))(address, *where)
    most = min(threads, get_num_threads()) if threads > 1 else 0
    return NativeCall(enter, (ctypes.addressof(block),), most, False, (block, *keeps))


@cache
def _unit(arrays: int) -> Unit:
    code = Assembler()
    code.push(RBP)
    code.move(RBP, RSP)
    code.arithmetic_number("sub", RSP, -(-8 * (arrays + 1) // 16) * 16)
    code.put(Memory(RSP), RDI)
    code.number(RDI, id(np.ndarray))
    for i in range(arrays):
        register = RAX
        if i < len(_ARGUMENTS):
            register = _ARGUMENTS[i]
        else:
            code.move(RAX, Memory(RBP, 16 + 8 * (i - len(_ARGUMENTS))))
        code.arithmetic("cmp", RDI, Memory(register, HEAD // 2))
        code.jump("refused", "jne")
        code.move(register, Memory(register, HEAD))
        code.put(Memory(RSP, 8 + 8 * i), register)
    code.move(RAX, Memory(RSP))
    code.move(RDI, RSP)
    code.call(Memory(RAX, 8 * ENTER))
    code.number(RAX, 0)
    code.label("leave")
    code.move(RSP, RBP)
    code.pop(RBP)
    code.give_back()
    code.label("refused")
    code.number(RAX, 1)
    code.jump("leave")
    return Unit(code.finish())

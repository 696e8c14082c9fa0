"""Calls of C functions one after the other as one C function, made of machine code (x86-64).

So a stretch of a step that needs no Python costs one call from it. A call that reports a failure
ends the stretch, which then returns its number and status.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

from ..errors import LibraryError
from ..kernel import NativeCall
from ..kernels.native.pages import Unit

# mov register, immediate: of 64 bits, and of 32 bits that leave the upper half zero
_WIDE = (b"\x48\xbf", b"\x48\xbe", b"\x48\xba", b"\x48\xb9", b"\x49\xb8", b"\x49\xb9")
_NARROW = (b"\xbf", b"\xbe", b"\xba", b"\xb9", b"\x41\xb8", b"\x41\xb9")
_ENTER, _LEAVE = b"\x55", b"\x5d\xc3"  # push rbp (which aligns the stack); pop rbp, ret
_ENTER_THROUGH = b"\x53\x31\xdb"  # push rbx, xor ebx, ebx: the first failure
_LEAVE_THROUGH = b"\x89\xd8\x5b\xc3"  # mov eax, ebx; pop rbx; ret
_CALL = b"\xff\xd0"  # call rax
_TEST = b"\x85\xc0\x74"  # test eax, eax; jump over what follows if it is zero


class Chain:
    """Calls that are made one after the other without Python.

    With `through` all are made whatever one reports, since other threads may wait for them.
    """

    def __init__(self, calls: Sequence[NativeCall], through: bool = False) -> None:
        self.calls = list(calls)
        self.code = Unit(code(calls, through), lasting=False)
        self.function = ctypes.CFUNCTYPE(ctypes.c_uint)(self.code.address)

    def run(self) -> None:
        """Make all calls.

        Raises:
            LibraryError: one reported a failure; those after it were not made, unless `through`.
        """
        told = self.function()
        if told:
            raise LibraryError(
                f"plan: every call of a recorded step must succeed; got status {told & 0xFF} "
                f"from call {(told >> 8) - 1} of {len(self.calls)}."
            )


def code(calls: Sequence[NativeCall], through: bool = False) -> bytes:
    """Return the machine code that makes some calls, in the convention of System V."""
    parts = [_ENTER_THROUGH if through else _ENTER]
    for number, call in enumerate(calls):
        for register, value in enumerate(call.arguments):
            if 0 <= value < 1 << 32:
                parts += [_NARROW[register], struct.pack("<I", value)]
            else:
                parts += [_WIDE[register], struct.pack("<Q", value & (1 << 64) - 1)]
        parts += [b"\x48\xb8", struct.pack("<Q", call.function), _CALL]
        if call.status:
            failed = b"\x25\xff\x00\x00\x00\x0d" + struct.pack("<I", (number + 1) << 8)
            if through:  # test ebx, ebx; jump if there was one before; mov ebx, eax
                failed = b"\x85\xdb\x75" + bytes([len(failed) + 2]) + failed + b"\x89\xc3"
            else:
                failed += _LEAVE
            parts += [_TEST, bytes([len(failed)]), failed]
    return b"".join([*parts, *([_LEAVE_THROUGH] if through else [b"\x31\xc0", _LEAVE])])

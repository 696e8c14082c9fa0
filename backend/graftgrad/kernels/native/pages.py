"""Memory that holds machine code: written first, then made executable, never both at once.

Each unit of code has pages of its own, as others may be running while it is written. Whether this
processor and this system can run what is made here is decided by the first call that asks.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import sys
from functools import cache
from typing import Any

import numpy as np

from ...errors import LibraryError

VARIABLE = "GRAFTGRAD_NATIVE"
NEEDED = ("avx2", "fma")
READ_AND_RUN = 1 | 4  # PROT_READ, PROT_EXEC
HEAD = 16  # bytes of a Python object before its own fields: count of references, type

_kept: list[Any] = []


class Unit:
    """Code in memory, at an address that stays; as long as the process lives if it is `lasting`."""

    def __init__(self, code: bytes, lasting: bool = True) -> None:
        size = -(-len(code) // mmap.PAGESIZE) * mmap.PAGESIZE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        pages = mmap.mmap(-1, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        pages.write(code)
        held = ctypes.c_char.from_buffer(pages)
        self.address = ctypes.addressof(held)
        self.pages = pages, held
        if lasting:  # recorded steps may call it whenever they are repeated
            _kept.append(self.pages)
        if _mprotect()(self.address, size, READ_AND_RUN):
            reason = os.strerror(ctypes.get_errno())
            raise LibraryError(f"native code: pages must become executable; got {reason!r}.")


@cache
def _mprotect() -> Any:
    found = ctypes.CDLL(None, use_errno=True).mprotect
    found.argtypes, found.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    return found


def available() -> bool:
    """Tell whether machine code can be made and run here; the first question tries it."""
    return not why_not()


@cache
def why_not() -> str:
    """Return why machine code cannot be made here, or nothing where it can."""
    if os.environ.get(VARIABLE) in ("0", "off"):
        return f"it is switched off by {VARIABLE}"
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return f"it is made for Linux on x86-64, this is {sys.platform} on {platform.machine()}"
    lacking = [name for name in NEEDED if name not in _abilities()]
    if lacking:
        return f"the processor lacks {' and '.join(lacking)}"
    if not _arrays_are_as_expected():
        return "this Python lays out its objects in another way"
    try:
        unit = Unit(b"\xb8\x2a\x00\x00\x00\xc3")  # mov eax, 42; ret
    except (LibraryError, OSError) as error:
        return str(error)
    answer = ctypes.CFUNCTYPE(ctypes.c_int)(unit.address)()
    return "" if answer == 42 else f"code that should return 42 returned {answer}"


@cache
def shortens() -> bool:
    """Tell whether the processor rounds to bfloat16 by itself."""
    return {"avx512_bf16", "avx512vl"} <= _abilities()


def _abilities() -> set[str]:
    """Return what the processor can do, as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("flags"):
                    return set(line.partition(":")[2].split())
    except OSError:
        pass
    return set()


def _arrays_are_as_expected() -> bool:
    """Tell whether an array's address stands where kernels look for it."""
    if sys.implementation.name != "cpython" or object.__basicsize__ != HEAD:
        return False
    trial = np.arange(5)
    for array in (trial, trial[2:], np.zeros(())):
        told = ctypes.c_void_p.from_address(id(array) + HEAD).value
        kind = ctypes.c_void_p.from_address(id(array) + HEAD // 2).value
        if told != array.__array_interface__["data"][0] or kind != id(np.ndarray):
            return False
    return True

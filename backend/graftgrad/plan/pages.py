"""Memory that holds machine code: written first, then made executable and never writable again."""

from __future__ import annotations

import ctypes
import mmap
import os

from ..errors import LibraryError

_READ_EXECUTE = mmap.PROT_READ | mmap.PROT_EXEC if hasattr(mmap, "PROT_EXEC") else 0


class Code:
    """Machine code in pages of its own, which are given back with it."""

    def __init__(self, code: bytes) -> None:
        size = -(-len(code) // mmap.PAGESIZE) * mmap.PAGESIZE
        self.pages = mmap.mmap(-1, size, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self.pages.write(code)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.pages))
        system = ctypes.CDLL(None, use_errno=True)
        if system.mprotect(ctypes.c_void_p(self.address), ctypes.c_size_t(size), _READ_EXECUTE):
            told = os.strerror(ctypes.get_errno())
            raise LibraryError(f"machine code: the system must let it be run; got {told}.")

"""The host's own memory, computed with NumPy."""

from __future__ import annotations

import ctypes
import sys
import threading
from functools import cache
from typing import Any

import numpy as np

from .. import modes
from ..spec import DType, Spec
from .base import Array, Device, HostArray

LINE = 64  # bytes of a cache line


class _Space(threading.local):
    """Working space of a thread, for one kernel after the other; it grows to the largest need."""

    def __init__(self) -> None:
        self.bytes = np.empty(0, np.uint8)

    def taken(self, size: int) -> Any:
        if self.bytes.size < size:
            whole = np.empty(size + LINE, np.uint8)
            start = -whole.ctypes.data % LINE
            self.bytes = whole[start:]
        return self.bytes


_space = _Space()


class CPU(Device):
    """The processor that runs Python; its arrays are NumPy's."""

    kind = "cpu"

    @property
    def xp(self) -> Any:
        """NumPy itself."""
        return np

    def empty(self, spec: Spec) -> Array:
        """Allocate an array without setting its values."""
        array = np.empty(spec.shape, spec.dtype)
        if (recorder := modes.recorder()) is not None:
            recorder.made(array)
        return array

    def scratch(self, specs: tuple[Spec, ...]) -> tuple[Array, ...]:
        """Hand out working space, each array on a cache line; the next kernel gets the same."""
        starts = [0]
        for spec in specs:
            starts.append(starts[-1] + -(-spec.nbytes // LINE) * LINE)
        held = _space.taken(starts[-1])
        if len(specs) == 1 and specs[0].dtype == np.uint8 and len(specs[0].shape) == 1:
            return (held,)  # the whole of it; cutting it costs as much as a small kernel
        return tuple(
            held[start : start + spec.nbytes].view(spec.dtype).reshape(spec.shape)
            for start, spec in zip(starts, specs, strict=False)
        )

    def trim(self) -> None:
        """Give working space and the memory of arrays that are gone back to the system.

        The latter where the C library can.
        """
        _space.bytes = np.empty(0, np.uint8)
        trim = _trim()
        if trim is not None:
            trim(0)

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Copy a host array into row-major order as elements of `dtype`."""
        array = np.array(host, dtype=dtype, order="C")
        if (recorder := modes.recorder()) is not None:
            recorder.constant(array, host)
        return array

    def fetch(self, array: Array) -> HostArray:
        """Return the array itself."""
        if (recorder := modes.recorder()) is not None:
            recorder.read(array)
        return np.asarray(array)


@cache
def _trim() -> Any:
    """Return the C library's function, if it has one: it keeps what is freed for the next array."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None

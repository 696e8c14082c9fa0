"""How many threads the libraries of fast bodies may use; each library follows this number."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ConfigError, expect


def _preset() -> int:
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_here = threading.local()
COUNT = ctypes.c_int64(_preset())  # machine code looks it up where it lies


def set_num_threads(count: int) -> None:
    """Let the libraries and compiled kernels use that many threads from their next run on.

    NumPy's matrix products have threads of their own, set by OPENBLAS_NUM_THREADS.

    Raises:
        ConfigError: `count` is no positive integer.
    """
    whole = isinstance(count, int) and not isinstance(count, bool)
    expect(whole and count > 0, "set_num_threads", "count must be a positive integer",
           error=ConfigError, count=count)  # fmt: skip
    COUNT.value = count


def get_num_threads() -> int:
    """Return what was set; else OMP_NUM_THREADS; else how many processors this process may use."""
    return 1 if getattr(_here, "alone", False) else COUNT.value


@contextmanager
def alone() -> Iterator[None]:
    """Let what this thread makes ready inside a `with` block run on one thread, for good."""
    before = getattr(_here, "alone", False)
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = before

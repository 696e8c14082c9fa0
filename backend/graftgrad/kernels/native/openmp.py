"""The threads of kernels: OpenMP's pool, which oneDNN uses too, so that one pool does everything.

Code here asks two numbers in memory: how many threads there may be, and whether this process is a
fork, in which a pool that was started before is not there.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

from ..onednn import library as onednn
from ..threads import COUNT

# Elements of an op of a few steps that one thread computes before a second is worth waking up: that
# costs 30 to 60 µs, measured on two cores that others use too.
GRAIN = 1 << 18

_alone = ctypes.c_int64(0)


@cache
def _library() -> Any:
    with onednn.spinning_briefly():
        return ctypes.CDLL("libgomp.so.1")


@cache
def function(name: str) -> int:
    """Return the address of a function of the library of threads."""
    return ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value or 0


def available() -> bool:
    """Tell whether the library of threads can be loaded."""
    try:
        return function("GOMP_parallel") != 0
    except (OSError, AttributeError):
        return False


def share(elements: int, steps: int) -> int:
    """Return how many threads so many elements keep busy, each of them costing so many steps."""
    return elements // max(1, GRAIN * 8 // max(8, steps))


def count_address() -> int:
    """Return where the number of threads stands that may be used."""
    return ctypes.addressof(COUNT)


def alone_address() -> int:
    """Return where it stands whether this process must do without further threads."""
    return ctypes.addressof(_alone)


def _leave() -> None:
    """Do without threads in a forked child: the pool stayed with its parent."""
    _alone.value = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)

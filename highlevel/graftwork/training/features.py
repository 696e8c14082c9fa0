"""Features of samples, kept by number: in memory up to a budget, beyond it in a file that vanishes.

What is kept and for how long stands in `keeping`.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import leaves, map_tree, take_rows
from graftgrad.errors import ConfigError, expect
from graftgrad.spec import Spec

VARIABLE = "GRAFTWORK_FEATURE_BYTES"
SHARE = 4  # a quarter of the memory that is available
DISK = 2  # half of the space that is free
UNKNOWN = 1 << 30  # bytes, where the system does not say what is available


class Unkept(Exception):
    """Something cannot be kept; the text says why."""


def budget() -> int:
    """Return how many bytes may be kept in memory.

    A quarter of what is available, or the number in the environment's GRAFTWORK_FEATURE_BYTES.

    Raises:
        ConfigError: that is no number of bytes.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        return available() // SHARE
    try:
        wanted = float(given)
    except ValueError:
        wanted = -1.0
    expect(0 <= wanted < float("inf"), VARIABLE, "must be a number of bytes, for example 2e9",
           error=ConfigError, value=given)  # fmt: skip
    return int(wanted)


def available() -> int:
    """Return the bytes of memory that a process may still take, those of its container if fewer."""
    found = [_meminfo(), _container()]
    known = [one for one in found if one is not None]
    return max(min(known), 0) if known else UNKNOWN


def _meminfo() -> int | None:
    try:
        return _figures("/proc/meminfo")["MemAvailable:"] * 1024
    except (OSError, ValueError, KeyError):
        return None


def _container() -> int | None:
    group = "/sys/fs/cgroup/memory"
    try:
        limit, used = (
            int(Path(f"{group}.{name}").read_text("ascii")) for name in ("max", "current")
        )
        kinds = _figures(f"{group}.stat")
        return limit - used + kinds["inactive_file"] + kinds["active_file"]  # files give way
    except (OSError, ValueError, KeyError):  # "max" is no number: there is no limit
        return None


def _figures(path: str) -> dict[str, int]:
    lines = (line.split() for line in Path(path).read_text("ascii").splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}


class Kept:
    """The features of N samples, with the targets and weights that belong to them.

    Shapes: features (N, …) each, whatever N of them were computed; y and sample_weight (N, …).

    Args:
        samples: N.
        features: the description of every feature for a few samples, (n, …).
        memory: bytes that may lie in memory; more lie in temporary files without names, which are
            gone with the process, however it ends.
        beside: y and sample_weight of a few samples, (n, …), where they are kept too.
    Raises:
        Unkept: the files would fill more than half of the free space.
    """

    def __init__(
        self, samples: int, features: Sequence[Spec], memory: int, beside: Any = None
    ) -> None:
        self.present = np.zeros(samples, np.bool_)
        self.nbytes = filled(samples, features, beside)
        self.in_file = self.nbytes > memory
        if self.in_file:
            import tempfile  # here: slow to import

            free = shutil.disk_usage(tempfile.gettempdir()).free // DISK
            if self.nbytes > free:
                raise Unkept(
                    f"the features would fill {told(self.nbytes)}, more than {told(memory)} of "
                    f"memory and {told(free)} of {tempfile.gettempdir()}"
                )
        self.features: Any = tuple([self._room(one) for one in features])
        self.beside: Any = map_tree(self._room, beside)

    def has(self, numbers: NDArray[np.intp]) -> bool:
        """Tell whether all of these samples are there."""
        return bool(self.present[numbers].all())

    def put(self, numbers: NDArray[np.intp], features: Any, beside: Any = None) -> None:
        """Keep what belongs to these samples.

        Raises:
            Unkept: a shape or an element type is another than it was said to be.
        """
        places, given = (dict(leaves(tree)) for tree in ((self.features, self.beside),
                                                         (features, beside)))  # fmt: skip
        same = places.keys() == given.keys() and all(
            kept.shape[1:] == given[path].shape[1:] and kept.dtype == given[path].dtype
            for path, kept in places.items()
        )
        if not same:
            raise Unkept("the samples differ in shape or element type")
        for path, kept in places.items():
            kept[numbers] = given[path]
        self.present[numbers] = True

    def take(self, numbers: NDArray[np.intp]) -> tuple[Any, Any]:
        """Return features and what lies beside them: views where the samples are neighbours."""
        where: Any = numbers
        if len(numbers) and bool((np.diff(numbers) == 1).all()):
            where = slice(int(numbers[0]), int(numbers[-1]) + 1)
        return take_rows(self.features, where), take_rows(self.beside, where)

    def _room(self, one: Any) -> NDArray[Any]:
        shape = (len(self.present), *one.shape[1:])
        return _mapped(shape, one.dtype) if self.in_file else np.empty(shape, one.dtype)


def filled(samples: int, features: Sequence[Spec], beside: Any = None) -> int:
    """Return how many bytes these samples fill."""
    return samples * sum(_per_sample(one) for one in (*features, *dict(leaves(beside)).values()))


def _per_sample(one: Any) -> int:
    size: int = math.prod(one.shape[1:]) * one.dtype.itemsize
    return size


def _mapped(shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
    """Return an array in a temporary file that has no name and whose space is reserved.

    Raises:
        Unkept: there is no such space.
    """
    import tempfile  # here: slow to import

    size = math.prod(shape) * kind.itemsize
    try:
        with tempfile.TemporaryFile(prefix="graftwork-features-") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is told now, not by a signal later
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
            else:
                file.truncate(max(size, 1))
            whole = np.memmap(file, np.uint8, "r+", shape=(size,))
            made: NDArray[Any] = np.asarray(whole).view(kind).reshape(shape)
            return made
    except OSError as error:
        raise Unkept(f"{told(size)} in {tempfile.gettempdir()} could not be had: {error}") from None


def told(size: float) -> str:
    """Write a number of bytes with its unit."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"

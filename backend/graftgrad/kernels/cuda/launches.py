"""What a kernel here is: CUDA C++ text, how often it runs, and which arrays and numbers it gets.

A body lists its launches for given arrays; `library` compiles and runs them on a GPU. Tests run the
very same text on the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...device.base import address
from ...kernel import Arrays, Call, Kernel, Reference
from ...spec import Spec
from . import library

THREADS = 256  # of a block, where nothing speaks for another number
MOST_BLOCKS_ACROSS = (1 << 16) - 1  # along the second and third axis of a grid
INDEX_LIMIT = 1 << 31


class Launch(NamedTuple):
    """One launch of one kernel.

    Attributes:
        source: the CUDA C++ of the kernel, of which `name` is the only entry.
        name: the entry.
        grid: blocks along up to three axes.
        block: threads of a block along up to three axes.
        arguments: what the entry is called with: a Python integer is the number of an array among
            operands, results and scratch; a NumPy scalar is a value.
        fmad: whether a · b + c may be rounded once. False where runs must give the same bits
            whether their steps are joined or not.
    """

    source: str
    name: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    arguments: tuple[Any, ...]
    fmad: bool = True


class Launched(Kernel):
    """A body made of launches that depend on where and how its arrays lie."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.reference = Reference(call)
        self.known: dict[tuple[Any, ...], list[Launch] | None] = {}

    def listed(self, lie: Sequence[Lie]) -> list[Launch] | None:
        """Return the launches for arrays that lie so, or None where the reference must compute."""
        raise NotImplementedError

    def launches(self, arrays: Arrays) -> list[Launch] | None:
        """Return the launches for operands, results and scratch, decided once for each layout."""
        lie = tuple([lie_of(array) for array in arrays])
        if lie not in self.known:
            self.known[lie] = self.listed(lie)
        return self.known[lie]

    def arrays(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Arrays:
        """Return all arrays in the order in which launches count them."""
        return (*ins, *scratch) if self.call.function.updates else (*ins, *outs, *scratch)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        arrays = self.arrays(ins, outs, scratch)
        made = self.launches(arrays)
        if made is None:
            self.reference.run(ins, outs, scratch)
        else:
            for one in made:
                library.launch(one, arrays)

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step without arguments; its kernels are compiled here, not when it runs."""
        arrays = self.arrays(ins, outs, scratch)
        made = self.launches(arrays)
        if made is None:
            return super().bind(ins, outs, scratch)
        return library.bound(made, arrays)


class Lie(NamedTuple):
    """How an array lies in memory: bytes from element to element, and whether 16 bytes align."""

    strides: tuple[int, ...]
    aligned: bool


def lie_of(array: Any) -> Lie:
    """Return how an array of CuPy or NumPy lies."""
    return Lie(tuple(array.strides), address(array) % 16 == 0)


def row_major(lie: Lie, spec: Spec) -> bool:
    """Tell whether an array lies in row-major order without gaps."""
    step = spec.dtype.itemsize
    for size, stride in zip(reversed(spec.shape), reversed(lie.strides), strict=True):
        if size > 1 and stride != step:
            return False
        step *= size
    return True


def over(count: int, each: int) -> int:
    """Return how many portions of `each` hold `count`."""
    return -(-count // each)


def int32(value: int) -> Any:
    """Return a number as a kernel's `int` takes it."""
    return np.int32(value)


def int64(value: int) -> Any:
    """Return a number as a kernel's `long long` takes it."""
    return np.int64(value)

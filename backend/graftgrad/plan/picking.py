"""Samples picked out of arrays into a step's arguments, by the threads that share the step.

While one thread copies the next batch the others would wait. They are awake: the last repetition
has ended a moment ago.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..device.base import Array
from ..device.find import cpu
from ..errors import LibraryError
from ..kernel import Call
from ..kernels.native.gather import Rows
from ..kernels.onednn import library as onednn
from ..kernels.threads import alone
from ..ops.gather import Take
from ..spec import Spec, float32
from .lanes import Lanes, Piece, region

LEAST = 1 << 16  # bytes of a batch from which on it is worth to meet
SETTLED = 8  # batches of one array after which it is worth to prepare for it

Numbers = NDArray[np.intp]
Pick = Callable[[Array, Numbers, Array], None]


def pick(array: Array, numbers: Numbers, target: Array) -> None:
    """Copy rows of an array, (N, …), into another, (B, …); their numbers (B,) lie within."""
    array.take(numbers, 0, target, "clip")  # "raise" would copy twice


class SharedPick:
    """The same by two threads, for arrays that are picked from again and again."""

    def __init__(self) -> None:
        self.known: dict[int, _Place] = {}

    def __call__(self, array: Array, numbers: Numbers, target: Array) -> None:
        """Copy rows."""
        place = self.known.get(id(target))
        if place is None or place.array() is not array:
            place = self.known[id(target)] = _Place(array, target)
        place.copy(array, numbers)


class _Place:
    """Where rows of one array go; the array itself is not kept alive."""

    def __init__(self, array: Array, target: Array) -> None:
        self.array = weakref.ref(array)
        self.target = target
        self.count = 0
        self.numbers = np.zeros(len(target), np.intp)
        self.lanes: Lanes | None = None

    def copy(self, array: Array, numbers: Numbers) -> None:
        if self.lanes is None:
            pick(array, numbers, self.target)
            self.count += 1
            if self.count == SETTLED and self.target.nbytes >= LEAST:
                self.lanes = self._shared(array)
            return
        self.numbers[...] = numbers
        with onednn.library().lock:
            self.lanes.run()

    def _shared(self, array: Array) -> Lanes | None:
        """Return what copies by two threads, or None where it cannot."""
        both = array, self.target
        if any(one.dtype != float32 or not one.flags.c_contiguous for one in both):
            return None
        table, rows = (one.reshape(len(one), -1) for one in both)
        half = len(rows) // 2
        pieces = []
        for lane, part in enumerate((slice(0, half), slice(half, None))):
            ins, out = (table, self.numbers[part]), rows[part]
            specs = tuple([Spec(one.shape, one.dtype) for one in ins])
            call = Call(Take(0), specs, (Spec(out.shape, out.dtype),), cpu)
            with alone():
                calls = Rows(call, False, specs[0], call.outs[0]).native(ins, (out,), ()) or []
            pieces.append(Piece(calls, lane, [region(ins[1])], [region(out)]))
        try:
            with onednn.library().lock:
                return Lanes(pieces, list)
        except LibraryError:  # there is no further thread to be had
            return None

"""C calls of a stretch laid out for several threads: who makes which, and who waits for whom.

Every piece of work belongs to a lane, and a lane to a thread. A lane makes its pieces in their
order. It waits for a piece of another lane only where one writes what the other reads or writes;
that is seen from the memory they touch, in which several results may share a place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ..device.base import Array, address
from ..kernel import NativeCall
from ..kernels.native import team
from .chain import Chain

BURST = 4  # runs in a row when a way is tried; the first of them does not count
SELDOM = 128  # every so many runs the other way is tried
MOST = 4  # times as long as the quicker way: longer runs count like that
PART = 1 / 16  # of a run in the running mean


class Region(NamedTuple):
    """Where an array lies: rows of some bytes at equal distances.

    Attributes:
        first, last: the first byte, and one past the last.
        step: from row to row; 0 where there is one row, or it is not so simple.
        width: the bytes of a row.
    """

    first: int
    last: int
    step: int
    width: int

    def meets(self, other: Region) -> bool:
        """Tell whether both may have a byte in common."""
        if self.last <= other.first or other.last <= self.first:
            return False
        if self.step and self.step == other.step:
            apart = (self.first - other.first) % self.step
            return apart < other.width or apart + self.width > self.step
        return True


def region(array: Array) -> Region:
    """Return where an array lies."""
    first, width = address(array), array.itemsize
    axes = [(step, size) for step, size in zip(array.strides, array.shape, strict=True)
            if size > 1 and step]  # fmt: skip
    rows = (0, 1)
    for step, size in sorted(axes):
        if rows[1] == 1 and step == width:
            width *= size
        elif rows[1] == 1 and step > width:
            rows = (step, size)
        elif rows[1] > 1 and step == rows[0] * rows[1]:
            rows = (rows[0], rows[1] * size)
        else:
            low, high = np.lib.array_utils.byte_bounds(array)
            return Region(low, high, 0, high - low)
    step, size = rows
    return Region(first, first + step * (size - 1) + width, step, width)


class Piece(NamedTuple):
    """Calls of one launch, the lane they belong to, and the memory they touch."""

    calls: Sequence[NativeCall]
    lane: int
    reads: Sequence[Region]
    writes: Sequence[Region]

    def disturbs(self, other: Piece) -> bool:
        """Tell whether one must not run beside the other."""
        return (
            _meet(self.writes, other.writes)
            or _meet(self.writes, other.reads)
            or _meet(self.reads, other.writes)
        )


def _meet(some: Sequence[Region], others: Sequence[Region]) -> bool:
    return any(one.meets(other) for one in some for other in others)


def laid(pieces: Sequence[Piece]) -> tuple[dict[tuple[int, int], int], set[int]]:
    """Return what is waited for: by piece and lane, the piece; and the pieces that are told of."""
    count = 1 + max(piece.lane for piece in pieces)
    known = [[-1] * count for _ in range(count)]  # by lane and other lane: waited for so far
    waits: dict[tuple[int, int], int] = {}
    told: set[int] = set()
    for i, piece in enumerate(pieces):
        for other in range(count):
            if other == piece.lane:
                continue
            for j in range(i - 1, known[piece.lane][other], -1):
                if pieces[j].lane == other and piece.disturbs(pieces[j]):
                    waits[i, other] = known[piece.lane][other] = j
                    told.add(j)
                    break
    return waits, told


class Choice:
    """Which of two ways to do the same is quicker at present.

    Threads that share a step wait for each other: where another program holds one of their
    processors they are many times slower than one thread. So now and then the other way is tried,
    some times in a row: threads that had nothing to do are asleep and take a run to wake.

    Attributes:
        means: the seconds that each way takes: a running mean of the way that is gone, for the
            other what it took when it was tried last.
        now: the way that is quicker.
    """

    def __init__(self) -> None:
        self.means = [float("inf")] * 2
        self.now = self.way = 0
        self.runs = 0  # since a way was chosen, or a trial began
        self.trial: list[float] | None = []

    def next(self) -> int:
        """Return which way to go now."""
        if self.trial is None and (self.runs >= SELDOM or self.means[1 - self.now] == float("inf")):
            self.way, self.trial = 1 - self.now, []
        return self.way

    def took(self, way: int, seconds: float) -> None:
        """Take note of how long a way took."""
        self.runs += 1
        if self.trial is not None:
            self.trial.append(seconds)
            if len(self.trial) == BURST:
                self.means[way] = sorted(self.trial[1:])[BURST // 2 - 1]
                self._choose()
        elif self.runs > 1:
            seconds = min(seconds, MOST * min(self.means))  # a single interruption says little
            self.means[way] += (seconds - self.means[way]) * PART
            if self.means[1 - way] < self.means[way]:
                self._choose()

    def _choose(self) -> None:
        """Go the quicker way; its first run may find others asleep and does not count."""
        self.now = self.way = int(self.means[1] < self.means[0])
        self.runs, self.trial = 0, None


class Lanes:
    """A stretch made by the caller and further threads, each with calls of its own.

    While that is slower than the caller alone, the caller makes all calls.
    """

    def __init__(
        self, pieces: Sequence[Piece], settled: Callable[[Sequence[NativeCall]], list[NativeCall]]
    ) -> None:
        count = 1 + max(piece.lane for piece in pieces)
        room = np.zeros((count + 1) * team.LINE, np.uint8)
        start = address(room) + -address(room) % team.LINE
        flags = [start + lane * team.LINE for lane in range(count)]
        waits, told = laid(pieces)
        others = team.members(count - 1)
        listed: list[list[NativeCall]] = [[] for _ in range(count)]
        for i, piece in enumerate(pieces):
            mine = listed[piece.lane]
            for other in range(count):
                if (i, other) in waits:
                    mine.append(team.wait(flags[other], waits[i, other] + 1))
            own = others[piece.lane - 1].own if piece.lane else None
            mine += piece.calls if own is None else [own(call) for call in piece.calls]
            if i in told:
                mine.append(team.tell(flags[piece.lane], i + 1))
        self.chains = [Chain(calls, through=True) for calls in listed[1:]]
        first = [team.tell(flag, 0) for flag in flags]
        first += [one.post(chain.code.address)
                  for one, chain in zip(others, self.chains, strict=True)]  # fmt: skip
        last = [one.join() for one in others]
        calls = [call for piece in pieces for call in piece.calls]
        self.single = Chain(settled(calls))
        self.choice = Choice()
        self.chain = Chain([*first, *settled(listed[0]), *last], through=True)
        self.kept = room, others

    def run(self) -> None:
        """Make all calls.

        Raises:
            LibraryError: one reported a failure; others may have been made all the same.
        """
        way = self.choice.next()
        begun = perf_counter()
        (self.single if way else self.chain).run()
        self.choice.took(way, perf_counter() - begun)

"""Where the buffers of a recorded step lie: in one arena; those that never meet share a place.

A buffer lives from the first entry that touches it to the last. Views follow their buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .records import Buffer, Entry, View

LINE = 64  # bytes of a cache line, at which every buffer begins
SMALL = 4096  # bytes; smaller buffers have places of their own: sharing them saves nothing


@dataclass(slots=True)
class Life:
    """From which entry to which a buffer is needed."""

    buffer: Buffer
    first: int
    last: int


@dataclass(slots=True)
class Layout:
    """Places of buffers in the arena.

    Attributes:
        offsets: bytes from the arena's beginning, by `id` of the buffer.
        nbytes: the size of the arena.
        unshared: what the buffers would take without sharing.
    """

    offsets: dict[int, int]
    nbytes: int
    unshared: int


def lives(entries: Sequence[Entry], outputs: Iterable[View]) -> list[Life]:
    """Return the lives of the buffers that a step makes, in the order of their beginnings."""
    found: dict[int, Life] = {}
    for number, entry in enumerate(entries):
        for view in (*entry.ins, *getattr(entry, "outs", ())):
            buffer = view.buffer
            if buffer.origin != "made":
                continue
            life = found.get(id(buffer))
            if life is None:
                found[id(buffer)] = Life(buffer, number, number)
            else:
                life.last = number
    for view in outputs:
        if view.buffer.origin == "made":  # an empty one may be made by no entry
            life = found.setdefault(id(view.buffer), Life(view.buffer, 0, 0))
            life.last = len(entries)
    return list(found.values())


def laid_out(entries: Sequence[Entry], outputs: Iterable[View], line: int = LINE) -> Layout:
    """Give every buffer a place, the largest first, each as low as its neighbours in time allow."""
    offsets: dict[int, int] = {}
    top = 0
    placed: list[tuple[int, int, Life]] = []  # (begin, end, life), of the large ones
    every = lives(entries, outputs)
    large = [life for life in every if life.buffer.nbytes > SMALL]
    for life in sorted(large, key=lambda one: -one.buffer.nbytes):
        size = lines(life.buffer.nbytes, line)
        taken = sorted(
            (begin, end)
            for begin, end, other in placed
            if other.first <= life.last and life.first <= other.last
        )
        place = 0
        for begin, end in taken:
            if begin - place >= size:
                break
            place = max(place, end)
        placed.append((place, place + size, life))
        offsets[id(life.buffer)] = place
        top = max(top, place + size)
    for life in every:
        if id(life.buffer) not in offsets:
            offsets[id(life.buffer)] = top
            top += lines(life.buffer.nbytes, line)
    return Layout(offsets, top, sum(lines(life.buffer.nbytes, line) for life in every))


def lines(nbytes: int, line: int = LINE) -> int:
    """Return the bytes of as many whole lines as are needed, at least one."""
    return max(-(-nbytes // line), 1) * line

"""Which operands of a step keep their values from one repetition to the next, and since when.

Frozen weights above all: what is prepared from them (other layouts, folded factors) is prepared
once. Each has a counter of its changes; a plan holds only while these stand still.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..device.base import address, owner_of
from ..tensor import Tensor
from .records import Entry, Record, View


class Fixed:
    """Tensors that a step reads and does not write, with the versions they had.

    Attributes:
        versions: the counters of those it reads, and what they said.
    """

    def __init__(self, tensors: Iterable[Tensor], entries: Sequence[Entry]) -> None:
        self.versions: list[tuple[Tensor, int]] = []
        self._spans: dict[int, list[tuple[int, int]]] = {}
        writes: dict[int, list[tuple[int, int]]] = {}
        reads: dict[int, list[tuple[int, int]]] = {}
        for entry in entries:
            _note(reads, entry.ins)
            if isinstance(entry, Record):
                _note(writes, entry.outs)
        for tensor in tensors:
            owner = owner_of(tensor.array)
            start = address(tensor.array) - address(owner)
            low, high = start, start + tensor.nbytes
            if (
                not tensor.spec.contiguous
                or tensor.counter.lent
                or _meets(writes.get(id(owner), ()), low, high)
            ):
                continue
            if _meets(reads.get(id(owner), ()), low, high):
                self.versions.append((tensor, tensor.counter.value))
                self._spans.setdefault(id(owner), []).append((low, high))

    def holds(self) -> bool:
        """Tell whether none of the tensors has changed."""
        return all(
            tensor.counter.value == version and not tensor.counter.lent
            for tensor, version in self.versions
        )

    def __contains__(self, view: View) -> bool:
        """Tell whether the values of a view stay from repetition to repetition."""
        if view.buffer.origin == "constant":
            return True
        if view.buffer.origin != "outer":
            return False
        low, high = view.span
        spans = self._spans.get(id(view.buffer.array), ())
        return any(first <= low and high <= last for first, last in spans)


def _note(spans: dict[int, list[tuple[int, int]]], views: Iterable[View]) -> None:
    for view in views:
        if view.buffer.origin == "outer":
            spans.setdefault(id(view.buffer.array), []).append(view.span)


def _meets(spans: Iterable[tuple[int, int]], low: int, high: int) -> bool:
    return any(first < high and low < last for first, last in spans)

"""Kernels made of passes over tiles and of oneDNN's primitives, in any order."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference
from ...spec import Spec, uint8
from ..native import tiles
from ..native.tiles import PLAIN, After, Layout, Transform
from ..onednn import library as home
from ..onednn.library import failure, library
from ..onednn.memory import address_of, space
from ..onednn.recipe import Recipe
from ..onednn.work import OF_OPERAND, OF_SPACE, Bound, Slot, Work

BLOCK = 6  # words that a pass is called with: its shape, image, planes, edge, addend, bias


class Pass(NamedTuple):
    """Tiles brought into planes, or back: code, shape, what it works on, what lies beyond edges."""

    enter: int
    words: Any
    image: Slot
    planes: Slot
    edge: Any
    keeps: object
    addend: Slot | None = None
    bias: Slot | None = None


class Passes(Work):
    """Work that has passes among its steps."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, [None] * len(call.ins))
        self.order: list[int | Pass] = []
        self.edges: dict[tuple[int, bool], Any] = {}
        self.filters: Slot | None = None
        self.leading = 0

    def add(self, recipe: Recipe, arguments: dict[int, Slot], brings: bool = False) -> None:
        """Append a primitive."""
        super().add(recipe, arguments, brings)
        self.order.append(len(self.steps) - 1)

    def over(
        self, layout: Layout, transform: Transform, side: int, rows: Any, image: Slot,
        planes: Slot, back: bool = False, after: After = PLAIN,
    ) -> None:  # fmt: skip
        """Append a pass; `rows` tells where the rows of points of each row of tiles begin.

        A bias is operand 2, an addend the last one.

        Raises:
            LibraryError: machine code cannot be made here.
        """
        unit, enter = tiles.code(layout, transform, side, back, after)
        size = layout.width * layout.step
        edge = self.edges.get((size, back))
        if edge is None:
            edge = self.edges[size, back] = np.zeros(size, np.uint8)
        words = tiles.words(enter, rows, len(rows))
        addend = self.raw(len(self.call.ins) - 1) if after.added else None
        bias = self.raw(2) if after.bias else None
        self.order.append(Pass(enter, words, image, planes, edge, unit, addend, bias))

    def ready(self, filters: Slot) -> None:
        """Tell that what was appended so far makes these filters, and nothing else."""
        self.filters, self.leading = filters, len(self.order)


class _Bound(Bound):
    """Steps and passes with addresses set for every run or once for all."""

    def __init__(self, work: Passes) -> None:
        super().__init__(work)
        self.order = work.order
        passes = {i: one for i, one in enumerate(work.order) if isinstance(one, Pass)}
        self.blocks = {i: (ctypes.c_int64 * BLOCK)() for i in passes}
        called = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        self.functions = {i: called(one.enter) for i, one in passes.items()}
        self.first = 0
        self.held: Any = None

    def place(self, ins: Arrays, outs: Arrays, base: int) -> None:
        """Set where operands, results and the working space lie."""
        super().place(ins, outs, base)
        held = self.work.filters if self.held is not None else None  # type: ignore[attr-defined]

        def where(slot: Slot | None) -> int:
            if slot is None:
                return 0
            if slot.origin == OF_SPACE:
                own = held is not None and slot.place == held.place
                return address_of(self.held) if own else base + slot.place
            return address_of((ins if slot.origin == OF_OPERAND else outs)[slot.place])

        for slot, memory in self.memories.items():
            if held is not None and (slot.origin, slot.place) == (OF_SPACE, held.place):
                self.move(memory.pointer, address_of(self.held))
        for i, block in self.blocks.items():
            one = self.order[i]
            assert isinstance(one, Pass)
            block[:] = [
                one.words.ctypes.data, where(one.image), where(one.planes), one.edge.ctypes.data,
                where(one.addend), where(one.bias),
            ]  # fmt: skip

    def hold(self, ins: Arrays, outs: Arrays, base: int) -> None:
        """Make the filters now, in memory of their own: their values stay.

        Raises:
            LibraryError: a step failed.
        """
        assert isinstance(self.work, Passes)
        if self.work.filters is None:
            self.place(ins, outs, base)
            return
        self.held = space(self.work.filters.description.bytes)
        self.place(ins, outs, base)
        self.run(self.work.leading)
        self.first = self.work.leading

    def run(self, count: int | None = None) -> None:
        """Compute, or do the first steps alone.

        Raises:
            LibraryError: a step failed.
        """
        for i, one in enumerate(self.order[:count]):
            if isinstance(one, Pass):
                self.functions[i](ctypes.addressof(self.blocks[i]))
                continue
            status = self.execute(*self.runs[one])
            if status:
                raise failure("primitive_execute", status)

    def listed(self, threads: int, *keeps: Any) -> list[NativeCall]:
        """Return all as C calls."""
        made = []
        for i, one in enumerate(self.order[self.first :], self.first):
            if isinstance(one, Pass):
                where = (ctypes.addressof(self.blocks[i]),)
                made.append(NativeCall(one.enter, where, threads, False, (self, *keeps)))
            else:
                made += self.calls([one], threads, *keeps)
        return made


class PassKernel(Kernel):
    """A kernel of passes and primitives, for any number of threads."""

    def __init__(self, call: Call, build: Callable[[Passes], None]) -> None:
        self.reference = Reference(call)
        self.call = call
        self.build = build
        self.library = library()
        self.bounds: dict[int, _Bound | None] = {}
        with self.library.lock:
            bound = self._bound()
        if bound is None:
            raise LibraryError("oneDNN: there must be fast code for the products; got none.")
        self.scratch = (Spec((bound.work.size,), uint8),)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        if not home.forked():
            with self.library.lock:
                bound = self._bound()
                if bound is not None:
                    room = self._room(bound, scratch)
                    bound.place(ins, outs, address_of(room))
                    bound.run()
                    return
        self.reference.run(ins, outs, ())

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the run as C calls, for as many threads as are set now."""
        if home.forked():
            return None
        with self.library.lock:
            known = self._bound()
            if known is None:
                return None
            work = known.work
            assert isinstance(work, Passes)
            bound = _Bound(work)
            room = self._room(bound, scratch)
            threads = self.library.use()
            (bound.hold if 1 in fixed else bound.place)(ins, outs, address_of(room))
            return bound.listed(threads, ins, outs, room)

    def _bound(self) -> _Bound | None:
        """Return what is done with this number of threads, None where that cannot be."""
        threads = self.library.use()
        if threads not in self.bounds:
            try:
                work = Passes(self.call)
                self.build(work)
                self.bounds[threads] = _Bound(work)
            except LibraryError:
                self.bounds[threads] = None
        return self.bounds[threads]

    def _room(self, bound: _Bound, scratch: Arrays) -> Any:
        size = bound.work.size
        if scratch and scratch[0].nbytes >= size:
            return scratch[0]
        return space(size)

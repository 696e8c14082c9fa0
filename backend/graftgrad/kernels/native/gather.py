"""Rows of a table picked by whole numbers, and added back: what an embedding does.

An index that lies outside is noticed on the way; the reference body is run then, and says which.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...device.base import Array
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference, choose, kernel
from ...ops.gather import Take, Untake, within
from ...ops.operand import FullLike
from ...spec import Spec, float32, int32, int64
from . import openmp
from .assembler import (
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    Assembler,
    Memory,
    Place,
)
from .entry import entry, native_call
from .loops import AXES, ENTER, THREADS, TOTAL, WIDTH, Loop
from .program import Program
from .registers import OTHER
from .steps import offered

SIZE, COUNT = AXES, AXES + 1  # words of a shape: rows of the table, indices
LONG = 1 << 16  # elements from which on Python's lock is given back
AT_ONCE = 8  # vectors
MANY = 512  # rows of a table from which on threads share blocks of sixteen
AHEAD, LINES = 8, 8  # rows that are fetched ahead, and cache lines of each

_made: dict[tuple[Any, ...], tuple[int, Any]] = {}


class RowsLoop(Loop):
    """What both directions share: reading an index, going through a row or a part of one.

    With `marking` that number is written into the table's marks, (rows,), for each picked row.
    """

    marking = -1

    def __init__(self, wide: bool, wraps: bool, blocks: bool, depth: int) -> None:
        super().__init__(Program(), (), depth)
        self.wide, self.wraps, self.blocks = wide, wraps, blocks
        self.parted = not depth  # the table, among threads
        self.owners = self.frame.word()

    def _open_table(self) -> None:
        """R8 the table, R9 indices, R10 the picked rows, R12 bytes of a row, R13 rows."""
        code = self.code
        for register, place in ((R8, 0), (R9, 1), (R10, 2)):
            code.move(register, Memory(RBX, 8 + 8 * place))
        code.move(R12, Memory(R15, 8 * WIDTH))
        code.shift_left(R12, 2)
        code.move(R13, Memory(R15, 8 * SIZE))

    def _index(self, at: int) -> None:
        """Set RAX to where the row begins that an index picks."""
        code = self.code
        self._read(at)
        if self.wraps:
            front = code.new("front")
            code.arithmetic_number("cmp", RAX, 0)
            code.jump(front, "jge")
            code.arithmetic("add", RAX, R13)
            code.label(front)
        code.arithmetic("cmp", RAX, R13)  # as numbers without sign: below 0 is far above
        code.jump("wrong", "jae")
        if self.parted:
            self._others("next")
        if self.marking >= 0:
            code.move(RDI, Memory(RBX, 8 + 8 * 4))
            code.put_number(Memory(RDI, 0, RAX, 8), self.marking)
        code.multiply(RAX, R12)
        code.arithmetic("add", RAX, R8)

    def _read(self, at: int) -> None:
        code = self.code
        if self.wide:
            code.move(RAX, Memory(R9, 0, at, 8))
        else:
            code.load_32(RAX, Memory(R9, 0, at, 4))
            code.extend(RAX, RAX)

    def _fetch(self, at: int) -> None:
        """Fetch what a later index picks: rows lie anywhere, and memory takes long to answer."""
        code, enough = self.code, self.code.new("enough")
        code.address(RAX, Memory(at, AHEAD))
        code.arithmetic("cmp", RAX, R14)
        code.jump(enough, "jae")
        self._read(RAX)
        if self.parted:
            self._others(enough)
        code.multiply(RAX, R12)
        code.arithmetic("add", RAX, R8)
        for line in range(LINES):
            if line:
                code.arithmetic_number("cmp", R11, 16 * line)
                code.jump(enough, "jbe")
            code.prefetch(Memory(RAX, 64 * line))
        code.label(enough)

    def _mask(self, elements: int) -> None:
        """Make the mask of the last elements of so many."""
        code = self.code
        code.move(RCX, elements)
        code.arithmetic_number("and", RCX, 7)
        self.vectors.masks()

    def _along(self, to: int, write: Any) -> None:
        """Go through the elements of a row: RCX from 0 to a number; `write` does some vectors."""
        code = self.code
        code.number(RCX, 0)
        for vectors in (AT_ONCE, 1):
            again, after = code.new("vectors"), code.new("after")
            code.label(again)
            code.address(RDI, Memory(RCX, 8 * vectors))
            code.arithmetic("cmp", RDI, to)
            code.jump(after, "ja")
            write(vectors)
            code.move(RCX, RDI)
            code.jump(again)
            code.label(after)
        whole = code.new("whole")
        code.arithmetic("cmp", RCX, to)
        code.jump(whole, "jae")
        code.two("vmovups", OTHER, self.vectors.mask)
        write(0)
        code.label(whole)

    def shared(self, write: Callable[[Assembler, int], None]) -> None:
        """Go through all indices, for the rows of the table that are this thread's.

        A thread has every so many blocks of rows. What it fetches ahead is then its own mostly, and
        no sum is taken in another order.
        """
        code = self.code
        code.move(R15, Memory(RBX))
        self._open_table()
        code.move(R11, Memory(R15, 8 * WIDTH))
        code.move(R14, Memory(R15, 8 * COUNT))
        self._mask(R11)
        code.number(RAX, 1)
        code.label("double")  # the largest power of two among the numbers of threads
        code.shift_left(RAX, 1)
        code.arithmetic("cmp", RAX, self.count)
        code.jump("double", "jbe")
        code.shift_right(RAX, 1)
        code.arithmetic_number("sub", RAX, 1)
        code.put(self.owners, RAX)
        code.number(RSI, 0)
        code.label("row")
        self._fetch(RSI)
        self._index(RSI)
        self._along(R11, lambda vectors: write(code, vectors))
        code.label("next")
        code.arithmetic("add", R10, R12)
        code.arithmetic_number("add", RSI, 1)
        code.arithmetic("cmp", RSI, R14)
        code.jump("row", "jb")
        self._wrong()

    def _others(self, away: str) -> None:
        """Jump where the row RAX is another thread's."""
        code = self.code
        code.move(RCX, RAX)
        code.shift_right(RCX, 4 if self.blocks else 0)
        code.arithmetic("and", RCX, self.owners)
        code.arithmetic("cmp", RCX, self.number)
        code.jump(away, "jne")

    def _wrong(self) -> None:
        """Tell that an index lies outside."""
        code = self.code
        code.jump("done")
        code.label("wrong")
        code.move(RAX, Memory(RBX, 8 + 8 * 3))
        code.put_number(Memory(RAX), 1)


class _Take(RowsLoop):
    """Threads share the indices."""

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code = self.code
        self._part()
        self._open_table()
        code.move(R11, Memory(R15, 8 * WIDTH))
        self._mask(R11)
        code.move(RAX, R12)
        code.multiply(RAX, RDX)
        code.arithmetic("add", R10, RAX)
        code.label("row")
        self._fetch(RDX)
        self._index(RDX)
        self._along(R11, lambda vectors: _copied(code, vectors, RAX, R10))
        code.arithmetic("add", R10, R12)
        code.arithmetic_number("add", RDX, 1)
        code.arithmetic("cmp", RDX, R14)
        code.jump("row", "jb")
        self._wrong()


class UntakeLoop(RowsLoop):
    """Threads share the rows of the table.

    The table holds zeros before: they are written along rows, which memory likes better.
    """

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        self.shared(lambda code, vectors: _added(code, vectors, R10, RAX))


def at(base: int, vector: int) -> Memory:
    """Return the place of a vector of the row that begins at a register."""
    return Memory(base, 32 * vector, RCX, 4)


def _copied(code: Assembler, vectors: int, source: int, target: int) -> None:
    for v in range(vectors):
        code.two("vmovups", v, at(source, v))
    for v in range(vectors):
        code.store("vmovups", at(target, v), v)
    if not vectors:
        code.three("vmaskmovps", 0, OTHER, at(source, 0))
        code.store_masked(at(target, 0), OTHER, 0)


def _added(code: Assembler, vectors: int, source: int, target: int) -> None:
    for v in range(vectors):
        code.two("vmovups", v, at(target, v))
    for v in range(vectors):
        code.three("vaddps", v, v, at(source, v))
    for v in range(vectors):
        code.store("vmovups", at(target, v), v)
    if not vectors:
        code.three("vmaskmovps", 0, OTHER, at(target, 0))
        code.three("vmaskmovps", 1, OTHER, at(source, 0))
        code.three("vaddps", 0, 0, 1)
        code.store_masked(at(target, 0), OTHER, 0)


@dataclass(frozen=True)
class Inside:
    """Looks whether indices lie within a table of so many rows."""

    subject: str
    size: int
    wraps: bool

    @property
    def bounds(self) -> tuple[int, int]:
        """Whole numbers in [low, high) need no further look."""
        return -self.size if self.wraps else 0, self.size

    def __call__(self, indices: Array) -> None:
        """Look at indices on the host.

        Raises:
            DataError: one lies outside.
        """
        within(np, self.subject, indices, self.size, self.wraps)


class Rows(Kernel):
    """Table, indices and picked rows through code that tells whether an index lies outside.

    A recorded step looks at the indices before, as an error must be raised in Python.
    """

    def __init__(self, call: Call, backward: bool, table: Spec, picked: Spec) -> None:
        function: Any = call.function
        self.reference = Reference(call)
        self.backward = backward
        self.inside = Inside(function.subject, table.shape[0], function.wraps)
        self.size = table.shape[0], table.size // table.shape[0], call.ins[1].size
        self.kind = call.ins[1].dtype == int64, function.wraps, table.shape[0] >= MANY
        moved = picked.size + (table.size if self.backward else 0)
        self.words = self.words_of(UntakeLoop if backward else _Take, moved)
        self.address = ctypes.addressof(self.words)
        self.call = entry(4, moved < LONG)
        self.zeros = choose(Call(FullLike(0), (table,), (table,), call.device))

    def words_of(self, loop: type[RowsLoop], moved: int) -> Any:
        """Return the shape of a loop that moves so many elements."""
        key = loop, *self.kind
        if key not in _made:
            unit, enter = loop(*self.kind, 1 if loop is _Take else 0).unit()
            _made[key] = enter, unit
        rows, width, count = self.size
        words = [0] * (COUNT + 1)
        words[ENTER], words[WIDTH] = _made[key][0], width
        words[SIZE], words[COUNT] = rows, count
        words[TOTAL] = count if loop is _Take else width
        words[THREADS] = openmp.share(moved, 32)
        return (ctypes.c_int64 * len(words))(*words)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        x, indices = ins
        table, picked = (outs[0], x) if self.backward else (x, outs[0])
        outside = np.zeros(1, np.int64)
        if self.backward:
            self.zeros.run((table,), (table,), ())
        if self.call(self.address, table, indices, picked, outside) or outside[0]:
            self.reference.run(ins, outs, scratch)

    def condition(self) -> tuple[int, Callable[[Array], object]] | None:
        """Return what looks at the indices."""
        return None if self.backward else (1, self.inside)

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return picking the rows as one C call; adding them is left to Python."""
        if self.backward:
            return None
        outside, words = np.zeros(1, np.int64), self.words
        arrays = *ins, *outs, outside
        keeps = words, outside
        return [native_call(words[ENTER], self.address, arrays, words[THREADS], *keeps)]


def _fits(call: Call) -> bool:
    x, indices = call.ins
    real = x.dtype == call.outs[0].dtype == float32
    function: Any = call.function
    return real and indices.dtype in (int32, int64) and function.axis == 0


@kernel(Take, on="cpu")
def take(call: Call) -> Kernel | None:
    """Offer rows of a table."""
    return offered(call, lambda call: Rows(call, False, call.ins[0], call.outs[0])
                   if _fits(call) else None)  # fmt: skip


@kernel(Untake, on="cpu")
def untake(call: Call) -> Kernel | None:
    """Offer rows added to a table of zeros."""
    return offered(call, lambda call: Rows(call, True, call.outs[0], call.ins[0])
                   if _fits(call) else None)  # fmt: skip

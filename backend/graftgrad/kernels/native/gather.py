"""Rows of a table picked by whole numbers, and added back: what an embedding does.

An index that lies outside is noticed on the way; the reference body is run then, and says which.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ...kernel import Arrays, Call, Kernel, Reference, choose, kernel
from ...ops.gather import Take, Untake
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
from .entry import entry
from .loops import AXES, ENTER, THREADS, TOTAL, WIDTH, Loop
from .program import Program
from .registers import OTHER
from .steps import offered

SIZE, COUNT = AXES, AXES + 1  # words of a shape: rows of the table, indices
LONG = 1 << 16  # elements from which on Python's lock is given back
AT_ONCE = 8  # vectors

_made: dict[tuple[Any, ...], tuple[int, Any]] = {}


class _Rows(Loop):
    """What both directions share: reading an index, going through a row or a part of one."""

    def __init__(self, wide: bool, wraps: bool, depth: int) -> None:
        super().__init__(Program(), (), depth)
        self.wide, self.wraps = wide, wraps

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
        if self.wide:
            code.move(RAX, Memory(R9, 0, at, 8))
        else:
            code.load_32(RAX, Memory(R9, 0, at, 4))
            code.extend(RAX, RAX)
        if self.wraps:
            front = code.new("front")
            code.arithmetic_number("cmp", RAX, 0)
            code.jump(front, "jge")
            code.arithmetic("add", RAX, R13)
            code.label(front)
        code.arithmetic("cmp", RAX, R13)  # as numbers without sign: below 0 is far above
        code.jump("wrong", "jae")
        code.multiply(RAX, R12)
        code.arithmetic("add", RAX, R8)

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

    def _wrong(self) -> None:
        """Tell that an index lies outside."""
        code = self.code
        code.jump("done")
        code.label("wrong")
        code.move(RAX, Memory(RBX, 8 + 8 * 3))
        code.put_number(Memory(RAX), 1)


class _Take(_Rows):
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
        self._index(RDX)
        self._along(R11, lambda vectors: _copied(code, vectors, RAX, R10))
        code.arithmetic("add", R10, R12)
        code.arithmetic_number("add", RDX, 1)
        code.arithmetic("cmp", RDX, R14)
        code.jump("row", "jb")
        self._wrong()


class _Untake(_Rows):
    """Threads share the columns, so that sums are taken in one order whatever their number.

    The table holds zeros before: they are written along rows, which memory likes better.
    """

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code = self.code
        self._part()
        self._open_table()
        code.move(R11, R14)
        code.arithmetic("sub", R11, RDX)  # columns of this thread
        self._mask(R11)
        for register in (R8, R10):
            code.address(register, Memory(register, 0, RDX, 4))
        code.number(RSI, 0)
        code.label("row")
        self._index(RSI)
        self._along(R11, lambda vectors: _added(code, vectors, R10, RAX))
        code.arithmetic("add", R10, R12)
        code.arithmetic_number("add", RSI, 1)
        code.arithmetic("cmp", RSI, Memory(R15, 8 * COUNT))
        code.jump("row", "jb")
        self._wrong()


def _at(base: int, vector: int) -> Memory:
    return Memory(base, 32 * vector, RCX, 4)


def _copied(code: Assembler, vectors: int, source: int, target: int) -> None:
    for v in range(vectors):
        code.two("vmovups", v, _at(source, v))
    for v in range(vectors):
        code.store("vmovups", _at(target, v), v)
    if not vectors:
        code.three("vmaskmovps", 0, OTHER, _at(source, 0))
        code.store_masked(_at(target, 0), OTHER, 0)


def _added(code: Assembler, vectors: int, source: int, target: int) -> None:
    for v in range(vectors):
        code.two("vmovups", v, _at(target, v))
    for v in range(vectors):
        code.three("vaddps", v, v, _at(source, v))
    for v in range(vectors):
        code.store("vmovups", _at(target, v), v)
    if not vectors:
        code.three("vmaskmovps", 0, OTHER, _at(target, 0))
        code.three("vmaskmovps", 1, OTHER, _at(source, 0))
        code.three("vaddps", 0, 0, 1)
        code.store_masked(_at(target, 0), OTHER, 0)


class Rows(Kernel):
    """Table, indices and picked rows through code that tells whether an index lies outside.

    A recorded step calls it from Python, as the error must be raised there.
    """

    def __init__(self, call: Call, backward: bool, table: Spec, picked: Spec) -> None:
        function: Any = call.function
        indices = call.ins[1]
        loop = _Untake if backward else _Take
        self.reference = Reference(call)
        self.backward = backward
        key = loop, indices.dtype == int64, function.wraps
        if key not in _made:
            unit, enter = loop(key[1], function.wraps, 0 if self.backward else 1).unit()
            _made[key] = enter, unit
        enter, _ = _made[key]
        width = table.size // table.shape[0]
        words = [0] * (COUNT + 1)
        words[ENTER], words[WIDTH] = enter, width
        words[SIZE], words[COUNT] = table.shape[0], indices.size
        words[TOTAL] = width if self.backward else indices.size
        moved = picked.size + (table.size if self.backward else 0)
        words[THREADS] = openmp.share(moved, 32)
        self.words = (ctypes.c_int64 * len(words))(*words)
        self.address = ctypes.addressof(self.words)
        self.call = entry(4, moved < LONG)
        self.zeros = choose(Call(FullLike(0), (table,), (table,), call.device))

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        x, indices = ins
        table, picked = (outs[0], x) if self.backward else (x, outs[0])
        outside = np.zeros(1, np.int64)
        if self.backward:
            self.zeros.run((table,), (table,), ())
        if self.call(self.address, table, indices, picked, outside) or outside[0]:
            self.reference.run(ins, outs, scratch)


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

"""A table's gradient that is zero but for some rows: zeros are neither written nor read again.

What a step leaves in the gradient's memory is there in the next one. The rows that it has picked
become zeros, then those of this step are added. For a row that neither has marked the update rule
takes zeros that stay in the cache: it computes what it would have computed, so all bits are the
same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ...kernel import Arrays, Call, Kernel, NativeCall
from . import openmp
from .assembler import RAX, RBX, RCX, RDX, RSI, Assembler, Memory, Place
from .elementwise import Elementwise, written
from .entry import entry, native_call
from .gather import Rows, RowsLoop, UntakeLoop, at
from .geometry import Walk
from .loops import ENTER, THREADS, Loop, size_word
from .program import Program
from .registers import OTHER, Allocator
from .vectors import DOUBLE, ONE, SINGLE, UNIT, Slot

_made: dict[tuple[Any, ...], tuple[int, Any, int]] = {}


class _UntakeMarked(UntakeLoop):
    """The same, and 1 at the marks of the rows."""

    marking = 1


class _Clear(RowsLoop):
    """Zeros in the picked rows, and at their marks."""

    marking = 0

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        self.shared(_zeroed)


def _zeroed(code: Assembler, vectors: int) -> None:
    code.three("vxorps", 0, 0, 0)
    for v in range(vectors):
        code.store("vmovups", at(RAX, v), 0)
    if not vectors:
        code.store_masked(at(RAX, 0), OTHER, 0)


class TouchedRows(Rows):
    """Picked rows added to a table, over what it was in the step before; the others stay zeros.

    The indices must be known to lie within. Besides the table this changes `marks`, (rows,), which
    are 1 for the rows that are not zeros, and `last`, the indices of those.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call, True, call.outs[0], call.ins[0])
        picked = call.ins[0].size
        self.shapes = tuple([self.words_of(loop, picked) for loop in (_Clear, _UntakeMarked)])
        self.outside = np.zeros(1, np.int64)
        self.marked = entry(5, False)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        (x, indices), (table, marks, last) = ins, outs
        clear, add = (ctypes.addressof(words) for words in self.shapes)
        self.marked(clear, table, last, table, self.outside, marks)
        self.marked(add, table, indices, x, self.outside, marks)
        last[...] = indices

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the run as C calls."""
        (x, indices), (table, marks, last) = ins, outs
        made: list[NativeCall] = []
        given = (last, table), (indices, x)
        for words, (picked_by, rows) in zip(self.shapes, given, strict=True):
            arrays = table, picked_by, rows, self.outside, marks
            address, threads = ctypes.addressof(words), words[THREADS]
            made.append(native_call(words[ENTER], address, arrays, threads, words, self.outside))
        ends = [array.__array_interface__["data"][0] for array in (last, indices)]
        return [*made, NativeCall(_memmove(), (*ends, last.nbytes))]


@cache
def _memmove() -> int:
    return ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0


class _Marked(Loop):
    """Rows of operands; the gradient's row is one of zeros where there is no mark.

    Behind the operands of the rule stand the marks and the row of zeros.
    """

    def __init__(self, program: Program, slots: Sequence[Slot], gradient: int) -> None:
        super().__init__(program, slots, 1, flush=True)
        self.gradient = gradient
        self.mark, self.zeros, self.real = (self.frame.word() for _ in range(3))

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code, slots = self.code, len(self.slots)
        stores = [(slot, x) for slot, x in self.program.stores if self.slots[slot].kind != DOUBLE]
        steps = Allocator(self.program, body, homes, self.frame, stores).run()
        self._part()
        code.move(RAX, RDX)
        code.shift_left(RAX, 3)
        code.arithmetic("add", RAX, Memory(RBX, 8 * (slots - 1)))
        code.put(self.mark, RAX)
        code.move(RAX, Memory(RBX, 8 * slots))
        code.put(self.zeros, RAX)
        self._begin()
        self._keep()
        code.label("row")
        code.move(RSI, self.mark)
        code.move(RCX, self.zeros)
        code.arithmetic_number("cmp", Memory(RSI), 0)
        code.jump("unmarked", "je")
        code.move(RCX, self.real)
        code.label("unmarked")
        self._set(self.gradient, RCX)
        code.move(RSI, self.shape)
        code.move(RCX, Memory(RSI, 8 * (size_word(0, slots) + 1 + self.gradient)))
        code.add_to(self.real, RCX)
        code.number(RCX, 8)
        code.add_to(self.mark, RCX)
        code.number(RAX, 0)
        self._row(steps)
        self._next_row()

    def _keep(self) -> None:
        """Put aside where the gradient's row is."""
        pointer = self.pointer[self.gradient]
        if isinstance(pointer, int):
            self.code.put(self.real, pointer)
        else:
            self.code.move(RCX, pointer)
            self.code.put(self.real, RCX)


class MarkedUpdate(Kernel):
    """An update rule over a table; behind its operands stand marks (rows,) and a row of zeros."""

    def __init__(self, flat: Elementwise, gradient: int, rows: int, width: int) -> None:
        """Take the rule of a kernel over the same table without axes.

        Raises:
            Unsupported: it cannot be expressed.
        """
        large = [spec.size == rows * width for spec in flat.asked.ins]
        slots = [Slot(kind, UNIT if wide else ONE)
                 for kind, wide in zip(flat.kinds, large, strict=True)]  # fmt: skip
        slots += [Slot(SINGLE, ONE)] * 2
        key = flat.asked.function, tuple(slots), gradient
        if key not in _made:
            program = written(slots, flat.written, flat.write)
            unit, enter = _Marked(program, slots, gradient).unit()
            count = sum(node.op not in ("constant", "bits", "number") for node in program.nodes)
            _made[key] = enter, unit, count
        self.enter, self.unit, count = _made[key]
        self.threads = openmp.share(rows * width, count)
        strides = [(4 * width, 4) if wide else (0, 0) for wide in [*large, False, False]]
        layouts = tuple([slot.layout for slot in slots])
        self.words = Walk((rows, width), tuple(strides), layouts).words(self.enter, self.threads)
        self.call = entry(len(slots), False)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Change the operands."""
        self.call(ctypes.addressof(self.words), *ins)

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the run as one C call."""
        address, keeps = ctypes.addressof(self.words), (self.words, self.unit)
        return [native_call(self.enter, address, ins, self.threads, *keeps)]

"""A walk over all time steps as one piece of machine code: a product and a cell for each step.

Samples are shared among threads; each takes its own through the whole sequence, so no thread waits
for another on the way. A step is the product of a state with a matrix, and a pass over the cells.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import LibraryError
from ...kernel import Call, Kernel
from ...spec import Spec
from ..native import openmp, pages
from ..native.assembler import (
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    Memory,
    Place,
)
from ..native.entry import entry
from ..native.loops import AXES, ENTER, THREADS, TOTAL, Loop
from ..native.piece import Piece, Write
from ..native.program import Program, Unsupported
from ..native.steps import Part, Steps
from ..native.tile import PANEL, TURN, Strides, heights, tile
from ..onednn.memory import row_major
from .sequence import Lie, copy

MOST = 1 << 22  # bytes of the matrix: every thread reads all of it in every step
CODES = 64  # walks of different cells and sizes: the code of each stays

_POINTERS = (RBX, RBP, R8, R9, R10, R11, R12, R13, R14, R15, RDX, RSI, RDI, RCX)
_START, _ROW, _STEP = range(3)

_made: dict[tuple[Any, ...], tuple[int, Any]] = {}


class Walked(NamedTuple):
    """How an array is walked through, in elements.

    Attributes:
        row: from a sample to the next.
        first: from the beginning to the step that comes first.
        step: from a step to the one that follows.
        last: which array stands for it in the last step; −1 for none.
    """

    row: int
    first: int = 0
    step: int = 0
    last: int = -1


class Product(NamedTuple):
    """Rows of one array times a matrix in panels, into the rows of another.

    Attributes:
        state: the array that is multiplied.
        matrix: the array that holds the matrix, (panels, depth, PANEL).
        result: the array that is written.
        depth: elements of a row of the state.
        width: elements of a row of the result.
        first: whether it comes before the cell of its step or after it.
        add: whether it adds to what the result holds.
    """

    state: int
    matrix: int
    result: int
    depth: int
    width: int
    first: bool
    add: bool = False


class Cell(NamedTuple):
    """What is computed for each sample and unit.

    Attributes:
        write: makes the results of the operands.
        units: elements of a row of the cell.
        ins: which array each operand is read from, and how far behind the beginning of its row.
        outs: where each result goes.
    """

    write: Write
    units: int
    ins: tuple[tuple[int, int], ...]
    outs: tuple[tuple[int, int], ...]


def panels(call: Call, depth: int, width: int, *, turned: bool) -> Kernel:
    """Return the kernel that copies a matrix (depth, width), or one (width, depth), into panels."""
    sizes = (width // PANEL, depth, PANEL)
    steps = (PANEL * depth, 1, depth) if turned else (PANEL, width, 1)
    return copy(call, Lie(sizes, steps), Lie(sizes, row_major(sizes)))


def walk(
    call: Call, key: str, cell: Cell, product: Product, arrays: Sequence[Walked], samples: int,
    steps: int,
) -> Kernel:  # fmt: skip
    """Return the kernel of a walk over arrays, in their order; it is asked for no others.

    Args:
        call: what the walk belongs to.
        key: names the cell.
        cell: the pass of each step.
        product: the product of each step.
        arrays: how each is walked through.
        samples: how many.
        steps: how many.

    Raises:
        LibraryError: machine code cannot be made here, or sizes do not fit it.
    """
    fits = (
        product.depth % TURN == 0
        and product.width % PANEL == 0
        and cell.units % 8 == 0
        and 4 * product.depth * product.width <= MOST
        and pages.available()
        and openmp.available()
    )
    lasts = tuple([one.last for one in arrays])
    rows = arrays[product.state].row, arrays[product.result].row
    whole = key, cell.units, cell.ins, cell.outs, product, lasts, rows
    if not fits or (whole not in _made and len(_made) >= CODES):
        raise LibraryError("recurrent walk: sizes must fit the code; got others.")
    if whole not in _made:
        try:
            unit, enter = _Walk(cell, product, arrays).unit()
        except Unsupported as error:
            raise LibraryError(f"recurrent walk: {error}") from error
        _made[whole] = enter, unit
    enter, unit = _made[whole]
    words = [0] * AXES
    words[ENTER], words[TOTAL] = enter, samples
    words[THREADS] = openmp.share(samples * steps * cell.units, 100 + product.depth)
    words.append(steps)
    for one in arrays:
        words += [4 * one.first, 4 * one.row, 4 * one.step]
    shape = (ctypes.c_int64 * len(words))(*words)
    made = entry(len(arrays), words[THREADS] == 0)
    places = tuple(range(len(arrays)))
    part = Part(made, ctypes.addressof(shape), places, enter, words[THREADS], (unit, shape))
    one_spec = Spec((1,))
    asked = Call(call.function, (one_spec,) * len(arrays), (), call.device)
    return Steps(asked, (part,))


class _Walk(Loop):
    """The code: for each step, the rows of this thread through the product and the cell."""

    def __init__(self, cell: Cell, product: Product, arrays: Sequence[Walked]) -> None:
        super().__init__(Program(), (), 1)
        self.cell, self.product, self.arrays = cell, product, arrays
        used = sorted({array for array, _ in (*cell.ins, *cell.outs)})
        if len(used) > len(_POINTERS):
            raise Unsupported(f"a cell over {len(used)} arrays")
        self.registers = dict(zip(used, _POINTERS, strict=False))
        ins, outs = (
            [Memory(self.registers[array], 4 * offset, RAX, 4) for array, offset in some]
            for some in (cell.ins, cell.outs)
        )
        self.piece = Piece(self.code, self.frame, cell.write, ins, outs)
        self.at = [self.frame.word() for _ in arrays]
        self.row_of = [self.frame.word() for _ in arrays]
        self.step_of = [self.frame.word() for _ in arrays]
        self.mine, self.ahead = self.frame.word(), self.frame.word()
        self.deep, self.counted = self.frame.word(), self.frame.word()

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code = self.code
        self._part()
        self._start()
        code.label("step")
        self._last()
        if self.product.first:
            self._multiply()
        self._pass()
        if not self.product.first:
            self._multiply()
        for at, step in zip(self.at, self.step_of, strict=True):
            code.move(RAX, step)
            code.add_to(at, RAX)
        code.arithmetic_number("sub", self.ahead, 1)
        code.jump("step", "jne")

    def _start(self) -> None:
        """Point to the first step of this thread's rows, which are those from RDX to R14."""
        code = self.code
        code.arithmetic("sub", R14, RDX)
        code.put(self.mine, R14)
        code.move(RAX, Memory(R15, 8 * AXES))
        code.put(self.ahead, RAX)
        code.put_number(self.deep, self.product.depth // TURN)
        for i in range(len(self.arrays)):
            word = 8 * (AXES + 1 + 3 * i)
            code.move(RCX, Memory(R15, word + 8 * _STEP))
            code.put(self.step_of[i], RCX)
            code.move(RCX, Memory(R15, word + 8 * _ROW))
            code.put(self.row_of[i], RCX)
            code.multiply(RCX, RDX)
            code.arithmetic("add", RCX, Memory(R15, word + 8 * _START))
            code.arithmetic("add", RCX, Memory(RBX, 8 + 8 * i))
            code.put(self.at[i], RCX)

    def _last(self) -> None:
        """In the last step, let some arrays be others: what was before the first step of all."""
        code = self.code
        if all(one.last < 0 for one in self.arrays):
            return
        code.arithmetic_number("cmp", self.ahead, 1)
        code.jump("usual", "jne")
        for i, one in enumerate(self.arrays):
            if one.last >= 0:
                for words in (self.at, self.row_of):
                    code.move(RAX, words[one.last])
                    code.put(words[i], RAX)
        code.label("usual")

    def _multiply(self) -> None:
        """Multiply all rows of this thread, panel after panel."""
        code, p = self.code, self.product
        row = 4 * self.arrays[p.state].row
        strides = Strides(row, 4, 4 * PANEL, 4 * self.arrays[p.result].row)
        again = code.new("panel")
        code.move(R9, self.at[p.matrix])
        code.move(R8, self.at[p.result])
        code.put_number(self.counted, p.width // PANEL)
        code.label(again)
        code.move(R10, self.mine)
        code.move(R11, self.at[p.state])
        code.move(R12, R8)

        def one(rows: int) -> None:
            code.move(RSI, R11)
            code.move(RDI, R9)
            code.move(RDX, R12)
            tile(code, rows, PANEL // 8, strides, self.deep, add=p.add)
            code.arithmetic_number("add", R11, rows * strides.a_row)
            code.arithmetic_number("add", R12, rows * strides.c_row)

        heights(code, R10, one)
        code.arithmetic_number("add", R9, 4 * PANEL * p.depth)
        code.arithmetic_number("add", R8, 4 * PANEL)
        code.arithmetic_number("sub", self.counted, 1)
        code.jump(again, "jne")

    def _pass(self) -> None:
        """Compute the cells of all rows of this thread."""
        code = self.code
        row, vector = code.new("row"), code.new("vector")
        for i, register in self.registers.items():
            code.move(register, self.at[i])
        code.move(RAX, self.mine)
        code.put(self.counted, RAX)
        code.label(row)
        code.number(RAX, 0)
        code.align()
        code.label(vector)
        self.piece.emit()
        code.arithmetic_number("add", RAX, 8)
        code.arithmetic_number("cmp", RAX, self.cell.units)
        code.jump(vector, "jb")
        for i, register in self.registers.items():
            code.arithmetic("add", register, self.row_of[i])
        code.arithmetic_number("sub", self.counted, 1)
        code.jump(row, "jne")

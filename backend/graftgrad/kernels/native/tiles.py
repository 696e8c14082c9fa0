"""Machine code that brings tiles of an image into planes of a matrix each, or back.

A tile is a small square of points that overlaps its neighbours or not. Its points, each a run of
channels, are transformed along the columns and then along the rows, and the results go one to each
plane: row t of a plane belongs to tile t. The way back reads planes and writes tiles. Points beyond
the edge of the image count as zeros and are not written.

Threads share the rows of tiles. Where the points of a row of tiles lie is told by a table in the
shape, so that what is no row of the image can be a row of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from ...spec import bfloat16
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
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    Memory,
    Place,
)
from .loops import AXES, ENTER, THREADS, TOTAL, Loop, used
from .pages import Unit, shortens
from .program import FLOAT, Program, Value
from .registers import SCRATCH, Allocator, Step
from .vectors import SHORT, SINGLE, SIZES, Slot, Vectors, homes_of

LANES = 8
ADDEND, BIAS = 64, 128  # slots of what is added to results, after those of points and planes
ROWS, BIASES = (R8, R9, R10, R11, RSI), RBP

Transform = Callable[[Sequence[Value]], list[Value]]


class Layout(NamedTuple):
    """How tiles lie in images and in planes.

    Attributes:
        points: of a tile along each side, in the image.
        kinds: the element types of images and of planes.
        channels: of each point; a multiple of eight.
        step: bytes from a column of points to the next.
        first: columns from the left edge of the image to the first tile's first; not positive.
        apart: columns from a tile to the next.
        width: columns of the image.
        tiles: in a row.
        plane: bytes from a plane to the next.
    """

    points: int
    kinds: tuple[str, str]
    channels: int
    step: int
    first: int
    apart: int
    width: int
    tiles: int
    plane: int

    def inside(self, tile: int) -> tuple[bool, ...]:
        """Tell which columns of a tile lie inside of the image."""
        left = self.first + tile * self.apart
        return tuple([0 <= left + i < self.width for i in range(self.points)])


class After(NamedTuple):
    """What is done to the points of tiles before they are written.

    Attributes:
        bias: the type of the numbers that are added, one for each channel; nothing if none are.
        added: whether an image of the same layout is added.
        rectified: whether what is not positive becomes 0.
    """

    bias: str = ""
    added: bool = False
    rectified: bool = False


PLAIN = After()


class TileLoop(Loop):
    """Code for one transform; operands are the image, the planes, a row of zeros, or for waste.

    After them come an image that is added, and a bias.

    Args:
        layout: how tiles lie.
        transform: what is done to the points of one column, then to those of one row.
        side: the square root of the number of planes.
        back: whether planes are read and tiles written.
        after: what is done to the points that are written.
    """

    def __init__(
        self, layout: Layout, transform: Transform, side: int, back: bool, after: After
    ) -> None:
        self.layout, self.transform, self.side, self.back = layout, transform, side, back
        self.after = after
        slots = [Slot(SINGLE)] * (BIAS + 1)
        super().__init__(self._program((True,) * layout.points), slots, 1)
        self.moving = []
        self.vectors = _TileVectors(self)

    def _program(self, inside: tuple[bool, ...]) -> Program:
        """Return what is done to a tile of which only some columns are inside of the image.

        Slots are numbered by row and column: the points where those are meant, the planes else.
        """
        program, n = Program(), self.layout.points
        size, wide = (self.side, n) if self.back else (n, self.side)
        columns = []
        for j in range(size):
            there = self.back or inside[j]
            column = [
                program.load(i * size + j, FLOAT, False) if there else program.single(0.0)
                for i in range(size)
            ]
            columns.append(self.transform(column))
        for i, row in enumerate(zip(*columns, strict=True)):
            for j, value in enumerate(self.transform(row)):
                if not self.back or inside[j]:
                    finished = self._finished(program, value, i * wide + j)
                    program.store(i * wide + j, self._rounded(program, finished))
        return program

    def _finished(self, program: Program, value: Value, slot: int) -> Value:
        if self.after.bias:
            value = value + program.load(BIAS, FLOAT, False)
        if self.after.added:
            value = value + program.load(ADDEND + slot, FLOAT, False)
        if self.after.rectified:  # NaN stays
            value = program.choose(program.compare("<=", value, 0.0), 0.0, value)
        return value

    def _rounded(self, program: Program, value: Value) -> Value:
        short = self.layout.kinds[not self.back] == SHORT and not shortens()
        return program.rounded(value, bfloat16) if short else program.single(value)

    def _steps(self, program: Program) -> list[Step]:
        live = used(program)
        homes = homes_of(program, self.code, sorted(live))
        order = [place for place in sorted(live) if place not in homes]
        return Allocator(program, order, homes, self.frame, program.stores, at_once=True).run()

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code, layout, n = self.code, self.layout, self.layout.points
        self._part()
        images = [1, 4] if self.after.added else [1]  # words of the block
        code.move(R13, Memory(RBX, 24))
        if self.after.bias:
            code.move(BIASES, Memory(RBX, 40))
        code.label("row")
        code.move(RAX, RDX)
        code.number(RCX, 8 * n)
        code.multiply(RAX, RCX)
        code.arithmetic("add", RAX, R15)
        rows = ROWS[: n * len(images)]
        for which, register in enumerate(rows):
            inside = code.new("inside")
            image, i = divmod(which, n)
            code.move(R12, Memory(RBX, 8 * images[image]))
            code.move(RCX, Memory(RAX, 8 * (AXES + i)))
            code.address(register, Memory(R12, 0, RCX, 1))
            code.arithmetic_number("cmp", RCX, 0)
            code.jump(inside, "jge")
            code.move(register, R13)
            code.label(inside)
        row = layout.channels * SIZES[layout.kinds[1]]
        code.number(RDI, layout.tiles * row)
        code.multiply(RDI, RDX)
        code.arithmetic("add", RDI, Memory(RBX, 16))
        for inside_, count in _runs([layout.inside(tile) for tile in range(layout.tiles)]):
            steps = self._steps(self._program(inside_))
            tile, lanes = code.new("tile"), code.new("lanes")
            code.number(RCX, count)
            code.label(tile)
            code.number(RAX, 0)
            code.align()
            code.label(lanes)
            self.vectors.write(steps)
            code.arithmetic_number("add", RAX, LANES)
            code.arithmetic_number("cmp", RAX, layout.channels)
            code.jump(lanes, "jb")
            for register in rows:
                code.arithmetic_number("add", register, layout.apart * layout.step)
            code.arithmetic_number("add", RDI, row)
            code.arithmetic_number("sub", RCX, 1)
            code.jump(tile, "jne")
        code.arithmetic_number("add", RDX, 1)
        code.arithmetic("cmp", RDX, R14)
        code.jump("row", "jb")


class _TileVectors(Vectors):
    """Reads and writes points of a tile and rows of planes."""

    def __init__(self, loop: TileLoop) -> None:
        super().__init__(loop.code, loop.slots, loop.frame, lambda slot: 0)
        self.loop = loop

    def _point(self, slot: int, image: int = 0) -> Memory:
        layout = self.loop.layout
        i, j = divmod(slot, layout.points)
        size = SIZES[layout.kinds[0]]
        register = ROWS[i + image * layout.points]
        return Memory(register, (layout.first + j) * layout.step, RAX, size)

    def _in_plane(self, slot: int) -> Memory:
        layout = self.loop.layout
        return Memory(RDI, slot * layout.plane, RAX, SIZES[layout.kinds[1]])

    def _load(self, to: int, slot: int) -> None:
        back, kinds = self.loop.back, self.loop.layout.kinds
        if slot == BIAS:
            kind = self.loop.after.bias
            self._widen(to, kind, Memory(BIASES, 0, RAX, SIZES[kind]))
        elif slot >= ADDEND:
            self._widen(to, kinds[0], self._point(slot - ADDEND, 1))
        else:
            self._widen(to, kinds[back], self._in_plane(slot) if back else self._point(slot))

    def _store(self, value: int, slot: int) -> None:
        back, kinds = self.loop.back, self.loop.layout.kinds
        to = self._point(slot) if back else self._in_plane(slot)
        if kinds[not back] == SHORT and shortens():
            self.code.shorten(SCRATCH, value)
            self.code.store("vmovups", to, SCRATCH, short=True)
        elif kinds[not back] == SHORT:
            self._halve(value, to)
        else:
            self.code.store("vmovups", to, value)


def _runs(flags: Sequence[tuple[bool, ...]]) -> list[tuple[tuple[bool, ...], int]]:
    """Return what follows each other alike, with how often."""
    return [(one, len(list(several))) for one, several in groupby(flags)]


@cache
def code(
    layout: Layout, transform: Transform, side: int, back: bool, after: After = PLAIN
) -> tuple[Unit, int]:
    """Return the code for a transform, and where it is entered."""
    return TileLoop(layout, transform, side, back, after).unit()


def words(enter: int, rows: Any, threads: int) -> Any:
    """Return the shape of some rows of tiles.

    Args:
        enter: where the code is entered.
        rows: where each row of points of each row of tiles begins, in bytes from the image's
            beginning, (rows of tiles, points); negative where there is none.
        threads: how many may share them.
    """
    head = np.zeros(AXES, np.int64)
    head[[ENTER, THREADS, TOTAL]] = enter, threads, len(rows)
    return np.concatenate([head, np.ascontiguousarray(rows, np.int64).reshape(-1)])

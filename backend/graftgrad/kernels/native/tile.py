"""Products of matrices that lie in the cache: code that keeps a tile of the result in registers.

A tile is a few rows by some vectors of eight columns. Of the left matrix one number for each row is
spread over a register, of the right one a row of the tile is read. C = A · B, over `depth` steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .assembler import RCX, RDI, RDX, RSI, Assembler, Memory, Operand

HEIGHT = 6  # rows of the largest tile: twelve sums of two vectors
PANEL = 16  # columns of a tile; the right matrix lies in panels of so many
TURN = 4  # steps of one turn of the loop: the depth must be a multiple


class Strides(NamedTuple):
    """Bytes between the rows of A, the steps of A, the steps of B and the rows of C."""

    a_row: int
    a_step: int
    b_step: int
    c_row: int


def tile(
    code: Assembler, rows: int, vectors: int, strides: Strides, depth: Operand, *, add: bool = False
) -> None:
    """Write one tile: A at RSI, B at RDI, C at RDX; RSI, RDI and RCX change.

    Args:
        code: what is written to.
        rows: of the tile.
        vectors: of eight columns; there are registers for rows · vectors + vectors + 1 ≤ 16.
        strides: how the matrices lie.
        depth: turns of `TURN` steps, in a register or in memory; at least one.
        add: go on from what C holds.
    """
    sums = [[row * vectors + v for v in range(vectors)] for row in range(rows)]
    right = [rows * vectors + v for v in range(vectors)]
    spread = range(rows * vectors + vectors, 16)
    for row in range(rows):
        for v, to in enumerate(sums[row]):
            if add:
                code.two("vmovups", to, Memory(RDX, row * strides.c_row + 32 * v))
            else:
                code.three("vxorps", to, to, to)
    code.move(RCX, depth)
    again = code.new("depth")
    code.align()
    code.label(again)
    for step in range(TURN):
        for v, to in enumerate(right):
            code.two("vmovups", to, Memory(RDI, step * strides.b_step + 32 * v))
        for row in range(rows):
            one = spread[row % len(spread)]
            code.two("vbroadcastss", one, Memory(RSI, step * strides.a_step + row * strides.a_row))
            for v, to in enumerate(sums[row]):
                code.three("vfmadd231ps", to, one, right[v])
    code.arithmetic_number("add", RSI, TURN * strides.a_step)
    code.arithmetic_number("add", RDI, TURN * strides.b_step)
    code.arithmetic_number("sub", RCX, 1)
    code.jump(again, "jne")
    for row in range(rows):
        for v, a in enumerate(sums[row]):
            code.store("vmovups", Memory(RDX, row * strides.c_row + 32 * v), a)


def heights(code: Assembler, left: int, write: Callable[[int], None]) -> None:
    """Write a loop over so many rows as a register tells: the largest tiles, then what is left.

    `write` writes the code of a tile of some rows and goes on to the next ones.
    """
    again, rest, done = code.new("rows"), code.new("rest"), code.new("rows_done")
    code.label(again)
    code.arithmetic_number("cmp", left, HEIGHT)
    code.jump(rest, "jb")
    write(HEIGHT)
    code.arithmetic_number("sub", left, HEIGHT)
    code.jump(again)
    code.label(rest)
    for rows in range(HEIGHT - 1, 0, -1):
        other = code.new("other")
        code.arithmetic_number("cmp", left, rows)
        code.jump(other, "jne")
        write(rows)
        code.jump(done)
        code.label(other)
    code.label(done)

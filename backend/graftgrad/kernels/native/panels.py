"""Matrices copied into panels of sixteen columns, as tiles read them: side by side in the cache."""

from __future__ import annotations

from .assembler import RCX, RDI, RSI, Assembler, Memory
from .tile import PANEL

WIDE = 4 * PANEL  # bytes of a panel's row


def straight(code: Assembler, rows: int, columns: int, stride: int) -> None:
    """Write code that copies (rows, columns) from RSI to panels (columns / 16, rows, 16) at RDI.

    RSI, RDI and RCX change. The columns are a multiple of 16; `stride` is in bytes.
    """
    again = code.new("straight")
    code.number(RCX, rows)
    code.label(again)
    for v in range(columns // 8):
        code.two("vmovups", v % 8, Memory(RSI, 32 * v))
        code.store("vmovups", Memory(RDI, v // 2 * rows * WIDE + v % 2 * 32), v % 8)
    code.arithmetic_number("add", RSI, stride)
    code.arithmetic_number("add", RDI, WIDE)
    code.arithmetic_number("sub", RCX, 1)
    code.jump(again, "jne")


def turned(code: Assembler, rows: int, columns: int, stride: int) -> None:
    """Write code that copies the transpose of (rows, columns) to panels (rows / 16, columns, 16).

    From RSI to RDI; RSI, RDI and RCX change. Rows and columns are multiples of 8; where eight rows
    are left, the other half of their panel stays as it is.
    """
    if rows >= PANEL:
        again = code.new("turned")
        code.number(RCX, rows // PANEL)
        code.label(again)
        for half in range(2):
            _eight_rows(code, columns, stride, 32 * half)
        code.arithmetic_number("add", RDI, columns * WIDE)
        code.arithmetic_number("sub", RCX, 1)
        code.jump(again, "jne")
    if rows % PANEL:
        _eight_rows(code, columns, stride, 0)


def _eight_rows(code: Assembler, columns: int, stride: int, behind: int) -> None:
    for start in range(0, columns, 8):
        for row in range(8):
            code.two("vmovups", row, Memory(RSI, row * stride + 4 * start))
        transpose(code)
        for row in range(8):
            code.store("vmovups", Memory(RDI, (start + row) * WIDE + behind), 8 + row)
    code.arithmetic_number("add", RSI, 8 * stride)


def transpose(code: Assembler) -> None:
    """Write the transpose of the eight registers 0 to 7 into 8 to 15; 0 to 7 change."""
    for pair in range(4):
        a, b = 2 * pair, 2 * pair + 1
        code.three("vpunpckldq", 8 + a, a, b)
        code.three("vpunpckhdq", 8 + b, a, b)
    for base in (8, 12):
        for i in range(2):
            low, high = base + i, base + 2 + i
            code.three("vpunpcklqdq", base - 8 + 2 * i, low, high)
            code.three("vpunpckhqdq", base - 7 + 2 * i, low, high)
    for i in range(4):
        code.halves(8 + i, i, 4 + i, 0x20)
        code.halves(12 + i, i, 4 + i, 0x31)

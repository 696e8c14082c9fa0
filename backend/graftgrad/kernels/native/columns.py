"""Loops in which every column is summed over the rows: gradients of biases, of gamma and beta.

Threads share the columns, so that a sum is taken in one order whatever their number. Rows are added
in blocks, whose sums are added then: long columns lose no digits.
"""

from __future__ import annotations

from collections.abc import Sequence

from .assembler import R14, RAX, RBX, RCX, RDX, RSI, Memory, Place
from .loops import AXES, WIDTH, Loop
from .program import FLOAT, Program, Unsupported, Value
from .registers import FREE, Allocator, Step
from .vectors import Slot

BLOCK = 256  # rows


def summed(program: Program, x: Value) -> Value:
    """Return the sum of each column."""
    return program.make("reduce.add", (program.single(x),), FLOAT, uniform=False)


class ColumnLoop(Loop):
    """Code for a program whose results are sums of columns.

    In the shape, the total counts columns, the width rows; then come, from word AXES on, the
    operands' strides from row to row.
    """

    def __init__(self, program: Program, slots: Sequence[Slot]) -> None:
        super().__init__(program, slots, 0)
        self.vectors.gather = self._gather  # type: ignore[method-assign]
        self.block, self.few = self.frame.word(), self.frame.word()
        self.copies = 1

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        nodes, code = self.program.nodes, self.code
        for _, place in self.program.stores:
            if nodes[place].op != "reduce.add":
                raise Unsupported("what is written is a sum")
        results = {slot for slot, _ in self.program.stores}
        stores = [(-1 - k, nodes[x].args[0]) for k, (_, x) in enumerate(self.program.stores)]
        order = [place for place in body if nodes[place].op != "reduce.add"]
        count = len(stores)
        most = max(1, (8 if len(order) <= 2 else 4) // count)
        free = FREE[: len(FREE) - count * most]
        self.copies = most
        steps = Allocator(self.program, order, homes, self.frame, stores, (), free).run()
        sums = [self.frame.vector() for _ in range(count * most)]
        code.put(self.block, RBX)
        self._part()
        code.move(RAX, RDX)
        self.advancing = [slot for slot in self.moving if slot not in results]
        for copies in sorted({most, 1}, reverse=True):
            again, after = code.new("columns"), code.new("after")
            code.label(again)
            code.address(RDX, Memory(RAX, 8 * copies))
            code.arithmetic("cmp", RDX, R14)
            code.jump(after, "ja")
            self._columns(steps, sums, copies, False)
            code.arithmetic_number("add", RAX, 8 * copies)
            code.jump(again)
            code.label(after)
        code.move(RCX, R14)
        code.arithmetic("sub", RCX, RAX)
        code.jump("done", "jbe")
        code.put(self.left, RCX)
        self.vectors.masks()
        self._columns(steps, sums, 1, True)

    def _register(self, number: int, copy: int) -> int:
        return FREE[-1 - number * self.copies - copy]

    def _gather(self, number: int, value: int) -> None:
        """Add eight columns of a row."""
        to = self._register(number, self.vectors.ahead // 8)
        self.code.three("vaddps", to, to, value)

    def _columns(self, steps: list[Step], sums: Sequence[Memory], copies: int, tail: bool) -> None:
        """Sum columns from the column RAX on over all rows."""
        code = self.code
        count = len(self.program.stores)
        held = [self._register(k, copy) for k in range(count) for copy in range(copies)]
        for register, room in zip(held, sums, strict=False):
            code.three("vxorps", register, register, register)
            code.store("vmovups", room, register)
        code.move(RSI, self.block)
        for slot in self.moving:
            code.move(RCX, Memory(RSI, 8 + 8 * slot))
            self._set(slot, RCX)
        code.move(RSI, self.shape)
        code.move(RCX, Memory(RSI, 8 * WIDTH))
        code.put(self.rows, RCX)
        row, block, on = code.new("row"), code.new("block"), code.new("on")
        code.label(block)
        code.put_number(self.few, BLOCK)
        code.label(row)
        for copy in range(copies):
            self.vectors.write(steps, 8 * copy, tail)
        code.move(RSI, self.shape)
        for slot in self.advancing:
            code.move(RCX, Memory(RSI, 8 * (AXES + slot)))
            self._add(slot, RCX)
        code.arithmetic_number("sub", self.rows, 1)
        code.jump(on, "je")
        code.arithmetic_number("sub", self.few, 1)
        code.jump(row, "jne")
        for register, room in zip(held, sums, strict=False):
            code.three("vaddps", register, register, room)
            code.store("vmovups", room, register)
            code.three("vxorps", register, register, register)
        code.jump(block)
        code.label(on)
        for register, room in zip(held, sums, strict=False):
            code.three("vaddps", register, register, room)
        for k, (slot, _) in enumerate(self.program.stores):
            for copy in range(copies):
                write = Step("store", self._register(k, copy), (), slot)
                self.vectors.write((write,), 8 * copy, tail)

"""Loops in which every row is reduced: sums and maxima, and what follows from them.

A program may hold `reduce` values. What does not depend on any is computed in a first pass over
the row, what depends on one of them in a second, and so on: softmax takes three. Between passes
stands what is one number for each row. A row is never shared among threads.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .assembler import RAX, Place
from .loops import Loop, unrolled
from .program import FLOAT, WHOLE, Program, Value
from .registers import FREE, OTHER, SCRATCH, Allocator
from .vectors import UNIT, ZERO, Slot

_LEAST = struct.pack("<f", float("-inf")) * 8
_START = {"reduce.add": bytes(32), "reduce.max": _LEAST}
_TAKE = {"reduce.add": "vaddps", "reduce.max": "vmaxps"}


def total(program: Program, x: Value) -> Value:
    """Return the sum over the row."""
    return program.make("reduce.add", (program.single(x),), FLOAT, uniform=False)


def largest(program: Program, x: Value) -> Value:
    """Return the largest element of the row."""
    return program.make("reduce.max", (program.single(x),), FLOAT, uniform=False)


def index(program: Program) -> Value:
    """Return which element of its row each is, as whole numbers."""
    return program.make("index", (), WHOLE, uniform=False)


class RowLoop(Loop):
    """Code for a program over rows: one outer axis, and reductions along the inner one."""

    def __init__(self, program: Program, slots: Sequence[Slot]) -> None:
        super().__init__(program, slots, 1)
        self.vectors.gather = self._gather  # type: ignore[method-assign]
        self.gathers: list[int] = []
        self.copies = 1

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        nodes = self.program.nodes
        level: dict[int, int] = {}
        single: dict[int, bool] = {}
        for place in sorted(self.live):
            node = nodes[place]
            level[place] = max((level[arg] for arg in node.args), default=0)
            if node.op.startswith("reduce"):
                level[place] += 1
                single[place] = True
            else:
                moves = node.op == "load" and self.slots[node.data].layout == UNIT
                single[place] = (
                    node.op != "index" and not moves and all(single[arg] for arg in node.args)
                )
        last = max(level.values())
        written = [(slot, x) for slot, x in self.program.stores if self.slots[slot].layout == UNIT]
        told = [(slot, x) for slot, x in self.program.stores if self.slots[slot].layout == ZERO]
        numbers = [place for place in body if single[place]]
        for place in numbers:
            homes[place] = self.frame.vector()
        self._part()
        self._begin()
        self.code.label("row")
        for now in range(last + 1):
            order = [x for x in numbers if level[x] == now and not nodes[x].op.startswith("reduce")]
            self._numbers(order, homes)
            self.gathers = [
                x for x in numbers
                if nodes[x].op.startswith("reduce") and level[x] == now + 1
            ]  # fmt: skip
            stores = [(-1 - k, nodes[x].args[0]) for k, x in enumerate(self.gathers)]
            if now == last:
                stores += written
            if stores:
                self._pass(stores, single, homes)
        if told:
            self.vectors.tail = False
            self.vectors.write(Allocator(self.program, (), homes, self.frame, told).run())
        self._next_row()

    def _numbers(self, order: list[int], homes: dict[int, Place]) -> None:
        """Compute what is one number for the row; each is kept on the stack."""
        steps = Allocator(self.program, order, homes, self.frame, (), order).run()
        self.vectors.write(steps)

    def _pass(
        self, stores: list[tuple[int, int]], single: dict[int, bool], homes: dict[int, Place]
    ) -> None:
        """Go through the row once: reduce, and write what is complete."""
        nodes, code = self.program.nodes, self.code
        needed: set[int] = set()
        waiting = [place for _, place in stores if not single[place]]
        while waiting:
            place = waiting.pop()
            if place not in needed:
                needed.add(place)
                waiting.extend(arg for arg in nodes[place].args if not single[arg])
        order = sorted(place for place in needed if place not in homes)
        count = len(self.gathers)
        free = FREE
        self.copies = 1
        if count:
            few = len(order) <= 4
            self.copies = 4 if few and count == 1 else 2 if few and count == 2 else 1
            free = FREE[: len(FREE) - count * self.copies]
        steps = Allocator(self.program, order, homes, self.frame, stores, (), free).run()
        self.copies = min(self.copies, unrolled(steps))
        for k, place in enumerate(self.gathers):
            for copy in range(self.copies):
                code.two("vmovups", self._register(k, copy), code.constant(
                    _START[nodes[place].op]))  # fmt: skip
        code.arithmetic("xor", RAX, RAX)
        self._row(steps)
        for k, place in enumerate(self.gathers):
            self._across(k, _TAKE[nodes[place].op])
            home = homes[place]
            code.store("vmovups", home, self._register(k, 0))

    def _register(self, number: int, copy: int) -> int:
        return FREE[-1 - number * self.copies - copy]

    def _gather(self, number: int, value: int) -> None:
        """Take eight elements up; those behind the end of the row do not count."""
        code = self.code
        op = self.program.nodes[self.gathers[number]].op
        to = self._register(number, (self.vectors.ahead // 8) % self.copies)
        if self.vectors.tail:
            code.two("vmovups", OTHER, self.vectors.mask)
            if op == "reduce.add":
                code.three("vandps", SCRATCH, value, OTHER)
            else:
                code.two("vmovups", SCRATCH, code.constant(_LEAST))
                code.blend(SCRATCH, SCRATCH, value, OTHER)
            value = SCRATCH
        code.three(_TAKE[op], to, to, value)

    def _across(self, number: int, name: str) -> None:
        """Reduce all copies and all eight elements to one, in a fixed order, and spread it."""
        code = self.code
        to = self._register(number, 0)
        for copy in range(1, self.copies):
            code.three(name, to, to, self._register(number, copy))
        code.high_half(SCRATCH, to)
        code.three(name, to, to, SCRATCH, short=True)
        code.three("vunpckhpd", SCRATCH, to, to, short=True)
        code.three(name, to, to, SCRATCH, short=True)
        code.two("vmovshdup", SCRATCH, to, short=True)
        code.three(name, to, to, SCRATCH, short=True)
        code.two("vbroadcastss", to, to)

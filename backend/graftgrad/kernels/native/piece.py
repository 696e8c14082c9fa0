"""Pieces of a kernel: formulas over eight elements at places that are chosen beforehand.

Where loops of their own kind are written by hand, a piece is what they do at one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .assembler import Assembler, Memory
from .program import FLOAT, Program, Value
from .registers import FREE, SCRATCH, Allocator, Frame
from .vectors import SINGLE, Slot, Vectors, homes_of

Write = Callable[[Program, Sequence[Value]], Sequence[Value]]


class Spread(NamedTuple):
    """One number in memory that stands for all eight elements."""

    place: Memory


class Sum(NamedTuple):
    """A register that a result is added to instead of being written."""

    register: int


class Piece(Vectors):
    """The steps of a formula between float32 at known places."""

    def __init__(
        self, code: Assembler, frame: Frame, write: Write, ins: Sequence[Memory | Spread],
        outs: Sequence[Memory | Sum],
    ) -> None:  # fmt: skip
        """Choose registers for the formula.

        Args:
            code: what is written to.
            frame: where registers are put aside.
            write: makes the results of the operands.
            ins: where each operand is read.
            outs: where each result goes.
        """
        super().__init__(code, [Slot(SINGLE)] * (len(ins) + len(outs)), frame, lambda slot: slot)
        self.places = [*ins, *outs]
        program = Program()
        made = write(program, [program.load(i, FLOAT, False) for i in range(len(ins))])
        for i, x in enumerate(made, len(ins)):
            summed = isinstance(self.places[i], Sum)
            program.store(-1 - i if summed else i, program.single(x))
        live: set[int] = set()
        waiting = [place for _, place in program.stores]
        while waiting:
            place = waiting.pop()
            if place not in live:
                live.add(place)
                waiting.extend(program.nodes[place].args)
        homes = homes_of(program, code, sorted(live))
        order = [x for x in sorted(live) if x not in homes and program.nodes[x].op != "number"]
        taken = {out.register for out in outs if isinstance(out, Sum)}
        free = [register for register in FREE if register not in taken]
        self.steps = Allocator(program, order, homes, frame, program.stores, (), free).run()

    def emit(self) -> None:
        """Write the steps once."""
        self.write(self.steps)

    def _load(self, to: int, slot: int) -> None:
        place = self.places[slot]
        if isinstance(place, Spread):
            self.code.two("vbroadcastss", to, place.place)
        else:
            assert isinstance(place, Memory)
            self.code.two("vmovups", to, place)

    def _store(self, value: int, slot: int) -> None:
        place = self.places[slot]
        assert isinstance(place, Memory)
        self.code.store("vmovups", place, value)

    def gather(self, number: int, value: int) -> None:
        """Add a result up."""
        place = self.places[number]
        assert isinstance(place, Sum)
        self.code.three("vaddps", place.register, place.register, value)


def across(code: Assembler, name: str, to: int) -> None:
    """Reduce the eight elements of a register to one, in a fixed order; it stands in the first."""
    code.high_half(SCRATCH, to)
    code.three(name, to, to, SCRATCH, short=True)
    code.three("vunpckhpd", SCRATCH, to, to, short=True)
    code.three(name, to, to, SCRATCH, short=True)
    code.two("vmovshdup", SCRATCH, to, short=True)
    code.three(name, to, to, SCRATCH, short=True)

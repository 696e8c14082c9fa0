"""The loops around a program: rows of elements, shared among threads, what is left of eight.

A unit of code has one entry, called with a block: the address of its *shape* and those of the
operands. The shape tells how many elements there are and how operands step from row to row, so one
code serves all sizes. Threads are OpenMP's, those that oneDNN uses too.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    RSP,
    Assembler,
    Memory,
    Place,
)
from .doubles import Doubles
from .pages import Unit
from .program import DOUBLE as DOUBLES
from .program import Program, Unsupported
from .registers import FREE, Allocator, Frame, Step
from .vectors import DOUBLE, ONE, Slot, Vectors, homes_of

POINTERS = (RBX, RBP, R8, R9, R10, R11, R12, R13)
SAVED = (RBX, RBP, R12, R13, R14, R15)
ENTER, THREADS, TOTAL, WIDTH, AXES = range(5)  # words of a shape
FLUSH = 0x8040  # results and operands that are denormal become 0
MORE = 1.15  # times as many steps, where two vectors share the registers
APART = 64  # elements: threads write to cache lines of their own


def size_word(axis: int, slots: int) -> int:
    """Return in which word of a shape the size of an axis stands; strides of operands follow."""
    return AXES + axis * (1 + 2 * slots)


def unrolled(steps: Sequence[Step]) -> int:
    """Return how many vectors are computed in one turn: more where there is little to do."""
    work = sum(step.op not in ("load", "store") for step in steps)
    return 4 if work <= 4 else 2 if work <= 12 else 1


def used(program: Program) -> set[int]:
    """Return the values of which something is written."""
    live: set[int] = set()
    waiting = [place for _, place in program.stores]
    while waiting:
        place = waiting.pop()
        if place not in live:
            live.add(place)
            waiting.extend(program.nodes[place].args)
    return live


class Loop:
    """Code for a program over operands of some types and layouts, with so many outer axes."""

    def __init__(
        self, program: Program, slots: Sequence[Slot], depth: int, flush: bool = False
    ) -> None:
        self.program = program
        self.flush = flush  # numbers below 1.2e-38 count as 0: they are many times slower
        self.slots = slots
        self.depth = depth
        self.code = Assembler()
        self.frame = Frame()
        self.saved, self.number, self.count = (self.frame.word() for _ in range(3))
        self.control, self.flushing = self.frame.word(), self.frame.word()
        self.shape, self.rows, self.left = (self.frame.word() for _ in range(3))
        self.indices = [self.frame.word() for _ in range(depth)]
        self.vectors = Vectors(self.code, slots, self.frame, self._at)
        self.vectors.left = self.left
        self.live = used(program)
        moving = {
            node.data
            for place, node in enumerate(program.nodes)
            if node.op == "load" and place in self.live and slots[node.data].layout != ONE
        } | {slot for slot, _ in program.stores if slots[slot].kind != DOUBLE}
        self.moving = sorted(moving)
        self.pointer: dict[int, int | Memory] = {}
        for at, slot in enumerate(self.moving):
            self.pointer[slot] = POINTERS[at] if at < len(POINTERS) else self.frame.word()
        self.in_prologue = False
        self.code.constant(b"\xff" * 32 + bytes(32))  # first, so that it begins on a line

    def unit(self) -> tuple[Unit, int]:
        """Return the code in memory, and where it is entered."""
        code = self.code
        self._enter()
        code.label("body")
        self._open()
        for told, to in (("omp_get_thread_num", self.number), ("omp_get_num_threads", self.count)):
            code.number(RAX, openmp.function(told))
            code.call(RAX)
            code.arithmetic_number("and", RAX, 0x7FFFFFFF)
            code.put(to, RAX)
        code.jump("common")
        code.label("single")
        self._open()
        code.put_number(self.number, 0)
        code.put_number(self.count, 1)
        code.label("common")
        if self.flush:
            code.save_control(self.control)
            code.load_32(RAX, self.control)
            code.arithmetic_number("or", RAX, FLUSH)
            code.put_32(self.flushing, RAX)
            code.load_control(self.flushing)
        homes = homes_of(self.program, code, sorted(self.live))
        body = self._prologue(homes)
        self._body(body, homes)
        code.label("done")
        if self.flush:
            code.load_control(self.control)
        code.zero_upper()
        code.move(RSP, self.saved)
        for register in reversed(SAVED):
            code.pop(register)
        code.give_back()
        finished = bytearray(code.finish())
        for at in self.frames:  # only now is it known how large the frame is
            finished[at : at + 4] = (self.frame.size + 32).to_bytes(4, "little")
        unit = Unit(bytes(finished))
        return unit, unit.address + code.labels["enter"]

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        """Write everything between the prologue and the end."""
        stores = [(slot, x) for slot, x in self.program.stores if self.slots[slot].kind != DOUBLE]
        if not stores:
            return
        steps = Allocator(self.program, body, homes, self.frame, stores).run()
        pair = self._pair(steps, body, homes, stores)
        self._part()
        self._begin()
        if not self.depth:
            self._row(steps, pair)
            return
        self.code.label("row")
        self.code.arithmetic("xor", RAX, RAX)
        self._row(steps, pair)
        self._next_row()

    def _pair(
        self, steps: Sequence[Step], body: Sequence[int], homes: dict[int, Place],
        stores: Sequence[tuple[int, int]],
    ) -> list[tuple[Step, Step]]:  # fmt: skip
        """Return the steps of two vectors by turns, each with half of the registers.

        A long formula is a chain in which each step waits for the one before; another beside it
        fills the gaps. There are none where too much would have to wait in memory.
        """
        if unrolled(steps) > 1 or self.flush:  # update rules wait for roots and quotients anyway
            return []
        halves = FREE[: len(FREE) // 2], FREE[len(FREE) // 2 :]
        one, other = (
            Allocator(self.program, body, homes, self.frame, stores, (), half).run()
            for half in halves
        )
        return list(zip(one, other, strict=True)) if len(one) <= MORE * len(steps) else []

    def _at(self, slot: int) -> int:
        """Return the register that points to an operand's row; it may have to be brought."""
        if self.in_prologue:
            self.code.move(R15, Memory(RBX, 8 + 8 * slot))
            return R15
        pointer = self.pointer[slot]
        if isinstance(pointer, int):
            return pointer
        self.code.move(R15, pointer)
        return R15

    def _enter(self) -> None:
        """Run on several threads where the shape asks for it and there are some."""
        code = self.code
        code.label("enter")
        code.move(RAX, Memory(RDI))
        code.move(RDX, Memory(RAX, 8 * THREADS))
        code.number(RCX, openmp.count_address())
        code.arithmetic("cmp", RDX, Memory(RCX))
        code.jump("fewer", "jbe")
        code.move(RDX, Memory(RCX))
        code.label("fewer")
        code.arithmetic_number("cmp", RDX, 1)
        code.jump("single", "jbe")
        code.number(RCX, openmp.alone_address())
        code.arithmetic_number("cmp", Memory(RCX), 0)
        code.jump("single", "jne")
        code.move(RSI, RDI)
        code.address_of(RDI, "body")
        code.number(RCX, 0)
        code.number(RAX, openmp.function("GOMP_parallel"))
        code.arithmetic_number("sub", RSP, 8)
        code.call(RAX)
        code.arithmetic_number("add", RSP, 8)
        code.give_back()

    frames: list[int]

    def _open(self) -> None:
        code = self.code
        for register in SAVED:
            code.push(register)
        code.move(RAX, RSP)
        code.arithmetic_number("sub", RSP, 1 << 20)
        self.frames = [*getattr(self, "frames", []), len(code.code) - 4]
        code.arithmetic_number("and", RSP, -32)
        code.put(self.saved, RAX)
        code.move(RBX, RDI)

    def _prologue(self, homes: dict[int, Place]) -> list[int]:
        """Compute what is the same for all elements, each with a home on the stack."""
        values, nodes = self.program.values, self.program.nodes
        doubles: list[int] = []
        uniform: list[int] = []
        body: list[int] = []
        for place in sorted(self.live):
            value = values[place]
            if place in homes or nodes[place].op == "number":
                continue
            if value.kind == DOUBLES or nodes[place].op == "single":
                doubles.append(place)
            else:
                (uniform if value.uniform else body).append(place)
        writer = Doubles(self.code, self.program, self.frame)
        for place in doubles:
            if nodes[place].op == "single":
                homes[place] = self.frame.vector()
            writer.write(place, homes.get(place))
        for slot, place in self.program.stores:
            if self.slots[slot].kind == DOUBLE:
                if place not in writer.places:
                    raise Unsupported("a double is made of doubles")
                self.code.two("vmovsd", 0, writer.places[place], short=True)
                self.code.move(R15, Memory(RBX, 8 + 8 * slot))
                self.code.store("vmovsd", Memory(R15), 0, short=True)
        inner = dict(homes)
        needed = {arg for place in body for arg in nodes[place].args}
        needed |= {place for _, place in self.program.stores}
        kept = [place for place in uniform if place in needed]
        for place in kept:
            inner[place] = homes[place] = self.frame.vector()
        steps = Allocator(self.program, uniform, inner, self.frame, (), kept).run()
        self.in_prologue = True
        self.vectors.write(steps)
        self.in_prologue = False
        return body

    def _part(self) -> None:
        """Find this thread's part: from RDX to R14."""
        code = self.code
        code.move(R15, Memory(RBX))
        code.put(self.shape, R15)
        code.move(RAX, Memory(R15, 8 * TOTAL))
        code.move(RCX, self.count)
        code.arithmetic("add", RAX, RCX)
        code.arithmetic_number("sub", RAX, 1)
        code.arithmetic("xor", RDX, RDX)
        code.divide(RCX)
        if not self.depth:
            code.arithmetic_number("add", RAX, APART - 1)
            code.arithmetic_number("and", RAX, -APART)
        code.move(RDX, self.number)
        code.multiply(RDX, RAX)
        code.move(R14, RDX)
        code.arithmetic("add", R14, RAX)
        code.arithmetic("cmp", R14, Memory(R15, 8 * TOTAL))
        code.jump("part", "jbe")
        code.move(R14, Memory(R15, 8 * TOTAL))
        code.label("part")
        code.arithmetic("cmp", RDX, R14)
        code.jump("done", "jae")

    def _begin(self) -> None:
        """Point to the first row of this part."""
        code = self.code
        if self.depth:
            code.arithmetic("sub", R14, RDX)
            code.put(self.rows, R14)
        code.move(RAX, RDX)
        code.move(RSI, RBX)
        for slot in self.moving:
            code.move(RCX, Memory(RSI, 8 + 8 * slot))
            self._set(slot, RCX)
        for axis in range(self.depth):
            word = size_word(axis, len(self.slots))
            if axis < self.depth - 1:
                code.arithmetic("xor", RDX, RDX)
                code.divide(Memory(R15, 8 * word))
            else:
                code.move(RDX, RAX)
            code.put(self.indices[axis], RDX)
            for slot in self.moving:
                code.move(RCX, RDX)
                code.multiply(RCX, Memory(R15, 8 * (word + 1 + slot)))
                self._add(slot, RCX)
        if self.depth:
            code.move(R14, Memory(R15, 8 * WIDTH))

    def _set(self, slot: int, register: int) -> None:
        pointer = self.pointer[slot]
        if isinstance(pointer, int):
            self.code.move(pointer, register)
        else:
            self.code.put(pointer, register)

    def _add(self, slot: int, register: int) -> None:
        pointer = self.pointer[slot]
        if isinstance(pointer, int):
            self.code.arithmetic("add", pointer, register)
        else:
            self.code.add_to(pointer, register)

    def _next_row(self) -> None:
        """Go on with the next row of this thread's part, if there is one."""
        code = self.code
        code.arithmetic_number("sub", self.rows, 1)
        code.jump("done", "je")
        code.move(RSI, self.shape)
        for axis in range(self.depth):
            word = size_word(axis, len(self.slots))
            for slot in self.moving:  # from the end of an axis to the next place of the one outside
                code.move(RCX, Memory(RSI, 8 * (word + 1 + len(self.slots) + slot)))
                self._add(slot, RCX)
            if axis == self.depth - 1:
                code.jump("row")
                break
            code.move(RCX, self.indices[axis])
            code.arithmetic_number("add", RCX, 1)
            code.put(self.indices[axis], RCX)
            code.arithmetic("cmp", RCX, Memory(RSI, 8 * word))
            code.jump("row", "jb")
            code.put_number(self.indices[axis], 0)

    def _row(self, steps: list[Step], pair: Sequence[tuple[Step, Step]] = ()) -> None:
        """Go from the element RAX to R14: several vectors at once, one, and what is left."""
        code = self.code
        at_once = 2 if pair else unrolled(steps)
        for unroll in (at_once, 1) if at_once > 1 else (1,):
            again, after = code.new("vectors"), code.new("after")
            code.address(RDX, Memory(RAX, 8 * unroll))
            code.arithmetic("cmp", RDX, R14)
            code.jump(after, "ja")
            code.align()
            code.label(again)
            if pair and unroll == 2:
                for one, other in pair:
                    self.vectors.write((one,))
                    self.vectors.write((other,), 8)
            else:
                for place in range(unroll):
                    self.vectors.write(steps, 8 * place)
            code.move(RAX, RDX)
            code.arithmetic_number("add", RDX, 8 * unroll)
            code.arithmetic("cmp", RDX, R14)
            code.jump(again, "jbe")
            code.label(after)
        whole = code.new("whole")
        code.move(RCX, R14)
        code.arithmetic("sub", RCX, RAX)
        code.jump(whole, "jbe")
        code.put(self.left, RCX)
        self.vectors.masks()
        self.vectors.write(steps, tail=True)
        code.label(whole)

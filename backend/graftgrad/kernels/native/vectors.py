"""From the steps of a program to instructions: eight elements at once, or what is left of eight.

How elements are read and written depends on their type: float32 as it is, bfloat16 as the upper
half of a float32, truth values as bytes that become masks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .assembler import RAX, RCX, RDI, RSI, Assembler, Memory, Operand, Place
from .program import Program, Unsupported
from .registers import OTHER, SCRATCH, Frame, Step

SINGLE, SHORT, TRUTH, BYTE, INTEGER, DOUBLE = "f", "h", "b", "B", "i", "d"
LABEL, LONG_LABEL = "l", "q"  # whole numbers that stay whole: int32, int64
SIZES = {SINGLE: 4, SHORT: 2, TRUTH: 1, BYTE: 1, INTEGER: 4, DOUBLE: 8, LABEL: 4, LONG_LABEL: 8}
UNIT, ZERO, ONE = "unit", "zero", "one"

_THREE = {
    "add": "vaddps", "sub": "vsubps", "mul": "vmulps", "div": "vdivps", "min": "vminps",
    "max": "vmaxps", "and": "vandps", "andn": "vandnps", "or": "vorps", "xor": "vxorps",
    "add_whole": "vpaddd", "sub_whole": "vpsubd", "equal_whole": "vpcmpeqd",
    "greater_whole": "vpcmpgtd",
    "fma132": "vfmadd132ps", "fma213": "vfmadd213ps", "fma231": "vfmadd231ps",
}  # fmt: skip
_TWO = {"sqrt": "vsqrtps", "to_whole": "vcvtps2dq", "from_whole": "vcvtdq2ps"}
_SHIFTS = {"shift_left": "vpslld", "shift_right": "vpsrad", "shift_down": "vpsrld"}
_LANES = struct.pack("<8I", *range(8))
_ONES = b"\1" * 32
_MASKS = b"\xff" * 32 + bytes(32)


class Slot(NamedTuple):
    """An operand as code sees it: the type of its elements, and how they lie in a row."""

    kind: str
    layout: str = UNIT


class Vectors:
    """Writes steps as instructions; `at` tells in which register an operand's row begins."""

    def __init__(
        self, code: Assembler, slots: Sequence[Slot], frame: Frame, at: Callable[[int], int]
    ) -> None:
        self.code = code
        self.slots = slots
        self.at = at
        self.mask = frame.vector()
        self.room = frame.vector()
        self.tail = False
        self.ahead = 0

    def masks(self) -> None:
        """Make the mask of the RCX elements that are left, fewer than eight."""
        code = self.code
        table = code.constant(_MASKS)
        code.address(RSI, table)
        code.arithmetic_number("add", RSI, 32)
        code.move(RDI, RCX)
        code.shift_left(RDI, 2)
        code.arithmetic("sub", RSI, RDI)
        code.two("vmovups", OTHER, Memory(RSI))
        code.store("vmovups", self.mask, OTHER)

    def write(self, steps: Sequence[Step], ahead: int = 0, tail: bool = False) -> None:
        """Write the steps for the eight elements that come `ahead` elements after the index."""
        self.ahead, self.tail = ahead, tail
        for step in steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        code, op, to, sources = self.code, step.op, step.to, step.sources
        name = _THREE.get(op)
        if name is not None:
            first = sources[0]
            assert isinstance(first, int)
            code.three(name, to, first, sources[1])
        elif op in _TWO:
            code.two(_TWO[op], to, sources[0])
        elif op in _SHIFTS:
            assert isinstance(sources[0], int)
            code.shift(_SHIFTS[op], to, sources[0], step.data)
        elif op == "copy":
            code.two("vmovaps" if isinstance(sources[0], int) else "vmovups", to, sources[0])
        elif op == "keep":
            code.store("vmovups", step.data, to)
        elif op == "round":
            code.round(to, sources[0], step.data)
        elif op == "compare":
            assert isinstance(sources[0], int)
            code.compare(to, sources[0], sources[1], step.data)
        elif op == "blend":
            low, high, mask = sources
            assert isinstance(low, int)
            assert isinstance(mask, int)
            code.blend(to, low, high, mask)
        elif op == "load":
            self._load(to, step.data)
        elif op == "index":
            self._index(to)
        elif op == "store" and step.data < 0:
            self.gather(-1 - step.data, to)
        elif op == "store":
            self._store(to, step.data)
        else:
            raise Unsupported(f"the step {op}")

    # -- reading ----------------------------------------------------------------------------

    def _load(self, to: int, slot: int) -> None:
        kind, layout = self.slots[slot]
        base = self.at(slot)
        if layout != UNIT:
            self._spread(to, kind, Memory(base))
        elif self.tail and SIZES[kind] == 4:
            self.code.two("vmovups", OTHER, self.mask)
            self.code.three("vmaskmovps", to, OTHER, Memory(base, 0, RAX, 4))
            if kind == INTEGER:
                self.code.two("vcvtdq2ps", to, to)
        elif self.tail:
            self._bring(Memory(base, 0, RAX, SIZES[kind]), self.room, SIZES[kind])
            self._widen(to, kind, self.room)
        else:
            size = SIZES[kind]
            self._widen(to, kind, Memory(base, self.ahead * size, RAX, size))

    def _widen(self, to: int, kind: str, place: Place) -> None:
        code = self.code
        if kind in (SINGLE, LABEL):
            code.two("vmovups", to, place)
        elif kind == SHORT:
            code.two("vpmovzxwd", to, place)
            code.shift("vpslld", to, to, 16)
        elif kind == TRUTH:
            code.two("vpmovzxbd", to, place)
            self._as_mask(to)
        elif kind == BYTE:
            code.two("vpmovzxbd", to, place)
            code.two("vcvtdq2ps", to, to)
        else:
            code.two("vcvtdq2ps", to, place)

    def _spread(self, to: int, kind: str, place: Memory) -> None:
        """Read one element into all eight."""
        code = self.code
        if kind == LONG_LABEL:
            self._spread_label(to, place)
        elif kind in (SINGLE, INTEGER, LABEL):
            code.two("vbroadcastss", to, place)
        elif kind == SHORT:
            code.two("vpbroadcastw", to, place)
            code.shift("vpslld", to, to, 16)
        else:
            code.two("vpbroadcastb", to, place)
            code.shift("vpsrld", to, to, 24)
        if kind == TRUTH:
            self._as_mask(to)
        elif kind in (BYTE, INTEGER):
            code.two("vcvtdq2ps", to, to)

    def _as_mask(self, to: int) -> None:
        self.code.three("vxorps", SCRATCH, SCRATCH, SCRATCH)
        self.code.three("vpcmpgtd", to, to, SCRATCH)

    # -- writing ----------------------------------------------------------------------------

    def _store(self, value: int, slot: int) -> None:
        kind = self.slots[slot].kind
        base, size = self.at(slot), SIZES[kind]
        to = Memory(base, self.ahead * size, RAX, size)
        code = self.code
        if self.slots[slot].layout == ZERO:  # one element for the whole row
            code.store("vmovss", Memory(base), value, short=True)
            return
        if kind == SINGLE and self.tail:
            code.two("vmovups", OTHER, self.mask)
            code.store_masked(Memory(base, 0, RAX, 4), OTHER, value)
            return
        if kind == SINGLE:
            code.store("vmovups", to, value)
            return
        target: Operand = self.room if self.tail else to
        if kind == SHORT:
            self._halve(value, target)
        else:
            code.high_half(OTHER, value)
            code.three("vpackssdw", SCRATCH, value, OTHER, short=True)
            code.three("vpacksswb", SCRATCH, SCRATCH, SCRATCH, short=True)
            code.three("vandps", SCRATCH, SCRATCH, code.constant(_ONES), short=True)
            code.store("vmovq", target, SCRATCH, short=True)
        if self.tail:
            self._bring(self.room, Memory(base, 0, RAX, size), size)

    def _halve(self, value: int, target: Operand) -> None:
        """Write the upper halves of eight elements."""
        code = self.code
        code.shift("vpsrld", SCRATCH, value, 16)
        code.high_half(OTHER, SCRATCH)
        code.three("vpackusdw", SCRATCH, SCRATCH, OTHER, short=True)
        code.store("vmovups", target, SCRATCH, short=True)

    def _bring(self, source: Memory, target: Memory, size: int) -> None:
        """Copy the elements that are left, byte by byte: nothing beyond the end is touched."""
        code = self.code
        code.address(RSI, source)
        code.address(RDI, target)
        code.move(RCX, self.left)
        if size > 1:
            code.shift_left(RCX, size.bit_length() - 1)
        code.copy_bytes()

    left: Memory

    def gather(self, number: int, value: int) -> None:
        """Take up a value that is not written but reduced; see `rows` and `columns`."""
        raise Unsupported("nothing is reduced here")

    def _index(self, to: int) -> None:
        """Tell which element of its row each is."""
        code = self.code
        code.two("vmovd", to, RAX, short=True)
        code.two("vpbroadcastd", to, to)
        lanes = _LANES if not self.ahead else struct.pack("<8I", *range(self.ahead, self.ahead + 8))
        code.three("vpaddd", to, to, code.constant(lanes))

    def _spread_label(self, to: int, place: Memory) -> None:
        """Read a whole number of 64 bits; one that needs more than 32 becomes the largest."""
        code = self.code
        fits = code.new("fits")
        code.move(RCX, place)
        code.extend(RSI, RCX)
        code.arithmetic("cmp", RSI, RCX)
        code.jump(fits, "je")
        code.number(RCX, 0x7FFFFFFF)
        code.label(fits)
        code.two("vmovd", to, RCX, short=True)
        code.two("vpbroadcastd", to, to)


def homes_of(program: Program, code: Assembler, live: Sequence[int]) -> dict[int, Place]:
    """Put the constants among these values into the table; return where they lie."""
    homes: dict[int, Place] = {}
    for place in live:
        node = program.nodes[place]
        if node.op in ("constant", "bits"):
            homes[place] = code.constant(struct.pack("<I", node.data) * 8)
    return homes

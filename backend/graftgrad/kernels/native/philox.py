"""Random bits by Philox4x32-10 in machine code, and dropout with them.

Eight blocks of four words are scrambled at once. The bits are those of `ops.philox`; what threads
take part in it changes nothing, as a word is a function of its place.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Sequence

from ...kernel import Call, Kernel, kernel
from ...ops.random import Dropout, kept_scale
from ...spec import Spec, uint32
from . import openmp
from .assembler import R8, R9, R14, R15, RAX, RBX, RCX, RDX, Memory, Place
from .elementwise import KINDS
from .entry import entry
from .geometry import Walk
from .loops import AXES, ENTER, THREADS, TOTAL, Loop
from .pages import Unit
from .program import FLOAT, MASK, WHOLE, Program, Value
from .steps import LONG, Part, Steps, offered, part
from .vectors import LABEL, SIZES, TRUTH, UNIT, Slot

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
STEPS = (0x9E3779B9, 0xBB67AE85)
AT_ONCE = 32  # words: eight blocks of four
COST = 5  # steps for one word


def _all(word: int) -> bytes:
    return struct.pack("<I", word) * 8


class PhiloxLoop(Loop):
    """Code that fills memory with words of random bits; operands are the state and the words."""

    def __init__(self) -> None:
        program = Program()
        for i in range(2):
            program.store(i, program.bits(0))
        super().__init__(program, (Slot(LABEL), Slot(LABEL)), 0)

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code = self.code
        code.move(R8, Memory(RBX, 8))
        code.move(R9, Memory(RBX, 16))
        self._part()
        code.move(RAX, RDX)
        code.label("group")
        code.move(RCX, RAX)
        code.shift_left(RCX, 3)
        code.two("vmovd", 0, RCX, short=True)
        code.two("vpbroadcastd", 0, 0)
        code.three("vpaddd", 0, 0, code.constant(struct.pack("<8I", *range(8))))
        code.three("vxorps", 1, 1, 1)
        code.two("vbroadcastss", 2, Memory(R8, 4))
        code.three("vxorps", 3, 3, 3)
        code.two("vbroadcastss", 6, Memory(R8))
        code.three("vxorps", 7, 7, 7)
        for round_ in range(ROUNDS):
            self._round()
            if round_ < ROUNDS - 1:
                code.three("vpaddd", 6, 6, code.constant(_all(STEPS[0])))
                code.three("vpaddd", 7, 7, code.constant(_all(STEPS[1])))
        self._write()
        code.arithmetic_number("add", RAX, 1)
        code.arithmetic("cmp", RAX, R14)
        code.jump("group", "jb")

    def _round(self) -> None:
        """c0, c1, c2, c3 ← high(m1·c2) ^ c1 ^ k0, low(m1·c2), high(m0·c0) ^ c3 ^ k1, low(m0·c0)."""
        code = self.code
        for counter, multiplier, high, low in ((0, 0, 10, 11), (2, 1, 12, 13)):
            factor = code.constant(_all(MULTIPLIERS[multiplier]))
            code.shift_long(False, 9, counter, 32)
            code.three("vpmuludq", 8, counter, factor)
            code.three("vpmuludq", 9, 9, factor)
            code.shift_long(True, low, 9, 32)
            code.mix(low, 8, low, 0xAA)
            code.shift_long(False, 8, 8, 32)
            code.mix(high, 8, 9, 0xAA)
        code.three("vxorps", 0, 12, 1)
        code.three("vxorps", 0, 0, 6)
        code.three("vxorps", 2, 10, 3)
        code.three("vxorps", 2, 2, 7)
        code.two("vmovaps", 1, 13)
        code.two("vmovaps", 3, 11)

    def _write(self) -> None:
        """Bring the four words of each block side by side, and write them."""
        code = self.code
        for to, (name, a, b) in enumerate(
            (("vpunpckldq", 0, 1), ("vpunpckhdq", 0, 1), ("vpunpckldq", 2, 3),
             ("vpunpckhdq", 2, 3)), 8
        ):  # fmt: skip
            code.three(name, to, a, b)
        for to, (name, a, b) in enumerate(
            (("vpunpcklqdq", 8, 10), ("vpunpckhqdq", 8, 10), ("vpunpcklqdq", 9, 11),
             ("vpunpckhqdq", 9, 11))
        ):  # fmt: skip
            code.three(name, to, a, b)
        code.move(R15, RAX)
        code.shift_left(R15, 7)
        code.arithmetic("add", R15, R9)
        for at, (a, b, which) in enumerate(
            ((0, 1, 0x20), (2, 3, 0x20), (0, 1, 0x31), (2, 3, 0x31))
        ):
            code.halves(8, a, b, which)
            code.store("vmovups", Memory(R15, 32 * at), 8)


_made: list[tuple[int, Unit]] = []


def words_part(count: int, places: tuple[int, int]) -> Part:
    """Return a loop that fills `count` words, a multiple of AT_ONCE, from a state."""
    if not _made:
        unit, enter = PhiloxLoop().unit()
        _made.append((enter, unit))
    enter, unit = _made[0]
    groups = count // AT_ONCE
    words = [0] * AXES
    words[ENTER], words[TOTAL], words[THREADS] = enter, groups, openmp.share(2 * count, COST)
    shape = (ctypes.c_int64 * len(words))(*words)
    call = entry(2, 8 * count < LONG)
    return Part(call, ctypes.addressof(shape), places, enter, words[THREADS], (unit, shape))


@kernel(Dropout, on="cpu")
def build_dropout(call: Call) -> Kernel | None:
    """Offer a kernel for dropout whose mask has the shape of the operand."""

    def make(call: Call) -> Kernel | None:
        assert isinstance(call.function, Dropout)
        x, state = call.ins
        least = math.ceil(call.function.rate * 2.0**32)
        kind = KINDS.get(x.dtype)
        if kind in (None, TRUTH) or call.function.noise != x.shape or least >= 1 << 32:
            return None
        assert kind is not None
        assert state.dtype == uint32
        scale = kept_scale(call.function.rate)

        def write(p: Program, values: list[Value]) -> None:
            bits = p.whole("xor", values[1], p.bits(1 << 31))  # compared as signed numbers
            below = p.make("greater_whole", (p.bits(least ^ 1 << 31), bits), MASK)
            mask = p.inverse(below)
            p.store(2, p.rounded(p.choose(mask, values[0] * scale, 0.0), x.dtype))
            p.store(3, mask)

        count = -(-x.size // AT_ONCE) * AT_ONCE
        kinds = (kind, LABEL, kind, TRUTH)
        walk = Walk((x.size,), tuple([(SIZES[one],) for one in kinds]), (UNIT,) * 4)
        key = ("dropout", call.function.rate)
        last = part(key, walk, kinds, (0, 4, 2, 3), write, _load, _loop)
        return Steps(call, (words_part(count, (1, 4)), last), (Spec((count,), uint32),))

    return offered(call, make)


def _load(program: Program, place: int, slot: Slot) -> Value:
    kind = WHOLE if slot.kind == LABEL else MASK if slot.kind == TRUTH else FLOAT
    return program.load(place, kind, False)


def _loop(program: Program, slots: Sequence[Slot]) -> Loop:
    return Loop(program, slots, 0)

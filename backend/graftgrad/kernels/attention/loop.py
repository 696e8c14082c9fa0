"""The code around one head of attention: which it is, its panels, bands of queries, later keys.

Eight queries are computed together: their scores against panels of keys, as far as they are seen,
and means of rows in panels. Threads share the heads.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

from ...errors import LibraryError
from ...kernel import Call, Kernel
from ...spec import Spec, float32
from ..native import openmp, pages
from ..native.assembler import (
    R8,
    R9,
    R10,
    R14,
    RAX,
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
from ..native.panels import WIDE, straight, turned
from ..native.program import Program, Unsupported
from ..native.steps import Part, Steps
from ..native.tile import PANEL, TURN, Strides, tile
from ..threads import get_num_threads

BAND = 8  # queries that are computed together
MOST = 1 << 20  # bytes that a thread works on: what a processor has of its own cache
CODES = 64  # sizes whose code is kept
GAP = 16  # elements behind a row of weights, so that rows do not fall onto each other in the cache

_made: dict[tuple[Any, ...], tuple[int, Any]] = {}


class Heads(NamedTuple):
    """What the code is made for: queries, keys, heads, features of keys and of values, the rule."""

    t: int
    u: int
    s: int
    d: int
    e: int
    scale: float
    causal: bool

    @property
    def row(self) -> int:
        """Bytes of a row of weights: all keys, up to whole panels."""
        return 4 * (-(-self.u // PANEL) * PANEL + GAP)

    @property
    def panels(self) -> int:
        """Bytes that a feature takes in panels of all keys."""
        return -(-self.u // PANEL) * WIDE


def heads_of(call: Call, q: Spec, k: Spec, v: Spec, mask: Spec) -> Heads:
    """Return the sizes.

    Raises:
        LibraryError: they do not fit the code.
    """
    function: Any = call.function
    real = [spec for spec in (*call.ins, *call.outs) if spec is not mask]
    z = Heads(q.shape[1], k.shape[1], q.shape[2], q.shape[3], v.shape[3], function.scale,
              function.causal)  # fmt: skip
    fits = (
        all(spec.dtype == float32 and spec.contiguous and spec.size for spec in real)
        and mask.shape == (0,)
        and q.shape[2] == k.shape[2]
        and not (z.t % BAND or z.u % BAND or z.d % PANEL or z.e % PANEL)
        and function.scale > 0
        and pages.available()
        and openmp.available()
    )
    if not fits:
        raise LibraryError("attention: sizes must fit the code; got others.")
    return z


def walk(call: Call, loop: type[HeadLoop], z: Heads, n: int) -> Kernel:
    """Return the kernel of the code for all heads.

    Raises:
        LibraryError: machine code cannot be made here.
    """
    if loop.room(z) > MOST or ((loop, z) not in _made and len(_made) >= CODES):
        raise LibraryError("attention: sizes must fit the cache; got larger ones.")
    if (loop, z) not in _made:
        try:
            unit, enter = loop(z).unit()
        except Unsupported as error:
            raise LibraryError(f"attention: {error}") from error
        _made[loop, z] = enter, unit
    enter, unit = _made[loop, z]
    threads = get_num_threads()
    words = [0] * AXES
    words[ENTER], words[TOTAL] = enter, n * z.s
    words[THREADS] = min(threads, openmp.share(n * z.s * z.t * z.u, 30 + z.d + z.e))
    shape = (ctypes.c_int64 * len(words))(*words)
    arrays = tuple([i for i in range(len(call.ins)) if i != loop.mask])
    places = (*arrays, *range(len(call.ins), len(call.ins) + len(call.outs) + 1))
    made = entry(len(places), words[THREADS] == 0)
    part = Part(made, ctypes.addressof(shape), places, enter, words[THREADS], (unit, shape))
    return Steps(call, (part,), (Spec((threads, loop.room(z) // 4)),))


class HeadLoop(Loop):
    """The code around one head: which it is, where its rows begin, the room that a thread has."""

    mask: int  # the operand that is not looked at
    arrays: tuple[str, ...]  # what is handed over, in order; the last is room for each thread

    def __init__(self, z: Heads) -> None:
        super().__init__(Program(), (), 1)
        self.z = z
        self.item, self.end, self.sample, self.head = (self.frame.word() for _ in range(4))
        self.base = {name: self.frame.word() for name in self.arrays}
        self.at = {name: self.frame.word() for name in self.arrays}
        self.band, self.seen, self.deep = (self.frame.word() for _ in range(3))
        self.turns = {size: self.frame.word() for size in sorted({z.d, z.e})}

    @classmethod
    def room(cls, z: Heads) -> int:
        """Return how many bytes a thread needs."""
        raise NotImplementedError

    def one(self) -> None:
        """Write the code of one head."""
        raise NotImplementedError

    def _body(self, body: list[int], homes: dict[int, Place]) -> None:
        code, z = self.code, self.z
        self._part()
        code.put(self.item, RDX)
        code.put(self.end, R14)
        for size, word in self.turns.items():
            code.put_number(word, size // TURN)
        code.move(RAX, self.number)
        code.number(RCX, self.room(z))
        code.multiply(RAX, RCX)
        code.arithmetic("add", RAX, Memory(RBX, 8 * len(self.arrays)))
        code.put(self.base["room"], RAX)
        code.label("head")
        code.move(RAX, self.item)
        code.number(RDX, 0)
        code.number(RCX, z.s)
        code.divide(RCX)
        code.put(self.sample, RAX)
        code.put(self.head, RDX)
        self.one()
        code.move(RAX, self.item)
        code.arithmetic_number("add", RAX, 1)
        code.put(self.item, RAX)
        code.arithmetic("cmp", RAX, self.end)
        code.jump("head", "jb")

    def begin(self, name: str, steps: int, features: int) -> None:
        """Find the head's first row in (N, T, S, D); its rows lie S · D apart."""
        code = self.code
        code.number(RCX, 4 * steps * self.z.s * features)
        code.multiply(RCX, self.sample)
        code.number(RAX, 4 * features)
        code.multiply(RAX, self.head)
        code.arithmetic("add", RAX, RCX)
        code.arithmetic("add", RAX, Memory(RBX, 8 + 8 * self.arrays.index(name)))
        code.put(self.base[name], RAX)
        code.put(self.at[name], RAX)

    def begin_rows(self, name: str) -> None:
        """Find the head's first number in (N, S, T)."""
        code = self.code
        code.number(RAX, 4 * self.z.t)
        code.multiply(RAX, self.item)
        code.arithmetic("add", RAX, Memory(RBX, 8 + 8 * self.arrays.index(name)))
        code.put(self.base[name], RAX)
        code.put(self.at[name], RAX)

    def pack(self, name: str, features: int, to: int, *, turn: bool) -> None:
        """Copy keys or values into panels that begin so many bytes behind the thread's room."""
        code, stride = self.code, 4 * self.z.s * features
        code.move(RSI, self.base[name])
        code.move(RDI, self.base["room"])
        code.arithmetic_number("add", RDI, to)
        (turned if turn else straight)(code, self.z.u, features, stride)

    def limit(self) -> None:
        """Find how many keys the queries of a band see, whole eights: self.seen; turns of them."""
        code, z = self.code, self.z
        code.number(RAX, z.u)
        if z.causal:
            code.move(RCX, self.band)
            code.arithmetic_number("add", RCX, 1)
            code.shift_left(RCX, 3)
            code.arithmetic("cmp", RCX, RAX)
            code.jump(all_keys := code.new("all"), "jae")
            code.move(RAX, RCX)
            code.label(all_keys)
        code.put(self.seen, RAX)
        code.shift_right(RAX, TURN.bit_length() - 1)
        code.put(self.deep, RAX)

    def scores(self, name: str, features: int, panels: int, to: int) -> None:
        """Multiply a band's rows with panels of keys, as far as they are seen; `to`: a register."""
        code, z = self.code, self.z
        strides = Strides(4 * z.s * features, 4, WIDE, z.row)
        again = code.new("scores")
        code.move(R8, to)
        code.move(R9, self.base["room"])
        code.arithmetic_number("add", R9, panels)
        code.move(R10, self.seen)
        code.label(again)
        for half in range(2):
            code.move(RSI, self.at[name])
            code.arithmetic_number("add", RSI, half * 4 * strides.a_row)
            code.move(RDI, R9)
            code.address(RDX, Memory(R8, half * 4 * z.row))
            tile(code, 4, 2, strides, self.turns[features])
        code.arithmetic_number("add", R8, WIDE)
        code.arithmetic_number("add", R9, features * WIDE)
        code.arithmetic_number("sub", R10, PANEL)
        code.jump(again, "jg")

    def hide(self, rows: int) -> None:
        """Under a causal rule, let what comes later weigh nothing: the band's last eight keys."""
        code, z = self.code, self.z
        if not z.causal:
            return
        after = code.new("after")
        code.move(RAX, self.band)
        code.shift_left(RAX, 3)
        code.arithmetic_number("cmp", RAX, z.u)
        code.jump(after, "jae")
        for row in range(BAND):
            here = Memory(rows, row * z.row, RAX, 4)
            shown, later = b"\xff" * 4 * (row + 1), b"\0\0\x80\xff"
            code.two("vmovups", 0, code.constant(shown + bytes(4 * (7 - row))))
            code.three("vandps", 0, 0, here)
            code.three("vorps", 0, 0, code.constant(bytes(4 * (row + 1)) + later * (7 - row)))
            code.store("vmovups", here, 0)
        code.label(after)

    def means(self, rows: int, panels: int, name: str, features: int) -> None:
        """Multiply a band's weights with panels of what is averaged, into its rows elsewhere."""
        code, z = self.code, self.z
        strides = Strides(z.row, 4, WIDE, 4 * z.s * features)
        for panel in range(features // PANEL):
            for half in range(2):
                code.address(RSI, Memory(rows, half * 4 * z.row))
                code.move(RDI, self.base["room"])
                code.arithmetic_number("add", RDI, panels + panel * z.u * WIDE)
                code.move(RDX, self.at[name])
                code.arithmetic_number("add", RDX, half * 4 * strides.c_row + panel * WIDE)
                tile(code, 4, 2, strides, self.deep)

    def advance(self, **strides: int) -> None:
        """Go on with the next band of some arrays, whose rows lie so many bytes apart."""
        for name, stride in strides.items():
            self.code.arithmetic_number("add", self.at[name], BAND * stride)

"""Attention of one head after the other, in the cache: no weights of other heads are held.

Keys and values of a head are copied into panels; eight queries at a time take their scores, weights
and means. Under a causal rule the keys that come later are not computed.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import LibraryError
from ...kernel import Call, Kernel, kernel
from ...ops.attention import Attention
from ..native.assembler import R8, R9, R11, R12, RAX, Memory
from ..native.functions import falling, log
from ..native.piece import Piece, Sum, across
from ..native.program import Program, Value
from .loop import BAND, HeadLoop, Heads, heads_of, walk


class Forward(HeadLoop):
    """Means and the logarithms of the sums of weights."""

    mask = 3
    arrays = ("q", "k", "v", "y", "level", "room")

    def __init__(self, z: Heads) -> None:
        super().__init__(z)
        self.keys = 0
        self.values = self.keys + z.panels * z.d
        self.weights = self.values + 4 * z.u * z.e
        self.tops, self.sums, self.shares = (self.frame.vector() for _ in range(3))
        self.top = self.frame.vector()

        def weigh(p: Program, x: Sequence[Value]) -> Sequence[Value]:
            e = falling(p, (x[0] - x[1]) * z.scale)
            return e, e

        def close(p: Program, x: Sequence[Value]) -> Sequence[Value]:
            top, total = x
            return log(p, total) + top * z.scale, 1.0 / total

        here = Memory(R8, 0, RAX, 4)
        self.weigh = Piece(self.code, self.frame, weigh, (here, self.top), (here, Sum(13)))
        self.close = Piece(self.code, self.frame, close, (self.tops, self.sums),
                           (Memory(R9), self.shares))  # fmt: skip

    @classmethod
    def room(cls, z: Heads) -> int:
        """Return how many bytes a thread needs: keys and values in panels, a band of weights."""
        return z.panels * z.d + 4 * z.u * z.e + BAND * z.row

    def one(self) -> None:
        """Write the code of one head."""
        code, z = self.code, self.z
        self.begin("q", z.t, z.d)
        self.begin("k", z.u, z.d)
        self.begin("v", z.u, z.e)
        self.begin("y", z.t, z.e)
        self.begin_rows("level")
        self.pack("k", z.d, self.keys, turn=True)
        self.pack("v", z.e, self.values, turn=False)
        code.put_number(self.band, 0)
        code.label("band")
        self.limit()
        code.move(R12, self.base["room"])
        code.arithmetic_number("add", R12, self.weights)
        self.scores("q", z.d, self.keys, R12)
        self.hide(R12)
        self._weights()
        self.means(R12, self.values, "y", z.e)
        self._share()
        self.advance(q=4 * z.s * z.d, y=4 * z.s * z.e, level=4)
        code.arithmetic_number("add", self.band, 1)
        code.arithmetic_number("cmp", self.band, z.t // BAND)
        code.jump("band", "jb")

    def _weights(self) -> None:
        """Let each row be e to the scores less their largest; keep that and the sum."""
        code, z = self.code, self.z
        code.move(R8, R12)
        code.move(R11, self.seen)
        for row in range(BAND):
            largest, weights = code.new("largest"), code.new("weights")
            code.two("vmovups", 0, Memory(R8))
            code.number(RAX, 0)
            code.label(largest)
            code.three("vmaxps", 0, 0, Memory(R8, 0, RAX, 4))
            code.arithmetic_number("add", RAX, 8)
            code.arithmetic("cmp", RAX, R11)
            code.jump(largest, "jb")
            across(code, "vmaxps", 0)
            code.store("vmovss", self._lane(self.tops, row), 0, short=True)
            code.two("vbroadcastss", 0, 0)
            code.store("vmovups", self.top, 0)
            code.three("vxorps", 13, 13, 13)
            code.number(RAX, 0)
            code.label(weights)
            self.weigh.emit()
            code.arithmetic_number("add", RAX, 8)
            code.arithmetic("cmp", RAX, R11)
            code.jump(weights, "jb")
            across(code, "vaddps", 13)
            code.store("vmovss", self._lane(self.sums, row), 13, short=True)
            code.arithmetic_number("add", R8, z.row)
        code.move(R9, self.at["level"])
        self.close.emit()

    def _share(self) -> None:
        """Divide a band's means by the sums of their weights."""
        code, z = self.code, self.z
        code.move(R8, self.at["y"])
        for row in range(BAND):
            code.two("vbroadcastss", 0, self._lane(self.shares, row))
            for v in range(z.e // 8):
                here = Memory(R8, row * 4 * z.s * z.e + 32 * v)
                code.three("vmulps", 1 + v % 8, 0, here)
                code.store("vmovups", here, 1 + v % 8)

    @staticmethod
    def _lane(vector: Memory, lane: int) -> Memory:
        return Memory(vector.base, vector.offset + 4 * lane)


@kernel(Attention, on="cpu")
def attention(call: Call) -> Kernel | None:
    """Offer attention without a mask, of as many heads of keys as of queries."""
    try:
        return walk(call, Forward, heads_of(call, *call.ins), call.ins[0].shape[0])
    except LibraryError:
        return None

"""The gradients of attention, one head after the other: the weights are computed again.

Bands of eight queries take their weights and slopes and the gradient of the queries; a few bands
together then add to those of keys and values.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import LibraryError
from ...kernel import Call, Kernel, kernel
from ...ops.attention import AttentionGrad
from ..native.assembler import R8, R9, R10, R11, R12, R13, RAX, RCX, RDI, RDX, RSI, Memory
from ..native.functions import falling
from ..native.piece import Piece, Spread, across
from ..native.program import Program, Value
from ..native.tile import PANEL, Strides, tile
from .loop import BAND, HeadLoop, Heads, heads_of, walk

BANDS = 4  # whose weights are held at once


class Backward(HeadLoop):
    """Gradients of queries, keys and values."""

    mask = 4
    arrays = ("gy", "q", "k", "v", "y", "level", "gq", "gk", "gv", "room")

    def __init__(self, z: Heads) -> None:
        super().__init__(z)
        self.keys = 0
        self.values = self.keys + z.panels * z.d
        self.plain = self.values + z.panels * z.e
        self.weights = self.plain + 4 * z.u * z.d
        self.slopes = self.weights + BANDS * BAND * z.row
        self.flat = self.frame.vector()
        self.begun, self.height, self.left = (self.frame.word() for _ in range(3))
        self.vectors.left = self.left

        def slope(p: Program, x: Sequence[Value]) -> Sequence[Value]:
            score, pull, level, flat = x
            weight = falling(p, score * z.scale - level)
            return weight, (pull - flat) * weight * z.scale

        here, there = Memory(R8, 0, RAX, 4), Memory(R9, 0, RAX, 4)
        ins = here, there, Spread(Memory(R10)), Spread(Memory(R11))
        self.slope = Piece(self.code, self.frame, slope, ins, (here, there))

    @classmethod
    def room(cls, z: Heads) -> int:
        """Return how many bytes a thread needs: keys twice, values, weights and slopes of bands."""
        return z.panels * (z.d + z.e) + 4 * z.u * z.d + 2 * BANDS * BAND * z.row

    def one(self) -> None:
        """Write the code of one head."""
        code, z = self.code, self.z
        for name, steps, features in (
            ("gy", z.t, z.e), ("q", z.t, z.d), ("k", z.u, z.d), ("v", z.u, z.e), ("y", z.t, z.e),
            ("gq", z.t, z.d), ("gk", z.u, z.d), ("gv", z.u, z.e),
        ):  # fmt: skip
            self.begin(name, steps, features)
        self.begin_rows("level")
        self.pack("k", z.d, self.keys, turn=True)
        self.pack("v", z.e, self.values, turn=True)
        self.pack("k", z.d, self.plain, turn=False)
        self._clear("gk", z.d)
        self._clear("gv", z.e)
        code.put_number(self.band, 0)
        code.label("bands")
        code.move(RAX, self.band)
        code.put(self.begun, RAX)
        code.move(R12, self.base["room"])
        code.arithmetic_number("add", R12, self.weights)
        code.move(R13, self.base["room"])
        code.arithmetic_number("add", R13, self.slopes)
        code.label("band")
        self._band()
        code.arithmetic_number("add", R12, BAND * z.row)
        code.arithmetic_number("add", R13, BAND * z.row)
        code.arithmetic_number("add", self.band, 1)
        code.move(RAX, self.band)
        code.arithmetic_number("cmp", RAX, z.t // BAND)
        code.jump("held", "jae")
        code.arithmetic("sub", RAX, self.begun)
        code.arithmetic_number("cmp", RAX, BANDS)
        code.jump("band", "jb")
        code.label("held")
        self._gather("gv", z.e, "gy", self.weights)
        self._gather("gk", z.d, "q", self.slopes)
        code.arithmetic_number("cmp", self.band, z.t // BAND)
        code.jump("bands", "jb")

    def _clear(self, name: str, features: int) -> None:
        """Set the rows of a head to 0."""
        code = self.code
        again = code.new("clear")
        code.move(R8, self.base[name])
        code.number(RCX, self.z.u)
        code.three("vxorps", 0, 0, 0)
        code.label(again)
        for v in range(features // 8):
            code.store("vmovups", Memory(R8, 32 * v), 0)
        code.arithmetic_number("add", R8, 4 * self.z.s * features)
        code.arithmetic_number("sub", RCX, 1)
        code.jump(again, "jne")

    def _band(self) -> None:
        """Compute weights at R12 and slopes at R13, and the gradient of the queries."""
        code, z = self.code, self.z
        self.limit()
        self.scores("q", z.d, self.keys, R12)
        self.scores("gy", z.e, self.values, R13)
        self.hide(R12)
        self._flat()
        code.move(R8, R12)
        code.move(R9, R13)
        code.move(R10, self.at["level"])
        code.address(R11, self.flat)
        code.move(RDX, self.seen)
        code.number(RCX, BAND)
        row, vector = code.new("row"), code.new("vector")
        code.label(row)
        code.number(RAX, 0)
        code.label(vector)
        self.slope.emit()
        code.arithmetic_number("add", RAX, 8)
        code.arithmetic("cmp", RAX, RDX)
        code.jump(vector, "jb")
        for register, stride in ((R8, z.row), (R9, z.row), (R10, 4), (R11, 4)):
            code.arithmetic_number("add", register, stride)
        code.arithmetic_number("sub", RCX, 1)
        code.jump(row, "jne")
        self.means(R13, self.plain, "gq", z.d)
        of_k, of_v = 4 * z.s * z.d, 4 * z.s * z.e
        self.advance(gy=of_v, q=of_k, y=of_v, level=4, gq=of_k)

    def _flat(self) -> None:
        """Compute Σ gy · y of each row of the band."""
        code, z = self.code, self.z
        code.move(R8, self.at["gy"])
        code.move(R9, self.at["y"])
        for row in range(BAND):
            code.three("vxorps", 0, 0, 0)
            for v in range(z.e // 8):
                behind = row * 4 * z.s * z.e + 32 * v
                code.two("vmovups", 1 + v % 8, Memory(R8, behind))
                code.three("vfmadd231ps", 0, 1 + v % 8, Memory(R9, behind))
            across(code, "vaddps", 0)
            lane = Memory(self.flat.base, self.flat.offset + 4 * row)
            code.store("vmovss", lane, 0, short=True)

    def _gather(self, name: str, features: int, other: str, weights: int) -> None:
        """Add weightsᵀ · rows of the bands that are held to a gradient, eight keys at a time.

        Under a causal rule eight keys are seen from their own band on.
        """
        code, z = self.code, self.z
        far = 4 * z.s * features
        strides = Strides(4, z.row, far, far)
        again, inside = code.new("keys"), code.new("inside")
        code.number(R8, 0)  # the first of eight keys
        code.label(again)
        code.move(R9, self.begun)  # the band from which on they are seen
        if z.causal:
            code.move(RAX, R8)
            code.shift_right(RAX, 3)
            code.arithmetic("cmp", RAX, R9)
            code.jump(inside, "jbe")
            code.move(R9, RAX)
            code.label(inside)
        code.move(RAX, self.band)
        code.arithmetic("sub", RAX, R9)
        code.shift_left(RAX, 1)  # turns of four rows
        code.put(self.height, RAX)
        code.arithmetic("sub", R9, self.begun)
        code.move(R10, R9)
        code.number(RAX, BAND * z.row)
        code.multiply(R9, RAX)
        code.arithmetic("add", R9, self.base["room"])
        code.address(R9, Memory(R9, weights, R8, 4))
        code.arithmetic("add", R10, self.begun)
        code.number(RAX, BAND * far)
        code.multiply(R10, RAX)
        code.arithmetic("add", R10, self.base[other])
        code.number(R11, far)
        code.multiply(R11, R8)
        code.arithmetic("add", R11, self.base[name])
        for half in range(2):
            for panel in range(features // PANEL):
                code.address(RSI, Memory(R9, 16 * half))
                code.address(RDI, Memory(R10, 4 * PANEL * panel))
                code.address(RDX, Memory(R11, half * 4 * far + 4 * PANEL * panel))
                tile(code, 4, 2, strides, self.height, add=True)
        code.arithmetic_number("add", R8, BAND)
        code.arithmetic("cmp", R8, self.seen)
        code.jump(again, "jb")


@kernel(AttentionGrad, on="cpu")
def attention_grad(call: Call) -> Kernel | None:
    """Offer its gradients."""
    try:
        return walk(call, Backward, heads_of(call, *call.ins[1:5]), call.ins[0].shape[0])
    except LibraryError:
        return None

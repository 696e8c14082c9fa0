"""Products whose sums are long, as two products of half of them, which are added.

Two threads can then compute one each, on their own rows of the second factor. The sum is taken in
this order by whoever computes it, so that results do not depend on the number of threads.
"""

from __future__ import annotations

from ...kernel import Arrays, Call, Kernel, NativeCall, choose
from ...ops.arithmetic import Add
from ...spec import Spec, float32
from . import library as home
from .memory import space

LONG = 512  # terms of a sum that is taken in halves
LEAST, MOST = 1 << 21, 1 << 26  # multiplications of such a product


def cut(call: Call) -> int:
    """Return at which term the sums of a product are cut, or 0 where they are taken whole."""
    whole = (*call.ins, *call.outs)
    if any(spec.ndim != 2 or spec.dtype != float32 for spec in whole) or not home.available():
        return 0
    (rows, terms), columns = call.ins[0].shape, call.ins[1].shape[1]
    fits = terms >= LONG and LEAST <= rows * terms * columns < MOST and call.ins[1].contiguous
    return terms // 2 if fits else 0


class Halved(Kernel):
    """A product in two."""

    def __init__(self, call: Call, at: int) -> None:
        (a, b), y = call.ins, call.outs[0]
        self.at = at
        terms = (at, a.shape[1] - at)
        self.parts = [
            choose(
                Call(call.function,
                     (Spec((a.shape[0], n), a.dtype, a.shape[0] == 1), b.shaped(n, b.shape[1])),
                     (y,), call.device)
            )
            for n in terms
        ]  # fmt: skip
        self.sum = choose(Call(Add(), (y, y), (y,), call.device))
        first, second = (part.scratch for part in self.parts)
        self.scratch = (y, *first, *second)
        self.rooms = slice(1, 1 + len(first)), slice(1 + len(first), None)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        y = outs[0]
        # not of the working space: a part that needs more than it said takes that anew
        other = space(y.nbytes).view(y.dtype).reshape(y.shape)
        given = zip(self.parts, self.halves(ins), (y, other), self.rooms, strict=True)
        for part, pair, result, room in given:
            part.run(pair, (result,), scratch[room])
        self.sum.run((y, other), outs, ())

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the calls of both, and of the addition."""
        y, other = outs[0], scratch[0]
        calls: list[NativeCall] = []
        given = zip(self.parts, self.halves(ins), (y, other), self.rooms, strict=True)
        for part, pair, result, room in given:
            made = part.native(pair, (result,), scratch[room], fixed)
            if made is None:
                return None
            calls += made
        made = self.sum.native((y, other), outs, ())
        return None if made is None else calls + made

    def halves(self, ins: Arrays) -> tuple[Arrays, Arrays]:
        """Return the operands of both."""
        a, b = ins
        return (a[:, : self.at], b[: self.at]), (a[:, self.at :], b[self.at :])

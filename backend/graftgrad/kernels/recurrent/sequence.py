"""Kernels made of others, one after the other: products and copies of parts of arrays, and steps.

A recurrent network is such a sequence: two bodies for each step, a few for all steps together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference
from ...spec import Shape, Spec, float32, uint8
from ..native.elementwise import Write, offer
from ..native.vectors import SINGLE
from ..onednn.library import available, forked, library
from ..onednn.memory import LINE, lines, strided
from ..onednn.primitive import LARGEST, Primitive
from ..onednn.recipe import Accumulate, Attributes, Recipe
from ..onednn.work import BIAS, RESULT, SOURCE, WEIGHTS, Work

LONGEST = 4096  # runs of a sequence that a recorded step makes


class Lie(NamedTuple):
    """How a part of an array lies: sizes, and strides in elements."""

    sizes: Shape
    steps: Shape

    def turned(self) -> Lie:
        """Return the same with the last two axes exchanged."""
        (*lead, a, b), (*more, s, t) = self.sizes, self.steps
        return Lie((*lead, b, a), (*more, t, s))


class Run(NamedTuple):
    """A kernel with its arrays."""

    kernel: Kernel
    ins: Arrays
    outs: Arrays


def product(
    call: Call, a: Lie, b: Lie, y: Lie, *, biased: bool = False, accumulate: bool = False
) -> Primitive:
    """Return the kernel y = a · b, plus a bias (one per column), plus what y held before.

    Raises:
        LibraryError: the library has no fast code for this.
    """

    def build(work: Work) -> None:
        left, right = (work.seen(i, strided(*one)) for i, one in enumerate((a, b)))
        result = work.made(0, strided(*y))
        arguments = {SOURCE: left, WEIGHTS: right, RESULT: result}
        if biased:
            columns, ones = y.sizes[-1], (1,) * (len(y.sizes) - 1)
            layout = strided((*ones, columns), (*([columns] * len(ones)), 1))
            arguments[BIAS] = work.seen(2, layout)
        bias = arguments[BIAS].description if biased else None
        recipe = Recipe(
            "matmul", library().engine, left.description, right.description, bias,
            result.description, Attributes([Accumulate()] if accumulate else []),
        )  # fmt: skip
        work.main(recipe, arguments)

    count = a.sizes[-1]
    for size in y.sizes:
        count *= size
    return Primitive(_of_parts(call, 3 if biased else 2), build, count)


def copy(call: Call, source: Lie, target: Lie) -> Primitive:
    """Return the kernel that copies a part of an array into a part of another.

    Raises:
        LibraryError: the library refuses.
    """

    def build(work: Work) -> None:
        work.reorder(work.seen(0, strided(*source)), work.made(0, strided(*target)))

    return Primitive(_of_parts(call, 1), build, 1)


def _of_parts(call: Call, count: int) -> Call:
    """Return a Call of so many operands, whose descriptions are told to the library alone."""
    part = Spec((1,))
    return Call(call.function, (part,) * count, (part,), call.device)


class Sequence(Kernel):
    """Runs one after the other; the last array of the working space is shared by all."""

    def __init__(
        self,
        call: Call,
        kernels: list[Kernel],
        between: tuple[Spec, ...],
        runs: Callable[[Arrays, Arrays, Arrays], list[Run]],
    ) -> None:
        self.reference = Reference(call)
        self.kernels = kernels
        self.runs = runs
        most = max([LINE, *[lines(spec.nbytes) for one in kernels for spec in one.scratch]])
        self.scratch = (*between, Spec((most,), uint8))

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        if forked():
            self.reference.run(ins, outs, ())
            return
        for one in self.runs(ins, outs, scratch[:-1]):
            one.kernel.run(one.ins, one.outs, scratch[-1:])

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the C calls of all runs."""
        runs = self.runs(ins, outs, scratch[:-1])
        if forked() or len(runs) > LONGEST:
            return None
        made: list[NativeCall] = []
        for one in runs:
            calls = one.kernel.native(one.ins, one.outs, scratch[-1:])
            if calls is None:
                return None
            made += calls
        return made


def cell_of(call: Call, n: int, u: int, ins: int, outs: int, write: Write) -> Kernel:
    """Return the machine code for one step's cell, of so many arrays (N, U) with any rows.

    Raises:
        LibraryError: machine code cannot be made here.
    """
    part = Spec((n, u), float32, False)
    asked = Call(call.function, (part,) * ins, (part,) * outs, call.device)
    made = offer(asked, [SINGLE] * (ins + outs), write)
    if made is None:
        raise LibraryError("recurrent cell: machine code must be possible; got none.")
    return made


def parts(gates: Any, u: int) -> list[Any]:
    """Cut (N, G · U) into gates."""
    return [gates[:, start : start + u] for start in range(0, gates.shape[1], u)]


def sizes_of(call: Call, x: Spec, h: Spec) -> tuple[int, int, int, int] | None:
    """Return samples, steps, features and units, or None where the call does not fit."""
    real = [spec for spec in (*call.ins, *call.outs) if spec.shape != (0,)]
    plain = all(spec.dtype == float32 and spec.contiguous for spec in real)
    fits = plain and h.shape[1] > 1 and all(0 < spec.nbytes < LARGEST for spec in real)
    n, t, d = x.shape
    return (n, t, d, h.shape[1]) if fits and available() else None

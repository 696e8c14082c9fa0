"""Several element-wise functions in a row as one, so that memory is read and written once.

Recorded steps put such runs together; nobody else has to. A fast body computes a whole run for a
few elements at a time, and gives the same bits as the functions one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import Function, function
from ..spec import Spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor

Steps = tuple[tuple[Function, tuple[int, ...]], ...]


@function
class Fused(Function):
    """Functions one after the other, each of one result.

    In each of `steps` stand a function and the numbers of its operands: 0 … n − 1 are the operands
    of the run, n, n + 1, … the results of the steps before. `kept` are the steps whose results are
    handed out, counted from 0.
    """

    steps: Steps
    kept: tuple[int, ...]

    undefined: ClassVar[str] = "is made of functions whose gradients were taken before"

    def infer(self, *operands: Spec) -> tuple[Spec, ...]:
        specs = described(self.steps, operands)
        expect(len(self.kept) > 0 and all(0 <= i < len(self.steps) for i in self.kept), "fused",
               "at least one step must be kept, and none that is not there",
               steps=len(self.steps), kept=self.kept)  # fmt: skip
        return tuple([specs[len(operands) + i] for i in self.kept])

    def compute(self, xp: Any, *arrays: Any) -> None:
        count = len(arrays) - len(self.kept)
        values = list(arrays[:count])
        specs = [Spec(a.shape, a.dtype, bool(a.flags.c_contiguous)) for a in values]
        for made, spec in zip(self.steps, described(self.steps, specs)[count:], strict=True):
            kind, places = made
            y = xp.empty(spec.shape, spec.dtype)
            type(kind).compute(kind, xp, *[values[i] for i in places], y)
            values.append(y)
        for y, i in zip(arrays[count:], self.kept, strict=True):  # may lie over an operand
            y[...] = values[count + i]


def described(steps: Steps, operands: Sequence[Spec]) -> list[Spec]:
    """Return the descriptions of all operands and results of a run.

    Raises:
        ShapeError: a step reads what is not there yet, or has several results.
    """
    specs = list(operands)
    for kind, places in steps:
        expect(all(0 <= i < len(specs) for i in places), "fused",
               "a step may read operands and what comes before it",
               step=kind, operands=places, known=len(specs))  # fmt: skip
        found = type(kind).infer(kind, *[specs[i] for i in places])
        expect(isinstance(found, Spec), "fused", "a step must have one result", step=kind)
        specs.append(found)
    return specs


def fused(steps: Steps, kept: Sequence[int], *operands: Tensor) -> Any:
    """Compute functions in a row; returns what is kept, a tensor or a tuple of them.

    Args:
        steps: functions and the numbers of their operands, see `Fused`.
        kept: the steps whose results are returned.
        operands: any shapes that the functions take.
    Raises:
        ShapeError: a step reads what is not there, or nothing is kept.
    """
    return Fused(tuple(steps), tuple(kept))(*operands)

"""Changes in place: assignment, accumulation, and the update rules of the optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, broadcast

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Assign(Function):
    """target ← value, broadcast and converted to the target's element type."""

    updates = ("target",)

    def infer(self, target: Spec, value: Spec) -> Spec:
        expect(broadcast("assign", target, value) == target.shape, "assign",
               "the value must stretch to the target's shape", target=target, value=value)  # fmt: skip
        return target

    def compute(self, xp: Any, target: Any, value: Any) -> None:
        target[...] = value


@function
class Accumulate(Function):
    """target ← target + value."""

    updates = ("target",)

    def infer(self, target: Spec, value: Spec) -> Spec:
        expect(broadcast("accumulate", target, value) == target.shape, "accumulate",
               "the value must stretch to the target's shape", target=target, value=value)  # fmt: skip
        return target

    def compute(self, xp: Any, target: Any, value: Any) -> None:
        xp.add(target, value, out=target, casting="same_kind")


def assign(target: Tensor, value: Tensor) -> Tensor:
    """Write into a tensor in place: target ← value.

    Raises:
        ShapeError: the value does not stretch to the target's shape.
        GradientError: the target is part of a graph that is being recorded.
    """
    return Assign()(target, value)  # type: ignore[no-any-return]


def accumulate(target: Tensor, value: Tensor) -> Tensor:
    """Add into a tensor in place: target ← target + value.

    Raises:
        ShapeError: the value does not stretch to the target's shape.
        GradientError: the target is part of a graph that is being recorded.
    """
    return Accumulate()(target, value)  # type: ignore[no-any-return]

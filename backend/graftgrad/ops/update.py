"""Changes in place: assignment, accumulation, moving averages, scaling and clipping.

The update rules of the optimizers stand in `optimize`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, broadcast, float32, is_complex, is_differentiable

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Assign(Function):
    """target ← value, broadcast and converted to the target's element type."""

    updates = ("target",)

    c: ClassVar[str] = "target = value;"
    takes_complex: ClassVar[bool] = True

    def infer(self, target: Spec, value: Spec) -> Spec:
        return _stretched("assign", target, value)

    def compute(self, xp: Any, target: Any, value: Any) -> None:
        target[...] = value


@function
class Accumulate(Function):
    """target ← target + value."""

    updates = ("target",)

    c: ClassVar[str] = "target = target + value;"
    takes_complex: ClassVar[bool] = True

    def infer(self, target: Spec, value: Spec) -> Spec:
        return _summed("accumulate", target, value)

    def compute(self, xp: Any, target: Any, value: Any) -> None:
        xp.add(target, value, out=target, casting="same_kind")


@function
class Scale(Function):
    """target ← target · factor."""

    factor: float
    updates = ("target",)

    c: ClassVar[str] = "target = target * factor;"
    takes_complex: ClassVar[bool] = True

    def infer(self, target: Spec) -> Spec:
        return _floating("scale", target)

    def compute(self, xp: Any, target: Any) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            xp.multiply(target, self.factor, out=target)


@function
class Ema(Function):
    """target ← decay · target + (1 − decay) · value."""

    decay: float
    updates = ("target",)

    c: ClassVar[str] = "target = decay * target + (1 - decay) * value;"

    def infer(self, target: Spec, value: Spec) -> Spec:
        return _floating("ema", target, value)

    def compute(self, xp: Any, target: Any, value: Any) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            xp.multiply(target, self.decay, out=target)
            xp.add(target, value * (1 - self.decay), out=target, casting="same_kind")


@function
class EmaFromFirst(Function):
    """As Ema, but up to the first step the average is the value itself."""

    decay: float
    updates = ("target",)

    c: ClassVar[str] = (
        "float part = step > 1 ? decay : 0; target = part * target + (1 - part) * value;"
    )

    def infer(self, target: Spec, value: Spec, step: Spec) -> Spec:
        return _floating("ema", target, value)

    def compute(self, xp: Any, target: Any, value: Any, step: Any) -> None:
        decay = xp.where(step > 1, self.decay, 0.0).astype(target.dtype)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            xp.multiply(target, decay, out=target)
            xp.add(target, value * (1 - decay), out=target, casting="same_kind")


@function
class SumOfSquares(Function):
    """y = Σ x², a number; at least in single precision."""

    def infer(self, x: Spec) -> Spec:
        return Spec((), float32 if x.dtype.itemsize < 4 else x.dtype)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        flat = x.reshape(-1).astype(y.dtype, copy=False)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            y[...] = xp.dot(flat, flat)


@function
class ClipNorm(Function):
    """target ← target · min(1, limit / (norm + margin))."""

    limit: float
    margin: float = 0.0
    updates = ("target",)

    c: ClassVar[str] = (
        "float part = limit / (norm + margin); target = target * (part > 1 ? 1 : part);"
    )

    def infer(self, target: Spec, norm: Spec) -> Spec:
        expect(norm.ndim == 0, "clip_norm", "the norm must be a number", norm=norm)
        return target

    def compute(self, xp: Any, target: Any, norm: Any) -> None:
        # a norm that is not finite makes all of the target NaN or 0, as it does for the peers
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            factor = xp.minimum(self.limit / (norm + self.margin), 1.0).astype(target.dtype)
            xp.multiply(target, factor, out=target)


@function
class ClipValue(Function):
    """target ← min(max(target, −limit), limit)."""

    limit: float
    updates = ("target",)

    c: ClassVar[str] = "target = target < -limit ? -limit : (target > limit ? limit : target);"

    def infer(self, target: Spec) -> Spec:
        return _floating("clip_value", target)

    def compute(self, xp: Any, target: Any) -> None:
        xp.clip(target, -self.limit, self.limit, out=target)


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


def scale(target: Tensor, factor: float) -> Tensor:
    """Multiply in place by a number that never changes: target ← target · factor.

    Raises:
        GradientError: the target is part of a graph that is being recorded.
    """
    return Scale(float(factor))(target)  # type: ignore[no-any-return]


def ema(target: Tensor, value: Tensor, decay: float, step: Tensor | None = None) -> Tensor:
    """Move an average in place: target ← decay · target + (1 − decay) · value.

    Args:
        target: the average.
        value: what it follows, of a shape that stretches to the target's.
        decay: the part of the old average that stays, from 0 to 1.
        step: how many values there were, this one included; up to the first the average is the
            value itself. Without it the average simply moves on.
    Raises:
        ShapeError: the value does not stretch to the target's shape.
        GradientError: the target is part of a graph that is being recorded.
    """
    if step is None:
        return Ema(float(decay))(target, value)  # type: ignore[no-any-return]
    return EmaFromFirst(float(decay))(target, value, step)  # type: ignore[no-any-return]


def sum_of_squares(x: Tensor) -> Tensor:
    """Return Σ x² as a number without axes; no gradient is defined."""
    return SumOfSquares()(x)  # type: ignore[no-any-return]


def clip_norm(target: Tensor, norm: Tensor, limit: float, margin: float = 0.0) -> Tensor:
    """Shorten in place what is too long: target ← target · min(1, limit / (norm + margin)).

    Args:
        target: for example gradients.
        norm: the length that is held against the limit, a number.
        limit: the greatest length that is left as it is.
        margin: added to the norm.
    Raises:
        ShapeError: the norm has axes.
        GradientError: the target is part of a graph that is being recorded.
    """
    return ClipNorm(float(limit), float(margin))(target, norm)  # type: ignore[no-any-return]


def clip_value(target: Tensor, limit: float) -> Tensor:
    """Keep every element between −limit and limit, in place.

    Raises:
        GradientError: the target is part of a graph that is being recorded.
    """
    return ClipValue(float(limit))(target)  # type: ignore[no-any-return]


def _stretched(subject: str, target: Spec, value: Spec) -> Spec:
    expect(broadcast(subject, target, value) == target.shape, subject,
           "the value must stretch to the target's shape", target=target, value=value)  # fmt: skip
    fitting(subject, target, value)
    return target


def _summed(subject: str, target: Spec, value: Spec) -> Spec:
    expect(is_differentiable(target.dtype) or target.dtype == value.dtype, subject,
           "a target of whole numbers takes values of its own element type", error=DTypeError,
           advice="Convert the target with .to(dtype).", target=target, value=value)  # fmt: skip
    return _stretched(subject, target, value)


def _floating(subject: str, target: Spec, value: Spec | None = None) -> Spec:
    expect(is_differentiable(target.dtype), subject, "the target must have a floating dtype",
           error=DTypeError, target=target)  # fmt: skip
    return target if value is None else _stretched(subject, target, value)


def fitting(subject: str, target: Spec, value: Spec) -> None:
    """Check that a target can hold the values that are written into it.

    Raises:
        DTypeError: they are complex, and it is not.
    """
    if is_complex(value.dtype):
        expect(is_complex(target.dtype), subject, "a complex value needs a complex target",
               error=DTypeError, advice="Take .real, .imag or .abs() of the value.",
               target=target, value=value)  # fmt: skip

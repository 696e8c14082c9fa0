"""Element by element, made of other ops: bounds, interpolation, steps, replaced NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import ml_dtypes

from ..errors import expect
from ..function import Function, function
from ..spec import DType, Spec, as_dtype, bool_, is_floating
from .arithmetic import (
    Binary,
    abs,
    add,
    div,
    equal_mask,
    maximum,
    minimum,
    mul,
    power,
    sub,
    where,
)
from .operand import cast, floating, full_like, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..tensor import Tensor


@function
class CopySign(Binary):
    """a with the sign of b; constant between its steps in b, and used for a = 1 alone."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.copysign(a, b, out=y)


@function
class NextAfter(Binary):
    """The number next to a on the way to b; a step function of both."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.nextafter(a, b, out=y)


@function
class Bitcast(Function):
    """The same bytes read as another element type; the last axis grows or shrinks with it."""

    dtype: DType

    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        wide, narrow = x.dtype.itemsize, self.dtype.itemsize
        if wide == narrow:
            return x.typed(self.dtype)
        expect(x.ndim > 0 and x.shape[-1] * wide % narrow == 0, "bitcast",
               "the last axis must hold whole numbers of the new elements", x=x,
               dtype=self.dtype)  # fmt: skip
        return x.shaped(*x.shape[:-1], x.shape[-1] * wide // narrow).typed(self.dtype)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = xp.ascontiguousarray(x).reshape(x.shape).view(self.dtype).reshape(y.shape)


def nextafter(a: Any, b: Any) -> Tensor:
    """Return the number next to a on the way to b; no gradient flows."""
    a, b = together(a, b)
    return NextAfter()(floating(a), floating(b))  # type: ignore[no-any-return]


def bitcast(x: Tensor, dtype: object) -> Tensor:
    """Read the same bytes as another element type; no gradient flows.

    Shapes: (…, D) -> (…, D · size before / size after).

    Raises:
        ShapeError: the last axis does not hold whole numbers of the new elements.
    """
    return Bitcast(as_dtype(dtype))(x)  # type: ignore[no-any-return]


def reciprocal(x: Tensor) -> Tensor:
    """Divide one by x: y = 1 / x."""
    return div(1, x)


def positive(x: Tensor) -> Tensor:
    """Return x itself, as `+x` does."""
    return x


def float_power(a: Any, b: Any) -> Tensor:
    """Raise to a power in floating point, of whole numbers too: y = aᵇ, broadcast."""
    a, b = together(a, b)
    return power(floating(a), floating(b))


def lerp(a: Any, b: Any, weight: Any) -> Tensor:
    """Go part of the way from a to b: y = a + weight · (b − a), broadcast."""
    a, b = together(a, b)
    return add(a, mul(weight, sub(b, a)))


def fmax(a: Any, b: Any) -> Tensor:
    """Take the larger of two, broadcast; where one is NaN, the other."""
    return _apart_from_nan(maximum, a, b)


def fmin(a: Any, b: Any) -> Tensor:
    """Take the smaller of two, broadcast; where one is NaN, the other."""
    return _apart_from_nan(minimum, a, b)


def copysign(a: Any, b: Any) -> Tensor:
    """Give a the sign of b, broadcast; of a zero too. Gradients flow to a alone."""
    a, b = together(a, b)
    a, b = floating(a), floating(b)
    return mul(abs(a), CopySign()(full_like(b, 1), b))


def heaviside(x: Any, values: Any) -> Tensor:
    """Step: y = 0 below 0, `values` at 0, 1 above, broadcast; gradients flow to `values` alone."""
    x, values = together(x, values)
    zero, one = full_like(x, 0), full_like(x, 1)
    return where(x < 0, zero, where(x > 0, one, where(equal_to(x, 0), values, x)))


def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Replace NaN and infinities; no gradient flows where something was replaced.

    Args:
        x: of any shape.
        nan: in place of NaN.
        posinf: in place of ∞; the largest number of the element type if None.
        neginf: in place of −∞; the smallest number of the element type if None.
    """
    if not is_floating(x.spec.dtype):
        return x
    largest = float(ml_dtypes.finfo(x.spec.dtype).max)  # type: ignore[no-untyped-call]
    y = where(equal_to(x, x), x, nan)
    y = where(y > largest, largest if posinf is None else posinf, y)
    return where(y < -largest, -largest if neginf is None else neginf, y)


def equal_to(a: Any, b: Any) -> Tensor:
    """Tell where two are equal, as truth values; no gradient flows."""
    return cast(equal_mask(a, b), bool_)


def _apart_from_nan(op: Callable[[Any, Any], Tensor], a: Any, b: Any) -> Tensor:
    a, b = together(a, b)
    if not is_floating(a.spec.dtype):
        return op(a, b)
    known = equal_to(a, a)
    both = cast(mul(cast(known, a.dtype), equal_mask(b, b)), bool_)
    return where(both, op(where(both, a, 0), where(both, b, 0)), where(known, a, b))

"""Circular and hyperbolic functions and their inverses. Sine, cosine and tanh: `exponential`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..function import function
from ..spec import bool_
from .arithmetic import Binary, Unary, div, equal_mask, mul, neg, square, where
from .exponential import cos, rsqrt, sin
from .operand import cast, floating, full_like, together
from .parts import conj

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Tan(Unary):
    """Tangent of an angle in radians."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.tan(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy * conj(y * y + 1)


@function
class Arcsin(Unary):
    """The angle from −π/2 to π/2 of a sine; NaN for real numbers outside of [−1, 1]."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(invalid="ignore"):
            xp.arcsin(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * conj(rsqrt((1 - x) * (1 + x)))


@function
class Arccos(Unary):
    """The angle from 0 to π of a cosine; NaN for real numbers outside of [−1, 1]."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(invalid="ignore"):
            xp.arccos(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return neg(gy * conj(rsqrt((1 - x) * (1 + x))))


@function
class Arctan(Unary):
    """The angle from −π/2 to π/2 of a tangent."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.arctan(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy / conj(x * x + 1)


@function
class Arctan2(Binary):
    """The angle from −π to π of the point with height a and width b."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.arctan2(a, b, out=y)

    def grad_a(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return gy * div(b, a * a + b * b)

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return neg(gy * div(a, a * a + b * b))


@function
class Hypot(Binary):
    """√(a² + b²) without overflow; the gradient at the origin is 0."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.hypot(a, b, out=y)

    def grad_a(self, gy: Tensor, a: Tensor, y: Tensor) -> Tensor:
        return gy * div(a, _apart_from_zero(y))

    def grad_b(self, gy: Tensor, b: Tensor, y: Tensor) -> Tensor:
        return gy * div(b, _apart_from_zero(y))


@function
class Sinh(Unary):
    """Hyperbolic sine."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(over="ignore"):
            xp.sinh(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * conj(cosh(x))


@function
class Cosh(Unary):
    """Hyperbolic cosine."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(over="ignore"):
            xp.cosh(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * conj(sinh(x))


@function
class Arcsinh(Unary):
    """Inverse of the hyperbolic sine."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.arcsinh(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * conj(rsqrt(x * x + 1))


@function
class Arccosh(Unary):
    """Inverse of the hyperbolic cosine; NaN for real numbers below 1."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(invalid="ignore"):
            xp.arccosh(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * conj(rsqrt(x - 1) * rsqrt(x + 1))  # the root of the product is another


@function
class Arctanh(Unary):
    """Inverse of the hyperbolic tangent; ±∞ at ±1, NaN for real numbers outside."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.arctanh(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy / conj((1 - x) * (1 + x))


def tan(x: Tensor) -> Tensor:
    """Tangent of an angle in radians."""
    if x.spec.dtype.kind == "c":
        return div(sin(x), cos(x))
    return Tan()(floating(x))  # type: ignore[no-any-return]


def arcsin(x: Tensor) -> Tensor:
    """Angle from −π/2 to π/2 whose sine is x; NaN outside of [−1, 1]."""
    return Arcsin()(floating(x))  # type: ignore[no-any-return]


def arccos(x: Tensor) -> Tensor:
    """Angle from 0 to π whose cosine is x; NaN outside of [−1, 1]."""
    return Arccos()(floating(x))  # type: ignore[no-any-return]


def arctan(x: Tensor) -> Tensor:
    """Angle from −π/2 to π/2 whose tangent is x."""
    return Arctan()(floating(x))  # type: ignore[no-any-return]


def arctan2(a: Any, b: Any) -> Tensor:
    """Angle from −π to π of the point with height a and width b, broadcast."""
    a, b = together(a, b)
    return Arctan2()(floating(a), floating(b))  # type: ignore[no-any-return]


def hypot(a: Any, b: Any) -> Tensor:
    """Distance from the origin: y = √(a² + b²), broadcast; the gradient at the origin is 0."""
    a, b = together(a, b)
    return Hypot()(floating(a), floating(b))  # type: ignore[no-any-return]


def sinh(x: Tensor) -> Tensor:
    """Hyperbolic sine: y = (eˣ − e⁻ˣ) / 2."""
    return Sinh()(floating(x))  # type: ignore[no-any-return]


def cosh(x: Tensor) -> Tensor:
    """Hyperbolic cosine: y = (eˣ + e⁻ˣ) / 2."""
    return Cosh()(floating(x))  # type: ignore[no-any-return]


def arcsinh(x: Tensor) -> Tensor:
    """Inverse of the hyperbolic sine."""
    return Arcsinh()(floating(x))  # type: ignore[no-any-return]


def arccosh(x: Tensor) -> Tensor:
    """Inverse of the hyperbolic cosine; NaN for real numbers below 1."""
    return Arccosh()(floating(x))  # type: ignore[no-any-return]


def arctanh(x: Tensor) -> Tensor:
    """Inverse of the hyperbolic tangent; ±∞ at ±1, NaN for real numbers outside."""
    return Arctanh()(floating(x))  # type: ignore[no-any-return]


def sinc(x: Tensor) -> Tensor:
    """Sine of πx over πx, 1 at 0; near 0 its series, which has derivatives there too."""
    u = floating(x) * math.pi
    near = cast(abs(u.detach()) < 0.1, bool_)
    s = square(where(near, u, 0.0))
    series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72)))
    far = where(near, 1.0, u)
    return where(near, series, div(sin(far), far))


def deg2rad(x: Tensor) -> Tensor:
    """Turn degrees into radians: y = x · π / 180."""
    return mul(floating(x), math.pi / 180)


def rad2deg(x: Tensor) -> Tensor:
    """Turn radians into degrees: y = x · 180 / π."""
    return mul(floating(x), 180 / math.pi)


def _apart_from_zero(y: Tensor) -> Tensor:
    return where(cast(equal_mask(y, 0), bool_), full_like(y, 1), y)

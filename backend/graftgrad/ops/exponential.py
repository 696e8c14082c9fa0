"""Exponentials, logarithms, roots, circular and hyperbolic functions, the error function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..function import function
from .arithmetic import Log, Unary, mul
from .operand import floating
from .parts import conj

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Exp(Unary):
    """e to the power of x."""

    c: ClassVar[str] = "exp(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(over="ignore", under="ignore"):
            xp.exp(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return mul(gy, conj(y))


@function
class Expm1(Unary):
    """e to the power of x, minus 1, exact near 0."""

    c: ClassVar[str] = "expm1(x)"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(over="ignore"):
            xp.expm1(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return mul(gy, y + 1)


@function
class Log1p(Unary):
    """Natural logarithm of 1 + x, exact near 0."""

    c: ClassVar[str] = "log1p(x)"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.log1p(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy / (x + 1)


@function
class Sqrt(Unary):
    """Square root."""

    c: ClassVar[str] = "sqrt(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(invalid="ignore"):
            xp.sqrt(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy / conj(y * 2)


@function
class Rsqrt(Unary):
    """One over the square root."""

    c: ClassVar[str] = "rsqrt(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.sqrt(x, out=y)
            xp.divide(1, y, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy * conj(y * y * y) * -0.5


@function
class Sin(Unary):
    """Sine of an angle in radians."""

    c: ClassVar[str] = "sin(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.sin(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return mul(gy, conj(cos(x)))


@function
class Cos(Unary):
    """Cosine of an angle in radians."""

    c: ClassVar[str] = "cos(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.cos(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return -mul(gy, conj(sin(x)))


@function
class Tanh(Unary):
    """Hyperbolic tangent."""

    c: ClassVar[str] = "tanh(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.tanh(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy * conj(1 - y * y)


@function
class Sigmoid(Unary):
    """1 / (1 + e⁻ˣ), computed as (1 + tanh(x/2)) / 2, which cannot overflow."""

    c: ClassVar[str] = "0.5 * (1 + tanh(0.5 * x))"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        half = x.dtype.type(0.5)
        xp.multiply(x, half, out=y)
        xp.tanh(y, out=y)
        xp.multiply(y, half, out=y)
        xp.add(y, half, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy * (y * (1 - y))


@function
class Erf(Unary):
    """The error function 2/√π ∫₀ˣ e^(−t²) dt.

    Abramowitz and Stegun's series below 2 and their continued fraction above (7.1.6, 7.1.14),
    summed to the precision of float64.
    """

    c: ClassVar[str] = "erf(x)"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = _erf(xp, xp.asarray(x, dtype="float64"))

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * exp(-(x * x)) * 1.1283791670955126  # 2/√π


def _erf(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    near = xp.minimum(size, 2.5)
    term = near + 0.0
    total = near + 0.0
    for n in range(1, 48):
        term = term * (2 * near * near / (2 * n + 1))
        total = total + term
    series = 2 / np.sqrt(np.pi) * xp.exp(-near * near) * total
    far = xp.clip(size, 2.5, 27.0)
    fraction = far + 0.0
    for n in range(60, 0, -1):
        fraction = far + (n / 2) / fraction
    with np.errstate(under="ignore"):
        tail = 1 - xp.exp(-far * far) / (np.sqrt(np.pi) * fraction)
    return xp.sign(x) * xp.where(size < 2.5, series, tail)


def exp(x: Tensor) -> Tensor:
    """Exponential: y = eˣ."""
    return Exp()(floating(x))  # type: ignore[no-any-return]


def expm1(x: Tensor) -> Tensor:
    """Exponential minus one, exact near 0: y = eˣ − 1."""
    return Expm1()(floating(x))  # type: ignore[no-any-return]


def log(x: Tensor) -> Tensor:
    """Natural logarithm: y = ln x; −∞ at 0, NaN below."""
    return Log()(floating(x))  # type: ignore[no-any-return]


def log1p(x: Tensor) -> Tensor:
    """Natural logarithm of one more, exact near 0: y = ln(1 + x)."""
    return Log1p()(floating(x))  # type: ignore[no-any-return]


def sqrt(x: Tensor) -> Tensor:
    """Square root: y = √x."""
    return Sqrt()(floating(x))  # type: ignore[no-any-return]


def rsqrt(x: Tensor) -> Tensor:
    """Inverse square root: y = 1 / √x."""
    return Rsqrt()(floating(x))  # type: ignore[no-any-return]


def sin(x: Tensor) -> Tensor:
    """Sine of an angle in radians."""
    return Sin()(floating(x))  # type: ignore[no-any-return]


def cos(x: Tensor) -> Tensor:
    """Cosine of an angle in radians."""
    return Cos()(floating(x))  # type: ignore[no-any-return]


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return Tanh()(floating(x))  # type: ignore[no-any-return]


def sigmoid(x: Tensor) -> Tensor:
    """Logistic function: y = 1 / (1 + e⁻ˣ)."""
    return Sigmoid()(floating(x))  # type: ignore[no-any-return]


def erf(x: Tensor) -> Tensor:
    """Error function: y = 2/√π ∫₀ˣ e^(−t²) dt."""
    return Erf()(floating(x))  # type: ignore[no-any-return]

"""Logarithms and exponentials of other bases, the gamma function and its kin, inverse of erf."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, expect
from ..function import function
from .arithmetic import Binary, Unary, abs, mul, neg, sub
from .exponential import _erf, exp, sigmoid
from .operand import cast, floating, together

if TYPE_CHECKING:
    from ..tensor import Tensor

_ENOUGH = 20.0  # from here on the asymptotic series have float64's precision
_MOST_STEPS = 10_000
_HALLEY = 3
# B₂ₖ / (2k (2k − 1)), of Stirling's series
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


@function
class Exp2(Unary):
    """2 to the power of x."""

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(over="ignore", under="ignore"):
            xp.exp2(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return mul(gy, y) * math.log(2)


@function
class Log2(Unary):
    """Logarithm to the base of 2; −∞ at 0, NaN below."""

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.log2(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy / (x * math.log(2))


@function
class Log10(Unary):
    """Logarithm to the base of 10; −∞ at 0, NaN below."""

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.log10(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy / (x * math.log(10))


@function
class Cbrt(Unary):
    """Cubic root, of negative numbers too."""

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.cbrt(x, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy / (y * y * 3)


@function
class LogAddExp(Binary):
    """ln(eᵃ + eᵇ) without overflow."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.logaddexp(a, b, out=y)

    def grad_a(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return gy * sigmoid(sub(a, b))

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return gy * sigmoid(sub(b, a))


@function
class Erfc(Unary):
    """1 − erf(x), with its own digits far to the right."""

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = _erfc(xp, xp.asarray(x, dtype="float64"))

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * exp(neg(x * x)) * (-2 / math.sqrt(math.pi))


@function
class Erfinv(Unary):
    """The inverse of the error function: ±∞ at ±1, NaN outside.

    Giles' approximation (GPU Computing Gems, Jade Edition, 2011), made exact by steps of
    Halley on 1 − erf.
    """

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        wide = xp.asarray(x, dtype="float64")
        rest = 1 - xp.abs(wide)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            w = -xp.log(rest * (1 + xp.abs(wide)))
            tail = xp.sqrt(-xp.log(np.sqrt(np.pi) * rest * xp.sqrt(-xp.log(rest))))
            root = xp.where(rest < 1e-6, tail, _first_guess(xp, w) * xp.abs(wide))
            for _ in range(_HALLEY):
                slope = -2 / np.sqrt(np.pi) * xp.exp(-root * root)
                missing = xp.where(
                    rest > 0.5, xp.abs(wide) - _erf(xp, root), _erfc(xp, root) - rest
                )
                step = missing / slope
                root = root - step / (1 + root * step)
        root = xp.where(rest == 0, np.inf, xp.where(wide == 0, 0.0, root))
        y[...] = xp.where(rest < 0, np.nan, xp.copysign(root, wide))

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return gy * exp(y * y) * (math.sqrt(math.pi) / 2)


@function
class LGamma(Unary):
    """ln |Γ(x)|: Stirling's series behind a shift; the reflection formula left of ½."""

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        wide = xp.asarray(x, dtype="float64")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            left = wide < 0.5
            right = _lgamma(xp, xp.where(left, 1 - wide, wide))
            sine = xp.abs(xp.sin(np.pi * xp.remainder(wide, 2.0)))
            pole = left & (wide == xp.floor(wide))
            found = xp.where(left, np.log(np.pi) - xp.log(sine) - right, right)
            y[...] = xp.where(pole | xp.isinf(wide), np.inf, found)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * digamma(x)


@function
class PolyGamma(Unary):
    """The derivative of order n + 1 of ln Γ(x): a shift to the right, and the series there."""

    order: int

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        n = self.order
        z = xp.asarray(x, dtype="float64") + 0.0
        pole = (z <= 0) & (z == xp.floor(z))
        sign = -1.0 if n % 2 == 0 else 1.0
        total = xp.zeros_like(z)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for _ in range(_MOST_STEPS):
                low = z < _ENOUGH
                if not low.any():
                    break
                total += xp.where(low, sign * math.factorial(n) / z ** (n + 1), 0.0)
                z = xp.where(low, z + 1, z)
            total += _far_polygamma(xp, n, z)
            lost = pole | (z < _ENOUGH) if n == 0 else z < _ENOUGH
        y[...] = xp.where(lost, np.nan, xp.where(pole, np.inf, total))

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return gy * polygamma(self.order + 1, x)


def _first_guess(xp: Any, w: Any) -> Any:
    near, far = w - 2.5, xp.sqrt(w) - 3
    inner = outer = xp.zeros_like(w)
    for a, b in zip(_NEAR, _FAR, strict=True):
        inner, outer = inner * near + a, outer * far + b
    return xp.where(w < 5, inner, outer)


_NEAR = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
         -0.00125372503, -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_FAR = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
        -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)  # fmt: skip


def _erfc(xp: Any, x: Any) -> Any:
    far = xp.clip(x, 2.5, 28.0)
    fraction = far + 0.0
    for n in range(60, 0, -1):
        fraction = far + (n / 2) / fraction
    with np.errstate(under="ignore"):
        tail = xp.exp(-far * far) / (np.sqrt(np.pi) * fraction)
    return xp.where(x > 28, 0.0, xp.where(x > 2.5, tail, 1 - _erf(xp, x)))


def _lgamma(xp: Any, x: Any) -> Any:
    """Return ln Γ for x ≥ ½: ln Γ(x + 20) − Σ ln(x + k), and Stirling's series there."""
    product = xp.ones_like(x)
    z = x + 0.0
    for _ in range(int(_ENOUGH)):
        low = z < _ENOUGH
        product = xp.where(low, product * z, product)
        z = xp.where(low, z + 1, z)
    series = sum(c / z ** (2 * k + 1) for k, c in enumerate(_STIRLING))
    return (z - 0.5) * xp.log(z) - z + 0.5 * np.log(2 * np.pi) + series - xp.log(product)


def _far_polygamma(xp: Any, n: int, z: Any) -> Any:
    if n == 0:
        series = sum(b / (2 * k * z ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1))
        return xp.log(z) - 0.5 / z - series
    first = math.factorial(n - 1) / z**n + math.factorial(n) / (2 * z ** (n + 1))
    series = sum(
        b * math.factorial(2 * k + n - 1) / (math.factorial(2 * k) * z ** (2 * k + n))
        for k, b in enumerate(_BERNOULLI, 1)
    )
    return (-1.0) ** (n + 1) * (first + series)


def exp2(x: Tensor) -> Tensor:
    """Exponential to the base of 2: y = 2ˣ."""
    return Exp2()(floating(x))  # type: ignore[no-any-return]


def log2(x: Tensor) -> Tensor:
    """Logarithm to the base of 2; −∞ at 0, NaN below."""
    return Log2()(floating(x))  # type: ignore[no-any-return]


def log10(x: Tensor) -> Tensor:
    """Logarithm to the base of 10; −∞ at 0, NaN below."""
    return Log10()(floating(x))  # type: ignore[no-any-return]


def cbrt(x: Tensor) -> Tensor:
    """Cubic root: y³ = x, of negative numbers too."""
    return Cbrt()(floating(x))  # type: ignore[no-any-return]


def logaddexp(a: Any, b: Any) -> Tensor:
    """Add what two logarithms stand for, without overflow: y = ln(eᵃ + eᵇ), broadcast."""
    a, b = together(a, b)
    return LogAddExp()(floating(a), floating(b))  # type: ignore[no-any-return]


def logaddexp2(a: Any, b: Any) -> Tensor:
    """Add what two logarithms to the base of 2 stand for: y = log₂(2ᵃ + 2ᵇ), broadcast."""
    a, b = together(a, b)
    two = math.log(2)
    return LogAddExp()(floating(a) * two, floating(b) * two) * (1 / two)  # type: ignore[no-any-return]


def erfc(x: Tensor) -> Tensor:
    """What the error function leaves: y = 1 − erf(x), with its own digits where that is small."""
    return Erfc()(floating(x))  # type: ignore[no-any-return]


def erfinv(x: Tensor) -> Tensor:
    """Inverse of the error function: erf(y) = x; ±∞ at ±1, NaN outside."""
    return Erfinv()(floating(x))  # type: ignore[no-any-return]


def lgamma(x: Tensor) -> Tensor:
    """Logarithm of the gamma function: y = ln |Γ(x)|; ∞ at 0, −1 and so on."""
    return LGamma()(floating(x))  # type: ignore[no-any-return]


def digamma(x: Tensor) -> Tensor:
    """Logarithmic derivative of the gamma function: y = Γ′(x) / Γ(x); NaN at 0, −1 and so on."""
    return polygamma(0, x)


def polygamma(n: int, x: Tensor) -> Tensor:
    """Differentiate ln Γ(x) n + 1 times.

    Raises:
        ConfigError: n is negative.
    """
    expect(n >= 0, "polygamma", "n must not be negative", error=ConfigError, n=n)
    return PolyGamma(int(n))(floating(x))  # type: ignore[no-any-return]


def i0(x: Tensor) -> Tensor:
    """Modified Bessel function of the first kind and order 0: y = 1/π ∫₀^π e^(x cos t) dt.

    The integral of a periodic function is its mean over equal steps, exact up to I_N(x) for N of
    them (Trefethen and Weideman 2014): 64 steps reach float32's largest results, 256 float64's.
    """
    x = floating(x)
    if x.dtype.itemsize == 2:
        return cast(i0(cast(x, "float32")), x.dtype)
    half = 128 if x.dtype.itemsize == 8 else 32
    size = abs(x)
    total: Tensor | None = None
    for k in range(half + 1):
        weight = (0.5 if k in (0, half) else 1.0) / half
        term = exp(mul(size, math.cos(math.pi * k / half) - 1.0)) * weight
        total = term if total is None else total + term
    assert total is not None
    return mul(total, exp(size))

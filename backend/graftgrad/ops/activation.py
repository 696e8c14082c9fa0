"""The activation functions of neural networks, element by element; softmax stands in `softmax`.

Those that carry whole networks are Functions with a body of their own and keep one array for their
gradient; the rest are written in terms of other ops. Names and numbers are Keras' `activations`;
those of straight pieces come from `rectifier`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, axis_within, broadcast, same_dtype
from .arithmetic import Unary, abs, clip, minimum, mul, where
from .compare import greater
from .exponential import erf, exp, expm1, log, log1p, sigmoid, sqrt, tanh
from .operand import cast, floating
from .rectifier import hard_shrink as hard_shrink
from .rectifier import hard_sigmoid as hard_sigmoid
from .rectifier import hard_silu as hard_silu
from .rectifier import hard_tanh as hard_tanh
from .rectifier import leaky_relu as leaky_relu
from .rectifier import prelu as prelu
from .rectifier import relu as relu
from .rectifier import relu6 as relu6
from .rectifier import soft_shrink as soft_shrink
from .rectifier import sparse_plus as sparse_plus
from .rectifier import sparse_sigmoid as sparse_sigmoid
from .rectifier import threshold as threshold
from .reduce import sum
from .shape import sliced
from .tiles import tiles

if TYPE_CHECKING:
    from ..tensor import Tensor

SELU_ALPHA = 1.6732632423543772  # the fixed point of mean 0 and variance 1, Klambauer et al. 2017
SELU_SCALE = 1.0507009873554805
ROOT_HALF_TURN = math.sqrt(2 / math.pi)
FAR = 64.0  # from here on a normal tail is 0 in every element type

# ln(erfc(z)/t) + z², t = 1 / (1 + z/2), in powers of s = 2t − 1, for elements of 4 and 8 bytes: a
# Chebyshev series, interpolated at 60 places with 60 digits, of which ten terms are exact to
# float32 and all to float64.
POWERS = {
    4: (
        *(-0.6717940760543342, 0.6726422171554879, 0.04734310629090101, -0.046874888178861346),
        *(-0.009873768747331391, 0.008703812035218805, 0.0017765646350106866),
        *(-0.0020487347604965724, -0.00020790912059481925, 0.00033373589390861395),
    ),
    8: (
        *(-0.6717940840566923, 0.6726432239776559, 0.04734330684190443, -0.046895610231083025),
        *(-0.009872689366389957, 0.008824938553738762, 0.0017589335577990158),
        *(-0.002345812444802156, -0.0001462468633780034, 0.000673678269706983),
        *(-9.373503117098169e-05, -0.00017429984933155647, 7.14010141275703e-05),
        *(3.173310599377061e-05, -3.0187884551394256e-05, 1.6992332312277199e-07),
        *(8.562623420121301e-06, -3.007645434410674e-06, -1.2723119048688882e-06),
        *(1.3267813608518946e-06, -1.6849800720651767e-07, -3.168341367694193e-07),
        *(1.5334345920907372e-07, 3.972203547273996e-08, -3.9171820510269466e-08),
        *(-1.5867042924141851e-09, 4.0608821469674174e-09),
    ),
}
# Φ(−|u|) · e^(u²/2) / t of a bounded u, interpolated to 3e-8; the exponential serves the slope too
SCALED = (
    *(0.2553956763105059, 0.1717901562746765, 0.06986797289827107, 0.009110874557299399),
    *(-0.00537665544131849, -0.0016218665339335105, 0.0007669235220021487, 0.0002155200108727616),
    *(-0.00015235954299861666, -1.8382180843187516e-05, 2.2144207246231996e-05),
)


def _in_c(x: str, square: str, powers: Sequence[float]) -> str:
    """Return a polynomial in C: pairs of powers, which do not wait for each other, joined by x²."""
    pairs = [
        f"fma({high!r}, {x}, {low!r})" if high else repr(low)
        for low, high in zip(powers[::2], [*powers[1::2], 0.0], strict=False)
    ]
    text = pairs[-1]
    for one in reversed(pairs[:-1]):
        text = f"fma({text}, {square}, {one})"
    return text


_TAIL_IN_C = (
    "float size = fabs(u); float t = 1 / (1 + size * 0.35355339059327379); float s = 2 * t - 1; "
    "float r = s * s; float bell = exp(-0.5 * size * size); float tail = "
    f"{_in_c('s', 'r', SCALED)} * t * bell; "
)
# Φ(u) by the hyperbolic tangent
_BOUNDED_IN_C = f"float u = x < -{FAR} ? -{FAR} : (x > {FAR} ? {FAR} : x); "
_BY_TANH_IN_C = (
    f"float phi = 1 / (1 + exp(-u * (u * u * {0.044715 * 2 * ROOT_HALF_TURN} "
    f"+ {2 * ROOT_HALF_TURN}))); "
)


class Slope(Function):
    """gy times the slope of an activation at x, or at its result y, in one go."""

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(self, gy: Spec, x: Spec) -> Spec:
        return Spec(broadcast(self.name, gy, x), same_dtype(self.name, gy=gy, x=x))


@function
class Elu(Unary):
    """scale · x above 0, depth · (e^(rate · x) − 1) elsewhere; keeps its result.

    Clevert et al. 2016 (ELU), Klambauer et al. 2017 (SELU), Barron 2017 (CELU).
    """

    depth: float
    scale: float
    rate: float

    c: ClassVar[str] = "x > 0 ? scale * x : depth * expm1(rate * x)"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in tiles(xp, x, y):
            low = xp.minimum(z, 0)
            xp.multiply(low, self.rate, out=low)
            xp.expm1(low, out=low)
            xp.multiply(low, self.depth, out=low)
            xp.maximum(z, 0, out=out)
            xp.multiply(out, self.scale, out=out)
            xp.add(out, low, out=out)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        slope = (minimum(y, 0.0) + self.depth) * self.rate
        step = self.scale - self.depth * self.rate  # the jump of the slope at 0
        return mul(gy, slope + positive_mask(y) * step if step else slope)


@function
class Gelu(Unary):
    """x · Φ(x), Φ the normal distribution or its tanh form. Hendrycks and Gimpel 2016."""

    approximate: bool = False

    @property
    def c(self) -> str:
        """The formula, of an x that is bounded where the result does not change any more."""
        if self.approximate:
            return f"{_BOUNDED_IN_C}{_BY_TANH_IN_C}y = phi * x;"
        return f"{_BOUNDED_IN_C}{_TAIL_IN_C}y = (x > 0 ? x : (x != x ? x : 0)) - size * tail;"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in tiles(xp, x, y):
            if self.approximate:
                _normal_by_tanh(xp, xp.clip(z, -FAR, FAR), out)
                xp.multiply(out, z, out=out)
            else:  # max(x, 0) − |x| · Φ(−|x|)
                size = xp.minimum(xp.abs(z), FAR)
                xp.multiply(_normal_tail(xp, size), size, out=size)
                xp.maximum(z, 0, out=out)
                xp.subtract(out, size, out=out)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        if not modes.recording():
            return GeluSlope(self.approximate)(gy, x)  # type: ignore[no-any-return]
        if not self.approximate:
            density = exp(x * x * -0.5) * (ROOT_HALF_TURN / 2)
            return mul(gy, (erf(x * math.sqrt(0.5)) + 1) * 0.5 + x * density)
        t = tanh((x * x * 0.044715 + 1) * x * ROOT_HALF_TURN)
        inner = (x * x * (3 * 0.044715) + 1) * ROOT_HALF_TURN
        return mul(gy, ((1 - t * t) * inner * x + t + 1) * 0.5)


@function
class GeluSlope(Slope):
    """gy · (Φ(x) + x · φ(x)), φ the derivative of Φ."""

    approximate: bool = False

    @property
    def c(self) -> str:
        """The formula, of a bounded x."""
        if self.approximate:
            return (
                f"{_BOUNDED_IN_C}{_BY_TANH_IN_C}float inner = u * (u * u * "
                f"{6 * 0.044715 * ROOT_HALF_TURN} + {2 * ROOT_HALF_TURN}); "
                "gx = phi * (inner * (1 - phi) + 1) * gy;"
            )
        return (
            f"{_BOUNDED_IN_C}{_TAIL_IN_C}gx = (bell * {ROOT_HALF_TURN / 2} * u "
            "+ copysign(0.5 - tail, u) + 0.5) * gy;"
        )

    def compute(self, xp: Any, gy: Any, x: Any, gx: Any) -> None:
        body = self._by_tanh if self.approximate else self._exactly
        for g, z, out in tiles(xp, gy, x, gx):
            body(xp, xp.clip(z, -FAR, FAR), out)
            xp.multiply(out, g, out=out)

    def _exactly(self, xp: Any, x: Any, y: Any) -> None:
        half = 0.5 - _normal_tail(xp, xp.abs(x))
        xp.copysign(half, x, out=half)
        xp.multiply(x, x, out=y)
        xp.multiply(y, -0.5, out=y)
        with np.errstate(under="ignore"):
            xp.exp(y, out=y)
        xp.multiply(y, ROOT_HALF_TURN / 2, out=y)
        xp.multiply(y, x, out=y)
        xp.add(y, half, out=y)
        xp.add(y, 0.5, out=y)

    def _by_tanh(self, xp: Any, x: Any, y: Any) -> None:
        _normal_by_tanh(xp, x, y)  # Φ = (1 + t) / 2, so (1 − t²) / 2 = 2Φ(1 − Φ)
        inner = x * x
        xp.multiply(inner, 6 * 0.044715 * ROOT_HALF_TURN, out=inner)
        xp.add(inner, 2 * ROOT_HALF_TURN, out=inner)
        xp.multiply(inner, x, out=inner)
        xp.multiply(inner, 1 - y, out=inner)
        xp.add(inner, 1, out=inner)
        xp.multiply(y, inner, out=y)


@function
class Silu(Unary):
    """x / (1 + e⁻ˣ). Elfwing et al. 2017; Ramachandran et al. 2017."""

    c: ClassVar[str] = "x / (1 + exp(-x))"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in tiles(xp, x, y):
            _one_and_exp(xp, z, out)
            xp.divide(z, out, out=out)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        if not modes.recording():
            return SiluSlope()(gy, x)  # type: ignore[no-any-return]
        s = sigmoid(x)
        return mul(gy, s * ((1 - s) * x + 1))


@function
class SiluSlope(Slope):
    """gy · σ(x) · (1 + x · (1 − σ(x)))."""

    c: ClassVar[str] = "float s = 1 / (1 + exp(-x)); gx = ((1 - s) * x + 1) * s * gy;"

    def compute(self, xp: Any, gy: Any, x: Any, gx: Any) -> None:
        for g, z, out in tiles(xp, gy, x, gx):
            _one_and_exp(xp, z, out)
            s = 1 / out
            xp.subtract(1, s, out=out)
            xp.multiply(out, z, out=out)
            xp.add(out, 1, out=out)
            xp.multiply(out, s, out=out)
            xp.multiply(out, g, out=out)


@function
class Softplus(Unary):
    """ln(1 + e^(βx)) / β, computed as max(x, 0) + ln(1 + e^(−|βx|)) / β, which cannot overflow."""

    beta: float = 1.0

    c: ClassVar[str] = (
        "float up = x > 0 ? x : (x != x ? x : 0); y = log1p(exp(-fabs(beta * x))) / beta + up;"
    )

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in tiles(xp, x, y):
            xp.abs(z, out=out)
            xp.multiply(out, -self.beta, out=out)
            with np.errstate(under="ignore"):
                xp.exp(out, out=out)
            xp.log1p(out, out=out)
            if self.beta != 1:
                xp.divide(out, self.beta, out=out)
            xp.add(out, xp.maximum(z, 0), out=out)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return mul(gy, sigmoid(x if self.beta == 1 else x * self.beta))


@function
class Sparsemax(Unary):
    """The nearest point of the simplex: max(x − τ, 0), Σ = 1. Martins and Astudillo 2016."""

    axis: int

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        expect(x.shape[self.axis] > 0, "sparsemax", "the axis must not be empty", x=x,
               axis=self.axis)  # fmt: skip
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        last = xp.moveaxis(x, self.axis, -1)
        ranked = xp.sort(last, axis=-1)[..., ::-1]
        excess = xp.cumsum(ranked, axis=-1) - 1
        counts = xp.arange(1, last.shape[-1] + 1, dtype=ranked.dtype)
        support = (ranked * counts > excess).sum(axis=-1, keepdims=True)
        tau = xp.take_along_axis(excess, support - 1, axis=-1) / support.astype(ranked.dtype)
        y[...] = xp.moveaxis(xp.maximum(last - tau, 0), -1, self.axis)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        support = positive_mask(y)
        share = sum(gy * support, self.axis, True) / sum(support, self.axis, True)
        return mul(gy - share, support)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: y = x where x > 0, alpha · (eˣ − 1) elsewhere."""
    return _bent(x, float(alpha), 1.0, 1.0)


def selu(x: Tensor) -> Tensor:
    """Scaled exponential linear unit: y = 1.0507 · elu(x, 1.6733); keeps mean 0 and variance 1."""
    return _bent(x, SELU_ALPHA * SELU_SCALE, SELU_SCALE, 1.0)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Smooth exponential linear unit: y = x where x > 0, alpha · (e^(x / alpha) − 1) elsewhere.

    Raises:
        ConfigError: alpha is 0.
    """
    expect(alpha != 0, "celu", "alpha must not be 0", error=ConfigError, alpha=alpha)
    return _bent(x, float(alpha), 1.0, 1 / float(alpha))


def gelu(x: Tensor, approximate: bool | str = False) -> Tensor:
    """Gaussian error linear unit: y = x · Φ(x) = x · (1 + erf(x / √2)) / 2.

    Args:
        x: any shape.
        approximate: True or "tanh" for x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2.

    Raises:
        ConfigError: `approximate` is something else than a truth value, "tanh" or "none".
    """
    expect(approximate in (True, False, "tanh", "none"), "gelu",
           'approximate must be a truth value, "tanh" or "none"',
           error=ConfigError, approximate=approximate)  # fmt: skip
    return Gelu(approximate in (True, "tanh"))(floating(x))  # type: ignore[no-any-return]


def silu(x: Tensor) -> Tensor:
    """Sigmoid linear unit, also called swish: y = x · σ(x)."""
    return Silu()(floating(x))  # type: ignore[no-any-return]


def mish(x: Tensor) -> Tensor:
    """Smooth unit: y = x · tanh(softplus(x)). Misra 2019."""
    return x * tanh(softplus(x))


def softplus(x: Tensor, beta: float = 1.0, threshold: float | None = None) -> Tensor:
    """Smooth rectifier: y = ln(1 + e^(beta · x)) / beta, without overflow.

    Args:
        x: any shape.
        beta: how sharp the bend is.
        threshold: where beta · x is larger, y = x; None for nowhere, as nothing overflows.

    Raises:
        ConfigError: beta is not positive.
    """
    expect(beta > 0, "softplus", "beta must be positive", error=ConfigError, beta=beta)
    y: Tensor = Softplus(float(beta))(floating(x))
    return y if threshold is None else where(x * beta > threshold, x, y)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """Algebraic rectifier: y = (x + √(x² + b)) / 2. Barron 2021."""
    return (x + sqrt(x * x + b)) * 0.5


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """Project on the simplex along an axis: y = max(x − τ, 0) with Σ y = 1; many are exactly 0.

    This is the formula of the paper; Keras 3.15 takes another τ, and its rows do not add up to 1.
    """
    return Sparsemax(axis_within("sparsemax", axis, x.ndim))(floating(x))  # type: ignore[no-any-return]


def softsign(x: Tensor) -> Tensor:
    """Algebraic sigmoid: y = x / (1 + |x|)."""
    return x / (abs(x) + 1)


def tanh_shrink(x: Tensor) -> Tensor:
    """Take what tanh leaves: y = x − tanh(x)."""
    return x - tanh(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """Logarithm of the logistic function: y = −ln(1 + e⁻ˣ), without overflow."""
    return -softplus(-x)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Gated linear unit: y = a · σ(b), a and b the halves of x along an axis. Dauphin et al. 2017.

    Raises:
        ShapeError: the axis is of odd size.
    """
    place = axis_within("glu", axis, x.ndim)
    size = x.shape[place]
    expect(size % 2 == 0, "glu", "the axis must be of even size", x=x.spec, axis=axis)
    return sliced(x, place, 0, size // 2) * sigmoid(sliced(x, place, size // 2, size))


def logit(x: Tensor, eps: float | None = None) -> Tensor:
    """Inverse of the logistic function: y = ln(x / (1 − x)).

    Args:
        x: between 0 and 1; outside, y is NaN.
        eps: x is first kept within [eps, 1 − eps], where it is given.
    """
    x = floating(x)
    x = x if eps is None else clip(x, eps, 1 - eps)
    return log(x) - log1p(-x)


def identity(x: Tensor) -> Tensor:
    """Return x as it is: Keras' activation `linear`."""
    return x


def positive_mask(x: Tensor) -> Tensor:
    """Return 1 where x > 0 and 0 elsewhere, in the element type of x; no gradient flows."""
    return cast(greater(x, 0), x.dtype)


def exponential(x: Tensor) -> Tensor:
    """Exponential: y = eˣ, under the name it has as an activation."""
    return exp(x)


swish = silu
hard_swish = hard_silu
hardshrink, hardsigmoid, hardswish, hardtanh = hard_shrink, hard_sigmoid, hard_silu, hard_tanh
logsigmoid, softshrink, tanhshrink = log_sigmoid, soft_shrink, tanh_shrink  # as PyTorch writes them


def _bent(x: Tensor, depth: float, scale: float, rate: float) -> Tensor:
    x = floating(x)
    if depth <= 0:  # the sign of the result does not tell the sign of x
        return where(x > 0, x * scale, expm1(minimum(x, 0.0) * rate) * depth)
    return Elu(depth, scale, rate)(x)  # type: ignore[no-any-return]


def _normal_tail(xp: Any, size: Any) -> Any:
    """Return Φ(−size) for sizes ≥ 0: t/2 · e^(P(t) − size²/2), t = 1 / (1 + size/√8)."""
    powers = POWERS[size.dtype.itemsize]
    t = size * math.sqrt(0.125)
    xp.add(t, 1, out=t)
    xp.divide(1, t, out=t)
    u = t * 2
    xp.subtract(u, 1, out=u)
    y = u * powers[-1]
    for a in powers[-2:0:-1]:
        xp.add(y, a, out=y)
        xp.multiply(y, u, out=y)
    xp.add(y, powers[0] - math.log(2), out=y)
    with np.errstate(over="ignore", under="ignore"):
        xp.multiply(size, size, out=u)
        xp.multiply(u, -0.5, out=u)
        xp.add(y, u, out=y)
        xp.exp(y, out=y)
        xp.multiply(y, t, out=y)
    return y


def _normal_by_tanh(xp: Any, x: Any, y: Any) -> None:
    """Write (1 + tanh z) / 2 = 1 / (1 + e^(−2z)), z = √(2/π) · (x + 0.044715 x³)."""
    xp.multiply(x, x, out=y)
    xp.multiply(y, 0.044715 * 2 * ROOT_HALF_TURN, out=y)
    xp.add(y, 2 * ROOT_HALF_TURN, out=y)
    xp.multiply(y, x, out=y)
    _one_and_exp(xp, y, y)
    xp.divide(1, y, out=y)


def _one_and_exp(xp: Any, x: Any, y: Any) -> None:
    """Write 1 + e⁻ˣ."""
    xp.negative(x, out=y)
    with np.errstate(over="ignore", under="ignore"):
        xp.exp(y, out=y)
    xp.add(y, 1, out=y)

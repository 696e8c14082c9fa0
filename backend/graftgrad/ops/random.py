"""Random numbers as pure functions of a state, a tensor (2,) uint32 of seed and draw.

The same state gives the same numbers, always and everywhere; `advance` steps to the next ones.
Nothing is remembered here, so a recorded step draws other numbers each time it is replayed. Where
the bits come from stands in `philox`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, DTypeError, expect
from ..function import Function, function
from ..spec import DType, Shape, Spec, as_dtype, int64, is_floating, uint32
from .philox import unit, words
from .shape import sizes_of

if TYPE_CHECKING:
    from ..tensor import Tensor

_DIGITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
_BOUND = 2.0  # of a truncated normal, in standard deviations


class Draw(Function):
    """Numbers of a shape and an element type from a state."""

    shape: Shape
    dtype: DType

    def infer(self, state: Spec) -> Spec:
        expect_state(self.name.lower(), state)
        return Spec(self.shape, self.dtype)


@function
class Uniform(Draw):
    """Numbers spread evenly from `low` to `high`."""

    shape: Shape
    dtype: DType
    low: float = 0.0
    high: float = 1.0

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        drawn = unit(xp, state, self.shape, _DIGITS[str(self.dtype)])
        y[...] = drawn * (self.high - self.low) + self.low


@function
class Normal(Draw):
    """Normally distributed numbers, two from each pair of even ones (Box and Muller 1958)."""

    shape: Shape
    dtype: DType
    mean: float = 0.0
    deviation: float = 1.0

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        count = math.prod(self.shape)
        bits = 53 if self.dtype == np.float64 else 32
        pairs = unit(xp, state, (-(-count // 2), 2), bits)
        radius = xp.sqrt(-2 * xp.log(1 - pairs[:, 0]))
        angle = 2 * np.pi * pairs[:, 1]
        both = xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], axis=1)
        drawn = both.reshape(-1)[:count].reshape(self.shape)
        y[...] = drawn * self.deviation + self.mean


@function
class TruncatedNormal(Draw):
    """Normally distributed numbers that lie within two standard deviations of the mean."""

    shape: Shape
    dtype: DType
    mean: float = 0.0
    deviation: float = 1.0

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        bits = 53 if self.dtype == np.float64 else 32
        tail = 0.5 * math.erfc(_BOUND / math.sqrt(2))
        share = unit(xp, state, self.shape, bits) + 0.5 * 2.0**-bits
        drawn = quantile(xp, tail + share * (1 - 2 * tail))
        y[...] = drawn * self.deviation + self.mean


@function
class Integers(Draw):
    """Whole numbers from `low` to `high` − 1, each as likely as the others."""

    shape: Shape
    dtype: DType
    low: int
    high: int

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        drawn = xp.floor(unit(xp, state, self.shape, 53) * (self.high - self.low))
        y[...] = drawn.astype("int64") + self.low


@function
class Bernoulli(Draw):
    """1 with a probability, else 0."""

    shape: Shape
    dtype: DType
    probability: float

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        y[...] = unit(xp, state, self.shape, 32) < self.probability


@function
class Permutation(Function):
    """The whole numbers below `size` in random order."""

    size: int

    def infer(self, state: Spec) -> Spec:
        expect_state("permutation", state)
        return Spec((self.size,), int64)

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        pairs = words(xp, state, 2 * self.size).reshape(-1, 2).astype("uint64")
        y[...] = xp.argsort((pairs[:, 0] << np.uint64(32)) | pairs[:, 1])


@function
class Dropout(Function):
    """Elements set to 0 with probability `rate`, the others divided by 1 − rate.

    `noise` is the shape of the mask, which stretches to that of x.
    """

    hidden = ("mask",)
    rate: float
    noise: Shape

    def infer(self, x: Spec, state: Spec) -> tuple[Spec, Spec]:
        expect_state("dropout", state)
        fits = len(self.noise) == x.ndim and all(
            n in (1, size) for n, size in zip(self.noise, x.shape, strict=True)
        )
        expect(fits, "dropout", "sizes of noise_shape must be those of x, or 1", x=x,
               noise_shape=self.noise)  # fmt: skip
        return x.like(), Spec(self.noise, as_dtype("bool"))

    def compute(self, xp: Any, x: Any, state: Any, y: Any, mask: Any) -> None:
        mask[...] = unit(xp, state, self.noise, 32) >= self.rate
        y[...] = xp.where(mask, x * x.dtype.type(kept_scale(self.rate)), x.dtype.type(0))

    def grad_x(self, gy: Tensor, mask: Tensor) -> Tensor:
        return Masked(kept_scale(self.rate))(gy, mask)  # type: ignore[no-any-return]


@function
class Masked(Function):
    """scale · x where the mask holds, else 0, whatever x is there."""

    scale: float

    def infer(self, x: Spec, mask: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, mask: Any, y: Any) -> None:
        y[...] = xp.where(mask, x * x.dtype.type(self.scale), x.dtype.type(0))

    def grad_x(self, gy: Tensor, mask: Tensor) -> Tensor:
        return Masked(self.scale)(gy, mask)  # type: ignore[no-any-return]


@function
class Advance(Function):
    """state[1] ← state[1] + 1: the next draw of the same seed."""

    updates = ("state",)

    def infer(self, state: Spec) -> Spec:
        expect_state("advance", state)
        return state

    def compute(self, xp: Any, state: Any) -> None:
        state[1:] += np.uint32(1)


def expect_state(subject: str, state: Spec) -> None:
    """Check a state.

    Raises:
        DTypeError: it is not uint32.
        ShapeError: it is not (2,).
    """
    expect(
        state.dtype == uint32, subject, "the state must be uint32", error=DTypeError, state=state
    )
    expect(
        state.shape == (2,), subject, "the state must be two numbers, seed and draw", state=state
    )


def kept_scale(rate: float) -> float:
    """Return by what the elements that stay are multiplied, so that the mean stays."""
    return 0.0 if rate == 1 else 1 / (1 - rate)


def quantile(xp: Any, p: Any) -> Any:
    """Return z with Φ(z) = p to the precision of float64, for 10⁻¹¹ < p < 1 − 10⁻¹¹.

    Wichura: Algorithm AS 241, the percentage points of the normal distribution. Applied Statistics
    37 (1988), the branches for the middle and for the nearer tails.
    """
    q = p - 0.5
    middle = xp.maximum(0.180625 - q * q, 0.0)
    inner = q * _ratio(middle, _MIDDLE)
    far = xp.sqrt(-xp.log(xp.minimum(p, 1 - p))) - 1.6
    outer = xp.sign(q) * _ratio(far, _TAIL)
    return xp.where(xp.abs(q) <= 0.425, inner, outer)


def _ratio(r: Any, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    upper, lower = coefficients
    above, below = upper[-1] + 0 * r, lower[-1] + 0 * r
    for a, b in zip(upper[-2::-1], lower[-2::-1], strict=True):
        above *= r
        above += a
        below *= r
        below += b
    above /= below
    return above


_MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2,
     5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
     2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
     6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
     5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip


def uniform(
    state: Tensor,
    shape: Sequence[int],
    low: float = 0.0,
    high: float = 1.0,
    dtype: object = "float32",
) -> Tensor:
    """Draw numbers spread evenly: low ≤ y < high, up to the rounding of low + u · (high − low).

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        low: the smallest number.
        high: the bound above.
        dtype: of the result.

    Raises:
        DTypeError: `dtype` holds no real numbers, or the state is not uint32.
        ConfigError: low is larger than high.
    """
    expect(low <= high, "uniform", "low must not be larger than high", error=ConfigError,
           low=low, high=high)  # fmt: skip
    declared = Uniform(*_described("uniform", shape, dtype), float(low), float(high))
    return declared(state)  # type: ignore[no-any-return]


def normal(
    state: Tensor,
    shape: Sequence[int],
    mean: float = 0.0,
    deviation: float = 1.0,
    dtype: object = "float32",
) -> Tensor:
    """Draw normally distributed numbers.

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        mean: around which they lie.
        deviation: the standard deviation.
        dtype: of the result.

    Raises:
        DTypeError: `dtype` holds no real numbers, or the state is not uint32.
        ConfigError: the deviation is negative.
    """
    _expect_deviation("normal", deviation)
    declared = Normal(*_described("normal", shape, dtype), float(mean), float(deviation))
    return declared(state)  # type: ignore[no-any-return]


def truncated_normal(
    state: Tensor,
    shape: Sequence[int],
    mean: float = 0.0,
    deviation: float = 1.0,
    dtype: object = "float32",
) -> Tensor:
    """Draw normally distributed numbers that lie within two standard deviations of the mean.

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        mean: around which they lie.
        deviation: the standard deviation before truncation.
        dtype: of the result.

    Raises:
        DTypeError: `dtype` holds no real numbers, or the state is not uint32.
        ConfigError: the deviation is negative.
    """
    _expect_deviation("truncated_normal", deviation)
    described = _described("truncated_normal", shape, dtype)
    return TruncatedNormal(*described, float(mean), float(deviation))(state)  # type: ignore[no-any-return]


def randint(
    state: Tensor, shape: Sequence[int], low: int, high: int, dtype: object = "int64"
) -> Tensor:
    """Draw whole numbers: low ≤ y < high, each as likely as the others.

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        low: the smallest number.
        high: the bound above.
        dtype: of the result.

    Raises:
        ConfigError: there is no number between low and high, or more than 2⁵³.
        DTypeError: the numbers do not fit into `dtype`, or the state is not uint32.
    """
    expect(0 < high - low <= 2**53, "randint", "low must be smaller than high, by at most 2**53",
           error=ConfigError, low=low, high=high)  # fmt: skip
    wanted = as_dtype(dtype)
    fits = wanted.kind in "iu" and np.iinfo(wanted).min <= low and high - 1 <= np.iinfo(wanted).max
    expect(fits, "randint", "the numbers must fit into dtype", error=DTypeError,
           low=low, high=high, dtype=str(wanted))  # fmt: skip
    return Integers(sizes_of("randint", (shape,)), wanted, int(low), int(high))(state)  # type: ignore[no-any-return]


def bernoulli(
    state: Tensor, shape: Sequence[int], probability: float = 0.5, dtype: object = "float32"
) -> Tensor:
    """Draw 1 with a probability, else 0.

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        probability: of a 1.
        dtype: of the result.

    Raises:
        ConfigError: the probability lies outside [0, 1].
        DTypeError: the state is not uint32.
    """
    _expect_share("bernoulli", "probability", probability)
    sizes = sizes_of("bernoulli", (shape,))
    return Bernoulli(sizes, as_dtype(dtype), float(probability))(state)  # type: ignore[no-any-return]


def permutation(state: Tensor, size: int) -> Tensor:
    """Draw an order of the whole numbers below `size`, (size,) int64.

    Raises:
        ConfigError: the size is negative.
        DTypeError: the state is not uint32.
    """
    expect(size >= 0, "permutation", "size must not be negative", error=ConfigError, size=size)
    return Permutation(int(size))(state)  # type: ignore[no-any-return]


def dropout(
    x: Tensor, state: Tensor, rate: float, noise_shape: Sequence[int] | None = None
) -> Tensor:
    """Set elements to 0 with a probability, and divide the others so that the mean stays.

    y = x · m / (1 − rate), m = 1 with probability 1 − rate, else 0. Srivastava et al., Dropout,
    JMLR 15 (2014).

    Args:
        x: of any shape, real numbers.
        state: seed and draw, (2,) uint32; the same state drops the same elements.
        rate: the probability of a 0.
        noise_shape: the sizes of m, each that of x or 1, where it stretches; those of x if None.

    Raises:
        ConfigError: the rate lies outside [0, 1].
        DTypeError: x holds no real numbers, or the state is not uint32.
        ShapeError: noise_shape does not stretch to the shape of x.
    """
    _expect_share("dropout", "rate", rate)
    expect(is_floating(x.dtype), "dropout", "x must hold real numbers", error=DTypeError, x=x.spec)
    noise = x.shape if noise_shape is None else sizes_of("dropout", (noise_shape,))
    return Dropout(float(rate), noise)(x, state)  # type: ignore[no-any-return]


def advance(state: Tensor) -> Tensor:
    """Step to the next draw, in place: state[1] ← state[1] + 1.

    Raises:
        DTypeError: the state is not uint32.
        ShapeError: the state is not (2,).
    """
    return Advance()(state)  # type: ignore[no-any-return]


def _described(subject: str, shape: Sequence[int], dtype: object) -> tuple[Shape, DType]:
    wanted = as_dtype(dtype)
    expect(is_floating(wanted), subject, "dtype must hold real numbers", error=DTypeError,
           dtype=str(wanted))  # fmt: skip
    return sizes_of(subject, (shape,)), wanted


def _expect_deviation(subject: str, deviation: float) -> None:
    expect(deviation >= 0, subject, "the deviation must not be negative", error=ConfigError,
           deviation=deviation)  # fmt: skip


def _expect_share(subject: str, name: str, value: float) -> None:
    got: dict[str, Any] = {name: value}
    expect(0 <= value <= 1, subject, f"{name} must lie in [0, 1]", error=ConfigError, **got)

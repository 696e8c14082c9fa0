"""Random numbers as pure functions of a state, a tensor (2,) uint32 of seed and draw.

The same state gives the same numbers, always and everywhere; `advance` steps to the next ones.
Nothing is remembered here, so a recorded step draws other numbers each time it is replayed. Where
the bits come from stands in `philox`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ConfigError, DTypeError, expect
from ..function import Function, function
from ..spec import DType, Shape, Spec, as_dtype, int64, is_floating, uint32
from .philox import unit, words
from .quantile import quantile
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

    c: ClassVar[str] = "mask ? x * scale : 0"

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
    declared = Uniform(*described("uniform", shape, dtype), float(low), float(high))
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
    declared = Normal(*described("normal", shape, dtype), float(mean), float(deviation))
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
    kind = described("truncated_normal", shape, dtype)
    return TruncatedNormal(*kind, float(mean), float(deviation))(state)  # type: ignore[no-any-return]


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


def described(subject: str, shape: Sequence[int], dtype: object) -> tuple[Shape, DType]:
    """Read the shape and the element type, which must hold real numbers, of what is drawn."""
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

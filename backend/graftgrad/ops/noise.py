"""Functions that draw random numbers on the way: of whole channels, of activations, of choices.

As in `random`, the same state, (2,) uint32, gives the same numbers. Plain dropout stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, DTypeError, expect
from ..spec import axis_within, is_floating
from .activation import SELU_ALPHA, SELU_SCALE
from .arithmetic import maximum, where
from .compare import argmax
from .exponential import log, log1p
from .gather import one_hot
from .operand import cast, floating, full_like
from .random import bernoulli, dropout, uniform
from .shape import moveaxis
from .softmax import softmax

if TYPE_CHECKING:
    from ..spec import Shape
    from ..tensor import Tensor

_LEAST = 2.0**-24  # of a draw whose logarithm is taken


def dropout1d(x: Tensor, state: Tensor, rate: float) -> Tensor:
    """Drop whole channels of sequences, (N, T, C). Tompson et al. 2015.

    y[n, t, c] = x[n, t, c] · m[n, c] / (1 − rate), m = 1 with probability 1 − rate, else 0.

    Raises:
        ShapeError: x does not have three axes.
        ConfigError: the rate lies outside [0, 1].
        DTypeError: x holds no real numbers, or the state is not uint32.
    """
    return dropout(x, state, rate, _channels("dropout1d", x, 3))


def dropout2d(x: Tensor, state: Tensor, rate: float) -> Tensor:
    """Drop whole channels of images, (N, H, W, C). Tompson et al. 2015.

    Raises:
        ShapeError: x does not have four axes.
        ConfigError: the rate lies outside [0, 1].
        DTypeError: x holds no real numbers, or the state is not uint32.
    """
    return dropout(x, state, rate, _channels("dropout2d", x, 4))


def dropout3d(x: Tensor, state: Tensor, rate: float) -> Tensor:
    """Drop whole channels of volumes, (N, D, H, W, C). Tompson et al. 2015.

    Raises:
        ShapeError: x does not have five axes.
        ConfigError: the rate lies outside [0, 1].
        DTypeError: x holds no real numbers, or the state is not uint32.
    """
    return dropout(x, state, rate, _channels("dropout3d", x, 5))


def alpha_dropout(
    x: Tensor, state: Tensor, rate: float, noise_shape: Shape | None = None
) -> Tensor:
    """Dropout that keeps the mean 0 and variance 1 of `selu`. Klambauer et al. 2017.

    y = a · (x where m else α') + b, α' = −1.7581 the lower bound of selu,
    a = 1 / √((1 − rate)(1 + rate · α'²)), b = −a · rate · α'.

    Args:
        x: any shape, real numbers.
        state: seed and draw, (2,) uint32.
        rate: the probability of α'; at 1 everything is 0.
        noise_shape: the sizes of m, each that of x or 1; those of x if None.

    Raises:
        ConfigError: the rate lies outside [0, 1].
        DTypeError: x holds no real numbers, or the state is not uint32.
        ShapeError: noise_shape does not stretch to the shape of x.
    """
    expect(0 <= rate <= 1, "alpha_dropout", "rate must lie in [0, 1]", error=ConfigError, rate=rate)
    expect(is_floating(x.dtype), "alpha_dropout", "x must hold real numbers", error=DTypeError,
           x=x.spec)  # fmt: skip
    shape = x.shape if noise_shape is None else tuple(noise_shape)
    fits = len(shape) == x.ndim and all_stretch(shape, x.shape)
    expect(fits, "alpha_dropout", "sizes of noise_shape must be those of x, or 1", x=x.spec,
           noise_shape=shape)  # fmt: skip
    if rate == 1:
        return x * 0.0
    bound = -SELU_ALPHA * SELU_SCALE
    factor = float(((1 - rate) * (1 + rate * bound**2)) ** -0.5)
    kept = bernoulli(state, shape, 1 - rate, "bool")
    return where(kept, x, full_like(x, bound)) * factor - factor * rate * bound


def feature_alpha_dropout(x: Tensor, state: Tensor, rate: float) -> Tensor:
    """`alpha_dropout` of whole channels: x (N, …, C), one m for each sample and channel.

    Raises:
        ShapeError: x has fewer than two axes.
        ConfigError: the rate lies outside [0, 1].
        DTypeError: x holds no real numbers, or the state is not uint32.
    """
    expect(x.ndim >= 2, "feature_alpha_dropout", "x must be (N, …, C)", x=x.spec)
    return alpha_dropout(x, state, rate, _channels("feature_alpha_dropout", x, x.ndim))


def rrelu(
    x: Tensor, state: Tensor | None = None, lower: float = 1 / 8, upper: float = 1 / 3
) -> Tensor:
    """Leaky rectifier with slopes by chance: y = x where x ≥ 0, a · x elsewhere. Xu et al. 2015.

    Args:
        x: any shape.
        state: seed and draw, (2,) uint32: a is drawn evenly for each element. Without it, as is
            right after training, a = (lower + upper) / 2.
        lower: the least slope.
        upper: the greatest slope.

    Raises:
        ConfigError: lower is larger than upper.
        DTypeError: the state is not uint32.
    """
    expect(lower <= upper, "rrelu", "lower must not be larger than upper", error=ConfigError,
           lower=lower, upper=upper)  # fmt: skip
    x = floating(x)
    slopes: Any = (lower + upper) / 2
    if state is not None:
        slopes = cast(uniform(state, x.shape, lower, upper), x.dtype)  # one draw for all types
    return where(x >= 0, x, x * slopes)


def gumbel_softmax(
    logits: Tensor, state: Tensor, tau: float = 1.0, hard: bool = False, axis: int = -1
) -> Tensor:
    """Draw a class so that gradients pass: y = softmax((x + g) / tau), g = −ln(−ln u).

    Jang et al. 2017; Maddison et al. 2017.

    Args:
        logits: x, logarithms of probabilities up to a summand, classes along `axis`.
        state: seed and draw, (2,) uint32.
        tau: the temperature: the smaller, the closer to one class.
        hard: return the largest as one-hot, with the gradient of the soft values.
        axis: where the classes lie.

    Raises:
        ConfigError: tau is not positive.
        ShapeError: there is no such axis, or it is empty.
        DTypeError: the state is not uint32.
    """
    expect(tau > 0, "gumbel_softmax", "tau must be positive", error=ConfigError, tau=tau)
    x = floating(logits)
    place = axis_within("gumbel_softmax", axis, x.ndim)
    drawn = maximum(-log1p(-uniform(state, x.shape)), _LEAST)  # exponential
    y = softmax((x - cast(log(drawn), x.dtype)) / tau, place)
    if not hard:
        return y
    choice = one_hot(argmax(y.detach(), place), x.shape[place], y.dtype)
    return cast(moveaxis(choice, -1, place), y.dtype) - y.detach() + y


def all_stretch(sizes: Shape, shape: Shape) -> bool:
    """Tell whether every size is that of a shape or 1."""
    return all(n in (1, size) for n, size in zip(sizes, shape, strict=True))


def _channels(subject: str, x: Tensor, ndim: int) -> Shape:
    expect(x.ndim == ndim, subject, f"x must have {ndim} axes, channels last", x=x.spec)
    return (x.shape[0], *[1] * (ndim - 2), x.shape[-1])

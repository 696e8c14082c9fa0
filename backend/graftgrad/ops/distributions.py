"""More distributions as pure functions of a state; the common ones stand in `random`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, expect
from ..function import function
from ..spec import DType, Shape, int64
from .arithmetic import maximum, neg, sub
from .compare import argmax, less
from .exponential import log
from .operand import cast, floating
from .order import cumsum, top_k
from .philox import unit
from .random import Draw, described, uniform
from .reduce import sum
from .shape import broadcast_to, expand_dims

if TYPE_CHECKING:
    from ..tensor import Tensor

_ROUNDS = 40  # each turns away less than one in twenty


@function
class Exponential(Draw):
    """Waiting times of mean `scale`: −scale · ln(1 − u)."""

    shape: Shape
    dtype: DType
    scale: float

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        y[...] = -self.scale * xp.log1p(-unit(xp, state, self.shape, 53))


@function
class Gamma(Draw):
    """Gamma variables of shape `alpha` and scale 1.

    Marsaglia and Tsang: A simple method for generating gamma variables. ACM TOMS 26 (2000); for
    alpha < 1 that of alpha + 1 times u^(1/alpha).
    """

    shape: Shape
    dtype: DType
    alpha: float

    def compute(self, xp: Any, state: Any, y: Any) -> None:
        count = math.prod(self.shape)
        d = (self.alpha + 1 if self.alpha < 1 else self.alpha) - 1 / 3
        drawn, open_ = xp.zeros(count), xp.arange(count)
        for stream in range(1, _ROUNDS):
            if not open_.size:
                break
            u = unit(xp, state, (count, 3), 53, stream)[open_]
            z = xp.sqrt(-2 * xp.log1p(-u[:, 0])) * xp.cos(2 * np.pi * u[:, 1])
            v = xp.maximum(1 + z / math.sqrt(9 * d), 1e-300) ** 3
            with np.errstate(divide="ignore"):
                taken = xp.log(u[:, 2]) < 0.5 * z * z + d - d * v + d * xp.log(v)
            drawn[open_[taken]] = d * v[taken]
            open_ = open_[~taken]
        if self.alpha < 1:
            drawn *= (1 - unit(xp, state, (count,), 53, _ROUNDS)) ** (1 / self.alpha)
        y[...] = drawn.reshape(self.shape)


def exponential(
    state: Tensor, shape: Sequence[int], scale: float = 1.0, dtype: object = "float32"
) -> Tensor:
    """Draw waiting times: density e^(−y / scale) / scale for y ≥ 0.

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        scale: the mean.
        dtype: of the result.

    Raises:
        ConfigError: the scale is negative.
        DTypeError: `dtype` holds no real numbers, or the state is not uint32.
    """
    expect(scale >= 0, "exponential", "the scale must not be negative", error=ConfigError,
           scale=scale)  # fmt: skip
    return Exponential(*described("exponential", shape, dtype), float(scale))(state)  # type: ignore[no-any-return]


def gamma(
    state: Tensor, shape: Sequence[int], alpha: float, scale: float = 1.0, dtype: object = "float32"
) -> Tensor:
    """Draw gamma variables: density ∝ y^(alpha − 1) e^(−y / scale) for y ≥ 0.

    Args:
        state: seed and draw, (2,) uint32.
        shape: of the result.
        alpha: the shape parameter; the mean is alpha · scale.
        scale: by which the result is multiplied.
        dtype: of the result.

    Raises:
        ConfigError: alpha is not positive, or the scale negative.
        DTypeError: `dtype` holds no real numbers, or the state is not uint32.
    """
    expect(alpha > 0 and scale >= 0, "gamma", "alpha must be positive and scale not negative",
           error=ConfigError, alpha=alpha, scale=scale)  # fmt: skip
    drawn: Tensor = Gamma(*described("gamma", shape, dtype), float(alpha))(state)
    return drawn * float(scale)


def categorical(state: Tensor, logits: Tensor, count: int | None = None) -> Tensor:
    """Draw classes with probabilities softmax(logits) over the last axis, int64.

    By the Gumbel-max trick: the place of the largest logit − ln(−ln u).

    Args:
        state: seed and draw, (2,) uint32.
        logits: (…, K).
        count: how many are drawn for each row, with replacement; one without an axis if None.

    Returns:
        (…,), or (…, count).

    Raises:
        DTypeError: the state is not uint32.
    """
    logits = floating(logits).detach()
    if count is not None:
        logits = broadcast_to(
            expand_dims(logits, -2), (*logits.shape[:-1], count, logits.shape[-1])
        )
    return argmax(_perturbed(state, logits), -1)


def multinomial(
    state: Tensor, probabilities: Tensor, count: int, replacement: bool = False
) -> Tensor:
    """Draw classes by weights that are not negative and need not add up to 1, int64.

    Args:
        state: seed and draw, (2,) uint32.
        probabilities: (…, K).
        count: how many are drawn for each row.
        replacement: whether one may be drawn again.

    Returns:
        (…, count).

    Raises:
        ConfigError: more are drawn than there are, without replacement.
        DTypeError: the state is not uint32.
    """
    weights = floating(probabilities).detach()
    if replacement:
        bounds = cumsum(cast(weights, "float64"), -1)
        shape = (*weights.shape[:-1], count)
        u = uniform(state, shape, dtype="float64") * bounds[..., -1:]
        below = less(expand_dims(bounds, -2), expand_dims(u, -1)) | (expand_dims(bounds, -2) == 0)
        return sum(cast(below, int64), -1)
    expect(count <= weights.shape[-1], "multinomial",
           "no more can be drawn without replacement than there are", error=ConfigError,
           probabilities=weights.spec, count=count)  # fmt: skip
    return top_k(_perturbed(state, log(weights)), count)[1]


def _perturbed(state: Tensor, logits: Tensor) -> Tensor:
    u = uniform(state, logits.shape, dtype="float64")
    noise = neg(log(maximum(neg(log(maximum(u, 2.0**-60))), 1e-300)))
    return sub(cast(logits, "float64"), neg(noise))

"""Distances and angles between vectors: pair by pair, or all of one set from all of another.

Lengths are differentiable everywhere: where two points meet, the gradient of their distance is 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, expect
from .arithmetic import abs, maximum, mul, power, square, where
from .exponential import rsqrt, sqrt
from .gather import take
from .operand import cast, floating, full_like, together
from .reduce import max, sum
from .shape import expand_dims

if TYPE_CHECKING:
    from ..tensor import Tensor


def length(x: Tensor, p: float = 2.0, axis: int = -1, keepdims: bool = False) -> Tensor:
    """Measure vectors along an axis: y = (Σ |x|ᵖ)^(1/p); p = ∞ takes the largest, p = 0 counts.

    Raises:
        ConfigError: p is negative.
        ShapeError: there is no such axis.
    """
    expect(p >= 0, "length", "p must not be negative", error=ConfigError, p=p)
    x = floating(x)
    if p == 0:
        return sum(cast(x != 0, x.dtype), axis, keepdims)
    if p == 1:
        return sum(abs(x), axis, keepdims)
    if p == math.inf:
        return max(abs(x), axis, keepdims)
    if p == 2:
        return _root(sum(square(x), axis, keepdims), 2.0)
    some = x != 0  # a power below 1 has no slope at 0
    sizes = where(some, abs(x), full_like(x, 1))
    return _root(sum(where(some, power(sizes, p), full_like(x, 0)), axis, keepdims), p)


def pairwise_distance(
    x1: Tensor, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False
) -> Tensor:
    """Measure the distance of each vector from its partner: y = ‖x1 − x2 + eps‖ₚ.

    Shapes: (…, D) and (…, D), broadcast -> (…), or (…, 1) with `keepdims`.

    Raises:
        ConfigError: p is negative.
        ShapeError: the shapes do not broadcast.
    """
    x1, x2 = together(floating(x1), x2)
    return length(x1 - x2 + eps, p, -1, keepdims)


def cdist(x1: Tensor, x2: Any, p: float = 2.0) -> Tensor:
    """Measure all distances between two sets: y[…, n, m] = ‖x1[…, n] − x2[…, m]‖ₚ.

    Shapes: (…, N, D) and (…, M, D), leading axes broadcast -> (…, N, M).

    Raises:
        ConfigError: p is negative.
        ShapeError: the vectors are not of one size, or leading axes do not broadcast.
    """
    x1, x2 = together(floating(x1), x2)
    expect(x1.ndim >= 2 and x2.ndim >= 2 and x1.shape[-1] == x2.shape[-1], "cdist",
           "both must be (…, N, D) with one D", x1=x1.spec, x2=x2.spec)  # fmt: skip
    return length(expand_dims(x1, -2) - expand_dims(x2, -3), p)


def pdist(x: Tensor, p: float = 2.0) -> Tensor:
    """Measure the distances within a set, each pair once: (N, D) -> (N · (N − 1) / 2,).

    In the order (0, 1), (0, 2), …, (1, 2), …

    Raises:
        ConfigError: p is negative.
        ShapeError: x does not have two axes.
    """
    expect(x.ndim == 2, "pdist", "x must have 2 axes", x=x.spec)
    x = floating(x)
    first, second = np.triu_indices(x.shape[0], 1)
    return length(take(x, first, 0) - take(x, second, 0), p)


def cosine_similarity(x1: Tensor, x2: Any, axis: int = -1, eps: float = 1e-8) -> Tensor:
    """Cosine of the angle between vectors along an axis: y = Σ x1 · x2 / (‖x1‖ ‖x2‖).

    Args:
        x1: any shape.
        x2: broadcast against x1.
        axis: along which the vectors lie.
        eps: the least length that is divided by.

    Raises:
        ShapeError: the shapes do not broadcast, or there is no such axis.
    """
    x1, x2 = together(floating(x1), x2)
    return sum(mul(_unit(x1, axis, eps), _unit(x2, axis, eps)), axis)


def _unit(x: Tensor, axis: int, eps: float) -> Tensor:
    return x * rsqrt(maximum(sum(square(x), axis, keepdims=True), eps * eps))


def _root(total: Tensor, p: float) -> Tensor:
    """Return the p-th root with a gradient of 0 at 0."""
    some = total > 0
    safe = where(some, total, full_like(total, 1))
    root = sqrt(safe) if p == 2 else power(safe, 1 / p)
    return where(some, root, full_like(total, 0))

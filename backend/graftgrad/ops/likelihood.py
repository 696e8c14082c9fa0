"""What likelihoods are made of: x · log y without NaN at 0, normal distributions, gamma functions.

All are made of other ops, and have their gradients.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, expect
from .arithmetic import add, mul, where
from .compare import equal, less_equal, logical_and
from .exponential import log, log1p
from .operand import floating, together
from .special import erfc, erfinv, lgamma

if TYPE_CHECKING:
    from ..tensor import Tensor


def xlogy(a: Any, b: Any) -> Tensor:
    """Multiply with a logarithm: y = a · log b, and 0 where a is 0 and b a number."""
    a, b = together(a, b)
    a, b = floating(a), floating(b)
    return mul(a, log(where(logical_and(equal(a, 0), less_equal(b, 0)), 1, b)))


def xlog1py(a: Any, b: Any) -> Tensor:
    """Multiply with a logarithm of what is near 1: y = a · log(1 + b), and 0 where a is 0."""
    a, b = together(a, b)
    a, b = floating(a), floating(b)
    return mul(a, log1p(where(logical_and(equal(a, 0), less_equal(b, -1)), 0, b)))


def ndtr(x: Tensor) -> Tensor:
    """Return the area of the normal distribution below x: y = erfc(−x / √2) / 2."""
    return mul(erfc(mul(floating(x), -math.sqrt(0.5))), 0.5)


def ndtri(p: Tensor) -> Tensor:
    """Return below which x the normal distribution has an area p: y = √2 · erfinv(2p − 1)."""
    return mul(erfinv(add(mul(floating(p), 2), -1)), math.sqrt(2))


def multigammaln(a: Tensor, p: int) -> Tensor:
    """Return the logarithm of the gamma function of p × p matrices.

    y = p(p − 1)/4 · log π + Σⱼ lgamma(a − j/2), j = 0, …, p − 1

    Raises:
        ConfigError: p is not positive.
    """
    expect(p > 0, "multigammaln", "p must be positive", error=ConfigError, p=p)
    x = floating(a)
    y = lgamma(x)
    for j in range(1, p):
        y = add(y, lgamma(add(x, -j / 2)))
    return add(y, p * (p - 1) / 4 * math.log(math.pi))

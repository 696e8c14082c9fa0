"""Losses of numbers: squares, absolute values and what lies between, likelihoods, divergence.

Cross entropies stand in `softmax` and `binary_entropy`, losses with a margin in `margins`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import modes
from ..errors import ConfigError, DataError, expect
from .activation import softplus
from .arithmetic import abs, maximum, mul, square, where
from .binary_entropy import reduced_loss
from .exponential import exp, log
from .operand import floating, full_like, together
from .reduce import sum
from .shape import expand_dims

if TYPE_CHECKING:
    from ..tensor import Tensor


def l1_loss(
    predictions: Tensor, targets: Any, *, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Absolute errors: y = |x − t|.

    Args:
        predictions: x, any shape.
        targets: t, broadcast against x.
        weight: factors of the losses, broadcast; a mean divides by them.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        ShapeError: the shapes do not broadcast.
        ConfigError: there is no such reduction.
    """
    x, t = together(floating(predictions), targets)
    return _weighted(abs(x - t), weight, reduction)


def mse_loss(
    predictions: Tensor, targets: Any, *, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Squared errors: y = (x − t)².

    Args:
        predictions: x, any shape.
        targets: t, broadcast against x.
        weight: factors of the losses, broadcast; a mean divides by them.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        ShapeError: the shapes do not broadcast.
        ConfigError: there is no such reduction.
    """
    x, t = together(floating(predictions), targets)
    return _weighted(square(x - t), weight, reduction)


def huber_loss(
    predictions: Tensor,
    targets: Any,
    *,
    delta: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Squares near 0, absolute values far out: y = e² / 2 where |e| ≤ δ, else δ · (|e| − δ / 2).

    e = x − t. Huber 1964.

    Args:
        predictions: x, any shape.
        targets: t, broadcast against x.
        delta: δ, where the square ends.
        weight: factors of the losses, broadcast; as in PyTorch, a mean does not divide by them.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        ConfigError: delta is not positive, or there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    expect(delta > 0, "huber_loss", "delta must be positive", error=ConfigError, delta=delta)
    x, t = together(floating(predictions), targets)
    size = abs(x - t)
    loss = where(size <= delta, square(size) * 0.5, (size - 0.5 * delta) * delta)
    return reduced_loss(loss if weight is None else loss * weight, reduction)


def smooth_l1_loss(
    predictions: Tensor,
    targets: Any,
    *,
    beta: float = 1.0,
    reduction: str = "mean",
) -> Tensor:
    """Absolute errors with a round bottom: y = e² / (2β) where |e| < β, else |e| − β / 2.

    e = x − t; with β = 0 these are absolute errors. Girshick 2015.

    Args:
        predictions: x, any shape.
        targets: t, broadcast against x.
        beta: β, where the square ends.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        ConfigError: beta is negative, or there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    expect(beta >= 0, "smooth_l1_loss", "beta must not be negative", error=ConfigError, beta=beta)
    x, t = together(floating(predictions), targets)
    size = abs(x - t)
    if beta > 0:
        size = where(size < beta, square(size) * (0.5 / beta), size - 0.5 * beta)
    return reduced_loss(size, reduction)


def kl_div(
    log_probabilities: Tensor, targets: Any, *, log_target: bool = False, reduction: str = "mean"
) -> Tensor:
    """Divergence of distributions, element by element: y = t · (ln t − x), 0 where t = 0.

    Kullback and Leibler 1951. "batchmean" is the divergence itself, averaged over samples.

    Args:
        log_probabilities: x, any shape.
        targets: t, broadcast against x; with `log_target` ln t.
        log_target: targets are logarithms.
        reduction: "none", "mean" over all elements, "batchmean" over the first axis, or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x, t = together(floating(log_probabilities), targets)
    loss = exp(t) * (t - x) if log_target else _times_log(t) - mul(t, x)
    if reduction == "batchmean":
        return sum(loss) / (loss.shape[0] if loss.ndim else 1)
    return reduced_loss(loss, reduction)


def poisson_nll_loss(
    predictions: Tensor,
    targets: Any,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Negative logarithm of Poisson's likelihood of counts: y = eˣ − t · x.

    Args:
        predictions: x, the logarithm of the rate; without `log_input` the rate itself, and
            y = x − t · ln(x + eps).
        targets: t, the counts, broadcast against x.
        log_input: predictions are logarithms.
        full: add Stirling's form of ln t!, t · ln t − t + ln(2πt) / 2, where t > 1.
        eps: keeps the logarithm finite.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x, t = together(floating(predictions), targets)
    loss = exp(x) - t * x if log_input else x - t * log(x + eps)
    if full:
        some = t > 1
        safe = where(some, t, full_like(t, 1))
        stirling = safe * log(safe) - safe + log(safe * (2 * math.pi)) * 0.5
        loss = loss + where(some, stirling, full_like(t, 0))
    return reduced_loss(loss, reduction)


def gaussian_nll_loss(
    predictions: Tensor,
    targets: Any,
    variances: Any,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative logarithm of a normal likelihood: y = (ln v + (x − t)² / v) / 2.

    Nix and Weigend 1994.

    Args:
        predictions: x, any shape.
        targets: t, broadcast against x.
        variances: v, in the shape of x, or without its last axis; not below `eps`.
        full: add ln(2π) / 2.
        eps: the least variance; the gradient of v passes it, as in PyTorch.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        DataError: a variance is negative.
        ConfigError: eps is not positive, or there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    expect(eps > 0, "gaussian_nll_loss", "eps must be positive", error=ConfigError, eps=eps)
    x, t, v = together(floating(predictions), targets, variances)
    if v.ndim == x.ndim - 1 and v.shape == x.shape[:-1]:
        v = expand_dims(v, -1)
    if v.device.computes:
        device = v.device
        modes.look(lambda array: _check_variances(device.inspect(array)), v.array)
    v = v + (maximum(v, eps) - v).detach()
    loss = (log(v) + square(x - t) / v) * 0.5
    return reduced_loss(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def soft_margin_loss(predictions: Tensor, targets: Any, *, reduction: str = "mean") -> Tensor:
    """Logistic loss of signs: y = ln(1 + e^(−t · x)), without overflow.

    Args:
        predictions: x, any shape.
        targets: t, −1 or 1, broadcast against x.
        reduction: "none" for one loss per element, "mean" or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x, t = together(floating(predictions), targets)
    return reduced_loss(softplus(-(t * x)), reduction)


def _weighted(loss: Tensor, weight: Any, reduction: str) -> Tensor:
    """Reduce losses; a mean divides by the weights, where there are some."""
    if weight is None:
        return reduced_loss(loss, reduction)
    loss, factors = together(loss, weight)
    weighted = mul(loss, factors)
    if reduction == "mean":
        return reduced_loss(weighted, "mean", factors + full_like(loss, 0))
    return reduced_loss(weighted, reduction)


def _times_log(t: Tensor) -> Tensor:
    """Return t · ln t, 0 where t is 0."""
    return mul(t, log(where(t > 0, t, full_like(t, 1))))


def _check_variances(values: Any) -> None:
    wrong = np.argwhere(values < 0)
    expect(not len(wrong), "gaussian_nll_loss", "variances must not be negative", error=DataError,
           variance=float(values[tuple(wrong[0])]) if len(wrong) else 0.0,
           position=tuple(int(i) for i in wrong[0]) if len(wrong) else ())  # fmt: skip

"""Losses for numbers: squares, absolute values and what lies between, angles and counts."""

from __future__ import annotations

import math
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.ops import activation

from ..registry import declared, losses, setting
from ..rules import number
from .loss import Loss, matched

EPSILON = 1e-7


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return Σ_d (y_pred − y_true)² / D for every sample: (N, …, D) -> (N, …)."""
    t, p = matched("mean_squared_error", y_true, y_pred, spread=True)
    return ops.square(p - t).mean(-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return Σ_d |y_pred − y_true| / D for every sample: (N, …, D) -> (N, …)."""
    t, p = matched("mean_absolute_error", y_true, y_pred, spread=True)
    return ops.abs(p - t).mean(-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return 100 · Σ_d |y_true − y_pred| / max(|y_true|, 1e-7) / D for every sample."""
    t, p = matched("mean_absolute_percentage_error", y_true, y_pred, spread=True)
    return (ops.abs(t - p) / ops.maximum(ops.abs(t), EPSILON)).mean(-1) * 100.0


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return Σ_d (ln(1 + y_pred) − ln(1 + y_true))² / D for every sample.

    Values below 1e-7 count as 1e-7.
    """
    t, p = matched("mean_squared_logarithmic_error", y_true, y_pred, spread=True)
    first = ops.log(ops.maximum(p, EPSILON) + 1.0)
    second = ops.log(ops.maximum(t, EPSILON) + 1.0)
    return ops.square(first - second).mean(-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Return the mean of e²/2 where |e| ≤ δ, else δ·|e| − δ²/2, for every sample (Huber 1964)."""
    t, p = matched("huber", y_true, y_pred, spread=True)
    size = ops.abs(p - t)
    near = ops.square(size) * 0.5
    return ops.where(size <= delta, near, size * delta - 0.5 * delta * delta).mean(-1)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of ln cosh(y_pred − y_true) for every sample."""
    t, p = matched("log_cosh", y_true, y_pred, spread=True)
    error = p - t
    return (error + activation.softplus(error * -2.0) - math.log(2.0)).mean(-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return −Σ y_true·y_pred / (‖y_true‖ ‖y_pred‖) along an axis: −1 for one direction."""
    t, p = matched("cosine_similarity", y_true, y_pred)
    return -(normalized(t, axis) * normalized(p, axis)).sum(axis)


def normalized(x: Tensor, axis: int) -> Tensor:
    """Divide by the Euclidean length along an axis; a length under 1e-6 counts as 1e-6."""
    return x * ops.rsqrt(ops.maximum(ops.square(x).sum(axis, keepdims=True), 1e-12))


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of y_pred − y_true · ln(y_pred + 1e-7) for every sample."""
    t, p = matched("poisson", y_true, y_pred, spread=True)
    return (p - t * ops.log(p + EPSILON)).mean(-1)


@declared(losses, "mean_squared_error", "mse", "MSE")
class MeanSquaredError(Loss):
    """Mean of squares: l = Σ_d (y_pred − y_true)² / D."""

    name: Any = setting(default="mean_squared_error")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_squared_error(y_true, y_pred)


@declared(losses, "mean_absolute_error", "mae", "MAE")
class MeanAbsoluteError(Loss):
    """Mean of absolute values: l = Σ_d |y_pred − y_true| / D."""

    name: Any = setting(default="mean_absolute_error")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_absolute_error(y_true, y_pred)


@declared(losses, "mean_absolute_percentage_error", "mape", "MAPE")
class MeanAbsolutePercentageError(Loss):
    """Mean of relative errors in percent: l = 100 · Σ_d |y_true − y_pred| / |y_true| / D."""

    name: Any = setting(default="mean_absolute_percentage_error")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_absolute_percentage_error(y_true, y_pred)


@declared(losses, "mean_squared_logarithmic_error", "msle", "MSLE")
class MeanSquaredLogarithmicError(Loss):
    """Mean of squared differences of logarithms: l = Σ_d (ln(1 + y_pred) − ln(1 + y_true))² / D."""

    name: Any = setting(default="mean_squared_logarithmic_error")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_squared_logarithmic_error(y_true, y_pred)


@declared(losses, "huber", "huber_loss")
class Huber(Loss):
    """Squares near zero, absolute values beyond δ (Huber 1964)."""

    delta: float = setting(number, default=1.0)
    name: Any = setting(default="huber_loss")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return huber(y_true, y_pred, self.delta)


@declared(losses, "log_cosh", "logcosh")
class LogCosh(Loss):
    """Logarithm of the hyperbolic cosine of the error: smooth, and linear far out."""

    name: Any = setting(default="log_cosh")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return log_cosh(y_true, y_pred)


@declared(losses, "cosine_similarity")
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between targets and predictions."""

    axis: int = setting(default=-1)
    name: Any = setting(default="cosine_similarity")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return cosine_similarity(y_true, y_pred, self.axis)


@declared(losses, "poisson")
class Poisson(Loss):
    """Negative logarithm of Poisson's likelihood: l = mean(p − t · ln(p + 1e-7))."""

    name: Any = setting(default="poisson")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return poisson(y_true, y_pred)

"""How targets and predictions vary together."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..losses.loss import matched
from ..registry import declared, metrics, setting
from .metric import PerSample

EPSILON = 1e-7


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return mean((t − t̄)(p − p̄)) / (σₜ σₚ) along an axis: 1 where p is a rising line of t.

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    t, p = matched("pearson_correlation", y_true, y_pred)
    t, p = (one - one.mean(axis, keepdims=True) for one in (t, p))
    t, p = (one / ops.sqrt(ops.square(one).mean(axis, keepdims=True)) for one in (t, p))
    return (t * p).mean(axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return 2 · cov(t, p) / (σₜ² + σₚ² + (t̄ − p̄)² + 1e-7) along an axis: 1 where p is t.

    Lin 1989.

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    t, p = matched("concordance_correlation", y_true, y_pred)
    of_t, of_p = t.mean(axis, keepdims=True), p.mean(axis, keepdims=True)
    t, p = t - of_t, p - of_p
    spread = ops.square(t).mean(axis) + ops.square(p).mean(axis)
    apart = ops.square(of_t - of_p).mean(axis)
    return (t * p).mean(axis) * 2.0 / (spread + apart + EPSILON)


@declared(metrics, "pearson_correlation")
class PearsonCorrelation(PerSample):
    """Mean of Pearson's correlation along an axis."""

    name: Any = setting(default="pearson_correlation")
    dtype: Any = setting(default=None)
    axis: Any = setting(default=-1)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value for each place on the other axes."""
        return pearson_correlation(y_true, y_pred, self.axis)


@declared(metrics, "concordance_correlation")
class ConcordanceCorrelation(PerSample):
    """Mean of the concordance correlation along an axis: 1 for predictions that are right."""

    name: Any = setting(default="concordance_correlation")
    dtype: Any = setting(default=None)
    axis: Any = setting(default=-1)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value for each place on the other axes."""
        return concordance_correlation(y_true, y_pred, self.axis)

"""Losses of overlaps: how far the regions that are found are from those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graftgrad import Tensor

from ..registry import declared, losses, setting
from ..rules import number
from .loss import Loss, matched, reduction_rule

EPSILON = 1e-7

Axes = int | Sequence[int] | None


def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Tensor:
    """Return 1 − 2 Σ t·p / (Σ t + Σ p + 1e-7), over some axes or all (Milletari et al. 2016).

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    t, p = matched("dice", y_true, y_pred)
    axes = _axes(axis)
    return 1.0 - (t * p).sum(axes) * 2.0 / (t.sum(axes) + p.sum(axes) + EPSILON)


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Tensor:
    """Return 1 − Σ t·p / (Σ t·p + alpha·Σ t·(1 − p) + beta·Σ (1 − t)·p + 1e-7).

    Salehi et al. 2017. As in Keras alpha weighs what is missed and beta what is found wrongly.

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    t, p = matched("tversky", y_true, y_pred)
    axes = _axes(axis)
    both = (t * p).sum(axes)
    missed, wrong = (t * (1.0 - p)).sum(axes), ((1.0 - t) * p).sum(axes)
    return 1.0 - both / (both + missed * alpha + wrong * beta + EPSILON)


def _axes(axis: Axes) -> Any:
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis


@declared(losses, "dice")
class Dice(Loss):
    """One minus twice the overlap as a part of both regions (Milletari et al. 2016).

    Args:
        axis: over which the regions lie; all if None.
    """

    expects = "sigmoid"

    reduction: Any = setting(reduction_rule, default="sum_over_batch_size")
    name: Any = setting(default="dice")
    axis: Any = setting(default=None)
    dtype: Any = setting(default=None)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value for each place on the other axes."""
        return dice(y_true, y_pred, self.axis)


@declared(losses, "tversky")
class Tversky(Loss):
    """One minus the overlap, what is missed and found wrongly weighted (Salehi et al. 2017).

    Args:
        alpha: the weight of what is missed.
        beta: the weight of what is found wrongly.
        axis: over which the regions lie; all if None.
    """

    expects = "sigmoid"

    alpha: float = setting(number, default=0.5)
    beta: float = setting(number, default=0.5)
    reduction: Any = setting(reduction_rule, default="sum_over_batch_size")
    name: Any = setting(default="tversky")
    axis: Any = setting(default=None)
    dtype: Any = setting(default=None)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value for each place on the other axes."""
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)

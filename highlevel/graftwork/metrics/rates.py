"""The best of one rate while another is at least so high, over many thresholds."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops

from ..registry import MISSING, declared, metrics, setting
from ..rules import fraction, positive_integer
from .confusion import Counts
from .metric import divided


@declared(None)
class BestRate(Counts):
    """What the four share: counts at evenly spaced thresholds, and the best under a bound."""

    num_thresholds: int = setting(positive_integer, default=200)
    class_id: Any = setting(default=None)
    name: Any = setting(default=None)
    dtype: Any = setting(default=None)

    def build(self) -> None:
        """Make the counts at thresholds from 0 to 1; at ½ where there is but one."""
        steps = self.num_thresholds - 1
        self.make_counts([i / steps for i in range(steps + 1)] if steps else [0.5])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts."""
        self.count(y_true, y_pred, sample_weight, None, self.class_id)

    def specificities(self) -> Tensor:
        """Return TN / (TN + FP) at every threshold, (T,)."""
        return divided(self.true_negatives, self.true_negatives.detach() + self.false_positives)

    def best(self, wanted: Tensor, bounded: Tensor, least: float) -> Tensor:
        """Return the largest wanted rate where the other is high enough; 0 where it never is."""
        return ops.where(bounded >= least, wanted, ops.full_like(wanted, 0)).max()


@declared(metrics)
class SensitivityAtSpecificity(BestRate):
    """Best TP / (TP + FN) where TN / (TN + FP) is at least `specificity`.

    Args:
        specificity: the bound, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1.
        class_id: count this class alone.
    """

    specificity: float = setting(fraction, default=MISSING)

    def result(self) -> Tensor:
        """Return the best rate, a scalar tensor."""
        with graftgrad.no_grad():
            return self.best(self.recalls(), self.specificities(), self.specificity)


@declared(metrics)
class SpecificityAtSensitivity(BestRate):
    """Best TN / (TN + FP) where TP / (TP + FN) is at least `sensitivity`.

    Args:
        sensitivity: the bound, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1.
        class_id: count this class alone.
    """

    sensitivity: float = setting(fraction, default=MISSING)

    def result(self) -> Tensor:
        """Return the best rate, a scalar tensor."""
        with graftgrad.no_grad():
            return self.best(self.specificities(), self.recalls(), self.sensitivity)


@declared(metrics)
class PrecisionAtRecall(BestRate):
    """Best TP / (TP + FP) where TP / (TP + FN) is at least `recall`.

    Args:
        recall: the bound, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1.
        class_id: count this class alone.
    """

    recall: float = setting(fraction, default=MISSING)

    def result(self) -> Tensor:
        """Return the best rate, a scalar tensor."""
        with graftgrad.no_grad():
            return self.best(self.precisions(), self.recalls(), self.recall)


@declared(metrics)
class RecallAtPrecision(BestRate):
    """Best TP / (TP + FN) where TP / (TP + FP) is at least `precision`.

    Args:
        precision: the bound, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1.
        class_id: count this class alone.
    """

    precision: float = setting(fraction, default=MISSING)

    def result(self) -> Tensor:
        """Return the best rate, a scalar tensor."""
        with graftgrad.no_grad():
            return self.best(self.recalls(), self.precisions(), self.precision)

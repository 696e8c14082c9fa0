"""The area under a curve that counts at many thresholds draw."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..registry import declared, metrics, setting
from ..rules import one_of, optional, positive_integer
from .confusion import Counts, threshold_rule
from .metric import divided


def _curve(subject: str, name: str, value: Any) -> str:
    found = str(value).upper()
    expect(found in ("ROC", "PR", "PRGAIN"), subject, f'{name} must be "ROC", "PR" or "PRGAIN"',
           error=ConfigError, **{name: value})  # fmt: skip
    return found


@declared(metrics, "auc")
class AUC(Counts):
    """Area under a curve drawn through the counts at many thresholds.

    Args:
        num_thresholds: how many thresholds from just below 0 to just above 1.
        curve: "ROC", true over false positive rate; "PR", precision over recall; or "PRGAIN",
            the gains of both over a classifier that says yes to all (Flach and Kull 2015).
        summation_method: "interpolation" by trapezoids (for "PR" by counts that vary linearly
            between thresholds: Davis and Goadrich 2006, section 4), or the sum of the lower
            ("minoring") or upper ("majoring") rectangles.
        thresholds: those between 0 and 1, in place of evenly spaced ones.
        multi_label: draw a curve for each label, (N, L), and take the mean of the areas.
        num_labels: L, where it is to be known before the first batch.
        label_weights: the weights of the labels in that mean; without `multi_label`, factors of
            the sample weights.
        from_logits: predictions are logits.
    Raises:
        ConfigError: a setting is unfit.
    """

    num_thresholds: int = setting(positive_integer, default=200)
    curve: str = setting(_curve, default="ROC")
    summation_method: str = setting(
        one_of("interpolation", "minoring", "majoring"), default="interpolation"
    )
    name: Any = setting(default=None)
    dtype: Any = setting(default=None)
    thresholds: Any = setting(threshold_rule, default=None)
    multi_label: bool = setting(default=False)
    num_labels: Any = setting(optional(positive_integer), default=None)
    label_weights: Any = setting(default=None)
    from_logits: bool = setting(default=False)

    def build(self) -> None:
        """Make the four counts at all thresholds."""
        expect(self.multi_label or self.num_labels is None, "AUC",
               "num_labels needs multi_label=True", error=ConfigError,
               num_labels=self.num_labels)  # fmt: skip
        expect(self.thresholds is not None or self.num_thresholds > 1, "AUC",
               "num_thresholds must be at least 2", error=ConfigError,
               num_thresholds=self.num_thresholds)  # fmt: skip
        steps = self.num_thresholds - 1
        even = [i / steps for i in range(1, steps)]
        inner = even if self.thresholds is None else sorted(self.thresholds)
        self.between = [-1e-7, *inner, 1 + 1e-7]
        self.num_thresholds = len(self.between)
        if not self.multi_label:
            self.make_counts(self.between)
        elif self.num_labels is not None:
            self.make_counts(self.between, (self.num_labels,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts.

        Raises:
            ShapeError: with `multi_label` predictions are not (N, L), or L is another than before.
        """
        prediction = as_tensor(y_pred).detach()
        prediction = ops.sigmoid(prediction) if self.from_logits else prediction
        if not self.multi_label:
            self.count(y_true, prediction, sample_weight, label_weights=self.label_weights)
            return
        expect(prediction.ndim == 2, "AUC", "predictions of several labels must be (N, L)",
               error=ShapeError, y_pred=prediction.shape)  # fmt: skip
        if not self.own_variables:
            self.make_counts(self.between, (prediction.shape[1],))
        known = self.true_positives.shape[1]
        expect(prediction.shape[1] == known, "AUC", "there must be as many labels as before",
               error=ShapeError, y_pred=prediction.shape, labels=known)  # fmt: skip
        self.count(y_true, prediction, sample_weight, each=True)

    def result(self) -> Tensor:
        """Return the area, a scalar tensor."""
        with graftgrad.no_grad():
            if not self.own_variables:
                return graftgrad.zeros(())
            areas = self._areas()
            if not self.multi_label:
                return areas
            if self.label_weights is None:
                return areas.mean()
            weights = as_tensor(self.label_weights, areas.dtype)
            return divided((areas * weights).sum(), weights.sum())

    def _areas(self) -> Tensor:
        """Return the area, or that of every label, (L,)."""
        recall = self.recalls()
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._between_counts()
        if self.curve == "PR":
            return self._area(recall, self.precisions())
        if self.curve == "PRGAIN":
            return self._area(*self._gains())
        false_rate = divided(
            self.false_positives, self.false_positives.detach() + self.true_negatives
        )
        return self._area(false_rate, recall)

    def _gains(self) -> tuple[Tensor, Tensor]:
        """Return 1 − π FN / TP, at least 0, and 1 − π FP / TP; π is the ratio of yes to no."""
        hits, wrong = self.true_positives.detach(), self.false_positives.detach()
        ratio = divided(hits + self.false_negatives, wrong + self.true_negatives)
        recall = 1.0 - ratio * divided(self.false_negatives, hits)
        precision = 1.0 - ratio * divided(wrong, hits)
        recall = ops.where(hits == 0, ops.full_like(recall, 0), recall)
        return ops.maximum(recall, 0.0), ops.where(hits == 0, ops.full_like(hits, 1), precision)

    def _area(self, x: Tensor, y: Tensor) -> Tensor:
        left, right = y[:-1], y[1:]
        heights = {
            "interpolation": (left + right) * 0.5,
            "minoring": ops.minimum(left, right),
            "majoring": ops.maximum(left, right),
        }
        return ((x[:-1] - x[1:]) * heights[self.summation_method]).sum(0)

    def _between_counts(self) -> Tensor:
        """Integrate precision over recall; TP and TP + FP vary linearly between thresholds a and b.

        ∫ (TP_b + s (P − P_b)) / P · dTP = s (ΔTP + (TP_b − s P_b) ln(P_a / P_b)), s = ΔTP / ΔP.
        """
        hits = self.true_positives.detach()
        found = hits + self.false_positives
        gained, step = hits[:-1] - hits[1:], found[:-1] - found[1:]
        slope = divided(gained, ops.maximum(step, 0.0))
        ratio = ops.where(found[1:] > 0, divided(found[:-1], found[1:]), ops.full_like(step, 1))
        ratio = ops.where(ratio > 0, ratio, ops.full_like(ratio, 1))
        area = slope * (gained + (hits[1:] - slope * found[1:]) * ops.log(ratio))
        return divided(area, hits[1:] + self.false_negatives[1:]).sum(0)

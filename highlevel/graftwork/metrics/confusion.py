"""Counts of right and wrong yes and no at thresholds, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..losses.loss import as_tensor, same_rank, weights_for
from ..registry import declared, metrics, setting
from .metric import Metric, divided


class Counts(Metric):
    """Weighted counts at every threshold: true and false positives, true and false negatives, (T,) each."""

    thresholds: Any
    chosen: list[float]

    def make_counts(self, thresholds: Sequence[float]) -> None:
        """Make the state for these thresholds.

        Raises:
            ConfigError: a threshold is not between 0 and 1.
        """
        self.chosen = [float(one) for one in thresholds]
        names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        for name in names:
            setattr(self, name, self.add_variable((len(self.chosen),), name=name))
        self.levels = graftgrad.tensor(self.chosen, "float32")

    def count(self, y_true: Any, y_pred: Any, sample_weight: Any, class_id: int | None = None) -> None:
        """Add a batch to the counts.

        Raises:
            ShapeError: targets and predictions differ in shape.
        """
        with graftgrad.no_grad():
            t, p = same_rank(as_tensor(y_true), as_tensor(y_pred).detach())
            expect(t.shape == p.shape, type(self).__name__, "targets and predictions must have one shape",
                   error=ShapeError, y_true=t.shape, y_pred=p.shape)  # fmt: skip
            w = None if sample_weight is None else weights_for(p, sample_weight)
            if class_id is not None:
                w = None if w is None else ops.broadcast_to(w, p.shape)[..., class_id]
                t, p = t[..., class_id], p[..., class_id]
            weights = ops.full_like(p, 1) if w is None else ops.broadcast_to(w, p.shape)
            flat = [ops.reshape(one.to("float32"), (1, -1)) for one in (t, p, weights)]
            self._add(flat[0] * flat[2], (1.0 - flat[0]) * flat[2], flat[1])

    def _add(self, yes: Tensor, no: Tensor, p: Tensor) -> None:
        above = (p > ops.reshape(self.levels, (-1, 1))).to("float32")  # (T, N)
        self.true_positives.add_((above * yes).sum(1))
        self.false_positives.add_((above * no).sum(1))
        self.true_negatives.add_(((1.0 - above) * no).sum(1))
        self.false_negatives.add_(((1.0 - above) * yes).sum(1))

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any


def _levels(subject: str, thresholds: Any) -> list[float]:
    listed = [0.5] if thresholds is None else list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    for one in listed:
        expect(isinstance(one, (int, float)) and 0 <= one <= 1, subject,
               "thresholds must lie between 0 and 1", error=ConfigError, thresholds=thresholds)  # fmt: skip
    return listed


@declared(None)
class _Rate(Counts):
    """A ratio of two counts, one value per threshold."""

    thresholds: Any = setting(default=None)
    top_k: Any = setting(default=None)
    class_id: Any = setting(default=None)
    name: Any = setting(default=None)

    def __init__(
        self, thresholds: Any = None, top_k: Any = None, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        expect(top_k is None, type(self).__name__, "top_k must be None", error=ConfigError, top_k=top_k)
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.make_counts(_levels(type(self).__name__, thresholds))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts."""
        self.count(y_true, y_pred, sample_weight, self.class_id)

    def ratio(self) -> Tensor:
        """Return the ratio at every threshold, (T,)."""
        raise NotImplementedError

    def result(self) -> Tensor:
        """Return the ratio, a scalar for one threshold."""
        with graftgrad.no_grad():
            found = self.ratio()
            return found[0] if len(self.chosen) == 1 else found


@declared(metrics, "precision")
class Precision(_Rate):
    """Share of the positives found that are right: TP / (TP + FP)."""

    def ratio(self) -> Tensor:
        """Return the ratio at every threshold, (T,)."""
        return divided(self.true_positives, self.true_positives.detach() + self.false_positives)


@declared(metrics, "recall")
class Recall(_Rate):
    """Share of the positives there are that are found: TP / (TP + FN)."""

    def ratio(self) -> Tensor:
        """Return the ratio at every threshold, (T,)."""
        return divided(self.true_positives, self.true_positives.detach() + self.false_negatives)


@declared(None)
class _Count(Counts):
    """One of the four counts."""

    thresholds: Any = setting(default=None)
    name: Any = setting(default=None)

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self.make_counts(_levels(type(self).__name__, thresholds))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts."""
        self.count(y_true, y_pred, sample_weight)

    def counted(self) -> Tensor:
        """Return the count at every threshold, (T,)."""
        raise NotImplementedError

    def result(self) -> Tensor:
        """Return the count, a scalar for one threshold."""
        found = self.counted().detach()
        return found[0] if len(self.chosen) == 1 else found


@declared(metrics)
class TruePositives(_Count):
    """How many positives were found."""

    def counted(self) -> Tensor:
        """Return the count at every threshold, (T,)."""
        return self.true_positives  # type: ignore[no-any-return]


@declared(metrics)
class FalsePositives(_Count):
    """How many were taken for positives wrongly."""

    def counted(self) -> Tensor:
        """Return the count at every threshold, (T,)."""
        return self.false_positives  # type: ignore[no-any-return]


@declared(metrics)
class TrueNegatives(_Count):
    """How many negatives were found."""

    def counted(self) -> Tensor:
        """Return the count at every threshold, (T,)."""
        return self.true_negatives  # type: ignore[no-any-return]


@declared(metrics)
class FalseNegatives(_Count):
    """How many were taken for negatives wrongly."""

    def counted(self) -> Tensor:
        """Return the count at every threshold, (T,)."""
        return self.false_negatives  # type: ignore[no-any-return]


@declared(metrics, "auc")
class AUC(Counts):
    """Area under the curve of true over false positive rate, by trapezoids between thresholds.

    Args:
        num_thresholds: how many thresholds from just below 0 to just above 1.
        curve: "ROC".
        from_logits: predictions are logits.
    """

    num_thresholds: int = setting(default=200)
    curve: str = setting(default="ROC")
    name: Any = setting(default="auc")
    from_logits: bool = setting(default=False)

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
        name: str | None = "auc", dtype: Any = None, thresholds: Any = None, multi_label: bool = False,
        num_labels: Any = None, label_weights: Any = None, from_logits: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        plain = curve == "ROC" and summation_method == "interpolation" and not multi_label
        expect(plain and label_weights is None and num_labels is None, "AUC",
               'curve must be "ROC", summation_method "interpolation", and labels single',
               error=ConfigError, curve=curve, summation_method=summation_method,
               multi_label=multi_label)  # fmt: skip
        expect(num_thresholds > 1, "AUC", "num_thresholds must be at least 2", error=ConfigError,
               num_thresholds=num_thresholds)  # fmt: skip
        self.num_thresholds, self.curve, self.from_logits = num_thresholds, curve, from_logits
        steps = num_thresholds - 1
        inner = sorted(thresholds) if thresholds is not None else [i / steps for i in range(1, steps)]
        self.make_counts([-1e-7, *inner, 1 + 1e-7])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts."""
        prediction = as_tensor(y_pred).detach()
        self.count(y_true, ops.sigmoid(prediction) if self.from_logits else prediction, sample_weight)

    def result(self) -> Tensor:
        """Return the area, a scalar tensor."""
        with graftgrad.no_grad():
            recall = divided(self.true_positives, self.true_positives.detach() + self.false_negatives)
            fallout = divided(self.false_positives, self.false_positives.detach() + self.true_negatives)
            heights = (recall[:-1] + recall[1:]) * 0.5
            return ((fallout[:-1] - fallout[1:]) * heights).sum()

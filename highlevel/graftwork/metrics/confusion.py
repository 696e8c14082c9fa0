"""Counts of right and wrong yes and no at thresholds, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect

from ..losses.loss import same_rank, weights_for
from ..registry import declared, metrics, setting
from ..rules import optional, positive_integer
from .metric import Metric, divided

LOWEST = -1e10
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def threshold_rule(subject: str, name: str, value: Any) -> Any:
    """Accept None, a number between 0 and 1, or a list of them."""
    for one in value if isinstance(value, (list, tuple)) else [0.5 if value is None else value]:
        expect(isinstance(one, (int, float)) and 0 <= one <= 1, subject,
               f"{name} must lie between 0 and 1", error=ConfigError, **{name: value})  # fmt: skip
    return value


@declared(None)
class Counts(Metric):
    """Weighted counts at every threshold, (T,) each.

    True and false positives, true and false negatives; only those that `kept` names are gathered.
    """

    name: Any = setting(default=None)
    dtype: Any = setting(default=None)

    kept: ClassVar[tuple[str, ...]] = COUNTS
    if TYPE_CHECKING:
        true_positives: ClassVar[Any]
        false_positives: ClassVar[Any]
        true_negatives: ClassVar[Any]
        false_negatives: ClassVar[Any]

    def make_counts(self, thresholds: Sequence[float], labels: tuple[int, ...] = ()) -> None:
        """Make the state for these thresholds, and for so many labels where each counts alone."""
        self.chosen = [float(one) for one in thresholds]
        self.levels = graftgrad.tensor(self.chosen, self.dtype or "float32").reshape(-1, 1)
        for name in self.kept:
            stored = name if len(self.kept) > 1 else "accumulator"  # Keras' name in files
            setattr(self, name, self.add_variable((len(self.chosen), *labels), name=stored))

    def count(
        self, y_true: Any, y_pred: Any, sample_weight: Any, top_k: int | None = None,
        class_id: int | None = None, label_weights: Any = None, each: bool = False,
    ) -> None:  # fmt: skip
        """Add a batch to the counts: all classes, or one; all predictions, or the k largest.

        With `each` the labels on the last axis are counted each alone.

        Raises:
            ShapeError: targets and predictions differ in shape.
        """
        with graftgrad.no_grad():
            t, p = same_rank(as_tensor(y_true), as_tensor(y_pred).detach())
            expect(t.shape == p.shape, type(self).__name__,
                   "targets and predictions must have one shape",
                   y_true=t.shape, y_pred=p.shape,
                   advice="It counts yes and no in every column: of several classes it wants "
                   "one-hot targets, utils.to_categorical(y)."
                   if p.ndim > t.ndim else "")  # fmt: skip
            p = p if top_k is None else largest(p, top_k)
            w = ops.full_like(p, 1)
            if sample_weight is not None:
                w = ops.broadcast_to(weights_for(p, sample_weight), p.shape)
            if label_weights is not None:
                w = w * as_tensor(label_weights, w.dtype)
            if class_id is not None:
                t, p, w = t[..., class_id], p[..., class_id], w[..., class_id]
            rest = (t.shape[-1],) if each else ()
            t, p, w = ((t != 0).reshape(1, -1, *rest), p.reshape(1, -1, *rest),
                       w.reshape(1, -1, *rest))  # fmt: skip
            levels = self.levels.to(p.device).to(p.dtype).reshape(-1, 1, *[1 for _ in rest])
            self._add(t, p > levels, w)

    def _add(self, t: Tensor, found: Tensor, w: Tensor) -> None:
        sides = {"true_positives": found & t, "false_positives": found & ~t,
                 "true_negatives": ~found & ~t, "false_negatives": ~found & t}  # fmt: skip
        for name in self.kept:
            getattr(self, name).add_((sides[name].to(w.dtype) * w).sum(1))

    def recalls(self) -> Tensor:
        """Return TP / (TP + FN) at every threshold, (T,)."""
        return divided(self.true_positives, self.true_positives.detach() + self.false_negatives)

    def precisions(self) -> Tensor:
        """Return TP / (TP + FP) at every threshold, (T,)."""
        return divided(self.true_positives, self.true_positives.detach() + self.false_positives)


def largest(p: Tensor, k: int) -> Tensor:
    """Keep the k largest of each row and put the rest below every threshold: (…, K) -> (…, K)."""
    place = graftgrad.arange(p.shape[-1])
    here, there = ops.expand_dims(p, -1), ops.expand_dims(p, -2)
    earlier = ops.expand_dims(place, -1) > ops.expand_dims(place, 0)
    before = (there > here) | ((there == here) & earlier)
    return ops.where(before.to("float32").sum(-1) < k, p, ops.full_like(p, LOWEST))


def _scalar(values: Tensor) -> Tensor:
    return values[0] if values.size == 1 else values


@declared(None)
class _Rate(Counts):
    """A ratio of two counts, one value per threshold."""

    thresholds: Any = setting(threshold_rule, default=None)
    top_k: Any = setting(optional(positive_integer), default=None)
    class_id: Any = setting(default=None)

    def build(self) -> None:
        """Make the counts; with `top_k` alone every kept prediction is a yes."""
        usual = 0.5 if self.top_k is None else LOWEST
        given = usual if self.thresholds is None else self.thresholds
        self.make_counts(given if isinstance(given, (list, tuple)) else [given])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts."""
        self.count(y_true, y_pred, sample_weight, self.top_k, self.class_id)


@declared(metrics, "precision")
class Precision(_Rate):
    """Share of the positives found that are right: TP / (TP + FP)."""

    kept = ("true_positives", "false_positives")

    def result(self) -> Tensor:
        """Return the ratio, a scalar for one threshold."""
        with graftgrad.no_grad():
            return _scalar(self.precisions())


@declared(metrics, "recall")
class Recall(_Rate):
    """Share of the positives there are that are found: TP / (TP + FN)."""

    kept = ("true_positives", "false_negatives")

    def result(self) -> Tensor:
        """Return the ratio, a scalar for one threshold."""
        with graftgrad.no_grad():
            return _scalar(self.recalls())


@declared(None)
class _Count(Counts):
    """One of the four counts."""

    thresholds: Any = setting(threshold_rule, default=None)

    def build(self) -> None:
        """Make the count."""
        given = 0.5 if self.thresholds is None else self.thresholds
        self.make_counts(given if isinstance(given, (list, tuple)) else [given])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the count."""
        self.count(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        """Return the count, a scalar for one threshold."""
        counted: Tensor = getattr(self, self.kept[0])
        return _scalar(counted.detach().clone())


@declared(metrics)
class TruePositives(_Count):
    """How many positives were found."""

    kept = ("true_positives",)


@declared(metrics)
class FalsePositives(_Count):
    """How many were taken for positives wrongly."""

    kept = ("false_positives",)


@declared(metrics)
class TrueNegatives(_Count):
    """How many negatives were found."""

    kept = ("true_negatives",)


@declared(metrics)
class FalseNegatives(_Count):
    """How many were taken for negatives wrongly."""

    kept = ("false_negatives",)

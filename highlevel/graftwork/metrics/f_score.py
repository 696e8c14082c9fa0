"""Harmonic means of precision and recall."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import declared, metrics, setting
from ..rules import number, one_of, optional
from .metric import Metric

EPSILON = 1e-7


@declared(metrics, "fbeta_score")
class FBetaScore(Metric):
    """F = (1 + β²) · precision · recall / (β² · precision + recall), class by class.

    Targets and predictions are (N, K), targets 0 or 1.

    Args:
        average: how the classes become one number: "micro" counts all together, "macro" takes the
            mean, "weighted" weighs by how often a class occurs; None for one number each.
        beta: β, how much more recall counts than precision.
        threshold: a prediction above it is a yes; if None, the largest of each row is.
    """

    average: Any = setting(optional(one_of("micro", "macro", "weighted")), default=None)
    beta: float = setting(number, default=1.0)
    threshold: Any = setting(optional(number), default=None)
    name: Any = setting(default="fbeta_score")
    dtype: Any = setting(default=None)

    true_positives: Any = None

    def build(self) -> None:
        """Check the settings; the counts follow when the number of classes is known."""
        expect(
            self.beta > 0,
            type(self).__name__,
            "beta must be positive",
            error=ConfigError,
            beta=self.beta,
        )
        expect(self.threshold is None or 0 < self.threshold <= 1, type(self).__name__,
               "threshold must lie between 0 and 1", error=ConfigError,
               threshold=self.threshold)  # fmt: skip

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the counts.

        Raises:
            ShapeError: targets and predictions are not (N, K) both.
        """
        with graftgrad.no_grad():
            p = as_tensor(y_pred).detach()
            t = as_tensor(y_true).to(p.dtype)
            expect(p.ndim == 2 and t.shape == p.shape, type(self).__name__,
                   "targets and predictions must be (N, K)",
                   y_true=t.shape, y_pred=p.shape)  # fmt: skip
            if self.true_positives is None:
                self._make(() if self.average == "micro" else (p.shape[1],))
            if self.threshold is None:
                yes = (p >= p.max(-1, keepdims=True)) & (ops.abs(p) > 1e-9)
            else:
                yes = p > self.threshold
            found = yes.to(p.dtype)
            sides = (found * t, found * (1.0 - t), (1.0 - found) * t, t)
            counts = (
                self.true_positives, self.false_positives, self.false_negatives,
                self.intermediate_weights,
            )  # fmt: skip
            for count, side in zip(counts, sides, strict=True):
                if sample_weight is not None:
                    side = side * ops.expand_dims(as_tensor(sample_weight).to(p.dtype), -1)
                count.add_(side.sum(None if self.average == "micro" else 0))

    def _make(self, shape: tuple[int, ...]) -> None:
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")

    def result(self) -> Tensor:
        """Return the score; 0 before anything was seen."""
        if self.true_positives is None:
            return graftgrad.zeros(())
        with graftgrad.no_grad():
            hits: Tensor = self.true_positives.detach()
            precision = hits / (hits + self.false_positives + EPSILON)
            recall = hits / (hits + self.false_negatives + EPSILON)
            square = self.beta**2
            score = precision * recall / (precision * square + recall + EPSILON) * (1.0 + square)
            if self.average == "weighted":
                occurring = self.intermediate_weights.detach()
                return (score * occurring / (occurring.sum() + EPSILON)).sum()
            return score if self.average is None else score.mean()


@declared(metrics, "f1_score")
class F1Score(FBetaScore):
    """Harmonic mean of precision and recall, class by class."""

    name: Any = setting(default="f1_score")

    def __init__(
        self, average: str | None = None, threshold: float | None = None,
        name: str | None = "f1_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(average=average, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values; β is always 1."""
        config = super().get_config()
        del config["beta"]
        return config

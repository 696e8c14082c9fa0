"""How often the prediction is right."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops.labels import Pick

from ..losses.classification import labelled
from ..losses.loss import same_rank
from ..registry import declared, metrics, setting
from ..rules import positive_integer
from .metric import PerSample


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where prediction and target are equal, else 0."""
    t, p = _paired("accuracy", y_true, y_pred)
    return (t.to(p.dtype) == p).to("float32")


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Return 1 where the prediction lies on the target's side of the threshold, else 0."""
    t, p = _paired("binary_accuracy", y_true, y_pred)
    return ((p > threshold).to("float32") == t.to("float32")).to("float32")


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where the largest prediction stands at the place of the one in a one-hot target."""
    t, p = _paired("categorical_accuracy", y_true, y_pred)
    return (t.argmax(-1) == p.argmax(-1)).to("float32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where the largest prediction stands at the place of the label."""
    labels, p = labelled("sparse_categorical_accuracy", y_true, as_tensor(y_pred))
    return (p.argmax(-1) == labels.to("int64")).to("float32")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Return 1 where the one of a one-hot target is among the k largest predictions."""
    return sparse_top_k_categorical_accuracy(as_tensor(y_true).argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Return 1 where the label is among the k largest predictions; ties count as among them.

    With `from_sorted_ids` the predictions are classes, best first, in place of scores.
    """
    labels, p = labelled("sparse_top_k_categorical_accuracy", y_true, as_tensor(y_pred))
    if from_sorted_ids:
        return (p[..., :k].to("int64") == ops.expand_dims(labels, -1)).any(-1).to("float32")
    chosen = Pick()(p, labels)
    larger = (p > ops.expand_dims(chosen, -1)).to("float32").sum(-1)
    return ((larger < k) & ops.isfinite(chosen)).to("float32")


def _paired(subject: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    t, p = same_rank(as_tensor(y_true), as_tensor(y_pred))
    expect(t.shape == p.shape, subject, "targets and predictions must have one shape",
           y_true=t.shape, y_pred=p.shape)  # fmt: skip
    return t, p


@declared(metrics)
class Accuracy(PerSample):
    """How often prediction and target are equal."""

    name: Any = setting(default="accuracy")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per value."""
        return accuracy(y_true, y_pred)


@declared(metrics, "binary_accuracy")
class BinaryAccuracy(PerSample):
    """How often the prediction lies on the target's side of the threshold."""

    name: Any = setting(default="binary_accuracy")
    dtype: Any = setting(default=None)
    threshold: float = setting(default=0.5)

    def build(self) -> None:
        """Make total and count."""
        expect(0 < self.threshold < 1, "BinaryAccuracy", "threshold must lie between 0 and 1",
               error=ConfigError, threshold=self.threshold)  # fmt: skip
        super().build()

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per value."""
        return binary_accuracy(y_true, y_pred, self.threshold)


@declared(metrics, "categorical_accuracy")
class CategoricalAccuracy(PerSample):
    """How often the largest prediction is that of a one-hot target."""

    name: Any = setting(default="categorical_accuracy")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return categorical_accuracy(y_true, y_pred)


@declared(metrics, "sparse_categorical_accuracy")
class SparseCategoricalAccuracy(PerSample):
    """How often the largest prediction is that of the label."""

    name: Any = setting(default="sparse_categorical_accuracy")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return sparse_categorical_accuracy(y_true, y_pred)


@declared(metrics, "top_k_categorical_accuracy")
class TopKCategoricalAccuracy(PerSample):
    """How often the one of a one-hot target is among the k largest predictions."""

    k: int = setting(positive_integer, default=5)
    name: Any = setting(default="top_k_categorical_accuracy")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@declared(metrics, "sparse_top_k_categorical_accuracy")
class SparseTopKCategoricalAccuracy(PerSample):
    """How often the label is among the k largest predictions."""

    k: int = setting(positive_integer, default=5)
    name: Any = setting(default="sparse_top_k_categorical_accuracy")
    dtype: Any = setting(default=None)
    from_sorted_ids: bool = setting(default=False)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)

"""How often the prediction is right."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect
from graftgrad.ops.index import take_along_axis

from ..losses.loss import as_tensor, same_rank
from ..registry import declared, metrics, positive_integer, setting
from .metric import PerSample


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where prediction and target are equal, else 0."""
    t, p = same_rank(as_tensor(y_true), as_tensor(y_pred))
    _need_shape("accuracy", t, p)
    return (t.to(p.dtype) == p).to("float32")


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Return 1 where the prediction lies on the target's side of the threshold, else 0."""
    t, p = same_rank(as_tensor(y_true), as_tensor(y_pred))
    _need_shape("binary_accuracy", t, p)
    return ((p > threshold).to(p.dtype) == t.to(p.dtype)).to("float32")


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where the largest prediction stands at the place of the one in a one-hot target."""
    t, p = as_tensor(y_true), as_tensor(y_pred)
    _need_shape("categorical_accuracy", t, p)
    return (t.argmax(-1) == p.argmax(-1)).to("float32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where the largest prediction stands at the place of the label."""
    t, p = labels_for("sparse_categorical_accuracy", y_true, y_pred)
    return (p.argmax(-1) == t.to("int64")).to("float32")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Return 1 where the one of a one-hot target is among the k largest predictions."""
    return sparse_top_k_categorical_accuracy(as_tensor(y_true).argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Return 1 where the label is among the k largest predictions; ties count as among them."""
    t, p = labels_for("sparse_top_k_categorical_accuracy", y_true, y_pred)
    chosen = take_along_axis(p, ops.expand_dims(t.to("int64"), -1), -1)
    larger = (p > chosen).to("float32").sum(-1)
    return ((larger < k) & ops.isfinite(ops.squeeze(chosen, -1))).to("float32")


def labels_for(subject: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Return labels and predictions, one label per prediction.

    Raises:
        ShapeError: there is not one label per prediction.
    """
    t, p = as_tensor(y_true), as_tensor(y_pred)
    t = ops.squeeze(t, -1) if t.ndim == p.ndim and t.shape[-1] == 1 else t
    expect(t.shape == p.shape[:-1], subject, "there must be one label per prediction",
           error=ShapeError, y_true=t.shape, y_pred=p.shape)  # fmt: skip
    return t, p


def _need_shape(subject: str, t: Tensor, p: Tensor) -> None:
    expect(t.shape == p.shape, subject, "targets and predictions must have one shape",
           error=ShapeError, y_true=t.shape, y_pred=p.shape)  # fmt: skip


@declared(metrics)
class Accuracy(PerSample):
    """How often prediction and target are equal."""

    name: Any = setting(default="accuracy")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return accuracy(y_true, y_pred)


@declared(metrics, "binary_accuracy")
class BinaryAccuracy(PerSample):
    """How often the prediction lies on the target's side of the threshold."""

    name: Any = setting(default="binary_accuracy")
    threshold: float = setting(default=0.5)

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name, dtype)
        expect(0 < threshold < 1, "BinaryAccuracy", "threshold must lie between 0 and 1",
               error=ConfigError, threshold=threshold)  # fmt: skip
        self.threshold = threshold

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per value."""
        return binary_accuracy(y_true, y_pred, self.threshold)


@declared(metrics, "categorical_accuracy")
class CategoricalAccuracy(PerSample):
    """How often the largest prediction is that of a one-hot target."""

    name: Any = setting(default="categorical_accuracy")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_accuracy(y_true, y_pred)


@declared(metrics, "sparse_categorical_accuracy")
class SparseCategoricalAccuracy(PerSample):
    """How often the largest prediction is that of the label."""

    name: Any = setting(default="sparse_categorical_accuracy")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return sparse_categorical_accuracy(y_true, y_pred)


@declared(metrics, "top_k_categorical_accuracy")
class TopKCategoricalAccuracy(PerSample):
    """How often the one of a one-hot target is among the k largest predictions."""

    k: int = setting(positive_integer, default=5)

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)
        self.k = positive_integer("TopKCategoricalAccuracy", "k", k)

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@declared(metrics, "sparse_top_k_categorical_accuracy")
class SparseTopKCategoricalAccuracy(PerSample):
    """How often the label is among the k largest predictions."""

    k: int = setting(positive_integer, default=5)

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        expect(not from_sorted_ids, "SparseTopKCategoricalAccuracy", "from_sorted_ids must be False",
               error=ConfigError, from_sorted_ids=from_sorted_ids)  # fmt: skip
        self.k = positive_integer("SparseTopKCategoricalAccuracy", "k", k)

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k)

"""Intersection over union of classes, from a table that counts which is taken for which."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import MISSING, declared, metrics, setting
from ..rules import integers, optional, positive_integer
from .metric import Metric

EPSILON = 1e-7


@declared(None)
class ClassCounts(Metric):
    """The weighted count of every pair of a true and a predicted class, (K, K).

    Labels that are no class, on either side, and those of `ignore_class` do not count. Weights may
    be fractions; Keras rounds them down unless `dtype` holds real numbers.
    """

    num_classes: int = setting(positive_integer, default=MISSING)
    name: Any = setting(default=None)
    dtype: Any = setting(default=None)
    ignore_class: Any = setting(default=None)
    sparse_y_true: bool = setting(default=True)
    sparse_y_pred: bool = setting(default=True)
    axis: int = setting(default=-1)

    def build(self) -> None:
        """Make the table."""
        self.total_cm = self.add_variable(
            (self.num_classes, self.num_classes), name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the table.

        Raises:
            ShapeError: there is not one label, or one weight, per prediction.
        """
        with graftgrad.no_grad():
            t, p = as_tensor(y_true), as_tensor(y_pred).detach()
            t = t if self.sparse_y_true else t.argmax(self.axis)
            p = p if self.sparse_y_pred else p.argmax(self.axis)
            expect(t.size == p.size, type(self).__name__, "there must be one label per prediction",
                   y_true=t.shape, y_pred=p.shape)  # fmt: skip
            self._count(_flat(t), _flat(p), self._weights(sample_weight, t.size))

    def _weights(self, sample_weight: Any, count: int) -> Tensor:
        if sample_weight is None:
            return graftgrad.ones(count)
        flat = ops.reshape(as_tensor(sample_weight), (-1,)).to("float32")
        expect(flat.shape[0] in (1, count), type(self).__name__,
               "there must be one weight per prediction",
               sample_weight=flat.shape, predictions=count)  # fmt: skip
        return ops.broadcast_to(flat, (count,))

    def _count(self, t: Tensor, p: Tensor, weights: Tensor) -> None:
        classes = self.num_classes
        counts = (t >= 0) & (t < classes) & (p >= 0) & (p < classes)
        if self.ignore_class is not None:
            counts = counts & (t != self.ignore_class)
        none = ops.full_like(t, 0)
        place = ops.where(counts, t * classes + p, none)
        weights = ops.where(counts, weights, ops.full_like(weights, 0))
        table = graftgrad.zeros(classes * classes)
        found = ops.scatter_add(table, 0, place, weights)
        self.total_cm.add_(ops.reshape(found, (classes, classes)).to(self.total_cm.dtype))


def _flat(labels: Tensor) -> Tensor:
    return ops.reshape(labels, (-1,)).to("int64")


@declared(metrics)
class IoU(ClassCounts):
    """Mean over some classes of true positives / (true + false positives + false negatives).

    Classes that neither occur nor are predicted do not count.

    Args:
        num_classes: K.
        target_class_ids: the classes of which the mean is taken.
        ignore_class: a label that does not count.
        sparse_y_true: targets are labels, else one-hot along `axis`.
        sparse_y_pred: predictions are labels, else scores along `axis`.
        axis: where the classes lie.
    Raises:
        ConfigError: a class is not one of 0 … K − 1.
    """

    num_classes: int = setting(positive_integer, default=MISSING)
    target_class_ids: Any = setting(optional(integers), default=MISSING)
    name: Any = setting(default=None)
    dtype: Any = setting(default=None)
    ignore_class: Any = setting(default=None)
    sparse_y_true: bool = setting(default=True)
    sparse_y_pred: bool = setting(default=True)
    axis: int = setting(default=-1)

    def build(self) -> None:
        """Check the classes and make the table."""
        chosen = self.target_class_ids
        self.classes = tuple(range(self.num_classes)) if chosen is None else tuple(chosen)
        fit = bool(self.classes) and all(0 <= k < self.num_classes for k in self.classes)
        expect(fit, type(self).__name__, f"target_class_ids must lie in [0, {self.num_classes})",
               error=ConfigError, target_class_ids=chosen)  # fmt: skip
        super().build()

    def result(self) -> Tensor:
        """Return the mean, a scalar tensor; 0 before anything was seen."""
        with graftgrad.no_grad():
            table = self.total_cm.detach()
            place = graftgrad.arange(self.num_classes)
            diagonal = ops.take_along_axis(table, ops.expand_dims(place, 1), 1)[:, 0]
            union = table.sum(0) + table.sum(1) - diagonal
            chosen = list(self.classes)
            both, either = ops.take(diagonal, chosen), ops.take(union, chosen)
            some = (either > 1e-9).to("float32")
            shares = both / (either + EPSILON) * some
            return shares.sum() / (some.sum() + EPSILON)


@declared(metrics)
class BinaryIoU(IoU):
    """Intersection over union of no and yes, a prediction of at least the threshold being a yes.

    Args:
        target_class_ids: (0,), (1,) or both.
        threshold: from here on a prediction is a yes.
    Raises:
        ConfigError: a class is neither 0 nor 1.
    """

    target_class_ids: Any = setting(integers, default=(0, 1))
    threshold: float = setting(default=0.5)
    name: Any = setting(default=None)
    dtype: Any = setting(default=None)

    def __init__(
        self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        self.threshold = threshold
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the table."""
        found = (as_tensor(y_pred).detach() >= self.threshold).to("int64")
        super().update_state(y_true, found, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return _told(self, "target_class_ids", "threshold", "name", "dtype")


@declared(metrics)
class MeanIoU(IoU):
    """Mean of the intersection over union of all classes; arguments as those of `IoU`."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(
            num_classes=num_classes, target_class_ids=None, name=name, dtype=dtype,
            ignore_class=ignore_class, sparse_y_true=sparse_y_true, sparse_y_pred=sparse_y_pred,
            axis=axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return _told(self, "num_classes", "name", "dtype", "ignore_class", "sparse_y_true",
                     "sparse_y_pred", "axis")  # fmt: skip


@declared(metrics)
class OneHotIoU(IoU):
    """`IoU` of one-hot targets and scores."""

    def __init__(
        self, num_classes: int, target_class_ids: Any, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(
            num_classes=num_classes, target_class_ids=target_class_ids, name=name, dtype=dtype,
            ignore_class=ignore_class, sparse_y_true=False, sparse_y_pred=sparse_y_pred, axis=axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return _told(self, "num_classes", "target_class_ids", "name", "dtype", "ignore_class",
                     "sparse_y_pred", "axis")  # fmt: skip


@declared(metrics)
class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and scores."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return _told(self, "num_classes", "name", "dtype", "ignore_class", "sparse_y_pred", "axis")


def _told(metric: IoU, *names: str) -> dict[str, Any]:
    found = {name: getattr(metric, name) for name in names}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}

"""Losses for classes: cross entropies from probabilities or logits, hinges, divergence."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ShapeError, expect
from graftgrad.ops import softmax
from graftgrad.ops.index import take_along_axis

from ..registry import declared, fraction, losses, setting
from .loss import Loss, as_tensor, matched

EPSILON = 1e-7


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return −mean(t ln p + (1 − t) ln(1 − p)) along an axis; t is drawn to ½ by label smoothing.

    Shapes: (N, …, D) twice -> (N, …). Probabilities are kept within [1e-7, 1 − 1e-7].
    """
    t, p = matched("binary_crossentropy", y_true, y_pred)
    t = smoothed(t, label_smoothing, 2)
    if from_logits:
        return (ops.maximum(p, 0.0) - p * t + ops.log1p(ops.exp(-ops.abs(p)))).mean(axis)
    p = ops.clip(p, EPSILON, 1.0 - EPSILON)
    return -(t * ops.log(p) + (1.0 - t) * ops.log(1.0 - p)).mean(axis)


def binary_focal_crossentropy(
    y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25,
    gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:  # fmt: skip
    """Return the binary cross entropy of each value times (1 − p_t)^γ (Lin et al. 2017, eq. 4 and 5)."""
    t, p = matched("binary_focal_crossentropy", y_true, y_pred)
    t = smoothed(t, label_smoothing, 2)
    p = ops.clip(ops.sigmoid(p) if from_logits else p, EPSILON, 1.0 - EPSILON)
    right = p * t + (1.0 - p) * (1.0 - t)
    entropy = -(t * ops.log(p) + (1.0 - t) * ops.log(1.0 - p)) * ops.power(1.0 - right, gamma)
    if apply_class_balancing:
        entropy = entropy * (t * alpha + (1.0 - t) * (1.0 - alpha))
    return entropy.mean(axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return −Σ_k t_k ln p_k along an axis.

    Shapes: (N, …, K) twice -> (N, …). Probabilities are scaled to sum 1 and kept within [1e-7, 1 − 1e-7].

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    p = as_tensor(y_pred)
    t = as_tensor(y_true).to(p.dtype)
    expect(t.shape == p.shape, "categorical_crossentropy", "targets must be one-hot, in the shape of the predictions",
           y_true=t.shape, y_pred=p.shape, error=ShapeError,
           advice="For whole-number labels use sparse_categorical_crossentropy.")  # fmt: skip
    t = smoothed(t, label_smoothing, p.shape[axis])
    return -(t * log_probabilities(p, from_logits, axis)).sum(axis)


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
    label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:  # fmt: skip
    """Return −Σ_k α (1 − p_k)^γ t_k ln p_k along an axis (Lin et al. 2017)."""
    p = as_tensor(y_pred)
    t = smoothed(as_tensor(y_true).to(p.dtype), label_smoothing, p.shape[axis])
    p = softmax.softmax(p, axis) if from_logits else p / p.sum(axis, keepdims=True)
    p = ops.clip(p, EPSILON, 1.0 - EPSILON)
    return -(ops.power(1.0 - p, gamma) * alpha * t * ops.log(p)).sum(axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """Return −ln p of the labelled class; 0 where the label is `ignore_class`.

    Shapes: y_true (N, …) or (N, …, 1), y_pred (N, …, K) -> (N, …).

    Raises:
        ShapeError: there is not one label per prediction.
        DataError: a label is not one of 0 … K − 1.
    """
    p = as_tensor(y_pred)
    labels = as_tensor(y_true)
    labels = ops.squeeze(labels, -1) if labels.ndim == p.ndim and labels.shape[-1] == 1 else labels
    lead = tuple(size for i, size in enumerate(p.shape) if i != axis % p.ndim)
    expect(labels.shape == lead, "sparse_categorical_crossentropy", "there must be one label per prediction",
           error=ShapeError, y_true=labels.shape, y_pred=p.shape,
           advice="For one-hot targets use categorical_crossentropy.")  # fmt: skip
    counts = None
    if ignore_class is not None:
        counts = labels != ignore_class
        labels = ops.where(counts, labels, ops.full_like(labels, 0))
    labels = softmax.checked_labels("sparse_categorical_crossentropy", labels, p.shape[axis])
    chosen = take_along_axis(log_probabilities(p, from_logits, axis), ops.expand_dims(labels, axis % p.ndim), axis)
    values = -ops.squeeze(chosen, axis)
    return values if counts is None else ops.where(counts, values, ops.full_like(values, 0))


def log_probabilities(p: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Return ln p from logits or from probabilities, which are scaled to sum 1 and clipped first."""
    if from_logits:
        return softmax.log_softmax(p, axis)
    p = p / p.sum(axis, keepdims=True)
    return ops.log(ops.clip(p, EPSILON, 1.0 - EPSILON))


def smoothed(t: Tensor, amount: float, classes: int) -> Tensor:
    """Draw targets towards the uniform distribution: t (1 − s) + s / K."""
    return t if amount == 0 else t * (1.0 - amount) + amount / classes


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Return Σ_d t ln(t / p); both are kept within [1e-7, 1]."""
    t, p = matched("kl_divergence", y_true, y_pred)
    t, p = ops.clip(t, EPSILON, 1.0), ops.clip(p, EPSILON, 1.0)
    return (t * ops.log(t / p)).sum(-1)


def signs(t: Tensor) -> Tensor:
    """Turn labels 0 and 1 into −1 and 1, where there are no others; −1 and 1 stay."""
    binary = ops.all((t == 0) | (t == 1))
    return ops.where(ops.broadcast_to(binary, t.shape), t * 2.0 - 1.0, t)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of max(1 − t·p, 0), with t in {−1, 1} (or {0, 1}, which is turned into it)."""
    t, p = matched("hinge", y_true, y_pred)
    return ops.maximum(1.0 - signs(t) * p, 0.0).mean(-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of max(1 − t·p, 0)², with t in {−1, 1} (or {0, 1}, which is turned into it)."""
    t, p = matched("squared_hinge", y_true, y_pred)
    return ops.square(ops.maximum(1.0 - signs(t) * p, 0.0)).mean(-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return max(max_k (1 − t_k) p_k − Σ_k t_k p_k + 1, 0)."""
    t, p = matched("categorical_hinge", y_true, y_pred)
    positive = (t * p).sum(-1)
    negative = ((1.0 - t) * p).max(-1)
    return ops.maximum(negative - positive + 1.0, 0.0)


@declared(None)
class _FromScores(Loss):
    """What losses share that take probabilities or logits."""

    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(fraction, default=0.0)
    axis: int = setting(default=-1)


@declared(losses, "binary_crossentropy", "bce", "BCE")
class BinaryCrossentropy(_FromScores):
    """Cross entropy of yes-or-no targets: l = −mean(t ln p + (1 − t) ln(1 − p))."""

    name: Any = setting(default="binary_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@declared(losses, "categorical_crossentropy")
class CategoricalCrossentropy(_FromScores):
    """Cross entropy of one-hot targets: l = −Σ_k t_k ln p_k."""

    name: Any = setting(default="categorical_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@declared(losses, "binary_focal_crossentropy")
class BinaryFocalCrossentropy(Loss):
    """Binary cross entropy in which easy samples count less (Lin et al. 2017)."""

    apply_class_balancing: bool = setting(default=False)
    alpha: float = setting(default=0.25)
    gamma: float = setting(default=2.0)
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(fraction, default=0.0)
    axis: int = setting(default=-1)
    name: Any = setting(default="binary_focal_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return binary_focal_crossentropy(
            y_true, y_pred, self.apply_class_balancing, self.alpha, self.gamma, self.from_logits,
            self.label_smoothing, self.axis,
        )  # fmt: skip


@declared(losses, "categorical_focal_crossentropy")
class CategoricalFocalCrossentropy(Loss):
    """Cross entropy in which easy samples count less (Lin et al. 2017)."""

    alpha: float = setting(default=0.25)
    gamma: float = setting(default=2.0)
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(fraction, default=0.0)
    axis: int = setting(default=-1)
    name: Any = setting(default="categorical_focal_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis
        )


@declared(losses, "sparse_categorical_crossentropy")
class SparseCategoricalCrossentropy(Loss):
    """Cross entropy of whole-number labels: l = −ln p_label.

    Args:
        from_logits: predictions are logits, not probabilities.
        ignore_class: a label whose samples do not count.
        axis: the axis of the classes.
    """

    from_logits: bool = setting(default=False)
    ignore_class: Any = setting(default=None)
    reduction: Any = setting(default="sum_over_batch_size")
    axis: int = setting(default=-1)
    name: Any = setting(default="sparse_categorical_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def valid(self, y_true: Tensor) -> Tensor | None:
        """Return where the label counts."""
        return None if self.ignore_class is None else y_true != self.ignore_class


@declared(losses, "kl_divergence", "kullback_leibler_divergence", "kld", "KLD")
class KLDivergence(Loss):
    """Divergence of two distributions: l = Σ t ln(t / p) (Kullback and Leibler 1951)."""

    name: Any = setting(default="kl_divergence")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return kl_divergence(y_true, y_pred)


@declared(losses, "hinge")
class Hinge(Loss):
    """l = mean(max(1 − t·p, 0))."""

    name: Any = setting(default="hinge")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return hinge(y_true, y_pred)


@declared(losses, "squared_hinge")
class SquaredHinge(Loss):
    """l = mean(max(1 − t·p, 0)²)."""

    name: Any = setting(default="squared_hinge")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return squared_hinge(y_true, y_pred)


@declared(losses, "categorical_hinge")
class CategoricalHinge(Loss):
    """l = max(max_k (1 − t_k) p_k − Σ_k t_k p_k + 1, 0)."""

    name: Any = setting(default="categorical_hinge")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_hinge(y_true, y_pred)

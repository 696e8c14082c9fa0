"""Losses for classes: cross entropies from probabilities or logits, hinges, divergence."""

from __future__ import annotations

import math
from typing import Any

from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import expect
from graftgrad.ops.labels import Pick, check_labels, check_shares, check_whole
from graftgrad.spec import is_floating

from ..registry import declared, losses, setting
from ..rules import fraction
from .loss import Loss, matched, reduction_rule

EPSILON = 1e-7


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return −mean(t ln p + (1 − t) ln(1 − p)) along an axis; t is drawn to ½ by label smoothing.

    Shapes: (N, …, D) twice -> (N, …). Probabilities are kept within [1e-7, 1 − 1e-7].

    Raises:
        ShapeError: targets and predictions differ in shape.
        DataError: a target lies outside [0, 1].
    """
    t, p = _yes_or_no("binary_crossentropy", y_true, y_pred)
    t = smoothed(t, label_smoothing, 2)
    if from_logits:
        return ops.binary_cross_entropy_with_logits(p, t, reduction="none").mean(axis)
    return _binary_entropy(t, ops.clip(p, EPSILON, 1.0 - EPSILON)).mean(axis)


def binary_focal_crossentropy(
    y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25,
    gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:  # fmt: skip
    """Return the binary cross entropy times (1 − p_t)^γ (Lin et al. 2017, eq. 4 and 5).

    Raises:
        ShapeError: targets and predictions differ in shape.
        DataError: a target lies outside [0, 1].
    """
    t, p = _yes_or_no("binary_focal_crossentropy", y_true, y_pred)
    t = smoothed(t, label_smoothing, 2)
    p = ops.clip(ops.sigmoid(p) if from_logits else p, EPSILON, 1.0 - EPSILON)
    right = p * t + (1.0 - p) * (1.0 - t)
    entropy = _binary_entropy(t, p) * ops.power(1.0 - right, gamma)
    if apply_class_balancing:
        entropy = entropy * (t * alpha + (1.0 - t) * (1.0 - alpha))
    return entropy.mean(axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return −Σ_k t_k ln p_k along an axis.

    Shapes: (N, …, K) twice -> (N, …). Probabilities are scaled to sum 1 and kept within
    [1e-7, 1 − 1e-7].

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    t, p = _one_hot("categorical_crossentropy", y_true, y_pred)
    t = smoothed(t, label_smoothing, p.shape[axis])
    if not from_logits:
        return -(t * ops.log(_probabilities(p, axis))).sum(axis)
    t, p = ops.moveaxis(t, axis, -1), ops.moveaxis(p, axis, -1)
    return ops.softmax_cross_entropy(p, t, reduction="none")


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
    label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:  # fmt: skip
    """Return −Σ_k α (1 − p_k)^γ t_k ln p_k along an axis (Lin et al. 2017).

    Raises:
        ShapeError: targets and predictions differ in shape.
    """
    t, p = _one_hot("categorical_focal_crossentropy", y_true, y_pred)
    t = smoothed(t, label_smoothing, p.shape[axis])
    p = _probabilities(ops.softmax(p, axis) if from_logits else p, axis)
    return -(ops.power(1.0 - p, gamma) * alpha * t * ops.log(p)).sum(axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Return −ln p of the labelled class; 0 where the label is `ignore_class`.

    Shapes: y_true (N, …) or (N, …, 1), y_pred (N, …, K) -> (N, …).

    Raises:
        ShapeError: there is not one label per prediction.
        DataError: a label is not one of 0 … K − 1.
    """
    subject = "sparse_categorical_crossentropy"
    labels, p = labelled(subject, y_true, as_tensor(y_pred), axis)
    check_labels(labels, p.shape[-1], ignore_index=ignore_class, subject=subject)
    if from_logits:
        return ops.cross_entropy(p, labels, ignore_index=ignore_class, reduction="none")
    if ignore_class is not None:
        log_p = ops.log(_probabilities(p, -1))
        return ops.nll_loss(log_p, labels, ignore_index=ignore_class, reduction="none")
    share = Pick()(p, labels) / p.sum(-1)  # the labelled class alone: as good, and less to do
    return -ops.log(ops.clip(share, EPSILON, 1.0 - EPSILON))


def labelled(subject: str, y_true: Any, y_pred: Tensor, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Return whole-number labels, (N, …), and their predictions, (N, …, K).

    Raises:
        ShapeError: there is not one label per prediction.
        DataError: a label is no whole number.
    """
    p = y_pred if axis in (-1, y_pred.ndim - 1) else ops.moveaxis(y_pred, axis, -1)
    given = as_tensor(y_true)
    given = ops.squeeze(given, -1) if given.ndim == p.ndim and given.shape[-1] == 1 else given
    deeper = p.ndim > given.ndim + 1
    expect(given.shape == p.shape[:-1], subject, "there must be one label per prediction",
           y_true=given.shape, y_pred=y_pred.shape,
           advice="One label for a whole sample needs layers.Flatten() or a global pooling before "
           "the last layer." if deeper else
           "For one-hot targets use the one without 'sparse' in its name.")  # fmt: skip
    if given.dtype.kind in "iu":
        return given, p
    if is_floating(given.dtype):
        check_whole(given, subject)
    return given.to("int64"), p


def smoothed(t: Tensor, amount: float, classes: int) -> Tensor:
    """Draw targets towards the uniform distribution: t (1 − s) + s / K."""
    return t if amount == 0 else t * (1.0 - amount) + amount / classes


def _one_hot(subject: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    t, p = as_tensor(y_true), as_tensor(y_pred)
    expect(t.shape == p.shape, subject, "targets must be one-hot, in the shape of the predictions",
           y_true=t.shape, y_pred=p.shape,
           advice="For whole-number labels use sparse_categorical_crossentropy.")  # fmt: skip
    return t.to(p.dtype), p


def _yes_or_no(subject: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    columns = as_tensor(y_pred).shape[-1:]
    several = bool(columns) and columns[0] > 1
    advice = "Labels of several classes want sparse_categorical_crossentropy and a softmax; yes or "
    advice += "no wants one output: Dense(1, activation='sigmoid')."
    t, p = matched(subject, y_true, y_pred, advice=advice if several else "")
    check_shares(t, subject=subject)
    return t, p


def _probabilities(p: Tensor, axis: int) -> Tensor:
    return ops.clip(p / p.sum(axis, keepdims=True), EPSILON, 1.0 - EPSILON)


def _binary_entropy(t: Tensor, p: Tensor) -> Tensor:
    return -(t * ops.log(p) + (1.0 - t) * ops.log(1.0 - p))


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
    """Return the mean of max(1 − t·p, 0), with t in {−1, 1} (or {0, 1}, turned into it)."""
    t, p = matched("hinge", y_true, y_pred)
    return ops.maximum(1.0 - signs(t) * p, 0.0).mean(-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean of max(1 − t·p, 0)², with t in {−1, 1} (or {0, 1}, turned into it)."""
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

    expects = "sigmoid"

    name: Any = setting(default="binary_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return binary_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@declared(losses, "categorical_crossentropy")
class CategoricalCrossentropy(_FromScores):
    """Cross entropy of one-hot targets: l = −Σ_k t_k ln p_k."""

    expects = "softmax"
    highest = math.inf

    name: Any = setting(default="categorical_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@declared(losses, "binary_focal_crossentropy")
class BinaryFocalCrossentropy(Loss):
    """Binary cross entropy in which easy samples count less (Lin et al. 2017)."""

    expects = "sigmoid"

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

    expects = "softmax"
    highest = math.inf

    alpha: float = setting(default=0.25)
    gamma: float = setting(default=2.0)
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(fraction, default=0.0)
    axis: int = setting(default=-1)
    name: Any = setting(default="categorical_focal_crossentropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_focal_crossentropy(
            y_true,
            y_pred,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
            self.axis,
        )


@declared(losses, "sparse_categorical_crossentropy")
class SparseCategoricalCrossentropy(Loss):
    """Cross entropy of whole-number labels: l = −ln p_label.

    Args:
        from_logits: predictions are logits, not probabilities.
        ignore_class: a label whose samples do not count.
        axis: the axis of the classes.
    """

    expects = "softmax"
    highest = math.inf

    from_logits: bool = setting(default=False)
    ignore_class: Any = setting(default=None)
    reduction: Any = setting(reduction_rule, default="sum_over_batch_size")
    axis: int = setting(default=-1)
    name: Any = setting(default="sparse_categorical_crossentropy")
    dtype: Any = setting(default=None)

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

    expects = "softmax"

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

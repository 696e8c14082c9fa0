"""Losses of whole-number labels beside the cross entropies.

Noisy labels, labels whose places in time are unknown, and labels of embeddings.
"""

from __future__ import annotations

import math
from typing import Any

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops.labels import Pick, check_labels
from graftgrad.spec import is_floating

from ..registry import declared, losses, setting
from ..rules import number
from .classification import labelled
from .loss import Loss


def between_0_and_1(subject: str, name: str, value: Any) -> float:
    """Accept numbers greater than 0 and less than 1."""
    found = number(subject, name, value)
    expect(0 < found < 1, subject, f"{name} must lie between 0 and 1, both excluded",
           error=ConfigError, **{name: value})  # fmt: skip
    return found


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """Return (1 − p_label^q) / q, which noisy labels pull less (Zhang and Sabuncu 2018).

    Towards q = 0 it is the cross entropy, towards q = 1 half the absolute error.
    Shapes: y_true (N, …) or (N, …, 1), y_pred (N, …, K), probabilities -> (N, …).

    Raises:
        ShapeError: there is not one label per prediction.
        DataError: a label is not one of 0 … K − 1.
    """
    subject = "categorical_generalized_cross_entropy"
    labels, p = labelled(subject, y_true, as_tensor(y_pred))
    check_labels(labels, p.shape[-1], subject=subject)
    share: Tensor = Pick()(p, labels)
    return (1.0 - ops.power(share, q)) * (1.0 / q)


def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """Return −ln of the probability of labels whose places in time are unknown.

    Graves et al. 2006. Class 0 stands between labels, and fills up y_true behind them. The loss is
    infinite, and pulls nowhere, where there are more labels than steps (Keras: about 10⁵).

    Shapes: y_true (N, L) whole numbers, y_pred (N, T, K) logits -> (N,).

    Raises:
        ShapeError: the shapes are others.
        DataError: a label is not one of 0 … K − 1.
    """
    labels, logits = as_tensor(y_true), as_tensor(y_pred)
    expect(labels.ndim == 2, "ctc", "targets must be (N, L)", y_true=labels.shape)
    expect(logits.ndim == 3, "ctc", "predictions must be (N, T, K)", y_pred=logits.shape)
    labels = labels if labels.dtype.kind in "iu" else labels.to("int64")
    counts = (labels != 0).to("int64").sum(-1)
    return ops.ctc_loss(
        ops.log_softmax(logits), labels, label_lengths=counts, blank=0, reduction="none"
    )


def circle(
    y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None,
    remove_diagonal: bool = True, gamma: float = 80, margin: float = 0.4,
) -> Tensor:  # fmt: skip
    """Return ln(1 + Σ e^(γ·αₙ·(sₙ − m)) · Σ e^(−γ·αₚ·(sₚ − 1 + m))) (Sun et al. 2020).

    sₚ and sₙ are the cosines with embeddings of the same and of another label, αₚ and αₙ how far
    each is from its best value, m the margin.

    Shapes: y_true (N,), y_pred (N, D), lengths 1 -> (N,).

    Args:
        y_true: labels.
        y_pred: embeddings.
        ref_labels: labels of the embeddings that are compared with; y_true if None.
        ref_embeddings: those embeddings, (M, D); y_pred if None.
        remove_diagonal: leave out the pairs of an embedding with itself.
        gamma: γ, the scale.
        margin: m.
    Raises:
        ShapeError: there is not one label per embedding.
    """
    p = as_tensor(y_pred)
    p = p if is_floating(p.dtype) else p.to("float32")
    others = p if ref_embeddings is None else as_tensor(ref_embeddings).to(p.dtype)
    labels = _column(y_true, p, "y_true")
    known = labels if ref_labels is None else _column(ref_labels, others, "ref_labels")
    d = ops.maximum(1.0 - ops.matmul(p, ops.transpose(others)), 0.0)
    same = labels == ops.transpose(known)
    apart = ~same
    if remove_diagonal:
        itself = ops.expand_dims(graftgrad.arange(p.shape[0]), 1)
        same = same & (itself != graftgrad.arange(others.shape[0]))
    near = (d + margin) * (d - margin) * gamma
    far = ops.maximum(1.0 + margin - d, 0.0) * (1.0 - margin - d) * gamma
    lowest = ops.full_like(d, -math.inf)
    pulls = ops.logsumexp(ops.where(same, near, lowest), 1)
    pushes = ops.logsumexp(ops.where(apart, far, lowest), 1)
    return ops.softplus(pulls + pushes)


def _column(labels: Any, embeddings: Tensor, name: str) -> Tensor:
    given = as_tensor(labels)
    fit = given.size == embeddings.shape[0] and embeddings.ndim == 2
    told: dict[str, Any] = {name: given.shape, "embeddings": embeddings.shape}
    expect(fit, "circle", "there must be one label for each embedding, (N, D)", **told)
    return ops.reshape(given, (-1, 1)).to("int64")


@declared(losses, "categorical_generalized_cross_entropy")
class CategoricalGeneralizedCrossEntropy(Loss):
    """Loss of whole-number labels that may be wrong: l = (1 − p_label^q) / q.

    Args:
        q: between 0 (cross entropy) and 1 (absolute error).
    """

    expects = "softmax"

    q: float = setting(between_0_and_1, default=0.5)
    name: Any = setting(default="categorical_generalized_cross_entropy")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)


@declared(losses, "ctc")
class CTC(Loss):
    """Loss of labels whose places in time are unknown, from logits (Graves et al. 2006)."""

    name: Any = setting(default="ctc")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return ctc(y_true, y_pred)


@declared(losses, "circle")
class Circle(Loss):
    """Loss of embeddings: those of one label come together, others part (Sun et al. 2020).

    A mean is taken over the samples whose loss is not 0.

    Args:
        gamma: the scale.
        margin: how far from its best value a cosine may be.
        remove_diagonal: leave out the pairs of an embedding with itself.
    """

    gamma: float = setting(number, default=80.0)
    margin: float = setting(number, default=0.4)
    remove_diagonal: bool = setting(default=True)
    name: Any = setting(default="circle")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return circle(
            y_true,
            y_pred,
            remove_diagonal=self.remove_diagonal,
            gamma=self.gamma,
            margin=self.margin,
        )

    def counted(self, values: Tensor) -> Tensor:
        """Return where the loss is not 0."""
        return values.detach() > 0

"""Losses with a margin: hinges, rankings and triplets, and losses of several labels at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, expect
from .activation import log_sigmoid
from .arithmetic import maximum, minimum, mul, square, where
from .binary_entropy import reduced_loss
from .distances import pairwise_distance
from .exponential import rsqrt
from .gather import as_indices, one_hot, take, take_along_axis
from .labels import check_labels, expect_labelled
from .operand import cast, floating, full_like, together
from .order import cumsum
from .reduce import max, mean, sum
from .shape import expand_dims

if TYPE_CHECKING:
    from ..tensor import Tensor

Distance = Callable[[Any, Any], Any]


def margin_ranking_loss(
    x1: Tensor, x2: Any, targets: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Hinge on the order of two scores: y = max(0, margin − t · (x1 − x2)).

    Args:
        x1: scores, any shape.
        x2: scores, broadcast.
        targets: t, 1 where x1 is to be larger and −1 where x2 is, broadcast.
        margin: by how much.
        reduction: "none" for one loss per pair, "mean" or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x1, x2, t = together(floating(x1), x2, targets)
    return reduced_loss(maximum(margin - t * (x1 - x2), 0.0), reduction)


def hinge_embedding_loss(
    x: Tensor, targets: Any, *, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Loss of distances: y = x where t = 1, max(0, margin − x) where t = −1.

    Args:
        x: distances, any shape.
        targets: t, 1 or −1, broadcast.
        margin: from here on a distance costs nothing where t = −1.
        reduction: "none" for one loss per distance, "mean" or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x, t = together(floating(x), targets)
    none = full_like(x, 0)
    far = where(t != 1, maximum(margin - x, 0.0), none)
    return reduced_loss(far + where(t != -1, x, none), reduction)


def cosine_embedding_loss(
    x1: Tensor, x2: Any, targets: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Loss of angles: y = 1 − cos where t = 1, max(0, cos − margin) where t = −1.

    Shapes: x1 and x2 (…, D), t (…) -> (…).

    Args:
        x1: vectors.
        x2: vectors, broadcast.
        targets: t, 1 for pairs of one kind and −1 for others.
        margin: down to this cosine others cost nothing.
        reduction: "none" for one loss per pair, "mean" or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x1, x2, t = together(floating(x1), x2, targets)
    lengths = mul(sum(square(x1), -1) + 1e-12, sum(square(x2), -1) + 1e-12)
    cosine = sum(mul(x1, x2), -1) * rsqrt(lengths)
    none = full_like(cosine, 0)
    alike = where(t == 1, 1 - cosine, none)
    others = where(t == -1, maximum(cosine - margin, 0.0), none)
    return reduced_loss(alike + others, reduction)


def multi_margin_loss(
    scores: Tensor,
    labels: Any,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge of the label's score over every other. Crammer and Singer 2001.

    y = w[l] · Σ_{k≠l} max(0, margin − x[l] + x[k])ᵖ / K

    Args:
        scores: x, (…, K).
        labels: l, (…) integers.
        p: 1 or 2.
        margin: by how much the label's score is to be larger.
        weight: w, (K,).
        reduction: "none" for one loss per sample, "mean" or "sum".

    Raises:
        DataError: a label lies outside [0, K).
        ConfigError: p is neither 1 nor 2, or there is no such reduction.
        ShapeError: there is not one label per sample, or one weight per class.
    """
    subject = "multi_margin_loss"
    expect(p in (1, 2), subject, "p must be 1 or 2", error=ConfigError, p=p)
    x = floating(scores)
    labels = as_indices(x, labels)
    expect_labelled(subject, x.spec, labels.spec)
    classes = x.shape[-1]
    check_labels(labels, classes, subject=subject)
    own = take_along_axis(x, expand_dims(labels, -1))
    gaps = maximum(margin - own + x, 0.0)
    gaps = square(gaps) if p == 2 else gaps
    others = 1 - one_hot(labels, classes, x.dtype)
    loss = sum(mul(gaps, others), -1) * (1 / classes)
    if weight is not None:
        x, weights = together(x, weight)
        expect(weights.shape == (classes,), subject, "there must be one weight for each class",
               weight=weights.spec, scores=x.spec)  # fmt: skip
        loss = mul(loss, take(weights, labels))
    return reduced_loss(loss, reduction)


def multilabel_margin_loss(scores: Tensor, labels: Any, *, reduction: str = "mean") -> Tensor:
    """Hinge of the score of every label over every class that is none.

    y = Σ_{j is a label} Σ_{i is none} max(0, 1 − x[j] + x[i]) / K

    Args:
        scores: x, (…, K).
        labels: (…, K) integers; the first −1 ends the labels of a sample.
        reduction: "none" for one loss per sample, "mean" or "sum".

    Raises:
        DataError: a label lies outside [0, K) and is not −1.
        ConfigError: there is no such reduction.
        ShapeError: labels do not have the shape of scores.
    """
    subject = "multilabel_margin_loss"
    x = floating(scores)
    labels = as_indices(x, labels)
    expect(labels.shape == x.shape and x.ndim > 0, subject, "labels must have the shape of scores",
           scores=x.spec, labels=labels.spec)  # fmt: skip
    classes = x.shape[-1]
    check_labels(labels, classes, ignore_index=-1, subject=subject)
    counts = cast(cumsum(cast(labels < 0, "int64"), -1) == 0, x.dtype)
    places = maximum(labels, 0)
    marked = mul(one_hot(places, classes, x.dtype), expand_dims(counts, -1))
    none = 1 - max(marked, -2)
    own = take_along_axis(x, places)
    gaps = maximum(1 - expand_dims(own, -1) + expand_dims(x, -2), 0.0)
    pairs = mul(expand_dims(counts, -1), expand_dims(none, -2))
    return reduced_loss(sum(mul(gaps, pairs), (-2, -1)) * (1 / classes), reduction)


def multilabel_soft_margin_loss(
    logits: Tensor, targets: Any, *, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Mean cross entropy of several yes/no targets: y = −mean_k w · (t ln σ(x) + (1 − t) ln σ(−x)).

    Args:
        logits: x, (…, K).
        targets: t, 0 or 1, broadcast.
        weight: w, broadcast.
        reduction: "none" for one loss per sample, "mean" or "sum".

    Raises:
        ConfigError: there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    x, t = together(floating(logits), targets)
    loss = -(t * log_sigmoid(x) + (1 - t) * log_sigmoid(-x))
    return reduced_loss(mean(loss if weight is None else loss * weight, -1), reduction)


def triplet_margin_loss(
    anchors: Tensor,
    positives: Any,
    negatives: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Hinge on two distances: y = max(0, d(a, p) − d(a, n) + margin). Schroff et al. 2015.

    d is `pairwise_distance`. Shapes: (…, D) each -> (…).

    Args:
        anchors: a.
        positives: of the anchor's kind.
        negatives: of another kind.
        margin: by how much a negative is to be further away.
        p: of the norm.
        eps: added to the differences.
        swap: take the positive as the anchor where it lies closer to the negative
            (Balntas et al. 2016).
        reduction: "none" for one loss per triplet, "mean" or "sum".

    Raises:
        ConfigError: the margin is not positive, or there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """

    def distance(one: Tensor, other: Tensor) -> Tensor:
        return pairwise_distance(one, other, p, eps)

    return triplet_margin_with_distance_loss(
        anchors, positives, negatives, distance_function=distance, margin=margin, swap=swap,
        reduction=reduction,
    )  # fmt: skip


def triplet_margin_with_distance_loss(
    anchors: Tensor,
    positives: Any,
    negatives: Any,
    *,
    distance_function: Distance | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Hinge on two distances of any kind: y = max(0, d(a, p) − d(a, n) + margin).

    Args:
        anchors: a.
        positives: of the anchor's kind.
        negatives: of another kind.
        distance_function: d, of two tensors; `pairwise_distance` if None.
        margin: by how much a negative is to be further away.
        swap: take the positive as the anchor where it lies closer to the negative.
        reduction: "none" for one loss per triplet, "mean" or "sum".

    Raises:
        ConfigError: the margin is not positive, or there is no such reduction.
        ShapeError: the shapes do not broadcast.
    """
    expect(margin > 0, "triplet_margin_loss", "margin must be positive", error=ConfigError,
           margin=margin)  # fmt: skip
    distance: Distance = distance_function or pairwise_distance
    a, p, n = together(floating(anchors), positives, negatives)
    near, far = distance(a, p), distance(a, n)
    if swap:
        far = minimum(far, distance(p, n))
    return reduced_loss(maximum(near - far + margin, 0.0), reduction)

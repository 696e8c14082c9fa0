"""Softmax and the cross entropies that are computed from its logits in one go.

Rows in which every logit is −∞ (all masked) give probabilities of 0, logarithms of −∞ and a loss of
+∞, never NaN. Losses come per sample or reduced. Labels are looked at in `labels`; entropies of
yes/no targets come from `binary_entropy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import (
    DType,
    Spec,
    axes_within,
    axis_within,
    int64,
    is_floating,
    reduced,
    same_dtype,
)
from .arithmetic import mul
from .binary_entropy import binary_cross_entropy as binary_cross_entropy
from .binary_entropy import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from .binary_entropy import reduced_loss
from .exponential import exp
from .labels import LabelDistribution, Pick, expect_labelled, label_places
from .labels import check_labels as check_labels
from .operand import cast, floating, together
from .reduce import stretched, sum
from .shape import broadcast_to, expand_dims, moveaxis
from .tiles import accurate, lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor


@function
class Softmax(Function):
    """eˣ / Σ eˣ over some axes."""

    axes: tuple[int, ...]

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return _filled("softmax", x, self.axes)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in lines(xp, self.axes, x, y):
            total = _exponentials(xp, z, out)
            xp.divide(out, total, out=out)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        if not modes.recording():
            return SoftmaxGrad(self.axes)(gy, y)  # type: ignore[no-any-return]
        return mul(gy - sum(mul(gy, y), self.axes, True), y)


@function
class SoftmaxGrad(Function):
    """(gy − Σ gy · y) · y."""

    axes: tuple[int, ...]

    undefined: ClassVar[str] = "is used where no second order is recorded"
    stacked: ClassVar[str] = "shifted"

    def infer(self, gy: Spec, y: Spec) -> Spec:
        return y.like()

    def compute(self, xp: Any, gy: Any, y: Any, gx: Any) -> None:
        for g, z, out in lines(xp, self.axes, gy, y, gx):
            xp.multiply(g, z, out=out)
            xp.subtract(g, out.sum(axis=-1, keepdims=True), out=out)
            xp.multiply(out, z, out=out)


@function
class LogSoftmax(Function):
    """x − ln Σ eˣ over some axes."""

    axes: tuple[int, ...]

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return _filled("log_softmax", x, self.axes)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in lines(xp, self.axes, x, y):
            top = _top(xp, z)
            total = _exponentials(xp, z, out, top)
            xp.subtract(z, top, out=out)
            xp.subtract(out, xp.log(total), out=out)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        if not modes.recording():
            return LogSoftmaxGrad(self.axes)(gy, y)  # type: ignore[no-any-return]
        return gy - mul(exp(y), sum(gy, self.axes, True))


@function
class LogSoftmaxGrad(Function):
    """gy − e^y · Σ gy."""

    axes: tuple[int, ...]

    undefined: ClassVar[str] = "is used where no second order is recorded"
    stacked: ClassVar[str] = "shifted"

    def infer(self, gy: Spec, y: Spec) -> Spec:
        return y.like()

    def compute(self, xp: Any, gy: Any, y: Any, gx: Any) -> None:
        for g, z, out in lines(xp, self.axes, gy, y, gx):
            xp.exp(z, out=out)
            xp.multiply(out, g.sum(axis=-1, keepdims=True), out=out)
            xp.subtract(g, out, out=out)


@function
class LogSumExp(Function):
    """ln Σ eˣ over some axes; −∞ where every x is."""

    axes: tuple[int, ...]
    keepdims: bool = False

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        _filled("logsumexp", x, self.axes)
        return x.shaped(*reduced(x.shape, self.axes, self.keepdims))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        wide = xp.atleast_1d(x.astype(accurate(x.dtype), copy=False))
        top = _top(xp, wide, self.axes)
        shifted = wide - top
        xp.exp(shifted, out=shifted)
        total = shifted.sum(axis=self.axes, keepdims=True)
        with np.errstate(divide="ignore"):
            y[...] = (xp.log(total) + top).reshape(y.shape)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return mul(stretched(gy, x.shape, self.axes), Softmax(self.axes)(x))


@function
class CrossEntropy(Function):
    """−Σₖ qₖ · ln softmax(x)ₖ for the distribution q of each label; 0 for ignored labels.

    Only Σ eˣ of each row is kept beside the logits; labels outside [0, K) give NaN.
    """

    smoothing: float = 0.0
    ignored: int | None = None

    hidden: ClassVar[tuple[str, ...]] = ("log_total",)
    stacked: ClassVar[str] = "leading"

    def infer(self, logits: Spec, labels: Spec) -> tuple[Spec, Spec]:
        expect_labelled("cross_entropy", logits, labels)
        loss = Spec(labels.shape, logits.dtype)
        return loss, loss.typed(accurate(logits.dtype))

    def compute(self, xp: Any, logits: Any, labels: Any, y: Any, log_total: Any) -> None:
        classes = logits.shape[-1]
        flat, rows, kept, wrong = label_places(xp, labels, classes, self.ignored)
        table = logits.reshape(-1, classes)
        wide = table.astype(log_total.dtype, copy=False)
        top = _top(xp, wide)
        work = xp.empty(wide.shape, wide.dtype)
        total = xp.log(_exponentials(xp, wide, work, top))[:, 0]
        loss = total - (wide[rows, flat] - top[:, 0])
        if self.smoothing:
            xp.subtract(wide, top, out=work)
            loss *= 1 - self.smoothing
            loss += self.smoothing * (total - work.mean(axis=1))
        loss = xp.where(kept, loss, loss.dtype.type(0))
        y[...] = xp.where(wrong, xp.nan, loss).reshape(y.shape)
        log_total[...] = (total + top[:, 0]).reshape(y.shape)

    def grad_logits(self, gy: Tensor, logits: Tensor, labels: Tensor, log_total: Tensor) -> Tensor:
        if not modes.recording():
            fused = CrossEntropyGrad(self.smoothing, self.ignored)
            return fused(gy, logits, labels, log_total)  # type: ignore[no-any-return]
        q = LabelDistribution(logits.shape[-1], logits.dtype, self.smoothing, self.ignored)(labels)
        return mul(softmax(logits) * sum(q, -1, True) - q, expand_dims(gy, -1))


@function
class CrossEntropyGrad(Function):
    """(softmax(x) − q) · gy."""

    smoothing: float = 0.0
    ignored: int | None = None

    undefined: ClassVar[str] = "is used where no second order is recorded"
    stacked: ClassVar[str] = "leading"

    def infer(self, gy: Spec, logits: Spec, labels: Spec, log_total: Spec) -> Spec:
        return logits.like()

    def compute(self, xp: Any, gy: Any, logits: Any, labels: Any, log_total: Any, gx: Any) -> None:
        classes = logits.shape[-1]
        flat, rows, kept, wrong = label_places(xp, labels, classes, self.ignored)
        weights = xp.where(wrong, xp.nan, kept * gy.reshape(-1).astype(log_total.dtype))
        table = gx.reshape(-1, classes)
        work = table if table.dtype == log_total.dtype else xp.empty(table.shape, log_total.dtype)
        xp.subtract(logits.reshape(-1, classes), log_total.reshape(-1, 1), out=work)
        xp.exp(work, out=work)
        if self.smoothing:
            work -= self.smoothing / classes
        work[rows, flat] -= 1 - self.smoothing
        work *= weights[:, None].astype(work.dtype)
        if work is not table:
            table[...] = work


@function
class SoftmaxCrossEntropy(Function):
    """−Σₖ tₖ · ln softmax(x)ₖ; a target of 0 counts nothing, whatever its logit."""

    hidden: ClassVar[tuple[str, ...]] = ("log_total",)
    stacked: ClassVar[str] = "leading"

    def infer(self, logits: Spec, targets: Spec) -> tuple[Spec, Spec]:
        same_dtype("softmax_cross_entropy", logits=logits, targets=targets)
        expect(logits.shape == targets.shape and logits.ndim > 0 and logits.shape[-1] > 0,
               "softmax_cross_entropy", "logits and targets must have one shape, classes last",
               logits=logits, targets=targets)  # fmt: skip
        loss = logits.shaped(*logits.shape[:-1])
        return loss, loss.typed(accurate(logits.dtype))

    def compute(self, xp: Any, logits: Any, targets: Any, y: Any, log_total: Any) -> None:
        wide = logits.astype(log_total.dtype, copy=False)
        top = _top(xp, wide)
        work = xp.empty(wide.shape, wide.dtype)
        total = xp.log(_exponentials(xp, wide, work, top))
        xp.subtract(top + total, wide, out=work)
        with np.errstate(invalid="ignore"):
            xp.multiply(work, targets, out=work)
        xp.copyto(work, 0, where=targets == 0)
        y[...] = work.sum(axis=-1)
        log_total[...] = (top + total)[..., 0]

    def grad_logits(self, gy: Tensor, logits: Tensor, targets: Tensor, log_total: Tensor) -> Tensor:
        if not modes.recording():
            return SoftmaxCrossEntropyGrad()(gy, logits, targets, log_total)  # type: ignore[no-any-return]
        return mul(softmax(logits) * sum(targets, -1, True) - targets, expand_dims(gy, -1))

    def grad_targets(self, gy: Tensor, logits: Tensor) -> Tensor:
        return -mul(log_softmax(logits), expand_dims(gy, -1))


@function
class SoftmaxCrossEntropyGrad(Function):
    """(softmax(x) · Σ t − t) · gy."""

    undefined: ClassVar[str] = "is used where no second order is recorded"
    stacked: ClassVar[str] = "leading"

    def infer(self, gy: Spec, logits: Spec, targets: Spec, log_total: Spec) -> Spec:
        return logits.like()

    def compute(self, xp: Any, gy: Any, logits: Any, targets: Any, log_total: Any, gx: Any) -> None:
        work = logits - log_total[..., None]
        xp.exp(work, out=work)
        work *= targets.sum(axis=-1, keepdims=True, dtype=work.dtype)
        work -= targets
        work *= gy[..., None]
        gx[...] = work


def softmax(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """Turn logits into probabilities: y = eˣ / Σ eˣ over `axis`; 0 where a whole row is −∞.

    Raises:
        ShapeError: there is no such axis, or it is empty.
    """
    return Softmax(axes_within("softmax", axis, x.ndim))(floating(x))  # type: ignore[no-any-return]


def softmin(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """Softmax of −x: y = e⁻ˣ / Σ e⁻ˣ over `axis`.

    Raises:
        ShapeError: there is no such axis, or it is empty.
    """
    return softmax(-floating(x), axis)


def log_softmax(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """Turn logits into logarithms of probabilities: y = x − ln Σ eˣ over `axis`.

    Raises:
        ShapeError: there is no such axis, or it is empty.
    """
    return LogSoftmax(axes_within("log_softmax", axis, x.ndim))(floating(x))  # type: ignore[no-any-return]


def logsumexp(x: Tensor, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Add in logarithms: y = ln Σ eˣ over `axis` (all axes if None), without overflow.

    Raises:
        ShapeError: there is no such axis, or it is empty.
    """
    return LogSumExp(axes_within("logsumexp", axis, x.ndim), keepdims)(floating(x))  # type: ignore[no-any-return]


def cross_entropy(
    logits: Tensor,
    labels: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Cross entropy of labels from logits: y = −Σₖ qₖ · ln softmax(x)ₖ.

    q is 1 − s + s / K at the label's class and s / K elsewhere, s the smoothing. Real numbers in
    place of labels are taken as targets of `softmax_cross_entropy`.

    Args:
        logits: (N, …, K), classes along `axis`.
        labels: classes, (N, …) integers; or probabilities, (N, …, K).
        weight: how much each class counts, (K,); a mean divides by the weights of the labels.
        ignore_index: a label that counts nothing; None for none.
        reduction: "none" for one loss per sample, "mean" or "sum". A mean of nothing is 0.
        label_smoothing: s, between 0 and 1.
        axis: where the classes lie.

    Raises:
        DataError: a label lies outside [0, K).
        DTypeError: labels are neither integers nor real numbers.
        ShapeError: labels do not have the shape of logits without `axis`.
    """
    logits = _classes_last("cross_entropy", floating(logits), axis)
    labels = _as_labels(logits, labels)
    if is_floating(labels.dtype):
        targets = _classes_last("cross_entropy", labels, axis)
        return softmax_cross_entropy(
            logits, targets, weight=weight, reduction=reduction, label_smoothing=label_smoothing
        )
    _check_smoothing(label_smoothing)
    check_labels(labels, logits.shape[-1], ignore_index=ignore_index)
    smoothing = float(label_smoothing)
    if weight is None:
        loss = CrossEntropy(smoothing, ignore_index)(logits, labels)
        return reduced_loss(loss, reduction, _counted(labels, ignore_index, loss.dtype))
    weight = together(logits, weight)[1]
    log_p = log_softmax(logits)
    weights = _weights_of(labels, weight, logits, ignore_index)
    loss = -mul(Pick(ignore_index)(log_p, labels), weights)
    if smoothing:
        even = LabelDistribution(logits.shape[-1], logits.dtype, 1.0, ignore_index)(labels)
        loss = loss * (1 - smoothing) - sum(mul(log_p, even * weight), -1) * smoothing
    return reduced_loss(loss, reduction, weights)


def softmax_cross_entropy(
    logits: Tensor,
    targets: Any,
    *,
    weight: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of distributions from logits: y = −Σₖ tₖ · ln softmax(x)ₖ.

    Args:
        logits: (N, …, K).
        targets: (N, …, K); smoothed to t · (1 − s) + s / K.
        weight: how much each class counts, (K,).
        reduction: "none" for one loss per sample, "mean" or "sum".
        label_smoothing: s, between 0 and 1.

    Raises:
        ShapeError: the shapes differ.
    """
    logits, targets = together(floating(logits), targets)
    _check_smoothing(label_smoothing)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / max(1, logits.shape[-1])
    if weight is not None:
        targets = targets * weight
    return reduced_loss(SoftmaxCrossEntropy()(logits, targets), reduction)


def nll_loss(
    log_probabilities: Tensor,
    labels: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of labels from logarithms of probabilities: y = −w[l] · x[l].

    Args:
        log_probabilities: x, (N, …, K).
        labels: l, (N, …) integers.
        weight: w, (K,); a mean divides by the weights of the labels.
        ignore_index: a label that counts nothing; None for none.
        reduction: "none" for one loss per sample, "mean" or "sum". A mean of nothing is 0.

    Raises:
        DataError: a label lies outside [0, K).
    """
    x = floating(log_probabilities)
    labels = _as_labels(x, labels)
    expect_labelled("nll_loss", x.spec, labels.spec)
    check_labels(labels, x.shape[-1], ignore_index=ignore_index, subject="nll_loss")
    loss = -Pick(ignore_index)(x, labels)
    if weight is None:
        return reduced_loss(loss, reduction, _counted(labels, ignore_index, loss.dtype))
    weights = _weights_of(labels, together(x, weight)[1], x, ignore_index)
    return reduced_loss(mul(loss, weights), reduction, weights)


def _filled(subject: str, x: Spec, axes: tuple[int, ...]) -> Spec:
    for axis in axes:
        expect(x.shape[axis] > 0, subject, "the axis must not be empty", x=x, axis=axis)
    return x.like()


def _as_labels(x: Tensor, labels: Any) -> Tensor:
    tensor: Tensor = labels if hasattr(labels, "grad_fn") else x.like(labels)
    return cast(tensor, int64) if tensor.dtype.kind == "u" else tensor  # −100 must be comparable


def _check_smoothing(smoothing: float) -> None:
    expect(0 <= smoothing <= 1, "cross_entropy", "label_smoothing must lie between 0 and 1",
           error=ConfigError, label_smoothing=smoothing)  # fmt: skip


def _classes_last(subject: str, x: Tensor, axis: int) -> Tensor:
    place = axis_within(subject, axis, x.ndim)
    return x if place == x.ndim - 1 else moveaxis(x, place, -1)


def _counted(labels: Tensor, ignored: int | None, dtype: DType) -> Tensor | None:
    return None if ignored is None else cast(labels != ignored, dtype)


def _weights_of(labels: Tensor, weight: Tensor, x: Tensor, ignored: int | None) -> Tensor:
    expect(weight.shape == x.shape[-1:], "cross_entropy", "there must be one weight for each class",
           weight=weight.spec, logits=x.spec)  # fmt: skip
    return Pick(ignored)(broadcast_to(weight, x.shape), labels)  # type: ignore[no-any-return]


def _top(xp: Any, x: Any, axes: Any = -1) -> Any:
    """Return the largest of each row, 0 where it is −∞."""
    top = x.max(axis=axes, keepdims=True)
    xp.copyto(top, 0, where=top == -xp.inf)
    return top


def _exponentials(xp: Any, x: Any, y: Any, top: Any = None) -> Any:
    """Write e^(x − top) and return the sum of each row, 1 where it is 0."""
    with np.errstate(under="ignore", invalid="ignore"):  # ∞ − ∞ shows itself as NaN
        xp.subtract(x, _top(xp, x) if top is None else top, out=y)
        xp.exp(y, out=y)
    total = y.sum(axis=-1, keepdims=True)
    xp.copyto(total, 1, where=total == 0)
    return total

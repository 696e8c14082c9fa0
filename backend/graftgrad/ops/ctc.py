"""Connectionist temporal classification: how likely labels are whose places in time are unknown.

Graves et al. 2006. Between the labels of a sample stand blanks: S = 2L + 1 states, the odd ones
labels. All sums are taken in logarithms. How labels are read off again stands in `ctc_decode`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..errors import DataError, DTypeError, expect, sentence
from ..function import Function, function
from ..spec import Spec
from .arithmetic import maximum, minimum, mul, where
from .binary_entropy import reduced_loss
from .exponential import exp
from .gather import as_indices, one_hot, take_along_axis
from .labels import check_labels
from .matmul import matmul
from .operand import cast, floating, full_like
from .order import cumsum
from .shape import broadcast_to, expand_dims, pad, reshape, stack
from .softmax import logsumexp
from .tiles import accurate

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class CTC(Function):
    """−ln Σ over all ways to write the labels of Π of the probabilities along the way.

    α[t, s] = ln(e^α[t−1, s] + e^α[t−1, s−1] + e^α[t−1, s−2]) + x[t, label of s]; the last term only
    between labels that differ. All α are kept; ∞ where there is no way.
    """

    blank: int

    hidden: ClassVar[tuple[str, ...]] = ("alpha",)

    def infer(self, x: Spec, labels: Spec, steps: Spec, lengths: Spec) -> tuple[Spec, Spec]:
        expect(x.ndim == 3 and x.shape[2] > 0, "ctc_loss",
               "log_probabilities must be (N, T, K)", log_probabilities=x)  # fmt: skip
        n, t, classes = x.shape
        expect(labels.ndim == 2 and labels.shape[0] == n, "ctc_loss", "labels must be (N, L)",
               log_probabilities=x, labels=labels)  # fmt: skip
        for name, one in {"input_lengths": steps, "label_lengths": lengths}.items():
            given: dict[str, Any] = {name: one}
            expect(one.shape == (n,), "ctc_loss", f"{name} must be (N,)",
                   log_probabilities=x, **given)  # fmt: skip
        for name, one in {"labels": labels, "input_lengths": steps,
                          "label_lengths": lengths}.items():  # fmt: skip
            whole: dict[str, Any] = {name: one}
            expect(one.dtype.kind in "iu", "ctc_loss", f"{name} must be integers",
                   error=DTypeError, **whole)  # fmt: skip
        expect(0 <= self.blank < classes, "ctc_loss", "blank must be a class",
               blank=self.blank, classes=classes)  # fmt: skip
        wide = accurate(x.dtype)
        return Spec((n,), x.dtype), Spec((t, n, 2 * labels.shape[1] + 1), wide)

    def compute(
        self, xp: Any, x: Any, labels: Any, steps: Any, lengths: Any, y: Any, alpha: Any
    ) -> None:
        emitted, skips, places = states(xp, x, labels, self.blank, alpha.dtype)
        inside = places <= 2 * lengths[:, None]
        before = xp.full(alpha.shape[1:], -xp.inf, alpha.dtype)
        total = xp.where(lengths == 0, 0.0, -xp.inf).astype(alpha.dtype)  # of no step at all
        with np.errstate(divide="ignore", invalid="ignore"):
            for t, now in enumerate(alpha):
                if t == 0:
                    now[...] = xp.where(places <= 1, emitted[0], -xp.inf)
                else:
                    _summed(xp, before, skips, now, forward=True)
                    now += emitted[t]
                xp.copyto(now, -xp.inf, where=~inside)
                before = now
                ends = _ends(xp, now, lengths)
                total = xp.where(steps == t + 1, ends, total)
        y[...] = -total

    def grad_x(
        self, gy: Tensor, x: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor, alpha: Tensor
    ) -> Tensor:
        if not modes.recording():
            return CTCGrad(self.blank)(gy, x, labels, steps, lengths, alpha)  # type: ignore[no-any-return]
        return differentiable(self.blank, gy, x, labels, steps, lengths)


@function
class CTCGrad(Function):
    """−gy · Σ_s γ[t, s] at the class of s, γ = e^(α + β) / Σ e^(α + β) the share of state s.

    β is as α, from the end. Where the labels do not fit the gradient is 0.
    """

    blank: int

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(
        self, gy: Spec, x: Spec, labels: Spec, steps: Spec, lengths: Spec, alpha: Spec
    ) -> Spec:
        return x.like()

    def compute(
        self, xp: Any, gy: Any, x: Any, labels: Any, steps: Any, lengths: Any, alpha: Any, gx: Any
    ) -> None:
        wide, (n, classes) = alpha.dtype, (x.shape[0], x.shape[2])
        emitted, skips, places = states(xp, x, labels, self.blank, wide)
        ends = (places == 2 * lengths[:, None]) | (places == 2 * lengths[:, None] - 1)
        first = xp.where(ends, 0.0, -xp.inf).astype(wide)
        slope = -gy.astype(wide)[:, None]
        to_class = _written(xp, labels, self.blank)
        beta, ahead = xp.empty_like(first), xp.full(first.shape, -xp.inf, wide)
        rows = xp.arange(n)[:, None]
        with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
            for t in range(len(alpha) - 1, -1, -1):
                _summed(xp, ahead, skips, beta, forward=False)
                last = (steps == t + 1)[:, None]
                xp.copyto(beta, first, where=last)
                share = alpha[t] + beta
                top = share.max(axis=1, keepdims=True)
                share = xp.where(top == -xp.inf, 0, xp.exp(share - top))
                share *= slope / xp.maximum(share.sum(axis=1, keepdims=True), 1)
                found = xp.zeros((n, classes), wide)
                xp.add.at(found, (rows, to_class), share)
                gx[:, t] = found
                xp.add(beta, emitted[t], out=ahead)


def states(xp: Any, x: Any, labels: Any, blank: int, wide: Any) -> tuple[Any, Any, Any]:
    """Return ln p of every state, (T, N, S), which states may be skipped to, and their numbers."""
    to_class = _written(xp, labels, blank)
    n, count = to_class.shape
    turned = x.transpose(1, 0, 2).astype(wide, copy=False)
    shape = (x.shape[1], n, count)
    emitted = xp.take_along_axis(turned, xp.broadcast_to(to_class[None], shape), axis=-1)
    skips = xp.zeros((n, count), "bool")
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    return emitted, skips, xp.arange(count)[None]


def _written(xp: Any, labels: Any, blank: int) -> Any:
    """Return the class of every state: labels with blanks around them, (N, S)."""
    found = xp.full((labels.shape[0], 2 * labels.shape[1] + 1), blank, "int64")
    found[:, 1::2] = xp.maximum(labels, 0)  # what pads the labels may be negative
    return found


def _summed(xp: Any, x: Any, skips: Any, out: Any, forward: bool) -> None:
    """Add up, in logarithms, from where a state is reached, or what is reached from it."""
    out[...] = x
    if forward:
        xp.logaddexp(out[:, 1:], x[:, :-1], out=out[:, 1:])
        jump = xp.where(skips[:, 2:], x[:, :-2], -xp.inf)
        xp.logaddexp(out[:, 2:], jump, out=out[:, 2:])
    else:
        xp.logaddexp(out[:, :-1], x[:, 1:], out=out[:, :-1])
        jump = xp.where(skips[:, 2:], x[:, 2:], -xp.inf)
        xp.logaddexp(out[:, :-2], jump, out=out[:, :-2])


def _ends(xp: Any, alpha: Any, lengths: Any) -> Any:
    """Return the sum of the two states in which all labels are written."""
    last = 2 * lengths.astype("int64")[:, None]
    blank = xp.take_along_axis(alpha, last, axis=1)[:, 0]
    label = xp.take_along_axis(alpha, xp.maximum(last - 1, 0), axis=1)[:, 0]
    return xp.logaddexp(blank, xp.where(lengths > 0, label, -xp.inf))


def differentiable(
    blank: int, gy: Tensor, x: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor
) -> Tensor:
    """Return the gradient of x in ops that can be differentiated again."""
    (n, t, classes), dtype = x.shape, x.dtype
    wide = cast(x, accurate(dtype))
    count = 2 * labels.shape[1] + 1
    reading = full_like(cast(labels, "int64"), blank)
    pairs = stack([reading, maximum(cast(labels, "int64"), 0)], -1)
    to_class = pad(reshape(pairs, (n, count - 1)), ((0, 0), (0, 1)), blank)
    place = cumsum(full_like(to_class, 1), 1) - 1
    lengths, steps = (expand_dims(cast(one, "int64"), 1) for one in (lengths, steps))
    inside = place <= 2 * lengths
    differs = inside
    if count > 2:
        unequal = cast(to_class[:, 2:] != to_class[:, :-2], "int64")
        differs = pad(unequal, ((0, 0), (2, 0))) != 0
    picked = take_along_axis(wide, broadcast_to(expand_dims(to_class, 1), (n, t, count)), -1)
    lowest = full_like(picked[:, 0], -np.inf)

    def reached(one: Tensor) -> Tensor:
        by_one = pad(one[:, :-1], ((0, 0), (1, 0)), -np.inf)
        by_two = pad(one[:, :-2], ((0, 0), (2, 0)), -np.inf) if count > 2 else lowest
        return logsumexp(stack([one, by_one, where(differs, by_two, lowest)]), 0)

    def reaching(one: Tensor) -> Tensor:
        by_one = pad(one[:, 1:], ((0, 0), (0, 1)), -np.inf)
        jumps = where(differs, one, lowest)
        by_two = pad(jumps[:, 2:], ((0, 0), (0, 2)), -np.inf) if count > 2 else lowest
        return logsumexp(stack([one, by_one, by_two]), 0)

    alphas = [where(minimum(2 * lengths, 1) >= place, picked[:, 0], lowest)]
    for i in range(1, t):
        alphas.append(where(inside, reached(alphas[-1]) + picked[:, i], lowest))
    written = (place == 2 * lengths) | (place == 2 * lengths - 1)
    first = where(written, full_like(lowest, 0), lowest)
    beta, betas = lowest, [lowest] * t
    for i in range(t - 1, -1, -1):
        ahead = reaching(beta + picked[:, i + 1]) if i + 1 < t else lowest
        beta = betas[i] = where(steps == i + 1, first, where(steps > i, ahead, lowest))
    both = stack([a + b for a, b in zip(alphas, betas, strict=True)], 1)  # (N, T, S)
    total = logsumexp(both, -1, keepdims=True)
    some = total > -np.inf
    found = exp(
        where(some, both, full_like(both, -np.inf)) - where(some, total, full_like(total, 0))
    )
    found = where(some, found, full_like(found, 0))
    spread = matmul(found, one_hot(to_class, classes, wide.dtype))
    return cast(-mul(spread, reshape(cast(gy, wide.dtype), (n, 1, 1))), dtype)


def ctc_loss(
    log_probabilities: Tensor,
    labels: Any,
    input_lengths: Any = None,
    label_lengths: Any = None,
    *,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: y = −ln p(labels), over all their places in time.

    Graves et al. 2006. Samples come first here, other than in PyTorch, and the gradient is that of
    the formula: PyTorch's holds behind a `log_softmax` alone.

    Args:
        log_probabilities: x, (N, T, K), as `log_softmax` gives them.
        labels: (N, L) integers; what stands behind the length of a sample does not count.
        input_lengths: how many steps of each sample count, (N,); all if None.
        label_lengths: how many labels each sample has, (N,); all if None.
        blank: the class between labels.
        reduction: "none" for one loss per sample, "sum", or "mean" of the losses per label.
        zero_infinity: where the labels do not fit into the steps the loss is 0, not ∞. The
            gradient is 0 either way.

    Raises:
        DataError: a label is no class, or a length lies outside the array.
        ShapeError: the shapes do not fit each other, or blank is no class.
        DTypeError: labels or lengths are no integers.
        ConfigError: there is no such reduction.
    """
    x = floating(log_probabilities)
    expect(x.ndim == 3, "ctc_loss", "log_probabilities must be (N, T, K)",
           log_probabilities=x.spec)  # fmt: skip
    labels = as_indices(x, labels)
    n, t, classes = x.shape
    longest = labels.shape[-1] if labels.ndim else 0
    steps = x.like(np.full(n, t)) if input_lengths is None else as_indices(x, input_lengths)
    lengths = x.like(np.full(n, longest)) if label_lengths is None else as_indices(x, label_lengths)
    CTC(int(blank)).infer(x.spec, labels.spec, steps.spec, lengths.spec)
    for name, one, most in (("input_lengths", steps, t), ("label_lengths", lengths, longest)):
        _look_at_lengths(name, one, most)
    within = x.like(np.arange(longest)) < expand_dims(cast(lengths, "int64"), 1)
    counted = where(within, cast(labels, "int64"), full_like(cast(labels, "int64"), 0))
    check_labels(counted, classes, subject="ctc_loss")
    loss: Tensor = CTC(int(blank))(x, counted, steps, lengths)
    if zero_infinity:
        loss = where(loss == np.inf, full_like(loss, 0), loss)
    if reduction == "mean":
        loss = loss / cast(maximum(lengths, 1), loss.dtype)
    return reduced_loss(loss, reduction)


def _look_at_lengths(name: str, lengths: Tensor, most: int) -> None:
    if not lengths.device.computes:
        return
    device = lengths.device

    def check(array: Any) -> None:
        host = device.inspect(array)
        wrong = np.argwhere((host < 0) | (host > most))
        if len(wrong):
            place = tuple(int(i) for i in wrong[0])
            got: dict[str, object] = {"length": int(host[place]), "sample": place[-1]}
            raise DataError(sentence("ctc_loss", f"{name} must lie in [0, {most}]", got))

    modes.look(check, lengths.array)

"""Cross entropies of yes/no targets from logits or probabilities; and how losses are reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, broadcast, same_dtype
from .activation import softplus
from .arithmetic import maximum, mul
from .exponential import log, log1p, sigmoid
from .operand import floating, together
from .reduce import sum
from .tiles import accurate

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class LogitEntropy(Function):
    """ln(1 + eˣ) − x · t, of a logit x and a target t between 0 and 1.

    Computed as ln(1 + e^−|x|) + |x| · d, d the distance between t and the side on which x lies.
    """

    c: ClassVar[str] = (
        "float side = x > 0 ? 1 : 0; "
        "float distance = side + (1 - 2 * side) * t; "
        "float linear = distance == 0 ? 0 : fabs(x) * distance; "
        "y = linear + log1p(exp(-fabs(x)));"
    )

    def infer(self, x: Spec, t: Spec) -> Spec:
        subject = "binary_cross_entropy_with_logits"
        return Spec(broadcast(subject, x, t), same_dtype(subject, logits=x, targets=t))

    def compute(self, xp: Any, x: Any, t: Any, y: Any) -> None:
        wide = accurate(y.dtype)
        side = (x > 0).astype(wide)
        distance = side + (1 - 2 * side) * t.astype(wide, copy=False)
        size = xp.abs(x.astype(wide, copy=False))
        with np.errstate(invalid="ignore"):
            linear = xp.where(distance == 0, 0, size * distance)  # ∞ · 0
        y[...] = linear + xp.log1p(xp.exp(-size))

    def grad_x(self, gy: Tensor, x: Tensor, t: Tensor) -> Tensor:
        return mul(gy, sigmoid(x) - t)

    def grad_t(self, gy: Tensor, x: Tensor) -> Tensor:
        return -mul(gy, x)


@function
class BinaryEntropy(Function):
    """−t · ln p − (1 − t) · ln(1 − p), each logarithm at least −100."""

    c: ClassVar[str] = (
        "float yes = log(p); "
        "float no = log1p(-p); "
        "y = (t - 1) * (no < -100 ? -100 : no) - t * (yes < -100 ? -100 : yes);"
    )

    def infer(self, p: Spec, t: Spec) -> Spec:
        subject = "binary_cross_entropy"
        return Spec(broadcast(subject, p, t), same_dtype(subject, probabilities=p, targets=t))

    def compute(self, xp: Any, p: Any, t: Any, y: Any) -> None:
        wide = p.astype(accurate(p.dtype), copy=False)
        with np.errstate(divide="ignore", invalid="ignore"):
            yes = xp.maximum(xp.log(wide), -100)
            no = xp.maximum(xp.log1p(-wide), -100)
        y[...] = (t - 1) * no - t * yes

    def grad_p(self, gy: Tensor, p: Tensor, t: Tensor) -> Tensor:
        return mul(gy, (p - t) / maximum(p * (1 - p), 1e-12))

    def grad_t(self, gy: Tensor, p: Tensor) -> Tensor:
        return mul(gy, maximum(log1p(-p), -100.0) - maximum(log(p), -100.0))


def binary_cross_entropy_with_logits(
    logits: Tensor,
    targets: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of independent yes/no targets from logits: y = ln(1 + eˣ) − x · t.

    Args:
        logits: any shape.
        targets: between 0 and 1, broadcast against logits.
        weight: factors of the losses, broadcast.
        pos_weight: factor of the part that t weighs, broadcast.
        reduction: "none" for one loss per element, "mean" or "sum".
    """
    x, t = together(floating(logits), targets)
    if pos_weight is None:
        loss = LogitEntropy()(x, t)
    else:
        loss = mul(t * pos_weight, softplus(-x)) + mul(1 - t, softplus(x))
    return reduced_loss(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy(
    probabilities: Tensor, targets: Any, *, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Cross entropy of independent yes/no targets: y = −t · ln p − (1 − t) · ln(1 − p).

    Logarithms are bounded by −100, so that a confident mistake costs 100 and not ∞; outside [0, 1]
    a probability gives NaN.

    Args:
        probabilities: p, any shape.
        targets: t, between 0 and 1, broadcast against p.
        weight: factors of the losses, broadcast.
        reduction: "none" for one loss per element, "mean" or "sum".
    """
    p, t = together(floating(probabilities), targets)
    loss = BinaryEntropy()(p, t)
    return reduced_loss(loss if weight is None else loss * weight, reduction)


def reduced_loss(loss: Tensor, reduction: str, weights: Tensor | None = None) -> Tensor:
    """Reduce losses; a mean divides by the weights, where there are some, or by their number."""
    expect(reduction in ("none", "mean", "sum"), "loss",
           'reduction must be "none", "mean" or "sum"',
           error=ConfigError, reduction=reduction)  # fmt: skip
    if reduction == "none":
        return loss
    total = sum(loss)
    if reduction == "sum":
        return total
    if weights is None:
        return total * (1 / max(loss.size, 1))
    return total / maximum(sum(weights), float(np.finfo("float16").tiny))

"""Clipping of gradients, in place, before a step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..creation import zeros
from ..errors import ConfigError, GradientError, expect
from ..flat_groups import flat_gradients
from ..modes import no_grad
from ..ops import arithmetic, exponential, operand, reduce, shape, update
from ..tensor import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Shorten all gradients together so that their norm, as one long vector, is at most `max_norm`.

    g ← g · min(1, max_norm / (‖g‖ + 1e-6)). Gradients of frozen parameters do not count.

    Args:
        parameters: one tensor or several.
        max_norm: the greatest norm that is left as it is.
        norm_type: p of the p-norm; `float("inf")` for the largest element.
        error_if_nonfinite: raise if the norm is infinite or NaN.
        foreach: kept for PyTorch's signature.
    Returns:
        The norm before clipping, a number without axes.
    Raises:
        ConfigError: `norm_type` is not positive.
        GradientError: the norm is not finite, and that was to be an error.
    """
    expect(norm_type > 0, "clip_grad_norm_", "norm_type must be positive", error=ConfigError,
           norm_type=norm_type)  # fmt: skip
    gradients = flat_gradients([parameters] if isinstance(parameters, Tensor) else parameters)
    if not gradients:
        return zeros(())
    with no_grad():
        norm = total_norm(gradients, float(norm_type))
        if error_if_nonfinite:
            value = float(norm)
            expect(value - value == 0, "clip_grad_norm_", "the norm must be finite",
                   error=GradientError, norm=value)  # fmt: skip
        for gradient in gradients:
            update.clip_norm(gradient, norm, max_norm, 1e-6)
    return norm


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Keep every element of every gradient between −clip_value and clip_value.

    Raises:
        ConfigError: `clip_value` is negative.
    """
    expect(clip_value >= 0, "clip_grad_value_", "clip_value must not be negative",
           error=ConfigError, clip_value=clip_value)  # fmt: skip
    with no_grad():
        for gradient in flat_gradients(
            [parameters] if isinstance(parameters, Tensor) else parameters
        ):
            update.clip_value(gradient, clip_value)


def total_norm(gradients: Sequence[Tensor], p: float = 2.0) -> Tensor:
    """Return (Σ |g|ᵖ)^(1/p) over all gradients, in the widest of their element types."""
    if p == 2:
        parts = [update.sum_of_squares(g) for g in gradients]
    elif p == float("inf"):
        parts = [reduce.max(arithmetic.abs(g)) for g in gradients if g.size]
    else:
        parts = [reduce.sum(arithmetic.abs(g) ** p) for g in gradients]
    if not parts:
        return zeros(())
    widest = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
    together = shape.stack([operand.cast(part, widest) for part in parts])
    if p == float("inf"):
        return reduce.max(together)
    total = reduce.sum(together)
    return exponential.sqrt(total) if p == 2 else total ** (1 / p)

"""What every loss is: a value per sample, weighted and reduced to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect, warn
from graftgrad.spec import is_floating

from ..registry import Configured, Rule, declared, losses, setting, snake_case
from ..rules import one_of, optional
from .scores import LOOKS, Scored

EPSILON = 1e-7
REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none")
reduction_rule: Rule = optional(one_of(*REDUCTIONS))


@declared(losses)
class Loss(Scored, Configured):
    """A measure of how far predictions are from targets.

    Subclasses compute one value per sample in `call(y_true, y_pred)`.

    "sum_over_batch_size" (also "mean"): Σ w·l / n; "sum": Σ w·l;
    "mean_with_sample_weight": Σ w·l / Σ w; "none" or None: w·l.

    Args:
        name: its name in logs.
        reduction: how the values of the samples become one.
        dtype: the element type of the computation; that of the predictions if None.
    """

    reduction: Any = setting(reduction_rule, default="sum_over_batch_size")
    name: Any = setting(default=None)
    dtype: Any = setting(default=None)

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction_rule(type(self).__name__, "reduction", reduction)
        self.dtype = dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample, (N, …)."""
        raise NotImplementedError(f"{type(self).__name__}: must define call(self, y_true, y_pred).")

    def valid(self, y_true: Tensor) -> Tensor | None:
        """Return 1 where a value counts and 0 where it is ignored, or None where all count."""
        return None

    def counted(self, values: Tensor) -> Tensor | None:
        """Return which of the computed values count, or None where all do."""
        return None

    def _predicted(self, y_pred: Any) -> Tensor:
        made = as_tensor(y_pred, self.dtype)
        return made if self.dtype is not None else precise(made)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the reduced loss, a scalar tensor (or one value per sample without reduction).

        Raises:
            ShapeError: targets, predictions or weights do not fit.
            DataError: a label is out of range.
        """
        targets = _mapped(as_tensor, y_true)
        predictions = _mapped(self._predicted, y_pred)
        if self.expects is not None and self.looks < LOOKS:
            self.look(predictions)
        values = self.call(targets, predictions)
        valid = self.valid(targets)
        for mask in (self.counted(values), getattr(y_pred, "_keras_mask", None)):
            if mask is not None:
                valid = mask if valid is None else ops.logical_and(valid, mask)
        return reduced(values, sample_weight, self.reduction, valid)


@declared(losses)
class LossFunctionWrapper(Loss):
    """A function of (y_true, y_pred) as a loss.

    Args:
        fn: returns one value per sample.
        reduction: how the values of the samples become one.
        name: its name in logs; that of the function if None.
    """

    fn: Any = setting(default=None)

    def __init__(
        self, fn: Callable[..., Any], reduction: str | None = "sum_over_batch_size",
        name: str | None = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        expect(callable(fn), "loss", "must be a name, a Loss or a function of (y_true, y_pred)",
               error=ConfigError, loss=fn)  # fmt: skip
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        self.fn = fn
        self.kwargs = kwargs
        kind = losses.known.get(getattr(fn, "__name__", ""))
        if kind is not None and fn.__module__.startswith(f"{__package__}."):
            self.expects, self.highest = kind.expects, kind.highest

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Call the function on targets and predictions of one rank."""
        y_true, y_pred = same_rank(y_true, y_pred)
        return as_tensor(self.fn(y_true, y_pred, **self.kwargs))


def _mapped(function: Callable[[Any], Tensor], value: Any) -> Any:
    """Apply a function to a value, or to each in a dictionary."""
    if isinstance(value, dict):
        return {key: _mapped(function, one) for key, one in value.items()}
    return function(value)


def precise(x: Tensor) -> Tensor:
    """Return 16-bit real numbers as float32, with their mask; anything else as it is."""
    if x.dtype.itemsize >= 4 or not is_floating(x.dtype):
        return x
    made, mask = x.to("float32"), getattr(x, "_keras_mask", None)
    if mask is not None:
        made._keras_mask = mask
    return made


def reduced(
    values: Tensor, sample_weight: Any, reduction: str | None, valid: Tensor | None = None
) -> Tensor:
    """Weight values and reduce them.

    Shapes: values (N, …), sample_weight (N,) or as values.

    Raises:
        ShapeError: the weights do not fit the values.
    """
    weights = None if sample_weight is None else weights_for(values, sample_weight)
    mask = None if valid is None else ops.reshape(valid, values.shape).to(values.dtype)
    if mask is not None:
        weights = mask if weights is None else weights * mask
    weighted = values if weights is None else values * weights
    if reduction in (None, "none"):
        return weighted
    total = weighted.sum()
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return total / ops.maximum(
            weights.sum(), EPSILON
        )  # as given, not as broadcast: Keras' rule
    if mask is not None:
        return total / ops.maximum(mask.sum(), EPSILON)
    return total * (1.0 / max(values.size, 1))


def weights_for(values: Tensor, sample_weight: Any) -> Tensor:
    """Bring weights to the rank of values, so that they broadcast.

    Raises:
        ShapeError: the weights do not fit the values.
    """
    weights = as_tensor(sample_weight).to(values.dtype)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    while 0 < weights.ndim < values.ndim:
        weights = ops.expand_dims(weights, -1)
    fits = weights.ndim == 0 or (
        weights.ndim == values.ndim
        and all(w in (1, v) for w, v in zip(weights.shape, values.shape, strict=True))
    )
    expect(fits, "sample_weight", "must have one weight per sample",
           sample_weight=weights.shape, values=values.shape)  # fmt: skip
    return weights


def same_rank(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Bring both to one rank where only one of the two has a last axis of size 1.

    (N,) becomes a column (N, 1), so that samples stay samples; of more axes the last is dropped.
    """
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        if y_pred.ndim == 1:
            return y_true, ops.expand_dims(y_pred, -1)
        return ops.squeeze(y_true, -1), y_pred
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            return ops.expand_dims(y_true, -1), y_pred
        return y_true, ops.squeeze(y_pred, -1)
    return y_true, y_pred


def matched(
    subject: str, y_true: Any, y_pred: Any, spread: bool = False, advice: str = ""
) -> tuple[Tensor, Tensor]:
    """Return targets in the element type of the predictions, both of one shape.

    With `spread`, sizes of 1 may also stand beside others, which is seldom meant: it is warned of.

    Raises:
        ShapeError: their shapes differ.
    """
    predictions = as_tensor(y_pred)
    predictions = predictions if is_floating(predictions.dtype) else predictions.to("float32")
    targets = as_tensor(y_true).to(predictions.dtype)
    targets, predictions = same_rank(targets, predictions)
    if targets.shape != predictions.shape:
        fits = spread and targets.ndim == predictions.ndim and all(
            1 in sizes or sizes[0] == sizes[1]
            for sizes in zip(targets.shape, predictions.shape, strict=True)
        )  # fmt: skip
        expect(fits, subject, "targets and predictions must have one shape",
               y_true=targets.shape, y_pred=predictions.shape, advice=advice)  # fmt: skip
        warn(
            f"{subject}: targets {targets.shape} and predictions {predictions.shape} should have "
            "one shape; each is compared with all that stand where the other has size 1."
        )
    return targets, predictions

"""What every metric is: state that batches add to and a result that is read when it is reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.spec import is_floating

from .. import initializers
from ..losses.loss import precise, same_rank, weights_for
from ..registry import Configured, declared, metrics, setting, snake_case, unique_name
from ..weight import Weight


@declared(metrics)
class Metric(Configured):
    """A number that is gathered over many batches.

    Subclasses make their state with `add_variable`, add to it in `update_state(y_true, y_pred,
    sample_weight)` and return a tensor from `result()`. State is kept on the device and read only
    when somebody reads the result.

    Args:
        dtype: the element type of its state; float32 if None.
        name: its name in logs; made from the class if None.
    """

    dtype: Any = setting(default=None)
    name: Any = setting(default=None)

    if TYPE_CHECKING:
        own_variables: ClassVar[list[Weight]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the list of state before any constructor runs."""
        made = super().__new__(cls, *args, **kwargs)
        object.__setattr__(made, "own_variables", [])
        return made

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values, the element type as it is used."""
        told = super().get_config()
        return {**told, "dtype": told["dtype"] or "float32"} if "dtype" in told else told

    def prepare(self) -> None:
        """Settle the name and make the state."""
        if self.name is None:
            self.name = unique_name(snake_case(type(self).__name__))
        if self.dtype is None:
            self.dtype = "float32"  # for casts in a class of the user's own
        self.build()

    def __repr__(self) -> str:
        return super().__repr__().replace(", dtype='float32'", "")

    def build(self) -> None:
        """Make the state; subclasses override it, or make theirs in a constructor of their own."""

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: Any = "sum",
        name: str | None = None,
    ) -> Weight:
        """Make state, zeros if no initializer is given; `reset_state` sets it to zero, as in Keras.

        `aggregation` is kept for Keras' signature: state is not spread over devices.
        """
        fill = initializers.get("zeros" if initializer is None else initializer)
        value = graftgrad.as_tensor(fill(tuple(shape), dtype or self.dtype or "float32"))
        made = Weight(value, name or f"variable_{len(self.own_variables)}", kind="state")
        self.own_variables.append(made)
        return made

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> Weight:
        """Make state, under the name that layers use."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Weight]:
        """The state, that of metrics it holds as attributes included."""
        return [*self.own_variables, *(one for held in self.inner() for one in held.variables)]

    def inner(self) -> list[Metric]:
        """Return the metrics that this one holds as attributes, alone or in lists."""
        found: list[Metric] = []
        for value in vars(self).values():
            entries = value if isinstance(value, (list, tuple)) else [value]
            found += [one for one in entries if isinstance(one, Metric)]
        return found

    def reset_state(self) -> None:
        """Forget what was seen."""
        with graftgrad.no_grad():
            for variable in self.own_variables:
                variable.zero_()
        for one in self.inner():
            one.reset_state()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """See a batch."""
        raise NotImplementedError(f"{type(self).__name__}: must define update_state.")

    def result(self) -> Any:
        """Return the value over everything seen, a scalar tensor."""
        raise NotImplementedError(f"{type(self).__name__}: must define result.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See a batch and return the value so far."""
        self.update_state(*args, **kwargs)
        return self.result()


def _together(values: Any) -> Tensor:
    """Return values as a tensor; lists may hold tensors."""
    if isinstance(values, (list, tuple)) and any(isinstance(one, Tensor) for one in values):
        return ops.stack([as_tensor(one) for one in values])
    return as_tensor(values)


@declared(metrics)
class Mean(Metric):
    """The weighted mean of everything seen: Σ w·v / Σ w."""

    name: Any = setting(default="mean")
    dtype: Any = setting(default=None)

    def build(self) -> None:
        """Make total and count."""
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values of any shape; weights are one number, (N,) or as the values."""
        with graftgrad.no_grad():
            given = real(_together(values))
            if sample_weight is None or isinstance(sample_weight, (int, float)):
                factor = 1.0 if sample_weight is None else float(sample_weight)
                total = given.sum() if given.ndim else given
                self.total.add_(total if factor == 1.0 else total * factor)
                self.count.add_(given.size * factor)
                return
            weights = weights_for(given, sample_weight)
            self.total.add_((given * weights).sum())
            self.count.add_(ops.broadcast_to(weights, given.shape).sum())

    def result(self) -> Tensor:
        """Return total / count, or 0 before anything was seen."""
        with graftgrad.no_grad():
            return divided(self.total, self.count)


@declared(metrics)
class Sum(Metric):
    """The weighted sum of everything seen: Σ w·v."""

    name: Any = setting(default="sum")
    dtype: Any = setting(default=None)

    def build(self) -> None:
        """Make the total."""
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values of any shape; weights (N,) or as the values."""
        with graftgrad.no_grad():
            given = real(_together(values))
            if sample_weight is not None:
                given = given * weights_for(given, sample_weight)
            self.total.add_(given.sum())

    def result(self) -> Tensor:
        """Return the total, in memory of its own."""
        return self.total.detach().clone()


@declared(None)
class PerSample(Mean):
    """The mean of a function that gives one value per sample."""

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        raise NotImplementedError

    def valid(self, y_true: Tensor) -> Tensor | None:
        """Return where values count, or None where all do."""
        return None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add the values of a batch."""
        with graftgrad.no_grad():
            truth = as_tensor(y_true)
            values = self.measure(truth, precise(as_tensor(y_pred).detach()))
            weights = masked_weight(y_pred, sample_weight)
            valid = self.valid(truth)
            if valid is not None:
                counts = ops.cast(ops.reshape(valid, values.shape), "float32")
                weights = counts if weights is None else counts * weights_for(counts, weights)
            super().update_state(values, weights)


@declared(metrics)
class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred) that gives one value per sample.

    Args:
        fn: the function.
        name: its name in logs; that of the function if None.
        dtype: the element type of its state; float32 if None.
        kwargs: further arguments of the function.
    """

    fn: Any = setting(default=None)

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        expect(callable(fn), "metric", "must be a name, a Metric or a function of (y_true, y_pred)",
               error=ConfigError, metric=fn)  # fmt: skip
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self.fn = fn
        self.kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add the values of a batch."""
        with graftgrad.no_grad():
            t, p = same_rank(as_tensor(y_true), precise(as_tensor(y_pred).detach()))
            weight = masked_weight(y_pred, sample_weight)
            super().update_state(self.fn(t, p, **self.kwargs), weight)


def masked_weight(y_pred: Any, sample_weight: Any) -> Any:
    """Return weights that are 0 where the mask of the predictions is false."""
    mask = getattr(y_pred, "_keras_mask", None)
    if mask is None:
        return sample_weight
    counts = ops.cast(mask, "float32")
    return counts if sample_weight is None else counts * weights_for(counts, sample_weight)


def divided(total: Tensor, count: Tensor) -> Tensor:
    """Return total / count, and 0 where nothing was counted."""
    total, count = total.detach(), count.detach()
    none = count == 0
    return ops.where(
        none, ops.full_like(total, 0), total / ops.where(none, ops.full_like(count, 1), count)
    )


def real(x: Tensor) -> Tensor:
    """Return truth values, integers and 16-bit numbers as real numbers of float32."""
    return precise(x.detach()) if is_floating(x.dtype) else x.detach().to("float32")

"""Projections of weights, applied after every update: functions from tensor to tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from . import registry
from .registry import Configured, declared, encoded, setting
from .regularizers import strength
from .rules import fraction

_SMALL = 1e-7  # keeps a norm of zero from dividing


def _axis(subject: str, name: str, value: Any) -> Any:
    given = value if isinstance(value, (tuple, list)) else (value,)
    fit = all(isinstance(one, int) and not isinstance(one, bool) for one in given)
    expect(fit, subject, f"{name} must be an axis or several", error=ConfigError, **{name: value})
    return tuple(given) if isinstance(value, (tuple, list)) else value


class Constraint(Configured):
    """A projection; a subclass defines `__call__(self, w)`, which returns a tensor of w's shape."""

    registry = registry.constraints

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projected weights."""
        raise NotImplementedError(f"{type(self).__name__}: must define __call__(self, w).")


@declared(registry.constraints, "max_norm")
class MaxNorm(Constraint):
    """Vectors along `axis` no longer than `max_value`: w · min(‖w‖, max) / ‖w‖."""

    max_value: float = setting(strength, default=2)
    axis: Any = setting(_axis, default=0)

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projected weights."""
        norms = lengths(w, self.axis)
        return w * (ops.clip(norms, 0, self.max_value) / (norms + _SMALL))


@declared(registry.constraints, "non_neg")
class NonNeg(Constraint):
    """No element below zero: max(w, 0)."""

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projected weights."""
        return ops.maximum(w, 0)


@declared(registry.constraints, "unit_norm")
class UnitNorm(Constraint):
    """Vectors along `axis` of length 1: w / ‖w‖."""

    axis: Any = setting(_axis, default=0)

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projected weights."""
        return w / (lengths(w, self.axis) + _SMALL)


@declared(registry.constraints, "min_max_norm")
class MinMaxNorm(Constraint):
    """Vectors along `axis` drawn towards a length between two bounds.

    w · (rate · clip(‖w‖, min, max) + (1 − rate) · ‖w‖) / ‖w‖
    """

    min_value: float = setting(strength, default=0.0)
    max_value: float = setting(strength, default=1.0)
    rate: float = setting(fraction, default=1.0)
    axis: Any = setting(_axis, default=0)

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projected weights."""
        norms = lengths(w, self.axis)
        bounded = ops.clip(norms, self.min_value, self.max_value)
        wanted = bounded * self.rate + norms * (1 - self.rate)
        return w * (wanted / (norms + _SMALL))


def lengths(w: Tensor, axis: Any) -> Tensor:
    """Return √(Σ w²) along axes, which stay with size 1."""
    return ops.sqrt(ops.square(w).sum(axis, keepdims=True))


def get(identifier: Any) -> Any:
    """Return a constraint for a name, a configuration or a class; None stays None.

    Raises:
        ConfigError: the name is not known.
    """
    return registry.constraints.identified(identifier)


def serialize(constraint: Any) -> Any:
    """Return the configuration of a constraint."""
    return encoded(constraint)


def deserialize(config: Mapping[str, Any] | str, custom_objects: Any = None) -> Any:
    """Return the constraint of a configuration.

    Raises:
        ConfigError: a name in it is not known.
    """
    with registry.custom_object_scope(custom_objects or {}):
        return registry.constraints.get(config)


# the same under the names that scripts call
max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

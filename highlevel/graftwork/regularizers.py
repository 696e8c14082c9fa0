"""Penalties on weights and outputs: functions of a tensor whose scalar joins the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from . import registry
from .registry import Configured, declared, encoded, setting
from .rules import number, one_of


def strength(subject: str, name: str, value: Any) -> float:
    """Accept a finite number that is not negative.

    Raises:
        ConfigError: it is none.
    """
    expect(number(subject, name, value) >= 0, subject, f"{name} must not be negative",
           error=ConfigError, **{name: value})  # fmt: skip
    return float(value)


class Regularizer(Configured):
    """A penalty; a subclass defines `__call__(self, x)`, which returns a scalar."""

    registry = registry.regularizers

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of a tensor."""
        raise NotImplementedError(f"{type(self).__name__}: must define __call__(self, x).")


@declared(registry.regularizers, "l1")
class L1(Regularizer):
    """l1 · Σ |x|."""

    l1: float = setting(strength, default=0.01)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of a tensor."""
        return ops.abs(x).sum() * self.l1


@declared(registry.regularizers, "l2")
class L2(Regularizer):
    """l2 · Σ x²; a tensor's norm is not taken, and nothing is halved."""

    l2: float = setting(strength, default=0.01)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of a tensor."""
        return ops.square(x).sum() * self.l2


@declared(registry.regularizers, "l1_l2")
class L1L2(Regularizer):
    """l1 · Σ |x| + l2 · Σ x²."""

    l1: float = setting(strength, default=0.0)
    l2: float = setting(strength, default=0.0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of a tensor."""
        return ops.abs(x).sum() * self.l1 + ops.square(x).sum() * self.l2


@declared(registry.regularizers, "orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """Mean of |cos| of the angles between the rows of a matrix, or its columns, times a factor.

    factor · Σ |cos(xᵢ, xⱼ)| / (I · (I − 1)) over i ≠ j

    Args:
        factor: how much it counts.
        mode: "rows" or "columns".
    """

    factor: float = setting(strength, default=0.01)
    mode: str = setting(one_of("rows", "columns"), default="rows")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of a matrix.

        Raises:
            ShapeError: it is none.
        """
        expect(x.ndim == 2, "OrthogonalRegularizer", "must be given a matrix", x=x.shape)
        rows = x if self.mode == "rows" else x.T
        lengths = ops.maximum(ops.square(rows).sum(1, keepdims=True), 1e-12)
        unit = rows * ops.rsqrt(lengths)
        cosines = ops.matmul(unit, unit.T)
        size = rows.shape[0]
        off = cosines * (1 - graftgrad.eye(size, dtype=x.dtype))
        return ops.abs(off).sum() * (self.factor / (size * (size - 1)))


def get(identifier: Any) -> Any:
    """Return a regularizer for a name, a configuration or a class; None stays None.

    Raises:
        ConfigError: the name is not known.
    """
    return registry.regularizers.identified(identifier)


def serialize(regularizer: Any) -> Any:
    """Return the configuration of a regularizer."""
    return encoded(regularizer)


def deserialize(config: Mapping[str, Any] | str, custom_objects: Any = None) -> Any:
    """Return the regularizer of a configuration.

    Raises:
        ConfigError: a name in it is not known.
    """
    with registry.custom_object_scope(custom_objects or {}):
        return registry.regularizers.get(config)


# the same under the names that scripts call
l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

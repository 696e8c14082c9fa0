"""The losses of classes as metrics: cross entropies, hinges, divergence."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor

from .. import losses
from ..registry import declared, metrics, setting
from ..rules import fraction
from .metric import PerSample


@declared(metrics, "binary_crossentropy", "bce", "BCE")
class BinaryCrossentropy(PerSample):
    """Mean cross entropy of yes-or-no targets."""

    name: Any = setting(default="binary_crossentropy")
    dtype: Any = setting(default=None)
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(fraction, default=0.0)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@declared(metrics, "categorical_crossentropy")
class CategoricalCrossentropy(PerSample):
    """Mean cross entropy of one-hot targets."""

    name: Any = setting(default="categorical_crossentropy")
    dtype: Any = setting(default=None)
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(fraction, default=0.0)
    axis: int = setting(default=-1)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@declared(metrics, "sparse_categorical_crossentropy")
class SparseCategoricalCrossentropy(PerSample):
    """Mean cross entropy of whole-number labels; those of `ignore_class` do not count."""

    name: Any = setting(default="sparse_categorical_crossentropy")
    dtype: Any = setting(default=None)
    from_logits: bool = setting(default=False)
    ignore_class: Any = setting(default=None)
    axis: int = setting(default=-1)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def valid(self, y_true: Tensor) -> Tensor | None:
        """Return where the label is not the ignored one."""
        return None if self.ignore_class is None else y_true != self.ignore_class


@declared(metrics, "kl_divergence", "kullback_leibler_divergence", "kld", "KLD")
class KLDivergence(PerSample):
    """Mean divergence of two distributions."""

    name: Any = setting(default="kl_divergence")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.kl_divergence(y_true, y_pred)


@declared(metrics, "hinge")
class Hinge(PerSample):
    """Mean of max(1 − t·p, 0)."""

    name: Any = setting(default="hinge")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.hinge(y_true, y_pred)


@declared(metrics, "squared_hinge")
class SquaredHinge(PerSample):
    """Mean of max(1 − t·p, 0)²."""

    name: Any = setting(default="squared_hinge")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.squared_hinge(y_true, y_pred)


@declared(metrics, "categorical_hinge")
class CategoricalHinge(PerSample):
    """Mean of max(max_k (1 − t_k) p_k − Σ_k t_k p_k + 1, 0)."""

    name: Any = setting(default="categorical_hinge")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.categorical_hinge(y_true, y_pred)

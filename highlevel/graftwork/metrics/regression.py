"""How far predicted numbers are off; and the losses of classes as metrics."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops

from .. import losses
from ..losses.loss import as_tensor, matched, weights_for
from ..losses.regression import normalized
from ..registry import declared, metrics, setting
from .metric import Mean, Metric, PerSample, divided


@declared(metrics, "mean_squared_error", "mse", "MSE")
class MeanSquaredError(PerSample):
    """Mean of squared errors."""

    name: Any = setting(default="mean_squared_error")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.mean_squared_error(y_true, y_pred)


@declared(metrics, "root_mean_squared_error", "rmse", "RMSE")
class RootMeanSquaredError(Mean):
    """Square root of the mean of squared errors."""

    name: Any = setting(default="root_mean_squared_error")

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add the squares of a batch."""
        with graftgrad.no_grad():
            t, p = matched("root_mean_squared_error", y_true, as_tensor(y_pred).detach())
            super().update_state(ops.square(p - t), sample_weight)

    def result(self) -> Tensor:
        """Return the root of the mean."""
        with graftgrad.no_grad():
            return ops.sqrt(super().result())


@declared(metrics, "mean_absolute_error", "mae", "MAE")
class MeanAbsoluteError(PerSample):
    """Mean of absolute errors."""

    name: Any = setting(default="mean_absolute_error")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.mean_absolute_error(y_true, y_pred)


@declared(metrics, "mean_absolute_percentage_error", "mape", "MAPE")
class MeanAbsolutePercentageError(PerSample):
    """Mean of relative errors in percent."""

    name: Any = setting(default="mean_absolute_percentage_error")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.mean_absolute_percentage_error(y_true, y_pred)


@declared(metrics, "mean_squared_logarithmic_error", "msle", "MSLE")
class MeanSquaredLogarithmicError(PerSample):
    """Mean of squared differences of logarithms."""

    name: Any = setting(default="mean_squared_logarithmic_error")

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.mean_squared_logarithmic_error(y_true, y_pred)


@declared(metrics, "cosine_similarity")
class CosineSimilarity(PerSample):
    """Mean cosine of the angle between targets and predictions."""

    name: Any = setting(default="cosine_similarity")
    axis: int = setting(default=-1)

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        t, p = matched("cosine_similarity", y_true, y_pred)
        return (normalized(t, self.axis) * normalized(p, self.axis)).sum(self.axis)


@declared(metrics, "r2_score")
class R2Score(Metric):
    """Share of the variance that is explained: 1 − Σ (t − p)² / Σ (t − mean t)², averaged over outputs."""

    name: Any = setting(default="r2_score")

    def __init__(self, name: str | None = "r2_score", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.built = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the sums of a batch, per output."""
        with graftgrad.no_grad():
            t, p = matched("r2_score", y_true, as_tensor(y_pred).detach())
            t, p = (ops.expand_dims(one, -1) if one.ndim == 1 else one for one in (t, p))
            if not self.built:
                names = ("squared", "total", "residual", "count")
                self.sums = [self.add_variable((t.shape[-1],), name=name) for name in names]
                self.built = True
            w = ops.full_like(t, 1) if sample_weight is None else ops.broadcast_to(weights_for(t, sample_weight), t.shape)
            for sum_, value in zip(self.sums, (w * t * t, w * t, w * ops.square(t - p), w), strict=True):
                sum_.add_(value.sum(0))

    def result(self) -> Tensor:
        """Return the mean over outputs; 0 before anything was seen."""
        with graftgrad.no_grad():
            if not self.built:
                return graftgrad.zeros(())
            squared, total, residual, count = (one.detach() for one in self.sums)
            spread = squared - total * divided(total, count)
            return (1.0 - divided(residual, spread)).mean()


@declared(metrics, "binary_crossentropy", "bce", "BCE")
class BinaryCrossentropy(PerSample):
    """Mean cross entropy of yes-or-no targets."""

    name: Any = setting(default="binary_crossentropy")
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(default=0.0)

    def __init__(
        self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@declared(metrics, "categorical_crossentropy")
class CategoricalCrossentropy(PerSample):
    """Mean cross entropy of one-hot targets."""

    name: Any = setting(default="categorical_crossentropy")
    from_logits: bool = setting(default=False)
    label_smoothing: float = setting(default=0.0)
    axis: int = setting(default=-1)

    def __init__(
        self, name: str | None = "categorical_crossentropy", dtype: Any = None,
        from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@declared(metrics, "sparse_categorical_crossentropy")
class SparseCategoricalCrossentropy(PerSample):
    """Mean cross entropy of whole-number labels."""

    name: Any = setting(default="sparse_categorical_crossentropy")
    from_logits: bool = setting(default=False)
    axis: int = setting(default=-1)

    def __init__(
        self, name: str | None = "sparse_categorical_crossentropy", dtype: Any = None,
        from_logits: bool = False, axis: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        self.from_logits, self.axis = from_logits, axis

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, axis=self.axis)

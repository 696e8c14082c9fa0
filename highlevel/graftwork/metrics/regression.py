"""How far predicted numbers are off."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, as_tensor, ops
from graftgrad.errors import ConfigError, expect

from .. import losses
from ..losses.loss import matched, weights_for
from ..losses.regression import normalized
from ..registry import declared, metrics, setting
from ..rules import one_of, optional
from .metric import Metric, PerSample, divided


@declared(metrics, "mean_squared_error", "mse", "MSE")
class MeanSquaredError(PerSample):
    """Mean of squared errors."""

    name: Any = setting(default="mean_squared_error")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.mean_squared_error(y_true, y_pred)


@declared(metrics, "root_mean_squared_error", "rmse", "RMSE")
class RootMeanSquaredError(MeanSquaredError):
    """Square root of the mean of squared errors."""

    name: Any = setting(default="root_mean_squared_error")

    def result(self) -> Tensor:
        """Return the root of the mean."""
        with graftgrad.no_grad():
            return ops.sqrt(super().result())


@declared(metrics, "mean_absolute_error", "mae", "MAE")
class MeanAbsoluteError(PerSample):
    """Mean of absolute errors."""

    name: Any = setting(default="mean_absolute_error")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.mean_absolute_error(y_true, y_pred)


@declared(metrics, "mean_absolute_percentage_error", "mape", "MAPE")
class MeanAbsolutePercentageError(PerSample):
    """Mean of relative errors in percent."""

    name: Any = setting(default="mean_absolute_percentage_error")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.mean_absolute_percentage_error(y_true, y_pred)


@declared(metrics, "mean_squared_logarithmic_error", "msle", "MSLE")
class MeanSquaredLogarithmicError(PerSample):
    """Mean of squared differences of logarithms."""

    name: Any = setting(default="mean_squared_logarithmic_error")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.mean_squared_logarithmic_error(y_true, y_pred)


@declared(metrics, "logcosh", "log_cosh")
class LogCoshError(PerSample):
    """Mean logarithm of the hyperbolic cosine of the error."""

    name: Any = setting(default="logcosh")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.log_cosh(y_true, y_pred)


@declared(metrics, "poisson")
class Poisson(PerSample):
    """Mean of y_pred − y_true · ln y_pred."""

    name: Any = setting(default="poisson")

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        return losses.poisson(y_true, y_pred)


@declared(metrics, "cosine_similarity")
class CosineSimilarity(PerSample):
    """Mean cosine of the angle between targets and predictions: 1 for one direction."""

    name: Any = setting(default="cosine_similarity")
    dtype: Any = setting(default=None)
    axis: int = setting(default=-1)

    def measure(self, y_true: Any, y_pred: Any) -> Tensor:
        """Return one value per sample."""
        t, p = matched("cosine_similarity", y_true, y_pred)
        return (normalized(t, self.axis) * normalized(p, self.axis)).sum(self.axis)


@declared(metrics, "r2_score")
class R2Score(Metric):
    """Share of the variance that is explained: R² = 1 − Σ (t − p)² / Σ (t − mean t)².

    It is 0 where t never varies.

    Args:
        class_aggregation: how the outputs become one number: "uniform_average",
            "variance_weighted_average", or None for one number each.
        num_regressors: m; with one or more the adjusted score 1 − (1 − R²)(n − 1) / (n − m − 1),
            n the number of values.
    """

    class_aggregation: Any = setting(
        optional(one_of("uniform_average", "variance_weighted_average")), default="uniform_average"
    )
    num_regressors: int = setting(default=0)
    name: Any = setting(default="r2_score")
    dtype: Any = setting(default=None)

    sum: Any = None

    def build(self) -> None:
        """Make the count of samples; the sums follow when the number of outputs is known."""
        expect(isinstance(self.num_regressors, int) and self.num_regressors >= 0, "R2Score",
               "num_regressors must be a whole number of at least 0", error=ConfigError,
               num_regressors=self.num_regressors)  # fmt: skip
        self.num_samples = self.add_variable(name="num_samples")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the sums of a batch, per output: (N, D) -> (D,)."""
        with graftgrad.no_grad():
            t, p = matched("r2_score", y_true, as_tensor(y_pred).detach())
            t, p = (ops.expand_dims(one, -1) if one.ndim == 1 else one for one in (t, p))
            if self.sum is None:
                names = ("squared_sum", "sum", "residual", "count")
                made = [self.add_variable(t.shape[1:], name=name) for name in names]
                self.squared_sum, self.sum, self.residual, self.count = made
            w = ops.full_like(t, 1)
            if sample_weight is not None:
                w = ops.broadcast_to(weights_for(t, sample_weight), t.shape)
            self.squared_sum.add_((w * t * t).sum(0))
            self.sum.add_((w * t).sum(0))
            self.residual.add_((w * ops.square(t - p)).sum(0))
            self.count.add_(w.sum(0))
            self.num_samples.add_(float(t.size))

    def result(self) -> Tensor:
        """Return the score; 0 before anything was seen."""
        with graftgrad.no_grad():
            if self.sum is None:
                return graftgrad.zeros(())
            total = self.squared_sum.detach() - self.sum.detach() * divided(self.sum, self.count)
            scores = ops.where(
                total == 0, ops.full_like(total, 0), 1.0 - divided(self.residual, total)
            )
            return self._adjusted(self._aggregated(scores, total))

    def _aggregated(self, scores: Tensor, total: Tensor) -> Tensor:
        if self.class_aggregation is None:
            return scores
        if self.class_aggregation == "uniform_average":
            return scores.mean()
        return divided((total * scores).sum(), total.sum())

    def _adjusted(self, score: Tensor) -> Tensor:
        n, m = self.num_samples.detach(), float(self.num_regressors)
        if m == 0:
            return score
        free = n - m - 1.0
        return ops.where(free > 0, 1.0 - (1.0 - score) * (n - 1.0) / ops.maximum(free, 1.0), score)

"""Normalisation of activations by batch, group and instance; layer norm comes from `sample_norm`.

All of them subtract a mean, divide by a spread and stretch by what was learned; they differ in
which elements share a mean. Statistics of 16-bit elements are float32. Moving averages are the
layer's business.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from .. import modes
from ..errors import expect
from ..function import Function, function
from ..spec import Spec, axis_within
from .arithmetic import mul
from .columns import (
    column_products,
    column_squares,
    column_sums,
    combine,
    side_by_side,
    standardise,
    store,
    target,
)
from .exponential import rsqrt
from .operand import cast, contiguous, floating
from .reduce import sum
from .sample_norm import brought_last, differentiable, expect_learned, learned
from .sample_norm import layer_norm as layer_norm
from .sample_norm import normalize as normalize
from .sample_norm import rms_norm as rms_norm
from .shape import reshape, transpose
from .tiles import accurate, row_tiles

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class BatchNorm(Function):
    """gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance of each channel.

    Channels are the last axis. `mean` and `variance` are handed out for moving averages alone: no
    gradient flows back from them.
    """

    epsilon: float

    hidden: ClassVar[tuple[str, ...]] = ("inverse_std",)
    exact: ClassVar[bool] = True  # gamma and beta are as precise as statistics

    def infer(self, x: Spec, gamma: Spec, beta: Spec) -> tuple[Spec, ...]:
        expect_learned("batch_norm", x, x.shape[-1:], gamma=gamma, beta=beta)
        expect(x.size > 0, "batch_norm", "there must be at least one element", x=x)
        of_channels = gamma.like()
        return x.like(), of_channels, of_channels, of_channels

    def compute(
        self,
        xp: Any,
        x: Any,
        gamma: Any,
        beta: Any,
        y: Any,
        mean: Any,
        variance: Any,
        inverse_std: Any,
    ) -> None:
        channels = x.shape[-1]
        count = x.size // channels
        rows, out = x.reshape(-1, channels), y.reshape(-1, channels)
        mean[...] = column_sums(xp, rows) / count
        variance[...] = column_squares(xp, rows, mean) / count
        inverse_std[...] = 1 / xp.sqrt(variance + self.epsilon)
        standardise(xp, rows, mean, gamma * inverse_std, beta, out)

    def grads(
        self, gy: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, inverse_std: Tensor
    ) -> tuple[Tensor, ...]:
        if not modes.recording():
            return BatchNormGrad()(gy, x, gamma, mean, inverse_std)  # type: ignore[no-any-return]
        axes = tuple(range(x.ndim - 1))
        return differentiable(gy, x, gamma, axes, axes, self.epsilon)


@function
class BatchNormGrad(Function):
    """gx = gamma · s · (gy − ⟨gy⟩ − x̂ · ⟨gy · x̂⟩), ggamma = Σ gy · x̂, gbeta = Σ gy.

    s is inverse_std, ⟨ ⟩ the mean over the elements of a channel.
    """

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(self, gy: Spec, x: Spec, gamma: Spec, mean: Spec, inverse_std: Spec) -> Any:
        return x.like(), gamma.like(), gamma.like()

    def compute(
        self,
        xp: Any,
        gy: Any,
        x: Any,
        gamma: Any,
        mean: Any,
        inverse_std: Any,
        gx: Any,
        ggamma: Any,
        gbeta: Any,
    ) -> None:
        channels = x.shape[-1]
        count = x.size // channels
        g, rows = gy.reshape(-1, channels), x.reshape(-1, channels)
        gbeta[...], along = column_products(xp, g, rows, mean)
        ggamma[...] = along * inverse_std
        scale = gamma * inverse_std
        slope = -scale * inverse_std * ggamma / count
        combine(xp, g, rows, mean, scale, slope, -scale * gbeta / count, gx.reshape(-1, channels))


@function
class BatchNormInference(Function):
    """gamma · (x − mean) / √(variance + epsilon) + beta, with statistics that are given.

    It is folded to one factor and one summand for each channel.
    """

    epsilon: float

    exact: ClassVar[bool] = True

    def infer(self, x: Spec, mean: Spec, variance: Spec, gamma: Spec, beta: Spec) -> Spec:
        expect_learned("batch_norm_inference", x, x.shape[-1:],
                        mean=mean, variance=variance, gamma=gamma, beta=beta)  # fmt: skip
        expect(mean.size > 0, "batch_norm_inference", "there must be at least one channel", x=x)
        return x.like()

    def compute(
        self, xp: Any, x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, y: Any
    ) -> None:
        channels = x.shape[-1]
        scale = gamma / xp.sqrt(variance + self.epsilon)
        shift = beta - mean * scale
        wide_x, wide_y, fold = side_by_side(xp, x.reshape(-1, channels), y.reshape(-1, channels))
        scale, shift = xp.tile(scale, fold), xp.tile(shift, fold)
        for some in row_tiles(xp, *wide_x.shape):
            out = target(xp, wide_y[some], scale.dtype)
            xp.multiply(wide_x[some], scale, out=out)
            xp.add(out, shift, out=out)
            store(wide_y, some, out)

    def _scale(self, variance: Tensor, gamma: Tensor) -> Tensor:
        return gamma * rsqrt(variance + self.epsilon)

    def _along(self, gy: Tensor, x: Tensor, mean: Tensor) -> Tensor:
        """Σ gy · (x − mean) of each channel."""
        centred = cast(x, mean.dtype) - mean
        return sum(mul(cast(gy, mean.dtype), centred), tuple(range(x.ndim - 1)))

    def _total(self, gy: Tensor, mean: Spec) -> Tensor:
        return sum(cast(gy, mean.dtype), tuple(range(gy.ndim - 1)))

    def grad_x(self, gy: Tensor, variance: Tensor, gamma: Tensor) -> Tensor:
        return mul(gy, self._scale(variance, gamma))

    def grad_mean(self, gy: Tensor, mean_spec: Spec, variance: Tensor, gamma: Tensor) -> Tensor:
        return -mul(self._total(gy, mean_spec), self._scale(variance, gamma))

    def grad_variance(
        self, gy: Tensor, x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor
    ) -> Tensor:
        s = rsqrt(variance + self.epsilon)
        return mul(self._along(gy, x, mean), gamma * (s * s * s) * -0.5)

    def grad_gamma(self, gy: Tensor, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return mul(self._along(gy, x, mean), rsqrt(variance + self.epsilon))

    def grad_beta(self, gy: Tensor, mean_spec: Spec) -> Tensor:
        return self._total(gy, mean_spec)


@function
class GroupNorm(Function):
    """gamma · (x − mean) / √(variance + epsilon) + beta, with statistics of each sample and group.

    The first axis are samples, the last channels, of which neighbours form `groups` groups.
    """

    groups: int
    epsilon: float

    hidden: ClassVar[tuple[str, ...]] = ("mean", "inverse_std")
    exact: ClassVar[bool] = True  # gamma and beta are as precise as statistics

    def infer(self, x: Spec, gamma: Spec, beta: Spec) -> tuple[Spec, ...]:
        expect_learned("group_norm", x, x.shape[-1:], gamma=gamma, beta=beta)
        expect(self.groups > 0 and x.ndim > 1 and x.shape[-1] % self.groups == 0, "group_norm",
               "groups must divide the channels", x=x, groups=self.groups)  # fmt: skip
        expect(math.prod(x.shape[1:]) > 0, "group_norm", "samples must have elements", x=x)
        statistics = gamma.shaped(x.shape[0], self.groups)
        return x.like(), statistics, statistics

    def compute(
        self, xp: Any, x: Any, gamma: Any, beta: Any, y: Any, mean: Any, inverse_std: Any
    ) -> None:
        channels = x.shape[-1]
        each = channels // self.groups
        count = math.prod(x.shape[1:]) // self.groups
        for sample in range(x.shape[0]):
            rows, out = x[sample].reshape(-1, channels), y[sample].reshape(-1, channels)
            mean[sample] = self._of_groups(column_sums(xp, rows)) / count
            middle = xp.repeat(mean[sample], each)
            variance = self._of_groups(column_squares(xp, rows, middle)) / count
            inverse_std[sample] = 1 / xp.sqrt(variance + self.epsilon)
            scale = gamma * xp.repeat(inverse_std[sample], each)
            standardise(xp, rows, middle, scale, beta, out)

    def _of_groups(self, columns: Any) -> Any:
        return columns.reshape(self.groups, -1).sum(axis=1)

    def grads(
        self, gy: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, inverse_std: Tensor
    ) -> tuple[Tensor, ...]:
        if not modes.recording():
            return GroupNormGrad(self.groups)(gy, x, gamma, mean, inverse_std)  # type: ignore[no-any-return]
        grouped = (x.shape[0], -1, self.groups, x.shape[-1] // self.groups)
        found = differentiable(reshape(gy, grouped), reshape(x, grouped),
                                reshape(gamma, grouped[2:]),
                                (1, 3), (0, 1), self.epsilon)  # fmt: skip
        return tuple(
            reshape(g, like.shape) for g, like in zip(found, (x, gamma, gamma), strict=True)
        )


@function
class GroupNormGrad(Function):
    """BatchNormGrad's formula for each sample, with the means ⟨ ⟩ of gamma · gy over each group."""

    groups: int

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(self, gy: Spec, x: Spec, gamma: Spec, mean: Spec, inverse_std: Spec) -> Any:
        return x.like(), gamma.like(), gamma.like()

    def compute(
        self,
        xp: Any,
        gy: Any,
        x: Any,
        gamma: Any,
        mean: Any,
        inverse_std: Any,
        gx: Any,
        ggamma: Any,
        gbeta: Any,
    ) -> None:
        channels = x.shape[-1]
        each = channels // self.groups
        count = math.prod(x.shape[1:]) // self.groups
        ggamma[...] = 0
        gbeta[...] = 0
        for sample in range(x.shape[0]):
            g, rows = gy[sample].reshape(-1, channels), x[sample].reshape(-1, channels)
            middle = xp.repeat(mean[sample], each)
            s = xp.repeat(inverse_std[sample], each)
            total, along = column_products(xp, g, rows, middle)
            along *= s
            gbeta += total
            ggamma += along
            flat = (gamma * total).reshape(self.groups, each).sum(axis=1) / count
            tilt = (gamma * along).reshape(self.groups, each).sum(axis=1) / count
            slope, shift = -s * s * xp.repeat(tilt, each), -s * xp.repeat(flat, each)
            out = gx[sample].reshape(-1, channels)
            combine(xp, g, rows, middle, gamma * s, slope, shift, out)


def batch_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise each channel over the batch: y = gamma · (x − mean) / √(variance + epsilon) + beta.

    Ioffe and Szegedy 2015.

    Args:
        x: (N, …, C), channels along `axis`.
        gamma: factors, (C,); None for 1.
        beta: summands, (C,); None for 0.
        axis: where the channels lie.
        epsilon: added to the variance.

    Returns:
        y like x; mean and variance (C,), the variance divided by the count of elements. No gradient
        flows from these two: they are for moving averages. They are float32 for 16-bit elements.

    Raises:
        ShapeError: gamma or beta is not (C,), or x is empty.
    """
    order, back = brought_last("batch_norm", x, axis)
    x = transpose(floating(x), order) if order else floating(x)
    gamma, beta = learned(x, gamma, 1.0, x.shape[-1:]), learned(x, beta, 0.0, x.shape[-1:])
    y, mean, variance = BatchNorm(float(epsilon))(x, gamma, beta)
    return (transpose(y, back) if back else y), mean.detach(), variance.detach()


def batch_norm_inference(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalise with given statistics: y = gamma · (x − mean) / √(variance + epsilon) + beta.

    Gradients flow to every operand; for x alone, x is not kept.

    Args:
        x: (N, …, C), channels along `axis`.
        mean: (C,).
        variance: (C,).
        gamma: factors, (C,); None for 1.
        beta: summands, (C,); None for 0.
        axis: where the channels lie.
        epsilon: added to the variance.

    Raises:
        ShapeError: a vector is not (C,).
    """
    order, back = brought_last("batch_norm_inference", x, axis)
    x = transpose(floating(x), order) if order else floating(x)
    wide = accurate(x.dtype)
    gamma, beta = learned(x, gamma, 1.0, x.shape[-1:]), learned(x, beta, 0.0, x.shape[-1:])
    infer = BatchNormInference(float(epsilon))
    y = infer(x, cast(mean, wide), cast(variance, wide), gamma, beta)
    return transpose(y, back) if back else y


def group_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    groups: int,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalise each sample over groups of neighbouring channels. Wu and He 2018.

    Args:
        x: (N, …, C), channels along `axis`.
        gamma: factors, (C,); None for 1.
        beta: summands, (C,); None for 0.
        groups: how many; 1 normalises the whole sample, C each channel by itself.
        axis: where the channels lie.
        epsilon: added to the variance.

    Raises:
        ShapeError: groups do not divide the channels, or a vector is not (C,).
    """
    order, back = brought_last("group_norm", x, axis)
    x = contiguous(transpose(floating(x), order) if order else floating(x))
    gamma, beta = learned(x, gamma, 1.0, x.shape[-1:]), learned(x, beta, 0.0, x.shape[-1:])
    y = GroupNorm(groups, float(epsilon))(x, gamma, beta)
    return transpose(y, back) if back else y


def instance_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalise each channel of each sample by itself. Ulyanov, Vedaldi and Lempitsky 2016.

    Shapes: x (N, …, C) with channels along `axis`, gamma and beta (C,) or None -> like x.
    """
    channels = x.shape[axis_within("instance_norm", axis, x.ndim)]
    return group_norm(x, gamma, beta, groups=channels, axis=axis, epsilon=epsilon)

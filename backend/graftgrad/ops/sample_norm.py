"""Normalisation of each sample over its own axes; and what all normalising ops share.

Statistics that samples or positions share stand in `norm`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import modes
from ..errors import expect
from ..function import Function, function
from ..spec import Shape, Spec, axes_within, same_dtype
from .arithmetic import maximum
from .columns import row_products, store, target
from .exponential import rsqrt
from .operand import cast, floating
from .reduce import mean as average
from .reduce import sum
from .shape import broadcast_to, reshape, transpose
from .tiles import accurate, row_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor


@function
class LayerNorm(Function):
    """gamma · (x − mean) / √(variance + epsilon) + beta, with statistics over the last axes.

    `last` counts the axes; `centred` is false for the root mean square alone: mean 0, no beta.
    """

    last: int
    epsilon: float
    centred: bool = True

    hidden: ClassVar[tuple[str, ...]] = ("mean", "inverse_std")
    exact: ClassVar[bool] = True  # gamma and beta are as precise as statistics

    def infer(self, x: Spec, gamma: Spec, beta: Spec) -> tuple[Spec, ...]:
        expect_learned("layer_norm", x, x.shape[x.ndim - self.last :], gamma=gamma, beta=beta)
        expect(gamma.size > 0, "layer_norm", "there must be at least one element", x=x)
        statistics = gamma.shaped(*x.shape[: x.ndim - self.last])
        return x.like(), statistics, statistics

    def compute(
        self, xp: Any, x: Any, gamma: Any, beta: Any, y: Any, mean: Any, inverse_std: Any
    ) -> None:
        width = gamma.size
        rows, out = x.reshape(-1, width), y.reshape(-1, width)
        middles, scales = mean.reshape(-1, 1), inverse_std.reshape(-1, 1)
        gamma, beta = gamma.reshape(-1), beta.reshape(-1)
        for some in row_tiles(xp, *rows.shape):
            z = rows[some].astype(gamma.dtype, copy=False)
            t = target(xp, out[some], gamma.dtype)
            if self.centred:
                xp.mean(z, axis=1, keepdims=True, out=middles[some])
                xp.subtract(z, middles[some], out=t)
            else:
                middles[some] = 0
                t[...] = z
            variance = row_products(xp, t, t) / width
            xp.divide(1, xp.sqrt(variance + self.epsilon), out=scales[some])
            xp.multiply(t, scales[some], out=t)
            xp.multiply(t, gamma, out=t)
            if self.centred:
                xp.add(t, beta, out=t)
            store(out, some, t)

    def mapped(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Any:
        if gamma.shape[0] > 1 or beta.shape[0] > 1:
            return None
        return self.whole(x, reshape(gamma, gamma.shape[1:]), reshape(beta, beta.shape[1:]))

    def grads(
        self, gy: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, inverse_std: Tensor
    ) -> tuple[Tensor, ...]:
        if not modes.recording():
            return LayerNormGrad(self.centred)(gy, x, gamma, mean, inverse_std)  # type: ignore[no-any-return]
        first = x.ndim - self.last
        inner, outer = tuple(range(first, x.ndim)), tuple(range(first))
        return differentiable(gy, x, gamma, inner, outer, self.epsilon, self.centred)


@function
class LayerNormGrad(Function):
    """gx = s · (g − ⟨g⟩ − x̂ · ⟨g · x̂⟩) with g = gamma · gy; ggamma = Σ gy · x̂, gbeta = Σ gy."""

    centred: bool = True

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
        width = gamma.size
        g, rows, out = gy.reshape(-1, width), x.reshape(-1, width), gx.reshape(-1, width)
        middles, scales = mean.reshape(-1, 1), inverse_std.reshape(-1, 1)
        stretch, wide = gamma.reshape(-1), gamma.dtype
        total, along = xp.zeros((2, width), wide)
        for some in row_tiles(xp, *rows.shape):
            pull = g[some].astype(wide, copy=False)
            hat = xp.subtract(rows[some], middles[some], dtype=wide)
            xp.multiply(hat, scales[some], out=hat)
            t = target(xp, out[some], wide)
            xp.multiply(pull, hat, out=t)
            ones = xp.ones(len(t), wide)
            along += ones @ t
            total += ones @ pull
            xp.multiply(pull, stretch, out=t)
            xp.multiply(hat, row_products(xp, t, hat) / width, out=hat)
            if self.centred:
                xp.subtract(t, t.mean(axis=1, keepdims=True), out=t)
            xp.subtract(t, hat, out=t)
            xp.multiply(t, scales[some], out=t)
            store(out, some, t)
        ggamma[...] = along.reshape(gamma.shape)
        gbeta[...] = total.reshape(gamma.shape)


def layer_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalise each sample over some axes: y = gamma · (x − mean) / √(variance + epsilon) + beta.

    Ba, Kiros and Hinton 2016.

    Args:
        x: (N, …, D).
        gamma: factors, of the sizes of `axis`; None for 1.
        beta: summands, of the sizes of `axis`; None for 0.
        axis: over which the mean goes.
        epsilon: added to the variance.

    Raises:
        ShapeError: gamma or beta does not have the sizes of `axis`.
    """
    return _over_axes("layer_norm", x, gamma, beta, axis, epsilon, True)


def rms_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    *,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-6,
) -> Tensor:
    """Divide by the root mean square: y = gamma · x / √(⟨x²⟩ + epsilon). Zhang and Sennrich 2019.

    Args:
        x: (N, …, D).
        gamma: factors, of the sizes of `axis`; None for 1.
        axis: over which the mean goes.
        epsilon: added to the mean square.

    Raises:
        ShapeError: gamma does not have the sizes of `axis`.
    """
    return _over_axes("rms_norm", x, gamma, None, axis, epsilon, False)


def normalize(x: Tensor, axis: int | Sequence[int] = -1, epsilon: float = 1e-12) -> Tensor:
    """Divide by the Euclidean length: y = x / max(√Σ x², epsilon)."""
    x = floating(x)
    return x * rsqrt(maximum(sum(x * x, axis, keepdims=True), epsilon * epsilon))


def _over_axes(
    subject: str,
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    axis: int | Sequence[int],
    epsilon: float,
    centred: bool,
) -> Tensor:
    order, back = brought_last(subject, x, axis)
    x = transpose(floating(x), order) if order else floating(x)
    last = len(axes_within(subject, axis, x.ndim))
    sizes = x.shape[x.ndim - last :]
    stretch, shift = learned(x, gamma, 1.0, sizes), learned(x, beta, 0.0, sizes)
    y = LayerNorm(last, float(epsilon), centred)(x, stretch, shift)
    return transpose(y, back) if back else y


def brought_last(subject: str, x: Tensor, axis: Any) -> tuple[list[int], list[int]]:
    """Return the orders that bring axes to the end and back; empty where they are there already."""
    axes = axes_within(subject, axis, x.ndim)
    order = [*[i for i in range(x.ndim) if i not in axes], *axes]
    if order == list(range(x.ndim)):
        return [], []
    return order, sorted(range(x.ndim), key=order.__getitem__)


def learned(x: Tensor, given: Tensor | None, default: float, sizes: Shape) -> Tensor:
    """Return gamma or beta as precise as statistics are; the default, stretched, where None."""
    wide = accurate(x.dtype)
    return broadcast_to(x.constant(default, wide), sizes) if given is None else cast(given, wide)


def expect_learned(subject: str, x: Spec, sizes: Shape, **vectors: Spec) -> None:
    """Hold the shapes and element types of gamma, beta and their kin against those of x."""
    for name, vector in vectors.items():
        given: dict[str, Any] = {name: vector}
        expect(vector.shape == sizes, subject, f"{name} must be of shape {sizes}", x=x, **given)
    same_dtype(subject, x=Spec(x.shape, accurate(x.dtype)), **vectors)


def differentiable(
    gy: Tensor,
    x: Tensor,
    gamma: Tensor,
    inner: tuple[int, ...],
    outer: tuple[int, ...],
    epsilon: float,
    centred: bool = True,
) -> tuple[Tensor, ...]:
    """Return gx, ggamma, gbeta in ops that can be differentiated again.

    `inner` are the axes that share a mean, `outer` those that share gamma.
    """
    gy, x = cast(gy, gamma.dtype), cast(x, gamma.dtype)
    middle = x - average(x, inner, keepdims=True) if centred else x
    s = rsqrt(average(middle * middle, inner, keepdims=True) + epsilon)
    hat = middle * s
    g = gy * gamma
    gx = g - hat * average(g * hat, inner, keepdims=True)
    if centred:
        gx = gx - average(g, inner, keepdims=True)
    return gx * s, sum(gy * hat, outer), sum(gy, outer)

"""Spread, ranks and averages, and reductions that pass over NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, ShapeError, expect
from ..spec import axes_within, axis_within, is_floating
from .arithmetic import div, mul, sub, where
from .compare import isnan, logical_not
from .exponential import sqrt
from .gather import Take
from .operand import cast, floating, together
from .order import argsort, sort
from .parts import conj
from .reduce import any, max, mean, min, prod, sum, var
from .shape import expand_dims, reshape, sliced, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor

Axis = Any


def std(x: Tensor, axis: Axis = None, keepdims: bool = False, correction: int = 0) -> Tensor:
    """Spread around the mean: y = √(Σ |x − mean|² / (n − correction)) over `axis`.

    Raises:
        ShapeError: n is not larger than `correction`.
    """
    return sqrt(var(x, axis, keepdims, correction))


def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Subtract the smallest element over `axis` from the largest.

    Raises:
        ShapeError: an axis to reduce is empty.
    """
    return sub(max(x, axis, keepdims), min(x, axis, keepdims))


def average(x: Tensor, axis: Axis = None, weights: Any = None, keepdims: bool = False) -> Tensor:
    """Average with weights: y = Σ w·x / Σ w over `axis`; the mean without them.

    Args:
        x: what is averaged.
        axis: over which; all if None.
        weights: of the shape of x, or a vector along the one axis.
        keepdims: whether reduced axes stay, of size 1.

    Raises:
        ShapeError: weights fit neither x nor the axis, or there is nothing to average.
    """
    if weights is None:
        return mean(x, axis, keepdims)
    x, w = together(floating(x), weights)
    if w.shape != x.shape:
        fits = w.ndim == 1 and isinstance(axis, (int, np.integer))
        place = axis_within("average", int(axis), x.ndim) if fits else 0
        expect(fits and w.shape[0] == x.shape[place], "average",
               "weights must have the shape of x, or be a vector along the axis",
               x=x.spec, weights=w.spec, axis=axis)  # fmt: skip
        w = reshape(w, tuple(w.size if i == place else 1 for i in range(x.ndim)))
    total = sum(mul(w, sub(mul(x, 0), -1)) if w.shape != x.shape else w, axis, keepdims)
    return div(sum(mul(x, w), axis, keepdims), total)


def quantile(
    x: Tensor, q: float | Sequence[float], axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Find what a share q of the elements over `axis` lies below, between neighbours by a line.

    y = x₍ᵢ₎ + (h − i) · (x₍ᵢ₊₁₎ − x₍ᵢ₎), h = q · (n − 1), i = ⌊h⌋; NaN where an element is.

    Args:
        x: real or whole numbers.
        q: one share from 0 to 1, or several, which make a first axis.
        axis: over which; all if None.
        keepdims: whether reduced axes stay, of size 1.

    Raises:
        ConfigError: a share lies outside of [0, 1].
        ShapeError: there is no such axis, or nothing to choose from.
    """
    shares = np.asarray(q, "float64")
    expect(bool(((shares >= 0) & (shares <= 1)).all()), "quantile", "q must lie in [0, 1]",
           error=ConfigError, q=q)  # fmt: skip
    rows, shape = _rows("quantile", x, axis, keepdims)
    ordered = sort(rows, -1)
    places = np.atleast_1d(shares) * (rows.shape[-1] - 1)
    low = np.floor(places).astype("int64")
    high = np.minimum(low + 1, rows.shape[-1] - 1)
    lower = Take(1, "quantile")(ordered, x.like(low))
    upper = Take(1, "quantile")(ordered, x.like(high))
    part = cast(x.like(places - low), ordered.dtype)
    y = lower + mul(part, sub(upper, lower))
    y = where(any(isnan(rows), -1, True), math.nan, y)
    if not shares.ndim:
        return reshape(y, shape)
    return reshape(transpose(y), (*shares.shape, *shape))


def percentile(
    x: Tensor, q: float | Sequence[float], axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Find quantiles by percent: `quantile` of q / 100.

    Raises:
        ConfigError: a percentage lies outside of [0, 100].
        ShapeError: there is no such axis, or nothing to choose from.
    """
    given = np.asarray(q, "float64")
    expect(bool(((given >= 0) & (given <= 100)).all()), "percentile", "q must lie in [0, 100]",
           error=ConfigError, q=q)  # fmt: skip
    return quantile(x, (given / 100).tolist(), axis, keepdims)


def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Find what half of the elements over `axis` lies below; the mean of the two in the middle.

    Raises:
        ShapeError: there is no such axis, or nothing to choose from.
    """
    return quantile(x, 0.5, axis, keepdims)


def kthvalue(x: Tensor, k: int, axis: int = -1, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Find the k-th smallest element along an axis, counted from 1, and its int64 place.

    Raises:
        ShapeError: there is no such axis, or it holds fewer than k.
    """
    place = axis_within("kthvalue", axis, x.ndim)
    expect(1 <= k <= x.shape[place], "kthvalue", "k must lie between 1 and the size of the axis",
           x=x.spec, axis=axis, k=k)  # fmt: skip
    places = sliced(argsort(x, place), place, k - 1, k)
    from_x = sliced(sort(x, place), place, k - 1, k)
    if keepdims:
        return from_x, places
    shape = (*x.shape[:place], *x.shape[place + 1 :])
    return reshape(from_x, shape), reshape(places, shape)


def cov(x: Tensor, correction: int = 1) -> Tensor:
    """Find how variables vary together: y[i, j] = Σ (x[i] − mean)(x[j] − mean)* / (n − correction).

    Shapes: x (D, N), a row per variable -> (D, D); a vector is one variable and gives a number.

    Raises:
        ShapeError: x has more than two axes, or n is not larger than `correction`.
    """
    expect(1 <= x.ndim <= 2, "cov", "must be a vector or a matrix", x=x.spec)
    x = floating(x)
    expect(x.shape[-1] > correction, "cov", "there must be more elements than `correction`",
           x=x.spec, correction=correction)  # fmt: skip
    centred = sub(x, mean(x, -1, True))
    scale = 1.0 / (x.shape[-1] - correction)
    if x.ndim == 1:
        return mul(sum(mul(centred, conj(centred))), scale)
    return mul(centred @ transpose(conj(centred)), scale)


def corrcoef(x: Tensor) -> Tensor:
    """Find correlations: covariances divided by the deviations of both variables.

    Shapes: x (D, N), a row per variable -> (D, D).

    Raises:
        ShapeError: x has not two axes, or too few elements.
    """
    expect(x.ndim == 2, "corrcoef", "must be a matrix, a row per variable", x=x.spec)
    c = cov(x)
    width = x.shape[0]
    spread = sqrt(reshape(c, (width * width,))[:: width + 1])
    return div(div(c, expand_dims(spread, 1)), expand_dims(spread, 0))


def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Add what is not NaN over `axis`; 0 where nothing is left."""
    return sum(_replaced(x, 0), axis, keepdims)


def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Multiply what is not NaN over `axis`; 1 where nothing is left."""
    return prod(_replaced(x, 1), axis, keepdims)


def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Average what is not NaN over `axis`; NaN where nothing is left."""
    return div(nansum(x, axis, keepdims), _known(x, axis, keepdims))


def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False, correction: int = 0) -> Tensor:
    """Spread of what is not NaN over `axis`; NaN where no more than `correction` are left."""
    centred = _replaced(sub(x, nanmean(x, axis, True)), 0)
    count = sub(_known(x, axis, keepdims), correction)
    squares = sum(mul(centred, centred), axis, keepdims)
    return div(squares, where(count > 0, count, math.nan))


def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False, correction: int = 0) -> Tensor:
    """Root of the spread of what is not NaN over `axis`."""
    return sqrt(nanvar(x, axis, keepdims, correction))


def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Take the largest element over `axis` that is not NaN; NaN where nothing is left.

    Raises:
        ShapeError: an axis to reduce is empty.
    """
    return _extreme(max, x, axis, keepdims, -math.inf)


def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Take the smallest element over `axis` that is not NaN; NaN where nothing is left.

    Raises:
        ShapeError: an axis to reduce is empty.
    """
    return _extreme(min, x, axis, keepdims, math.inf)


def _extreme(
    reduction: Callable[..., Tensor], x: Tensor, axis: Axis, keepdims: bool, worst: float
) -> Tensor:
    if not is_floating(x.spec.dtype):
        return reduction(x, axis, keepdims)
    y = reduction(_replaced(x, worst), axis, keepdims)
    return where(_known(x, axis, keepdims) > 0, y, math.nan)


def _replaced(x: Tensor, value: float) -> Tensor:
    return where(isnan(x), value, x) if is_floating(x.spec.dtype) else x


def _known(x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    known = logical_not(isnan(x))
    return sum(cast(known, x.dtype if is_floating(x.spec.dtype) else "float32"), axis, keepdims)


def _rows(subject: str, x: Tensor, axis: Axis, keepdims: bool) -> tuple[Tensor, tuple[int, ...]]:
    """Bring the reduced axes together as columns of a matrix; and the shape of the result."""
    x = floating(x)
    axes = axes_within(subject, axis, x.ndim)
    rest = [i for i in range(x.ndim) if i not in axes]
    count = math.prod(x.shape[i] for i in axes)
    if not count:
        raise ShapeError(f"{subject}: there must be at least one element; got x={x.spec}.")
    turned = transpose(x, [*rest, *axes])
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i in rest)
    return reshape(turned, (math.prod(x.shape[i] for i in rest), count)), shape

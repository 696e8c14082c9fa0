"""Reductions that leave out what is no number, and quantiles, under NumPy's names."""

from __future__ import annotations

import math
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from .operands import as_operand, real_numbers
from .operation import along_axes, op
from .reduction import axes_of

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@op("numpy", alike=along_axes)
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Add up the numbers along axes."""
    return ops.nansum(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Multiply the numbers along axes."""
    return ops.nanprod(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean of the numbers along axes."""
    return ops.nanmean(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance of the numbers along axes."""
    return ops.nanvar(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation of the numbers along axes."""
    return ops.nanstd(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest number along axes."""
    return ops.nanmax(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest number along axes."""
    return ops.nanmin(real_numbers(x), axes_of(axis), keepdims)


def _place(x: Tensor, fill: float, axis: Any, keepdims: bool, largest: bool) -> Tensor:
    x = real_numbers(x)
    gone = ops.isnan(x)
    filled = ops.where(gone, fill, x)
    found = (ops.argmax if largest else ops.argmin)(filled, axis, keepdims)
    none = ops.all(gone, axis, keepdims)
    return ops.cast(ops.where(none, -1, found), "int32")


@op("numpy", alike=along_axes)
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the largest number along an axis stands; −1 where there is none."""
    return _place(x, -math.inf, axis, keepdims, True)


@op("numpy", alike=along_axes)
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the smallest number along an axis stands; −1 where there is none."""
    return _place(x, math.inf, axis, keepdims, False)


def _running(x: Any, axis: int | None, dtype: Any) -> tuple[Tensor, int]:
    x = real_numbers(x) if dtype is None else as_operand(x, dtype)
    return (ops.ravel(x), 0) if axis is None else (x, axis)


@op("numpy", alike=along_axes)
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Add up on the way along an axis; what is no number counts as 0."""
    x, axis = _running(x, axis, dtype)
    return ops.cumsum(ops.where(ops.isnan(x), 0.0, x), axis)


@op("numpy", alike=along_axes)
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Multiply on the way along an axis; what is no number counts as 1."""
    x, axis = _running(x, axis, dtype)
    return ops.cumprod(ops.where(ops.isnan(x), 1.0, x), axis)


# -- quantiles -----------------------------------------------------------------------------------


def _rows(x: Tensor, axis: Any) -> tuple[Tensor, tuple[int, ...]]:
    """Return x with the axes that are reduced as one, the last; and which axes they were."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(one % x.ndim for one in axes)
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = ops.transpose(x, (*kept, *axes)) if axes != tuple(range(x.ndim)) else x
    return ops.reshape(rows, (*[x.shape[i] for i in kept], -1)), axes


def _quantile(
    subject: str, x: Any, q: Any, axis: Any, method: str, keepdims: bool, skips: bool
) -> Any:
    expect(method in METHODS, subject, f"method must be one of {list(METHODS)}", error=ConfigError,
           method=method)  # fmt: skip
    x, q = real_numbers(x), as_operand(q)
    q = ops.cast(q, x.dtype)
    rows, axes = _rows(x, axes_of(axis))
    gone = ops.isnan(rows)
    lost = ops.all(gone, -1) if skips else ops.any(gone, -1)
    count = ops.sum(ops.cast(ops.logical_not(gone), x.dtype), -1) if skips else None
    size = rows.shape[-1]
    ranked = ops.sort(ops.where(gone, math.inf, rows), -1)
    several = ops.reshape(q, (-1,))
    # Places of the quantiles, (…, Q): among the numbers of each row.
    last = ops.expand_dims(ops.maximum(count - 1, 0), -1) if count is not None else size - 1
    place = several * last
    place = ops.broadcast_to(place, (*rows.shape[:-1], several.shape[0]))
    low, high = ops.floor(place), ops.ceil(place)
    if method == "nearest":
        low = high = ops.rint(place)
    at_low = ops.take_along_axis(ranked, ops.cast(low, "int64"), -1)
    at_high = ops.take_along_axis(ranked, ops.cast(high, "int64"), -1)
    share = {"lower": 0.0, "nearest": 0.0, "higher": 1.0, "midpoint": 0.5}.get(method, place - low)
    same = ops.equal(at_low, at_high)  # also where both are infinite
    found = ops.where(same, at_low, at_low + (at_high - at_low) * share)
    found = ops.where(ops.expand_dims(lost, -1), math.nan, found)
    if keepdims:
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        found = ops.reshape(ops.moveaxis(found, -1, 0), (several.shape[0], *shape))
    else:
        found = ops.moveaxis(found, -1, 0)
    return ops.reshape(found, (*q.shape, *found.shape[1:]))


@op("numpy", 2, alike=along_axes)
def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return what a share q of the elements along axes does not exceed.

    Shapes: q (Q…) gives (Q…, what is left of x).

    Raises:
        ConfigError: there is no such method.
    """
    return _quantile("quantile", x, q, axis, method, keepdims, False)


@op("numpy", 2, alike=along_axes)
def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return what q percent of the elements along axes do not exceed.

    Raises:
        ConfigError: there is no such method.
    """
    return _quantile("percentile", x, _share(q), axis, method, keepdims, False)


@op("numpy", alike=along_axes)
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the middle of the elements along axes, or the mean of the two in the middle."""
    return _quantile("median", x, 0.5, axis, "linear", keepdims, False)


@op("numpy", 2, alike=along_axes)
def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return what a share q of the numbers along axes does not exceed.

    Raises:
        ConfigError: there is no such method.
    """
    return _quantile("nanquantile", x, q, axis, method, keepdims, True)


@op("numpy", 2, alike=along_axes)
def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return what q percent of the numbers along axes do not exceed.

    Raises:
        ConfigError: there is no such method.
    """
    return _quantile("nanpercentile", x, _share(q), axis, method, keepdims, True)


@op("numpy", alike=along_axes)
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the middle of the numbers along axes, or the mean of the two in the middle."""
    return _quantile("nanmedian", x, 0.5, axis, "linear", keepdims, True)


def _share(q: Any) -> Any:
    return real_numbers(as_operand(q)) / 100

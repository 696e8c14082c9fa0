"""Sums, means, extremes and running totals along axes, under NumPy's names."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from .operands import as_operand, real_numbers
from .operation import along_axes, op

_SHORT_INTEGERS = ("bool", "int8", "int16")


def axes_of(axis: Any) -> Any:
    """Return axes as a tuple where they are listed, an axis or None as it is."""
    return tuple(int(one) for one in axis) if isinstance(axis, (tuple, list)) else axis


def _like_summands(y: Tensor, x: Tensor) -> Tensor:
    """Give a sum the type of its summands; short whole numbers are counted in int32."""
    if x.dtype.kind not in "iub":
        return y
    kind = "int32" if str(x.dtype) in _SHORT_INTEGERS else str(x.dtype)
    return ops.cast(y, "uint32" if kind in ("uint8", "uint16") else kind)


@op("numpy", alike=along_axes)
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Tell whether every element along axes is true."""
    return ops.all(ops.cast(x, "bool"), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Tell whether some element along axes is true."""
    return ops.any(ops.cast(x, "bool"), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest element along axes."""
    return ops.max(x, axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest element along axes."""
    return ops.min(x, axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the largest element along axes, at least `initial`."""
    y = ops.max(x, axes_of(axis), keepdims)
    return y if initial is None else ops.maximum(y, initial)


@op("numpy", alike=along_axes)
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the smallest element along axes, at most `initial`."""
    y = ops.min(x, axes_of(axis), keepdims)
    return y if initial is None else ops.minimum(y, initial)


@op("numpy", alike=along_axes)
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Add up along axes."""
    return _like_summands(ops.sum(x, axes_of(axis), keepdims), x)


@op("numpy", alike=along_axes)
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Multiply along axes, in another element type where one is given."""
    x = x if dtype is None else as_operand(x, dtype)
    return _like_summands(ops.prod(x, axes_of(axis), keepdims), x)


@op("numpy", alike=along_axes)
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean along axes, in floating point."""
    return ops.mean(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance along axes: ⟨(x − ⟨x⟩)²⟩."""
    return ops.var(real_numbers(x), axes_of(axis), keepdims)


@op("numpy", alike=along_axes)
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation along axes: √⟨(x − ⟨x⟩)²⟩."""
    return ops.sqrt(ops.var(real_numbers(x), axes_of(axis), keepdims))


@op("numpy", alike=along_axes)
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest less the smallest element along axes."""
    axis = axes_of(axis)
    return ops.max(x, axis, keepdims) - ops.min(x, axis, keepdims)


@op("numpy", alike=along_axes)
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Count what is not 0 along axes."""
    return ops.cast(ops.count_nonzero(x, axes_of(axis)), "int32")


@op("numpy", 1, alike=along_axes)
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Return the mean along axes, each element counted by its weight: Σ w·x / Σ w."""
    x = real_numbers(x)
    if weights is None:
        return ops.mean(x, axes_of(axis))
    w = ops.cast(as_operand(weights), x.dtype)
    if w.ndim == 1 and x.ndim > 1 and isinstance(axis, int):
        shape = [1] * x.ndim
        shape[axis] = -1
        w = ops.reshape(w, tuple(shape))
    w = ops.broadcast_to(w, x.shape)
    return ops.sum(x * w, axes_of(axis)) / ops.sum(w, axes_of(axis))


@op("numpy", alike=along_axes)
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the largest element along an axis stands, int32; of all elements if None."""
    return ops.cast(ops.argmax(x, axis, keepdims), "int32")


@op("numpy", alike=along_axes)
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the smallest element along an axis stands, int32; of all elements if None."""
    return ops.cast(ops.argmin(x, axis, keepdims), "int32")


@op("numpy", alike=along_axes)
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Add up on the way along an axis; through all elements if None."""
    x = x if dtype is None else as_operand(x, dtype)
    x, axis = (ops.ravel(x), 0) if axis is None else (x, axis)
    return _like_summands(ops.cumsum(x, axis), x)


@op("numpy", alike=along_axes)
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Multiply on the way along an axis; through all elements if None."""
    x = x if dtype is None else as_operand(x, dtype)
    x, axis = (ops.ravel(x), 0) if axis is None else (x, axis)
    return _like_summands(ops.cumprod(x, axis), x)


@op("math", alike=along_axes)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return ln Σ eˣ along axes, without overflow."""
    return ops.logsumexp(real_numbers(x), axes_of(axis), keepdims)


@op("nn")
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return mean and variance along axes; there is one device, so nothing is synchronized."""
    wide = ops.cast(x, "float32") if str(x.dtype) in ("float16", "bfloat16") else real_numbers(x)
    axes = axes_of(axes)
    found = ops.mean(wide, axes, keepdims), ops.var(wide, axes, keepdims)
    return tuple(ops.cast(one, x.dtype) if x.dtype.kind not in "iub" else one for one in found)

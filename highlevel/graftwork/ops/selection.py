"""Picking, sorting, searching and counting, under NumPy's names."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from .operands import as_operand, meet, operands, real_numbers
from .operation import along_axes, op


@op("numpy", 2)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Pick slices along an axis by their places; of all elements in a row if None."""
    return ops.take(x, _places(indices), axis)


def _places(indices: Any) -> Tensor:
    found = as_operand(indices)
    return ops.cast(found, "int32") if found.dtype.kind in "fb" else found


@op("numpy", 2)
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Pick elements along an axis, each row by places of its own; of all in a row if None."""
    places = _places(indices)
    if axis is None:
        return ops.take_along_axis(ops.ravel(x), ops.ravel(places), 0)
    return ops.take_along_axis(x, places, axis)


@op("numpy", alike=along_axes)
def sort(x: Any, axis: int | None = -1) -> Any:
    """Put the elements along an axis in order; all elements, in a row, if None."""
    return ops.sort(ops.ravel(x), 0) if axis is None else ops.sort(x, axis)


@op("numpy", alike=along_axes)
def argsort(x: Any, axis: int | None = -1) -> Any:
    """Return the places of the elements along an axis in order, int32."""
    found = ops.argsort(ops.ravel(x), 0) if axis is None else ops.argsort(x, axis)
    return ops.cast(found, "int32")


@op("numpy", alike=along_axes)
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Return places such that no element before the kth is larger and none behind it smaller."""
    found = ops.argsort(ops.ravel(x), 0) if axis is None else ops.argsort(x, axis)
    return ops.cast(found, "int32")


@op("numpy", 2)
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Find where values fit into a row in ascending order, int32."""
    row, values = meet([as_operand(sorted_sequence), as_operand(values)])
    return ops.cast(ops.searchsorted(row, values, side), "int32")


@op("numpy", 2)
def digitize(x: Any, bins: Any) -> Any:
    """Return the number of the bin in which each element lies, int32."""
    x, bins = meet([as_operand(x), as_operand(bins)])
    return ops.cast(ops.digitize(x, bins), "int32")


@op("numpy")
def nonzero(x: Any) -> Any:
    """Return where x is not 0: int32 places, one tensor for each axis."""
    return tuple(ops.cast(one, "int32") for one in ops.nonzero(x))


@op("numpy")
def unique(
    x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """Return the elements that occur, in ascending order, and where and how often they do.

    Args:
        x: of any shape.
        sorted: kept for Keras' signature; the result is always in order.
        return_index: add the first place of each.
        return_inverse: add, for each element of x, its place in the result.
        return_counts: add how often each occurs.
        axis: along which slices are compared; all elements if None.
        size: cut off or fill up to this many.
        fill_value: of what is filled up; the smallest element if None.
    """
    found: Any = ops.unique(x, return_index, return_inverse, return_counts, axis)
    parts = list(found) if isinstance(found, tuple) else [found]
    if size is not None:
        parts[0] = _sized(parts[0], size, axis or 0, fill_value)
        at = 1
        if return_index:
            parts[at] = _sized(parts[at], size, 0, None)
            at += 1
        at += int(return_inverse)
        if return_counts:
            parts[at] = _sized(parts[at], size, 0, 0)
    parts = [parts[0], *[ops.cast(one, "int32") for one in parts[1:]]]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _sized(x: Tensor, size: int, axis: int, fill: Any) -> Tensor:
    have = x.shape[axis]
    if have >= size:
        return ops.split(x, (size,), axis)[0] if have > size else x
    first = ops.split(x, (1,), axis)[0] if have > 1 else x
    shape = tuple(size - have if i == axis else n for i, n in enumerate(x.shape))
    rest = ops.broadcast_to(first, shape)
    if fill is not None:
        rest = ops.full_like(ops.contiguous(rest), fill)
    return ops.concatenate([x, rest], axis)


@op("numpy")
def unravel_index(indices: Any, shape: Any) -> Any:
    """Return the places, axis by axis, of places in row-major order."""
    left, found = ops.cast(indices, "int32"), []
    total = 1
    for n in shape:
        total *= int(n)
    left = ops.where(ops.less(left, 0), left + total, left)
    for n in reversed(tuple(shape)):
        found.append(ops.remainder(left, int(n)))
        left = ops.floor_divide(left, int(n))
    return tuple(reversed(found))


@op("numpy", 3, listed=True)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Take each element from the first choice whose condition holds, else the default."""
    expect(len(condlist) == len(choicelist), "select", "there must be a choice for each condition",
           error=ConfigError, conditions=len(condlist), choices=len(choicelist))  # fmt: skip
    *choices, y = meet(operands([*choicelist, default]))
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        y = ops.where(ops.cast(as_operand(condition), "bool"), choice, y)
    return y


@op("numpy", 2)
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Tell for each element of x1 whether it is among those of x2, or is not."""
    a, b = meet([as_operand(x1), as_operand(x2)])
    found = ops.any(ops.equal(ops.expand_dims(a, -1), ops.reshape(b, (-1,))), -1)
    return ops.logical_not(found) if invert else found


@op("numpy")
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """Count how often each whole number occurs, or add up its weights.

    Shapes: (N) -> (K); (B, N) -> (B, K), row by row, K alike for all.

    Raises:
        ConfigError: a sparse result is asked for.
    """
    expect(not sparse, "bincount", "results are dense", error=ConfigError, sparse=sparse)
    w = None if weights is None else as_operand(weights)
    if x.ndim == 1:
        found = ops.bincount(x, w, minlength)
        return ops.cast(found, "int32") if w is None or w.dtype.kind in "iu" else found
    most = max(int(ops.max(x).item()) + 1 if x.size else 0, minlength)
    rows = [ops.bincount(row, None if w is None else w[i], most) for i, row in enumerate(x)]
    found = ops.stack(rows, 0)
    return ops.cast(found, "int32") if w is None or w.dtype.kind in "iu" else found


@op("numpy")
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """Count the elements in bins of equal width: counts, float32, and the edges."""
    counts, edges = ops.histogram(real_numbers(x), bins, None if range is None else tuple(range))
    return ops.cast(counts, "float32"), edges


@op("math")
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Return the k largest elements of each row, and their int32 places."""
    values, places = ops.topk(x, k)
    return values, ops.cast(places, "int32")


@op("math", 2)
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Tell for each sample whether fewer than k scores exceed that of its label.

    Shapes: targets (N), predictions (N, K) -> (N).
    """
    scores, labels = as_operand(predictions), ops.cast(as_operand(targets), "int64")
    row = ops.reshape(labels, (-1, 1))
    own = ops.take_along_axis(scores, row, -1)
    larger = ops.sum(ops.cast(ops.greater(scores, own), "int32"), -1)
    return ops.logical_and(ops.less(larger, k), ops.isfinite(ops.squeeze(own, -1)))

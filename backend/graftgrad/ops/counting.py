"""Counting and looking up: histograms, bins, places in sorted rows, distinct elements.

None of it is differentiable. What depends on values alone, as the number of distinct elements
does, is found on the host, so a step that does it is not repeated without Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, DTypeError, expect
from ..function import Function, function
from ..spec import DType, Spec, float64, int64, same_dtype
from .arithmetic import minimum
from .compare import equal, logical_not
from .gather import Take, expect_integers
from .operand import cast, full_like, together
from .order import sort
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class SearchSorted(Function):
    """The place in a sorted row before which each value fits, after equal ones if `right`."""

    right: bool = False

    def infer(self, row: Spec, values: Spec) -> Spec:
        same_dtype("searchsorted", row=row, values=values)
        expect(row.ndim == 1, "searchsorted", "the sorted row must have one axis", row=row)
        return Spec(values.shape, int64)

    def compute(self, xp: Any, row: Any, values: Any, y: Any) -> None:
        y[...] = xp.searchsorted(row, values, side="right" if self.right else "left")


@function
class BinCount(Function):
    """How often each whole number below `length` occurs, or the sum of its weights."""

    length: int
    dtype: DType

    def infer(self, x: Spec, weights: Spec) -> Spec:
        expect_integers("bincount", x)
        expect(x.ndim == 1 and x.shape == weights.shape, "bincount",
               "must be a vector, with one weight for each element",
               x=x, weights=weights)  # fmt: skip
        return Spec((self.length,), self.dtype)

    def compute(self, xp: Any, x: Any, weights: Any, y: Any) -> None:
        y[...] = xp.bincount(x, weights, self.length)[: self.length]


def searchsorted(row: Any, values: Any, side: str = "left") -> Tensor:
    """Find where values fit into a sorted row: int64 places i with row[i − 1] < v ≤ row[i].

    Args:
        row: ascending, (N,).
        values: of any shape.
        side: "left", or "right" for row[i − 1] ≤ v < row[i].

    Raises:
        ConfigError: side is neither.
        ShapeError: the row has not one axis.
    """
    expect(side in ("left", "right"), "searchsorted", 'side must be "left" or "right"',
           error=ConfigError, side=side)  # fmt: skip
    return SearchSorted(side == "right")(*together(row, values))  # type: ignore[no-any-return]


def bucketize(x: Any, boundaries: Any, right: bool = False) -> Tensor:
    """Find the bin of each element between ascending boundaries: int64 places.

    Args:
        x: of any shape.
        boundaries: ascending, (N,).
        right: False for boundaries[i − 1] < x ≤ boundaries[i], True for ≤ and <.

    Raises:
        ShapeError: the boundaries have not one axis.
    """
    return searchsorted(boundaries, x, "right" if right else "left")


def isin(x: Any, values: Any, invert: bool = False) -> Tensor:
    """Tell for each element whether it is among some values: bool, in the shape of x.

    Args:
        x: of any shape.
        values: of any shape.
        invert: tell whether it is not among them.
    """
    x, values = together(x, values)
    if not values.size:
        return full_like(equal(x, x), invert)
    row = sort(reshape(values, (-1,)), -1)
    places = minimum(SearchSorted()(row, x), values.size - 1)
    found = equal(Take(0, "isin")(row, places), x)
    told: Tensor = logical_not(found) if invert else found
    return told


def digitize(x: Tensor, bins: Any, right: bool = False) -> Tensor:
    """Find in which bin values lie: int64 i with bins[i − 1] ≤ x < bins[i], for ascending bins.

    Args:
        x: of any shape.
        bins: the bounds, ascending, (N,).
        right: whether the bound above belongs to the bin, instead of that below.

    Raises:
        ShapeError: bins have not one axis.
    """
    x, edges = together(x, bins)
    return SearchSorted(not right)(edges, x)  # type: ignore[no-any-return]


def bincount(x: Tensor, weights: Any = None, minlength: int = 0) -> Tensor:
    """Count how often each whole number from 0 on occurs, or add up its weights.

    Args:
        x: whole numbers that are not negative, (N,).
        weights: one for each; 1 if None, and then the result is int64, else float64.
        minlength: how long the result is at least.

    Raises:
        DTypeError: x holds no whole numbers, or negative ones.
        ShapeError: x is no vector, or there is not one weight for each element.
    """
    expect_integers("bincount", x.spec)
    host = x.device.fetch(x.array)
    expect(not host.size or host.min() >= 0, "bincount", "must not be negative", error=DTypeError,
           smallest=int(host.min()) if host.size else 0)  # fmt: skip
    length = max(int(host.max()) + 1 if host.size else 0, int(minlength))
    if weights is None:
        ones = cast(x == x, float64)
        return BinCount(length, int64)(x, ones)  # type: ignore[no-any-return]
    given = weights if hasattr(weights, "grad_fn") else x.like(weights)
    return BinCount(length, float64)(x, cast(given, float64))  # type: ignore[no-any-return]


def histogram(
    x: Tensor, bins: int | Sequence[float] = 10, range: tuple[float, float] | None = None
) -> tuple[Tensor, Tensor]:
    """Count elements between bounds: the counts, int64 (N,), and the bounds, (N + 1,).

    Args:
        x: of any shape.
        bins: how many bins of one width, or their bounds.
        range: between which the bins lie; the smallest and largest element if None.
    """
    counts, edges = np.histogram(x.device.fetch(x.detach().array), bins, range)
    return x.like(counts.astype("int64")), x.like(edges)


def unique(
    x: Tensor, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None,
) -> Any:  # fmt: skip
    """Find the distinct elements in ascending order; those along an axis are whole slices.

    Args:
        x: of any shape.
        return_index: whether to return where each occurs first.
        return_inverse: whether to return for each element of x which one it is.
        return_counts: whether to return how often each occurs.
        axis: along which slices are compared; all elements if None.

    Returns:
        The elements, or a tuple of them and what else is asked for, in this order.
    """
    host = x.device.fetch(x.detach().array)
    named: Any = {
        "return_index": return_index,
        "return_inverse": return_inverse,
        "return_counts": return_counts,
    }
    found: Any = np.unique(host, axis=axis, **named)
    if isinstance(found, tuple):
        return tuple(x.like(part) for part in found)
    return x.like(found)


def unique_consecutive(x: Tensor, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """Drop all but the first of equal neighbours, in row-major order.

    Args:
        x: of any shape.
        return_inverse: whether to return for each element of x which one it became.
        return_counts: whether to return how many each stands for.

    Returns:
        The elements, (n,), or a tuple of them and what else is asked for, in this order.
    """
    host = x.device.fetch(x.detach().array)
    flat = host.reshape(-1)
    new = np.ones(flat.size, bool)
    new[1:] = flat[1:] != flat[:-1]
    starts = np.flatnonzero(new)
    found = [x.like(flat[starts])]
    if return_inverse:
        found.append(x.like((np.cumsum(new) - 1).astype("int64").reshape(host.shape)))
    if return_counts:
        found.append(x.like(np.diff(starts, append=flat.size).astype("int64")))
    return found[0] if len(found) == 1 else tuple(found)


def histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Count elements in bins of one width, in the element type of x: (bins,).

    Args:
        x: of any shape.
        bins: how many.
        min: where the first begins.
        max: where the last ends; with min = max the smallest and the largest element count.
    """
    counts, _ = histogram(x, bins, None if min == max else (min, max))
    return cast(counts, x.dtype)


def argwhere(x: Tensor) -> Tensor:
    """Find the places of what is not zero, in row-major order: (n, axes) int64.

    Raises:
        DeviceError: the tensor has no values.
    """
    return x.like(np.argwhere(x.device.fetch(x.array)).astype("int64"))


def flatnonzero(x: Tensor) -> Tensor:
    """Find the places of what is not zero among all elements in row-major order, (n,) int64.

    Raises:
        DeviceError: the tensor has no values.
    """
    return reshape(argwhere(reshape(x, (-1,))), (-1,))

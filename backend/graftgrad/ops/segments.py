"""Rows that belong together by their numbers: sums, extremes and products of each segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import DType, Spec, is_floating
from .arithmetic import div, mul, neg, where
from .compare import equal, greater_equal, less, logical_and
from .gather import take
from .operand import cast, contiguous
from .select import index_add

if TYPE_CHECKING:
    from ..tensor import Tensor


def _smallest(dtype: DType) -> Any:
    if is_floating(dtype):
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


@function
class SegmentMax(Function):
    """The largest of each segment; the gradient is shared among equal ones."""

    count: int

    def infer(self, x: Spec, ids: Spec) -> Spec:
        return x.shaped(self.count, *x.shape[1:])

    def compute(self, xp: Any, x: Any, ids: Any, y: Any) -> None:
        y[...] = _smallest(x.dtype)
        wide = _comparable(y)
        xp.maximum.at(wide, ids, _comparable(x))
        if wide is not y:
            y[...] = _compared(wide, y.dtype)

    def grad_x(self, gy: Tensor, x: Tensor, ids: Tensor, y: Tensor) -> Tensor:
        winners = cast(equal(x, take(y, ids, 0)), gy.dtype)
        count = _added(winners, ids, self.count)
        shared = div(gy, where(equal(count, 0), 1, count))
        return mul(take(shared, ids, 0), winners)


@function
class SegmentProd(Function):
    """The product of each segment."""

    count: int

    def infer(self, x: Spec, ids: Spec) -> Spec:
        return x.shaped(self.count, *x.shape[1:])

    def compute(self, xp: Any, x: Any, ids: Any, y: Any) -> None:
        y[...] = 1
        try:
            xp.multiply.at(y, ids, x)
        except NotImplementedError:
            _multiplied(xp, x, ids, y)

    def grad_x(self, gy: Tensor, x: Tensor, ids: Tensor) -> Tensor:
        # The product of the others: that of all that are not 0, unless another is 0.
        zero = equal(x, 0)
        filled = where(zero, 1, x)
        rest = take(SegmentProd(self.count)(filled, ids), ids, 0)
        zeros = take(_added(cast(zero, x.dtype), ids, self.count), ids, 0)
        alone = where(equal(zeros, 1), rest, 0)
        others = where(zero, alone, where(equal(zeros, 0), div(rest, filled), 0))
        return mul(take(gy, ids, 0), others)


_SIGN = np.uint64(1 << 63)


def _comparable(x: Any) -> Any:
    """Return values in a type of which the largest is found atomically, in the same order."""
    if x.dtype.kind == "f" and x.dtype.itemsize > 2:
        return x
    if is_floating(x.dtype):
        return x.astype("float32")
    return x if x.dtype == "uint64" else x.astype("int64").view("uint64") ^ _SIGN


def _compared(wide: Any, dtype: DType) -> Any:
    """Return values that were made comparable in their own type again."""
    if wide.dtype != "uint64":
        return wide.astype(dtype)
    return (wide ^ _SIGN).view("int64").astype(dtype)


def _multiplied(xp: Any, x: Any, ids: Any, y: Any) -> None:
    """Multiply the elements of segments together, sorted and by doubling."""
    order = xp.argsort(ids)
    ids, product, step = ids[order], x[order], 1
    lead = (slice(None), *[None] * (x.ndim - 1))
    while step < len(ids):
        same = (ids[step:] == ids[:-step])[lead]
        product[step:] = xp.where(same, product[step:] * product[:-step], product[step:])
        step *= 2
    last = xp.ones(len(ids), bool)
    last[:-1] = ids[1:] != ids[:-1]
    y[ids[last]] = product[last]


def _added(x: Tensor, ids: Tensor, count: int) -> Tensor:
    zeros = x.zeros(x.spec.shaped(count, *x.shape[1:]))
    return index_add(zeros, 0, ids, x)


def _inside(subject: str, x: Tensor, ids: Any, count: int) -> Tensor:
    """Return the numbers of segments; what lies outside belongs to one more, which is dropped."""
    given = ids if hasattr(ids, "grad_fn") else x.like(ids)
    expect(given.dtype.kind in "iu", subject, "segment numbers must be integers",
           error=DTypeError, ids=given.spec)  # fmt: skip
    expect(given.shape == x.shape[:1], subject, "there must be one segment number for each row",
           x=x.spec, ids=given.spec)  # fmt: skip
    given = cast(given, "int64")
    fits = logical_and(greater_equal(given, 0), less(given, count))
    return where(fits, given, count)


def segment_sum(x: Tensor, ids: Any, count: int) -> Tensor:
    """Add up rows by segment: y[k] = Σ x[i] over ids[i] = k.

    Shapes: x (N, …), ids (N) -> (count, …). Rows whose number lies outside are left out.

    Raises:
        DTypeError: the numbers are no integers.
        ShapeError: there is not one for each row.
    """
    return contiguous(_added(x, _inside("segment_sum", x, ids, count), count + 1)[:count])


def segment_max(x: Tensor, ids: Any, count: int) -> Tensor:
    """Take the largest of each segment: y[k] = max x[i] over ids[i] = k.

    An empty segment has −∞, or the smallest whole number. Equal ones share the gradient.

    Shapes: x (N, …), ids (N) -> (count, …). Rows whose number lies outside are left out.

    Raises:
        DTypeError: the numbers are no integers.
        ShapeError: there is not one for each row.
    """
    return contiguous(SegmentMax(count + 1)(x, _inside("segment_max", x, ids, count))[:count])


def segment_min(x: Tensor, ids: Any, count: int) -> Tensor:
    """Take the smallest of each segment: y[k] = min x[i] over ids[i] = k.

    An empty segment has ∞, or the largest whole number. Equal ones share the gradient.

    Shapes: x (N, …), ids (N) -> (count, …). Rows whose number lies outside are left out.

    Raises:
        DTypeError: the numbers are no integers.
        ShapeError: there is not one for each row.
    """
    given = _inside("segment_min", x, ids, count)
    if x.dtype.kind in "iu":  # −x of the smallest whole number is itself, ~x turns all around
        return contiguous(~SegmentMax(count + 1)(~x, given)[:count])
    return neg(contiguous(SegmentMax(count + 1)(neg(x), given)[:count]))


def segment_prod(x: Tensor, ids: Any, count: int) -> Tensor:
    """Multiply rows by segment: y[k] = Π x[i] over ids[i] = k, 1 where there is none.

    Shapes: x (N, …), ids (N) -> (count, …). Rows whose number lies outside are left out.

    Raises:
        DTypeError: the numbers are no integers.
        ShapeError: there is not one for each row.
    """
    return contiguous(SegmentProd(count + 1)(x, _inside("segment_prod", x, ids, count))[:count])

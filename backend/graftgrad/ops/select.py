"""Elements picked by masks and places, and written to them, out of place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, expect
from ..spec import axis_within, bool_, broadcast, int64
from .arithmetic import add, sub, where
from .compare import greater
from .gather import Gather, Take, Untake, as_indices, expect_along
from .index import getitem
from .operand import cast, together
from .order import cumsum
from .put import Replace
from .shape import broadcast_to, reshape, sliced

if TYPE_CHECKING:
    from ..tensor import Tensor


def masked_fill(x: Tensor, mask: Any, value: Any) -> Tensor:
    """Replace the elements at which a mask is true by a value; the mask broadcasts.

    Raises:
        DTypeError: the mask is not bool.
    """
    return where(mask, value, x)


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """Pick the elements at which a mask is true, in row-major order, (n,); the two broadcast.

    Raises:
        DTypeError: the mask is not bool.
    """
    expect(mask.dtype == bool_, "masked_select", "the mask must be bool", error=DTypeError,
           mask=mask.spec)  # fmt: skip
    shape = broadcast("masked_select", x.spec, mask.spec)
    return getitem(broadcast_to(x, shape), broadcast_to(mask, shape))


def index_select(x: Tensor, axis: int, indices: Any) -> Tensor:
    """Pick slices along an axis: `take` in PyTorch's order of arguments.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: there is no such axis.
    """
    place = axis_within("index_select", axis, x.ndim)
    return Take(place, "index_select")(x, as_indices(x, indices))  # type: ignore[no-any-return]


def index_add(x: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
    """Add slices at the places that indices name along an axis; those that meet are added up.

    y[…, indices[k], …] = x[…, indices[k], …] + Σ values[…, k, …]

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: there is no such axis, or values have other sizes.
    """
    x, values = together(x, values)
    place = axis_within("index_add", axis, x.ndim)
    given = as_indices(x, indices)
    wanted = (*x.shape[:place], *given.shape, *x.shape[place + 1 :])
    expect(values.shape == wanted, "index_add", "values must have one slice for each index",
           values=values.spec, wanted=wanted)  # fmt: skip
    return add(x, Untake(place, x.shape[place], given.ndim, "index_add")(values, given))


def scatter(x: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
    """Write values at the places that indices name along an axis; of several, the last stays.

    y[i, indices[i, j, k], k] = values[i, j, k] for axis = 1, elsewhere y = x

    Args:
        x: what is written into.
        axis: along which the indices count.
        indices: integers with the axes of x, on all but one as many or fewer.
        values: one for each index, or what stretches to them.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: the axes do not fit.
    """
    place = axis_within("scatter", axis, x.ndim)
    given = as_indices(x, indices)
    expect_along("scatter", place, x.spec, given.spec)
    value = values if hasattr(values, "grad_fn") else x.like(values)
    part = broadcast_to(cast(value, x.dtype), given.shape)
    every = x.like(np.arange(x.size, dtype=int64).reshape(x.shape))
    return Replace()(x, part, Gather(place)(every, given))  # type: ignore[no-any-return]


def put_along_axis(x: Tensor, indices: Any, values: Any, axis: int = -1) -> Tensor:
    """Write values where `take_along_axis` picks them: `scatter` in NumPy's order, out of place.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: the axes do not fit.
    """
    return scatter(x, axis, indices, values)


def narrow(x: Tensor, axis: int, start: int, length: int) -> Tensor:
    """Take `length` slices along an axis from `start` on, which may count from the end; a view.

    Raises:
        ShapeError: there is no such axis, or not as many slices.
    """
    place = axis_within("narrow", axis, x.ndim)
    size = x.shape[place]
    begin = start + size if start < 0 else start
    expect(0 <= begin and 0 <= length and begin + length <= size, "narrow",
           f"start and length must lie within an axis of size {size}",
           x=x.spec, start=start, length=length)  # fmt: skip
    return sliced(x, place, begin, begin + length)


def index_fill(x: Tensor, axis: int, indices: Any, value: Any) -> Tensor:
    """Write one value into the slices that indices name along an axis, out of place.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: there is no such axis, or the value has several elements.
    """
    place = axis_within("index_fill", axis, x.ndim)
    given = value if hasattr(value, "grad_fn") else x.constant(value, x.dtype)
    expect(given.size == 1, "index_fill", "the value must be one number", value=given.spec)
    named = index_add(x.like(np.zeros(x.shape[place], int64)), 0, indices,
                      x.like(np.ones(as_indices(x, indices).shape, int64)))  # fmt: skip
    mask = reshape(greater(named, 0), [-1 if i == place else 1 for i in range(x.ndim)])
    return where(mask, cast(reshape(given, ()), x.dtype), x)


def index_copy(x: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
    """Write slices at the places that indices name along an axis, out of place.

    y[…, indices[k], …] = values[…, k, …]; of several at one place, the last stays.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: there is no such axis, or the values do not fit.
    """
    place = axis_within("index_copy", axis, x.ndim)
    given = as_indices(x, indices)
    value = values if hasattr(values, "grad_fn") else x.like(values)
    wanted = (*x.shape[:place], given.size, *x.shape[place + 1 :])
    expect(given.ndim == 1 and value.shape == wanted, "index_copy",
           "there must be one slice for each index", x=x.spec, indices=given.spec,
           values=value.spec)  # fmt: skip
    along = reshape(given, [-1 if i == place else 1 for i in range(x.ndim)])
    return scatter(x, place, broadcast_to(along, wanted), value)


def masked_scatter(x: Tensor, mask: Tensor, source: Any) -> Tensor:
    """Write elements one after the other where a mask is true, in row-major order, out of place.

    Args:
        x: what is written into.
        mask: bool; it broadcasts with x.
        source: at least as many elements as the mask has true ones.

    Raises:
        DTypeError: the mask is not bool.
        DataError: there are too few elements.
    """
    expect(mask.dtype == bool_, "masked_scatter", "the mask must be bool", error=DTypeError,
           mask=mask.spec)  # fmt: skip
    shape = broadcast("masked_scatter", x.spec, mask.spec)
    x, mask = broadcast_to(x, shape), broadcast_to(mask, shape)
    given = cast(source if hasattr(source, "grad_fn") else x.like(source), x.dtype)
    counted = cumsum(reshape(cast(mask, int64), (-1,)), 0)
    places = where(reshape(mask, (-1,)), sub(counted, 1), 0)
    picked = Take(0, "masked_scatter")(reshape(given, (-1,)), places)
    return where(mask, reshape(picked, shape), x)

"""Elements picked by masks and places, and written to them, out of place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, expect
from ..spec import axis_within, bool_, broadcast, int64
from .arithmetic import add, where
from .gather import Gather, Take, Untake, as_indices, expect_along
from .index import getitem
from .operand import cast, together
from .put import Replace
from .shape import broadcast_to

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

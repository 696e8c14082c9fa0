"""Shapes, joins, cuts and turns, under NumPy's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ShapeError, expect

from .operands import as_operand, meet
from .operation import along_axes, by_key, op


def _listed(xs: Any) -> list[Any]:
    """Return several operands of one element type; a tensor is taken apart along its first axis."""
    if isinstance(xs, Tensor):
        return list(ops.unstack(xs, 0))
    return meet([as_operand(x) for x in xs])


@op("numpy", 2, meets=True)
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """Join x2 behind x1 along an axis; all elements in a row if None."""
    return ops.append(as_operand(x1), as_operand(x2), axis)


@op("numpy", 1)
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Cut along an axis into parts of nearly one size, or before the given places."""
    return list(ops.array_split(x, _sections(indices_or_sections), axis))


def _sections(sections: Any) -> Any:
    if isinstance(sections, (tuple, list)):
        return tuple(int(one) for one in sections)
    if isinstance(sections, Tensor) or hasattr(sections, "tolist"):
        found = sections.tolist()
        return tuple(found) if isinstance(found, list) else int(found)
    return int(sections)


@op("numpy", 1)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Cut along an axis into equal parts, or before the given places.

    Raises:
        ShapeError: the axis does not divide into that many parts.
    """
    return list(ops.split(x, _sections(indices_or_sections), axis))


@op("numpy", 1)
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    """Cut along the second axis, the first of a row."""
    return list(ops.split(x, _sections(indices_or_sections), 1 if x.ndim > 1 else 0))


@op("numpy", 1)
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    """Cut along the first axis."""
    return list(ops.split(x, _sections(indices_or_sections), 0))


@op("numpy", 1)
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    """Cut along the third axis."""
    return list(ops.split(x, _sections(indices_or_sections), 2))


@op("numpy", 1)
def broadcast_to(x: Any, shape: Any) -> Any:
    """Stretch axes of size 1, and add axes in front, to reach a shape."""
    return ops.broadcast_to(x, tuple(shape))


@op("numpy", 1, listed=True, alike=along_axes)
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Join tensors one after the other along an axis."""
    return ops.concatenate(_listed(xs), axis)


@op("numpy", 1, listed=True, alike=along_axes)
def stack(x: Any, axis: int = 0) -> Any:
    """Join tensors along a new axis."""
    return ops.stack(_listed(x), axis)


@op("numpy", 1, listed=True)
def hstack(xs: Any) -> Any:
    """Join tensors along their second axis, rows along their only one."""
    return ops.hstack(_listed(xs))


@op("numpy", 1, listed=True)
def vstack(xs: Any) -> Any:
    """Join tensors along their first axis; rows become the rows of a matrix."""
    return ops.vstack(_listed(xs))


@op("numpy", 1, listed=True)
def dstack(xs: Any) -> Any:
    """Join tensors along their third axis."""
    return ops.dstack(_listed(xs))


@op("numpy", 1)
def diag(x: Any, k: int = 0) -> Any:
    """Make a matrix of a diagonal, or take the diagonal of a matrix."""
    return ops.diag(x, k)


@op("numpy", 1)
def diagflat(x: Any, k: int = 0) -> Any:
    """Make a matrix with all elements of x on a diagonal."""
    return ops.diagflat(x, k)


@op("numpy", 1)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Take a diagonal of two axes; it becomes the last axis."""
    return ops.diagonal(x, offset, axis1, axis2)


@op("numpy", 1)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Add up a diagonal of two axes."""
    y = ops.trace(x, offset, axis1, axis2)
    return ops.cast(y, x.dtype) if x.dtype.kind in "iu" else y


@op("numpy", 1, alike=along_axes)
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Subtract each element along an axis from the next, n times over."""
    return ops.diff(a, n, axis)


@op("numpy", 1)
def expand_dims(x: Any, axis: Any) -> Any:
    """Put in axes of size 1; their places count in the result."""
    if isinstance(axis, (tuple, list)):
        for one in sorted(int(n) % (x.ndim + len(axis)) for n in axis):
            x = ops.expand_dims(x, one)
        return x
    return ops.expand_dims(x, axis)


@op("numpy", 1)
def squeeze(x: Any, axis: Any = None) -> Any:
    """Leave out axes of size 1: the given ones, all if None.

    Raises:
        ShapeError: an axis has another size.
    """
    return ops.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


@op("numpy", 1, alike=along_axes)
def flip(x: Any, axis: Any = None) -> Any:
    """Reverse the order along axes."""
    return ops.flip(x, tuple(axis) if isinstance(axis, list) else axis)


@op("numpy", 1)
def fliplr(x: Any) -> Any:
    """Reverse the order along the second axis."""
    return ops.fliplr(x)


@op("numpy", 1)
def flipud(x: Any) -> Any:
    """Reverse the order along the first axis."""
    return ops.flipud(x)


@op("numpy")
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Return the coordinates of a grid, one tensor for each row of places."""
    return list(ops.meshgrid(*x, indexing=indexing))


@op("numpy", 1)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places."""
    return ops.moveaxis(x, source, destination)


@op("numpy", 1)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    return ops.swapaxes(x, axis1, axis2)


@op("numpy", 1)
def transpose(x: Any, axes: Any = None) -> Any:
    """Put the axes in another order; in the reverse one if None."""
    return ops.transpose(x, None if axes is None else tuple(axes))


@op("numpy", 1)
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Put a margin around x.

    Args:
        x: of any shape.
        pad_width: (before, after) for every axis; one pair, or one number, for all.
        mode: "constant", "edge", "reflect", "symmetric" or "wrap".
        constant_values: the margin, 0 if None, where the mode is "constant".
    Raises:
        ConfigError: there is no such mode.
    """
    if isinstance(pad_width, int):
        pad_width = ((pad_width, pad_width),) * x.ndim
    widths = [tuple(one) if isinstance(one, (tuple, list)) else one for one in pad_width]
    if len(widths) == 2 and all(isinstance(one, int) for one in widths):
        widths = [tuple(widths)] * x.ndim
    elif len(widths) == 1 and x.ndim > 1:
        widths = widths * x.ndim
    expect(mode == "constant" or constant_values is None, "pad",
           "constant_values belong to the mode constant", error=ShapeError, mode=mode)  # fmt: skip
    value = 0 if constant_values is None else constant_values
    value = value.item() if isinstance(value, Tensor) else value
    return ops.pad(x, tuple(widths), value, mode)


@op("numpy", 1)
def ravel(x: Any) -> Any:
    """Return all elements in a row."""
    return ops.reshape(x, (-1,))


@op("numpy", 1)
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat elements along an axis, each as often as told; all elements in a row if None."""
    if isinstance(repeats, Tensor) or hasattr(repeats, "tolist"):
        repeats = repeats.tolist()
    if isinstance(repeats, (tuple, list)):
        repeats = repeats[0] if len(repeats) == 1 else list(repeats)
    return ops.repeat(x, repeats, axis)


@op("numpy", 1)
def reshape(x: Any, newshape: Any) -> Any:
    """Give the elements another shape; −1 or None stands for the size that is left over."""
    wanted = (newshape,) if isinstance(newshape, int) or newshape is None else tuple(newshape)
    return ops.reshape(x, tuple(-1 if n is None else int(n) for n in wanted))


@op("numpy", 1)
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Shift elements along axes; what falls out comes in at the other end."""
    shift = tuple(shift) if isinstance(shift, list) else shift
    return ops.roll(x, shift, tuple(axis) if isinstance(axis, list) else axis)


@op("numpy", 1)
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turn by k quarters, from the first of two axes to the second."""
    return ops.rot90(array, k, tuple(axes))


@op("numpy", 1)
def tile(x: Any, repeats: Any) -> Any:
    """Repeat all of x along its axes."""
    if isinstance(repeats, Tensor) or hasattr(repeats, "tolist"):
        repeats = repeats.tolist()
    return ops.tile(x, tuple(repeats) if isinstance(repeats, list) else repeats)


@op("numpy", 1)
def tril(x: Any, k: int = 0) -> Any:
    """Keep what lies on and below a diagonal of the last two axes; 0 elsewhere."""
    return ops.tril(x, k)


@op("numpy", 1)
def triu(x: Any, k: int = 0) -> Any:
    """Keep what lies on and above a diagonal of the last two axes; 0 elsewhere."""
    return ops.triu(x, k)


@op("numpy", 2, listed=True, alike=by_key)
def get_item(x: Any, key: Any) -> Any:
    """Return the part of x that a key names: x[key]."""
    if isinstance(key, list) and any_special(key):
        key = tuple(key)
    return as_operand(x)[key]


def any_special(key: Sequence[Any]) -> bool:
    """Tell whether a listed key is one for each axis, and not a list of places."""
    return any(one is None or one is Ellipsis or isinstance(one, (slice, list)) for one in key) or (
        all(isinstance(one, int) for one in key)
    )


@op("core", 1)
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """Take apart along an axis, which is lost.

    Raises:
        ShapeError: the axis has another size than `num`.
    """
    found = list(ops.unstack(x, axis))
    expect(num in (None, len(found)), "unstack", "num must be the size of the axis", num=num,
           size=len(found))  # fmt: skip
    return found

"""Elements arranged anew: joined, repeated, rolled, turned and framed by each other.

All of it is made of views, joins and picked places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, ShapeError, expect
from ..spec import axes_within, axis_within
from . import shape
from .gather import Take
from .operand import together
from .shape import broadcast_to, concatenate, expand_dims, flip, reshape, sliced, split, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor

_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


def pad(x: Tensor, pads: Any, value: float = 0.0, mode: str = "constant") -> Tensor:
    """Put a margin around x, as NumPy's pad does.

    Args:
        x: of any shape.
        pads: (before, after) for every axis; one pair, or one number, for all of them.
        value: of the margin, where the mode is "constant".
        mode: "constant", or what the margin repeats: "edge" the outermost element, "reflect" the
            elements mirrored at it, "symmetric" the same with the edge itself, "wrap" those of the
            other end.

    Raises:
        ShapeError: there is not one margin for every axis, or one is negative.
        ConfigError: there is no such mode, or nothing that could be repeated.
    """
    expect(mode in _MODES, "pad", f"mode must be one of {', '.join(_MODES)}", error=ConfigError,
           mode=mode)  # fmt: skip
    try:
        margins = np.broadcast_to(np.asarray(pads, "int64"), (x.ndim, 2))
    except ValueError as error:
        raise ShapeError(
            f"pad: there must be one (before, after) for every axis; got x={x.spec}, pads={pads}."
        ) from error
    pairs = [(int(a), int(b)) for a, b in margins]
    if mode == "constant":
        return shape.pad(x, pairs, value)
    expect(all(a >= 0 and b >= 0 for a, b in pairs), "pad", "margins must not be negative",
           pads=pads)  # fmt: skip
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            size = x.shape[axis]
            expect(size > 0, "pad", "an empty axis has nothing to repeat", error=ConfigError,
                   x=x.spec, axis=axis, mode=mode)  # fmt: skip
            how: Any = mode
            places = np.pad(np.arange(size), (before, after), mode=how)
            x = Take(axis, "pad")(x, x.like(places))
    return x


def roll(x: Tensor, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Tensor:
    """Move elements along axes; what leaves at one end comes in at the other.

    y[i] = x[(i − shift) mod n]; without an axis, of all elements in row-major order.

    Raises:
        ShapeError: there is no such axis, or there is not one shift for every axis.
    """
    if axis is None:
        expect(isinstance(shift, (int, np.integer)), "roll", "there must be one shift", shift=shift)
        return reshape(roll(reshape(x, (-1,)), shift, 0), x.shape)
    axes = [axis] if isinstance(axis, (int, np.integer)) else [*axis]
    shifts = [shift] * len(axes) if isinstance(shift, (int, np.integer)) else [*shift]
    expect(len(shifts) == len(axes), "roll", "there must be one shift for every axis",
           shift=shift, axis=axis)  # fmt: skip
    for place, by in zip(axes, shifts, strict=True):
        place = axis_within("roll", int(place), x.ndim)
        size = x.shape[place]
        if size and by % size:
            cut = size - by % size
            x = concatenate([sliced(x, place, cut, size), sliced(x, place, 0, cut)], place)
    return x


def tile(x: Tensor, reps: int | Sequence[int]) -> Tensor:
    """Lay copies of x side by side: `reps` of them along each axis, axes align at the end."""
    counts = (int(reps),) if isinstance(reps, (int, np.integer)) else tuple(map(int, reps))
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    sizes = (1,) * (ndim - x.ndim) + x.shape
    expect(all(n >= 0 for n in counts), "tile", "counts must not be negative", reps=reps)
    apart = reshape(x, tuple(n for size in sizes for n in (1, size)))
    wide = broadcast_to(apart, tuple(n for both in zip(counts, sizes, strict=True) for n in both))
    return reshape(wide, tuple(n * size for n, size in zip(counts, sizes, strict=True)))


def repeat(x: Tensor, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Repeat every element along an axis, once for all or each its own number of times.

    Without an axis, all elements in row-major order.

    Raises:
        ShapeError: there is no such axis, or there is not one count for every element.
    """
    if axis is None:
        return repeat(reshape(x, (-1,)), repeats, 0)
    place = axis_within("repeat", axis, x.ndim)
    size = x.shape[place]
    counts = np.atleast_1d(np.asarray(repeats, "int64"))
    fits = counts.ndim == 1 and counts.size in (1, size) and bool((counts >= 0).all())
    expect(fits, "repeat", "there must be one count, or one for every element, from 0 on",
           x=x.spec, repeats=repeats, axis=axis)  # fmt: skip
    places = np.repeat(np.arange(size), counts[0] if counts.size == 1 else counts)
    return Take(place, "repeat")(x, x.like(places))  # type: ignore[no-any-return]


def rot90(x: Tensor, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turn the plane of two axes by k quarters, from the first towards the second; a view.

    Raises:
        ShapeError: the axes are not two different ones.
    """
    first, second = (axis_within("rot90", axis, x.ndim) for axis in axes)
    expect(first != second, "rot90", "axes must differ", axes=axes)
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return flip(x, (first, second))
    order = [*range(x.ndim)]
    order[first], order[second] = second, first
    if k % 4 == 1:
        return transpose(flip(x, second), order)
    return flip(transpose(x, order), second)


def fliplr(x: Tensor) -> Tensor:
    """Turn the order of columns round, a view."""
    return flip(x, 1)


def flipud(x: Tensor) -> Tensor:
    """Turn the order of rows round, a view."""
    return flip(x, 0)


def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Exchange two axes, a view.

    Raises:
        ShapeError: there is no such axis.
    """
    order = [*range(x.ndim)]
    a, b = axis_within("swapaxes", axis1, x.ndim), axis_within("swapaxes", axis2, x.ndim)
    order[a], order[b] = b, a
    return transpose(x, order)


def ravel(x: Tensor) -> Tensor:
    """Put all elements on one axis, in row-major order."""
    return reshape(x, (-1,))


def unflatten(x: Tensor, axis: int, sizes: Sequence[int]) -> Tensor:
    """Split one axis into several; one size may be −1.

    Raises:
        ShapeError: the sizes do not multiply to that of the axis.
    """
    place = axis_within("unflatten", axis, x.ndim)
    given = [int(size) for size in sizes]
    known = math.prod(size for size in given if size != -1)
    if -1 in given and known:
        given[given.index(-1)] = x.shape[place] // known
    expect(math.prod(given) == x.shape[place], "unflatten", "sizes must multiply to the axis",
           x=x.spec, axis=axis, sizes=tuple(sizes))  # fmt: skip
    return reshape(x, (*x.shape[:place], *given, *x.shape[place + 1 :]))


def atleast_1d(x: Tensor) -> Tensor:
    """Give a number one axis; everything else stays."""
    return x if x.ndim else reshape(x, (1,))


def atleast_2d(x: Tensor) -> Tensor:
    """Put axes of size 1 in front until there are two."""
    return x if x.ndim >= 2 else reshape(x, (1,) * (2 - x.ndim) + x.shape)


def atleast_3d(x: Tensor) -> Tensor:
    """Add axes of size 1 until there are three: (D) -> (1, D, 1), (H, W) -> (H, W, 1)."""
    if x.ndim >= 3:
        return x
    return reshape(x, (*x.shape, 1) if x.ndim == 2 else (1, x.size, 1))


def hstack(xs: Sequence[Any]) -> Tensor:
    """Join along the second axis; vectors along their only one."""
    tensors = [atleast_1d(x) for x in _all("hstack", xs)]
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(xs: Sequence[Any]) -> Tensor:
    """Join along the first axis; vectors are rows."""
    return concatenate([atleast_2d(x) for x in _all("vstack", xs)], 0)


def dstack(xs: Sequence[Any]) -> Tensor:
    """Join along the third axis."""
    return concatenate([atleast_3d(x) for x in _all("dstack", xs)], 2)


def column_stack(xs: Sequence[Any]) -> Tensor:
    """Join along the second axis; vectors are columns."""
    tensors = [reshape(x, (x.size, 1)) if x.ndim < 2 else x for x in _all("column_stack", xs)]
    return concatenate(tensors, 1)


def append(x: Any, values: Any, axis: int | None = None) -> Tensor:
    """Join two; without an axis, their elements in row-major order."""
    x, values = together(x, values)
    return concatenate([ravel(x), ravel(values)] if axis is None else [x, values], axis or 0)


def unstack(x: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
    """Cut x into its parts along an axis, which they do not have any more; views.

    Raises:
        ShapeError: there is no such axis.
    """
    place = axis_within("unstack", axis, x.ndim)
    rest = (*x.shape[:place], *x.shape[place + 1 :])
    return tuple(reshape(sliced(x, place, i, i + 1), rest) for i in range(x.shape[place]))


def array_split(x: Tensor, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Cut x along an axis into parts whose sizes differ by one at most, or at the given places.

    Raises:
        ShapeError: there is no such axis, or the number of parts is not positive.
    """
    if not isinstance(sections, (int, np.integer)):
        return split(x, sections, axis)
    expect(sections > 0, "array_split", "there must be at least one part", sections=sections)
    size = x.shape[axis_within("array_split", axis, x.ndim)]
    each, more = divmod(size, int(sections))
    ends = np.cumsum([each + 1] * more + [each] * (int(sections) - more))
    return split(x, [int(end) for end in ends[:-1]], axis)


def chunk(x: Tensor, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """Cut x along an axis into `chunks` parts at most, all but the last of one size.

    Of an axis of size 0 there are `chunks` parts of size 0.

    Raises:
        ShapeError: there is no such axis, or the number of parts is not positive.
    """
    expect(chunks > 0, "chunk", "there must be at least one part", chunks=chunks)
    place = axis_within("chunk", axis, x.ndim)
    size = x.shape[place]
    each = -(-size // chunks)
    starts = range(0, size, each) if size else [0] * chunks
    return tuple(sliced(x, place, start, min(start + each, size)) for start in starts)


def hsplit(x: Tensor, sections: int | Sequence[int]) -> list[Tensor]:
    """Cut along the second axis; a vector along its only one."""
    return split(x, sections, 0 if x.ndim == 1 else 1)


def vsplit(x: Tensor, sections: int | Sequence[int]) -> list[Tensor]:
    """Cut along the first axis."""
    return split(x, sections, 0)


def meshgrid(*xs: Any, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Stretch vectors over the grid they span; views.

    Args:
        xs: vectors.
        indexing: "ij" if result i varies along axis i; "xy" exchanges the first two axes.

    Raises:
        ConfigError: indexing is neither.
        ShapeError: an operand is no vector.
    """
    expect(indexing in ("xy", "ij"), "meshgrid", 'indexing must be "xy" or "ij"',
           error=ConfigError, indexing=indexing)  # fmt: skip
    for x in xs:
        expect(x.ndim <= 1, "meshgrid", "operands must be vectors", operand=x.spec)
    sizes = [x.size for x in xs]
    found = []
    for i, x in enumerate(xs):
        alone = [1] * len(xs)
        alone[i] = sizes[i]
        wide = broadcast_to(reshape(x, tuple(alone)), tuple(sizes))
        found.append(swapaxes(wide, 0, 1) if indexing == "xy" and len(xs) > 1 else wide)
    return tuple(found)


def expand_axes(x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """Insert axes of size 1 at places of the result.

    Raises:
        ShapeError: there is no such place.
    """
    if isinstance(axis, (int, np.integer)):
        return expand_dims(x, int(axis))
    for place in axes_within("expand_dims", axis, x.ndim + len(axis)):
        x = expand_dims(x, place)
    return x


def _all(subject: str, xs: Sequence[Any]) -> tuple[Tensor, ...]:
    expect(len(xs) > 0, subject, "there must be at least one operand", operands=len(xs))
    return together(*xs)

"""Index expressions as NumPy reads them: what stands in the brackets of `x[…]`, read or written.

Integers, slices, None and `...` give views; arrays of integers and of truth values pick elements
one by one. How they are picked stands in `gather`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import BoundsError, DTypeError, expect
from ..function import Function, function
from ..spec import Shape, Spec, broadcast
from .gather import FlatPlaces, Take, as_indices, expect_integers, within
from .operand import cast
from .shape import Cut, Slice, broadcast_to, reshape, transpose
from .update import Assign, fitting

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Put(Function):
    """target[indices…] ← value: indices for each of the leading axes; of several the last wins."""

    updates = ("target",)

    takes_complex: ClassVar[bool] = True

    def infer(self, target: Spec, value: Spec, *indices: Spec) -> Spec:
        wanted = (*indices[0].shape, *target.shape[len(indices) :])
        expect(value.shape == wanted, "assignment to a part", "the value must have its shape",
               part=wanted, value=value)  # fmt: skip
        return target

    def compute(self, xp: Any, target: Any, value: Any, *indices: Any) -> None:
        sizes = target.shape[: len(indices)]
        places = [within(xp, "index", i, n) for i, n in zip(indices, sizes, strict=True)]
        target[tuple(places)] = value


@dataclass
class Reading:
    """An index expression, read: the view that is left, and indices in place of some of its axes.

    `axes` are those of the view that indices replace, one each; their own axes come at `place`.
    """

    cuts: list[Cut] = field(default_factory=list)
    shape: list[int] = field(default_factory=list)
    axes: list[int] = field(default_factory=list)
    indices: list[Any] = field(default_factory=list)
    apart: bool = False
    interrupted: bool = False

    @property
    def place(self) -> int:
        """Where the axes of the indices come: at the first that is replaced, in front if apart."""
        return 0 if self.apart or not self.axes else self.axes[0]

    def keep(self, size: int, cut: Cut | None) -> None:
        """Note an axis of the view; None where it is new."""
        self.shape.append(size)
        if cut is not None:
            self.cuts.append(cut)
        self.interrupt()

    def interrupt(self) -> None:
        """Note that indices before this are apart from those that come."""
        self.interrupted = self.interrupted or bool(self.axes)

    def drop(self, cut: Cut) -> None:
        """Note an axis of which one place is left."""
        self.cuts.append(cut)

    def replace(self, index: Any, size: int, cut: Cut | None) -> None:
        """Note an axis that indices replace."""
        self.apart = self.apart or self.interrupted
        self.axes.append(len(self.shape))
        self.shape.append(size)
        self.indices.append(index)
        if cut is not None:
            self.cuts.append(cut)


def getitem(x: Tensor, index: Any) -> Tensor:
    """Index as NumPy does: integers, slices, None and `...` give views, arrays pick elements.

    Raises:
        BoundsError: an index lies outside, or there are more indices than axes.
        ShapeError: a mask does not fit.
        DataError: an element of an array of indices lies outside.
        DTypeError: an index is neither integer nor bool.
    """
    reading = read(x, index)
    view = viewed(x, reading)
    if not reading.axes:
        return view
    indices, ahead = placed(view, reading)
    count = len(indices)
    if count == 1:
        return Take(reading.place, "index")(ahead, indices[0])  # type: ignore[no-any-return]
    place = reading.place
    sizes = ahead.shape[place : place + count]
    joined = (*ahead.shape[:place], math.prod(sizes), *ahead.shape[place + count :])
    return Take(place, "index")(reshape(ahead, joined), FlatPlaces(sizes)(*indices))  # type: ignore[no-any-return]


def setitem(x: Tensor, index: Any, value: Tensor) -> None:
    """Write into a part of x in place, converted to its element type.

    Raises:
        BoundsError: an index lies outside.
        ShapeError: the value does not stretch to the part.
        DataError: an element of an array of indices lies outside.
        DTypeError: an index is neither integer nor bool.
        GradientError: x is part of a graph that is being recorded.
    """
    reading = read(x, index)
    view = viewed(x, reading)
    if not reading.axes:
        Assign()(view, without_lead(value, view.ndim))
        return
    fitting("assignment to a part", x.spec, value.spec)
    indices, ahead = placed(view, reading)
    place, count, own = reading.place, len(indices), indices[0].ndim
    part = (*ahead.shape[:place], *indices[0].shape, *ahead.shape[place + count :])
    stretched = stretched_value(cast(value, x.dtype), part)
    Put()(
        _leading(ahead, place, count),
        _leading(stretched, place, own),
        *indices,
    )


def stretched_value(value: Tensor, part: Shape) -> Tensor:
    """Stretch a value to the shape of the part that it is written into.

    Raises:
        ShapeError: it does not stretch to it.
    """
    given = without_lead(value, len(part))
    ends = part[len(part) - given.ndim :] if given.ndim <= len(part) else None
    fits = ends is not None and all(a in (1, b) for a, b in zip(given.shape, ends, strict=True))
    expect(fits, "assignment to a part", "the value must stretch to the part",
           part=part, value=value.spec)  # fmt: skip
    return broadcast_to(given, part)


def without_lead(value: Tensor, ndim: int) -> Tensor:
    """Drop leading axes of size 1 that a part of `ndim` axes has no place for."""
    more = value.ndim - ndim
    if more > 0 and value.shape[:more] == (1,) * more:
        return reshape(value, value.shape[more:])
    return value


def viewed(x: Tensor, reading: Reading) -> Tensor:
    """Cut x as the integers and slices say, and insert the axes that are new."""
    whole = all(cut == (0, size, 1) for cut, size in zip(reading.cuts, x.shape, strict=True))
    cut = x if whole else Slice(tuple(reading.cuts))(x)
    return reshape(cut, tuple(reading.shape))


def placed(view: Tensor, reading: Reading) -> tuple[list[Tensor], Tensor]:
    """Stretch the indices to one shape and bring the axes that they replace side by side."""
    given = [as_indices(view, one) for one in reading.indices]
    for one in given:
        expect_integers("index", one.spec)
    shape = broadcast("index", *(one.spec for one in given))
    rest = [axis for axis in range(view.ndim) if axis not in reading.axes]
    order = [*rest[: reading.place], *reading.axes, *rest[reading.place :]]
    ahead = view if order == [*range(view.ndim)] else transpose(view, order)
    return [broadcast_to(one, shape) for one in given], ahead


def read(x: Tensor, index: Any) -> Reading:
    """Read an index expression.

    Raises:
        BoundsError: an index lies outside, or there are more indices than axes.
        ShapeError: a mask does not fit.
        DTypeError: an index is neither integer nor bool.
    """
    entries = [_entry(one) for one in (index if isinstance(index, tuple) else (index,))]
    named = sum(_axes_named(one) for one in entries)
    expect(named <= x.ndim, "index", "there must not be more indices than axes",
           error=BoundsError,
           x=x.spec, index=index)  # fmt: skip
    dots = [i for i, one in enumerate(entries) if one is Ellipsis]
    expect(len(dots) <= 1, "index", "there must be one `...` at most", index=index)
    at = dots[0] if dots else len(entries)
    picked = any(hasattr(one, "shape") for one in entries)
    reading = Reading()
    for one in entries[:at]:
        _note(reading, x, one, picked)
    reading.interrupt()  # by `...` even where it stands for no axis
    for one in [slice(None)] * (x.ndim - named) + entries[at + 1 :]:
        _note(reading, x, one, picked)
    return reading


def _note(reading: Reading, x: Tensor, entry: Any, picked: bool) -> None:
    axis = len(reading.cuts)
    if entry is None:
        reading.keep(1, None)
        return
    if _is_mask(entry):
        _note_mask(reading, x, entry)
        return
    size = x.shape[axis]
    if isinstance(entry, slice):
        cut = entry.indices(size)
        reading.keep(len(range(*cut)), cut)
    elif hasattr(entry, "shape"):
        reading.replace(entry, size, (0, size, 1))
    else:
        expect(-size <= entry < size, "index", f"must lie in [{-size}, {size})",
               error=BoundsError, x=x.spec, axis=axis, index=entry)  # fmt: skip
        place = entry % size
        if picked:  # beside arrays an integer is an array of one
            reading.replace(np.array(0), 1, (place, place + 1, 1))
        else:
            reading.drop((place, place + 1, 1))


def _note_mask(reading: Reading, x: Tensor, mask: Any) -> None:
    axis = len(reading.cuts)
    fits = mask.shape == x.shape[axis : axis + mask.ndim]
    expect(fits, "index", "a mask must have the shape of the axes it stands for",
           x=x.spec, axis=axis, mask=mask.shape)  # fmt: skip
    host = np.asarray(mask)
    if not mask.ndim:  # one truth value: a new axis, of which all or nothing is picked
        reading.replace(np.zeros(int(host), "int64"), 1, None)
        return
    for size, places in zip(mask.shape, np.nonzero(host), strict=True):
        reading.replace(places, size, (0, size, 1))


def _entry(one: Any) -> Any:
    """Return None, `...`, a slice, a Python integer, or what has a shape: an array or a tensor."""
    if one is None or one is Ellipsis or isinstance(one, slice):
        return one
    if isinstance(one, (int, np.integer)) and not isinstance(one, bool):
        return int(one)
    made = one if hasattr(one, "grad_fn") else np.asarray(one)
    if isinstance(made, np.ndarray) and not made.size and isinstance(one, (list, tuple)):
        made = made.astype("int64")
    expect(made.dtype.kind in "biu", "index",
           "must be an integer, a slice, None, `...`, or an array of integers or truth values",
           error=DTypeError, index=one)  # fmt: skip
    return made


def _is_mask(entry: Any) -> bool:
    return hasattr(entry, "shape") and entry.dtype.kind == "b"


def _axes_named(entry: Any) -> int:
    if entry is None or entry is Ellipsis:
        return 0
    return entry.ndim if _is_mask(entry) else 1


def _leading(x: Tensor, place: int, count: int) -> Tensor:
    """Move `count` axes from a place to the front."""
    moved = [*range(place, place + count)]
    rest = [axis for axis in range(x.ndim) if axis not in moved]
    return transpose(x, [*moved, *rest]) if place else x

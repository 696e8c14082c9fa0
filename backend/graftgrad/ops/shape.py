"""The same elements in another order or frame: views where possible, copies where not."""

from __future__ import annotations

import math
import operator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ShapeError, expect
from ..function import Function, function
from ..spec import Pair, Shape, Spec, axes_within, axis_within, same_dtype
from .operand import copy, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor

Cut = tuple[int, int, int]


@function
class Reshape(Function):
    """The same elements in row-major order under another shape."""

    shape: Shape

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        expect(math.prod(self.shape) == x.size, "reshape", "the number of elements must stay",
               x=x, shape=self.shape)  # fmt: skip
        return Spec(self.shape, x.dtype)

    def alias(self, xp: Any, x: Any) -> Any:
        return x.reshape(self.shape)

    def mapped(self, x: Tensor) -> Tensor:
        return reshape(x, (x.shape[0], *self.shape))

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return reshape(gy, x_spec.shape)


@function
class Transpose(Function):
    """The axes in another order."""

    axes: tuple[int, ...]

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return x.shaped(*(x.shape[i] for i in self.axes))

    def alias(self, xp: Any, x: Any) -> Any:
        return x.transpose(self.axes)

    def mapped(self, x: Tensor) -> Tensor:
        return Transpose((0, *[axis + 1 for axis in self.axes]))(x)  # type: ignore[no-any-return]

    def grad_x(self, gy: Tensor) -> Tensor:
        back = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return Transpose(tuple(back))(gy)  # type: ignore[no-any-return]


@function
class BroadcastTo(Function):
    """Axes of size 1, and axes that are missing in front, stretched."""

    shape: Shape

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        lead = len(self.shape) - x.ndim
        fits = lead >= 0 and all(
            size in (1, wanted) for size, wanted in zip(x.shape, self.shape[lead:], strict=True)
        )
        expect(fits, "broadcast_to", "every axis must be 1 or have the wanted size",
               x=x, shape=self.shape)  # fmt: skip
        return Spec(self.shape, x.dtype)

    def alias(self, xp: Any, x: Any) -> Any:
        return xp.broadcast_to(x, self.shape)

    def mapped(self, x: Tensor) -> Tensor:
        missing = [1] * (len(self.shape) + 1 - x.ndim)
        x = reshape(x, (x.shape[0], *missing, *x.shape[1:]))
        return broadcast_to(x, (x.shape[0], *self.shape))

    def grad_x(self, gy: Tensor) -> Tensor:
        return gy  # the engine sums it back to the operand's shape


@function
class Slice(Function):
    """Every axis cut: elements start, start + step, … before stop."""

    cuts: tuple[Cut, ...]

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return x.shaped(*(len(range(*cut)) for cut in self.cuts))

    def alias(self, xp: Any, x: Any) -> Any:
        return x[slices(self.cuts)]

    def mapped(self, x: Tensor) -> Tensor:
        return Slice(((0, x.shape[0], 1), *self.cuts))(x)  # type: ignore[no-any-return]

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return Unslice(self.cuts, x_spec.shape)(gy)  # type: ignore[no-any-return]


@function
class Unslice(Function):
    """Zeros of a shape with the operand put into a cut of it: the gradient of Slice."""

    cuts: tuple[Cut, ...]
    shape: Shape

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return Spec(self.shape, x.dtype)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = 0
        y[slices(self.cuts)] = x

    def mapped(self, x: Tensor) -> Tensor:
        count = x.shape[0]
        return Unslice(((0, count, 1), *self.cuts), (count, *self.shape))(x)  # type: ignore[no-any-return]

    def grad_x(self, gy: Tensor) -> Tensor:
        return Slice(self.cuts)(gy)  # type: ignore[no-any-return]


@function
class Pad(Function):
    """A margin of one value around every axis."""

    pads: tuple[Pair, ...]
    value: float = 0.0

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        expect(len(self.pads) == x.ndim, "pad", "there must be one (before, after) for every axis",
               x=x, pads=self.pads)  # fmt: skip
        expect(
            all(p >= 0 for both in self.pads for p in both),
            "pad",
            "margins must not be negative",
            pads=self.pads,
        )
        return x.shaped(
            *(
                before + size + after
                for size, (before, after) in zip(x.shape, self.pads, strict=True)
            )
        )

    def inside(self, shape: Shape) -> tuple[Cut, ...]:
        """Return the cut in which the operand lies."""
        return tuple(
            (before, before + size, 1) for size, (before, _) in zip(shape, self.pads, strict=True)
        )

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = self.value
        y[slices(self.inside(x.shape))] = x

    def mapped(self, x: Tensor) -> Tensor:
        return Pad(((0, 0), *self.pads), self.value)(x)  # type: ignore[no-any-return]

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return Slice(self.inside(x_spec.shape))(gy)  # type: ignore[no-any-return]


# More than so many at once CuPy joins by a table of addresses, which it copies from the host: that
# can be part of no CUDA graph.
_JOINED = 8


@function
class Concatenate(Function):
    """Operands one after the other along an axis."""

    axis: int

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, *xs: Spec) -> Spec:
        first = xs[0]
        for x in xs:
            others = x.shape[: self.axis] + x.shape[self.axis + 1 :]
            wanted = first.shape[: self.axis] + first.shape[self.axis + 1 :]
            expect(x.ndim == first.ndim and others == wanted, "concatenate",
                   "all axes but the joined one must agree", first=first, other=x,
                   axis=self.axis)  # fmt: skip
        same_dtype("concatenate", **{f"operand {i}": x for i, x in enumerate(xs)})
        shape = list(first.shape)
        shape[self.axis] = sum(x.shape[self.axis] for x in xs)
        return Spec(tuple(shape), first.dtype)

    def compute(self, xp: Any, *arrays: Any) -> None:
        *xs, y = arrays
        stop, lead = 0, (slice(None),) * self.axis
        for first in range(0, len(xs), _JOINED):
            part = xs[first : first + _JOINED]
            start, stop = stop, stop + sum([x.shape[self.axis] for x in part])
            place = (*lead, slice(start, stop))
            xp.concatenate(part, axis=self.axis, out=y[place])

    def grads(self, gy: Tensor, xs_spec: tuple[Spec, ...], wanted: Any) -> list[Tensor | None]:
        found: list[Tensor | None] = []
        start = 0
        for spec, want in zip(xs_spec, wanted, strict=True):
            stop = start + spec.shape[self.axis]
            cuts = [(0, size, 1) for size in gy.shape]
            cuts[self.axis] = (start, stop, 1)
            found.append(Slice(tuple(cuts))(gy) if want else None)
            start = stop
        return found


def slices(cuts: Sequence[Cut]) -> tuple[slice, ...]:
    """Return Python's slices; a downward cut past the front ends at None, an empty one at 0."""
    return tuple(
        slice(start, None if stop < 0 else stop, step)
        if len(range(start, stop, step))
        else slice(0, 0)
        for start, stop, step in cuts
    )


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """Give x another shape of as many elements, in row-major order; one size may be −1.

    Raises:
        ShapeError: the number of elements would change.
    """
    wanted = sizes_of("reshape", shape)
    if -1 in wanted:
        known = math.prod(size for size in wanted if size != -1)
        expect(wanted.count(-1) == 1 and known > 0 and x.spec.size % known == 0, "reshape",
               "one size may be -1, and the others must divide the number of elements",
               x=x.spec, shape=wanted)  # fmt: skip
        wanted = tuple(x.spec.size // known if size == -1 else size for size in wanted)
    if wanted == x.shape:
        return x
    if not x.spec.contiguous and [s for s in wanted if s != 1] != [s for s in x.shape if s != 1]:
        x = copy(x)
    return Reshape(wanted)(x)  # type: ignore[no-any-return]


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Put axes into another order; None turns their order round.

    Raises:
        ShapeError: `axes` does not name every axis once.
    """
    order = range(x.ndim - 1, -1, -1) if axes is None else axes
    counted = tuple(axis_within("transpose", axis, x.ndim) for axis in order)
    expect(sorted(counted) == list(range(x.ndim)), "transpose", "every axis must be named once",
           x=x.spec, axes=axes)  # fmt: skip
    return Transpose(counted)(x)  # type: ignore[no-any-return]


def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """Stretch axes of size 1 to `shape`, without a copy.

    Raises:
        ShapeError: an axis is neither 1 nor the wanted size.
    """
    return x if x.shape == tuple(shape) else BroadcastTo(tuple(shape))(x)


def squeeze(x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    """Drop axes of size 1.

    Raises:
        ShapeError: a named axis is not of size 1.
    """
    if axis is None:
        axes = tuple(i for i, size in enumerate(x.shape) if size == 1)
    else:
        axes = axes_within("squeeze", axis, x.ndim)
    for i in axes:
        expect(x.shape[i] == 1, "squeeze", "a dropped axis must have size 1", x=x.spec, axis=i)
    return reshape(x, tuple(size for i, size in enumerate(x.shape) if i not in axes))


def expand_dims(x: Tensor, axis: int) -> Tensor:
    """Insert an axis of size 1 at a place of the result.

    Raises:
        ShapeError: there is no such place.
    """
    place = axis_within("expand_dims", axis, x.ndim + 1)
    return reshape(x, (*x.shape[:place], 1, *x.shape[place:]))


def flatten(x: Tensor, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Join the axes from `start_axis` to `end_axis` into one."""
    if x.ndim == 0:
        return reshape(x, (1,))
    start = axis_within("flatten", start_axis, x.ndim)
    end = axis_within("flatten", end_axis, x.ndim)
    joined = math.prod(x.shape[start : end + 1])
    return reshape(x, (*x.shape[:start], joined, *x.shape[end + 1 :]))


def pad(x: Tensor, pads: Sequence[Any], value: float = 0.0) -> Tensor:
    """Put a margin of `value` around x: one (before, after) for every axis.

    Raises:
        ShapeError: there is not one margin for every axis, or one is negative.
    """
    return Pad(tuple((int(a), int(b)) for a, b in pads), float(value))(x)  # type: ignore[no-any-return]


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors along an existing axis.

    Raises:
        ShapeError: another axis differs.
    """
    expect(len(xs) > 0, "concatenate", "there must be at least one operand", operands=len(xs))
    tensors = together(*xs)
    return Concatenate(axis_within("concatenate", axis, tensors[0].ndim))(*tensors)  # type: ignore[no-any-return]


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    Raises:
        ShapeError: the shapes differ.
    """
    expect(len(xs) > 0, "stack", "there must be at least one operand", operands=len(xs))
    tensors = together(*xs)
    for x in tensors:
        expect(x.shape == tensors[0].shape, "stack", "all operands must have one shape",
               first=tensors[0].spec, other=x.spec)  # fmt: skip
    return concatenate([expand_dims(x, axis) for x in tensors], axis)


def split(x: Tensor, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Cut x along an axis: into equal parts, or at the given places, as NumPy does.

    Raises:
        ShapeError: the axis does not divide into that many parts.
    """
    place = axis_within("split", axis, x.ndim)
    size = x.shape[place]
    if isinstance(sections, (int, np.integer)):
        expect(sections > 0 and size % sections == 0, "split", "the axis must divide evenly",
               x=x.spec, sections=sections)  # fmt: skip
        bounds = [size // sections * i for i in range(sections + 1)]
    else:
        bounds = [0, *sections, size]
    return [sliced(x, place, a, b) for a, b in pairwise(bounds)]


def sliced(x: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
    """Cut one axis as Python's slices do; the others stay whole."""
    place = axis_within("slice", axis, x.ndim)
    cuts = [(0, size, 1) for size in x.shape]
    cuts[place] = slice(start, stop, step).indices(x.shape[place])
    return Slice(tuple(cuts))(x)  # type: ignore[no-any-return]


def flip(x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    """Turn the order of elements round along axes (all if None), without a copy."""
    turned = axes_within("flip", axis, x.ndim)
    cuts = tuple(
        (size - 1, -1, -1) if i in turned else (0, size, 1) for i, size in enumerate(x.shape)
    )
    return Slice(cuts)(x)  # type: ignore[no-any-return]


def moveaxis(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move axes to other places; the rest keep their order.

    Raises:
        ShapeError: there is no such axis, or there are not as many places as axes.
    """
    given = [source] if isinstance(source, (int, np.integer)) else [*source]
    wanted = [destination] if isinstance(destination, (int, np.integer)) else [*destination]
    axes = [axis_within("moveaxis", int(axis), x.ndim) for axis in given]
    places = [axis_within("moveaxis", int(axis), x.ndim) for axis in wanted]
    expect(len(axes) == len(places) and len(set(axes)) == len(axes) == len(set(places)),
           "moveaxis", "there must be one place for every axis, each once",
           source=source, destination=destination)  # fmt: skip
    order = [i for i in range(x.ndim) if i not in axes]
    for place, axis in sorted(zip(places, axes, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


def sizes_of(subject: str, shape: tuple[Any, ...]) -> Shape:
    """Read sizes that were given one by one or as one sequence.

    Raises:
        ShapeError: a size is no integer.
    """
    several = len(shape) != 1 or isinstance(shape[0], (int, np.integer))
    given = shape if several else shape[0]
    try:
        return tuple(operator.index(size) for size in given)
    except TypeError as error:
        raise ShapeError(f"{subject}: sizes must be integers; got shape={given!r}.") from error

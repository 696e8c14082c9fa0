"""Elements picked by whole numbers that are data, and added back to where they came from.

How an index expression is read stands in `index`; order, ranks and running sums in `order`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DataError, DTypeError, expect, sentence
from ..function import Function, function
from ..spec import DType, Shape, Spec, as_dtype, axis_within, int64, same_dtype
from .operand import together
from .shape import broadcast_to, moveaxis, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Take(Function):
    """Slices of x along one axis, one for each index; the axes of the indices replace it."""

    axis: int
    subject: str = "take"
    wraps: bool = True

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec, indices: Spec) -> Spec:
        expect_integers(self.subject, indices)
        return x.shaped(*x.shape[: self.axis], *indices.shape, *x.shape[self.axis + 1 :])

    def compute(self, xp: Any, x: Any, indices: Any, y: Any) -> None:
        places = within(xp, self.subject, indices, x.shape[self.axis], self.wraps)
        y[...] = xp.take(x, places, axis=self.axis)

    def mapped(self, x: Tensor, indices: Tensor) -> Tensor | None:
        if indices.shape[0] == 1:
            places = reshape(indices, indices.shape[1:])
            return Take(self.axis + 1, self.subject, self.wraps)(x, places)  # type: ignore[no-any-return]
        if x.shape[0] == 1:
            return moveaxis(self(reshape(x, x.shape[1:]), indices), self.axis, 0)
        return None

    def grad_x(self, gy: Tensor, indices: Tensor, x_spec: Spec) -> Tensor:
        size = x_spec.shape[self.axis]
        return Untake(self.axis, size, indices.ndim, self.subject, self.wraps)(gy, indices)  # type: ignore[no-any-return]


@function
class Untake(Function):
    """Zeros, `size` on one axis, with slices added at the indices: the gradient of Take."""

    axis: int
    size: int
    axes: int
    subject: str = "take"
    wraps: bool = True

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec, indices: Spec) -> Spec:
        behind = x.shape[self.axis + self.axes :]
        return x.shaped(*x.shape[: self.axis], self.size, *behind)

    def compute(self, xp: Any, x: Any, indices: Any, y: Any) -> None:
        places = within(xp, self.subject, indices, self.size, self.wraps).reshape(-1)
        lead = math.prod(y.shape[: self.axis])
        tail = math.prod(y.shape[self.axis + 1 :])
        starts = xp.arange(lead)[:, None, None] * self.size + places[None, :, None]
        y[...] = 0
        added(xp, y, starts * tail + xp.arange(tail), x)

    def mapped(self, x: Tensor, indices: Tensor) -> Tensor | None:
        if indices.shape[0] > 1:
            return None
        places = reshape(indices, indices.shape[1:])
        return Untake(self.axis + 1, self.size, self.axes, self.subject, self.wraps)(x, places)  # type: ignore[no-any-return]

    def grad_x(self, gy: Tensor, indices: Tensor) -> Tensor:
        return Take(self.axis, self.subject, self.wraps)(gy, indices)  # type: ignore[no-any-return]


@function
class Gather(Function):
    """One element of x for each index, at the index' own place on the other axes."""

    axis: int

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec, indices: Spec) -> Spec:
        expect_along("gather", self.axis, x, indices)
        return x.shaped(*indices.shape)

    def compute(self, xp: Any, x: Any, indices: Any, y: Any) -> None:
        places = within(xp, "gather", indices, x.shape[self.axis])
        y[...] = x[along(xp, self.axis, places)]

    def grad_x(self, gy: Tensor, indices: Tensor, x_spec: Spec) -> Tensor:
        return ScatterAdd(self.axis)(gy.zeros(x_spec.like()), indices, gy)  # type: ignore[no-any-return]


@function
class ScatterAdd(Function):
    """x with values added at the indices along one axis; those that meet are added up."""

    axis: int

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec, indices: Spec, values: Spec) -> Spec:
        same_dtype("scatter_add", x=x, values=values)
        expect_along("scatter_add", self.axis, x, indices)
        expect(values.shape == indices.shape, "scatter_add", "there must be one value per index",
               indices=indices, values=values)  # fmt: skip
        return x.like()

    def compute(self, xp: Any, x: Any, indices: Any, values: Any, y: Any) -> None:
        places = within(xp, "scatter_add", indices, x.shape[self.axis])
        y[...] = x
        flat = xp.zeros(indices.shape, "int64")
        for part, size in zip(along(xp, self.axis, places), x.shape, strict=True):
            flat = flat * size + part
        added(xp, y, flat, values)

    def grad_x(self, gy: Tensor) -> Tensor:
        return gy

    def grad_values(self, gy: Tensor, indices: Tensor) -> Tensor:
        return Gather(self.axis)(gy, indices)  # type: ignore[no-any-return]


@function
class FlatPlaces(Function):
    """Places on several axes, one operand for each, as places on the one axis that joins them."""

    sizes: Shape

    stacked: ClassVar[str] = "leading"

    def infer(self, *indices: Spec) -> Spec:
        return Spec(indices[0].shape, int64)

    def compute(self, xp: Any, *arrays: Any) -> None:
        *indices, y = arrays
        y[...] = 0
        for one, size in zip(indices, self.sizes, strict=True):
            y *= size
            y += within(xp, "index", one, size)


@function
class OneHot(Function):
    """1 at the class of each label, 0 at the others, on a new last axis."""

    classes: int
    dtype: DType

    stacked: ClassVar[str] = "leading"

    def infer(self, labels: Spec) -> Spec:
        expect_integers("one_hot", labels)
        return Spec((*labels.shape, self.classes), self.dtype)

    def compute(self, xp: Any, labels: Any, y: Any) -> None:
        places = within(xp, "one_hot", labels, self.classes, wraps=False)
        y[...] = places[..., None] == xp.arange(self.classes)


def expect_integers(subject: str, indices: Spec) -> None:
    """Check the element type of indices.

    Raises:
        DTypeError: they are no integers.
    """
    expect(indices.dtype.kind in "iu", subject, "indices must be integers", error=DTypeError,
           indices=indices, advice="Convert them with .to('int64').")  # fmt: skip


def expect_along(subject: str, axis: int, x: Spec, indices: Spec) -> None:
    """Check that indices have the axes of x and, but for `axis`, no more places than x.

    Raises:
        ShapeError: they do not.
        DTypeError: they are no integers.
    """
    expect_integers(subject, indices)
    fits = x.ndim == indices.ndim and all(
        i == axis or n <= size
        for i, (n, size) in enumerate(zip(indices.shape, x.shape, strict=True))
    )
    expect(fits, subject, "indices must have the axes of x and fit into x on all but one",
           x=x, indices=indices, axis=axis)  # fmt: skip


def within(xp: Any, subject: str, indices: Any, size: int, wraps: bool = True) -> Any:
    """Return indices as int64 counted from the front.

    Raises:
        DataError: one lies outside; the error names it and its position.
    """
    places = indices.astype("int64", copy=False)
    least = -size if wraps else 0
    wrong = (places < least) | (places >= size)
    if wrong.any():
        position = tuple(int(i) for i in xp.argwhere(wrong)[0])
        got = {"index": int(places[position]), "position": position, "size": size}
        raise DataError(sentence(subject, f"indices must lie in [{least}, {size})", got))
    return xp.where(places < 0, places + size, places) if wraps else places


def along(xp: Any, axis: int, places: Any) -> tuple[Any, ...]:
    """Return, for every axis, the places that indices along one axis stand for."""
    grid = [
        xp.arange(size).reshape([-1 if i == j else 1 for j in range(places.ndim)])
        for i, size in enumerate(places.shape)
    ]
    return (*grid[:axis], places, *grid[axis + 1 :])


def added(xp: Any, y: Any, flat: Any, values: Any) -> None:
    """Add values into a row-major array at flat places; those that meet are added up."""
    target, places, given = y.reshape(-1), flat.reshape(-1), values.reshape(-1)
    if y.dtype.kind == "f":
        xp.add.at(target, places, given)
    elif y.dtype.kind == "c":
        xp.add.at(target.real, places, given.real)
        xp.add.at(target.imag, places, given.imag)
    else:  # of 64 bits, atomic additions exist without a sign alone; they carry over the same way
        wide = target.astype("float32" if y.dtype.kind == "V" else "uint64")
        xp.add.at(wide, places, given.astype(wide.dtype))
        target[...] = wide.astype(y.dtype)


def take(x: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    """Pick slices along an axis; of all elements in row-major order if None, as NumPy's take.

    y[i…, j…, k…] = x[i…, indices[j…], k…]

    Args:
        x: from which is picked.
        indices: integers of any shape; negative ones count from the end.
        axis: along which is picked.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: there is no such axis.
    """
    flat = reshape(x, (-1,)) if axis is None else x
    return Take(axis_within("take", axis or 0, flat.ndim))(flat, as_indices(x, indices))  # type: ignore[no-any-return]


def take_along_axis(x: Tensor, indices: Any, axis: int = -1) -> Tensor:
    """Pick one element for each index, at the index' own place on the other axes.

    y[i, j, k] = x[i, indices[i, j, k], k] for axis = 1

    Args:
        x: from which is picked.
        indices: integers with the axes of x, on all but one as many or fewer; an axis of size 1,
            of either, is spread out against the other's.
        axis: along which is picked.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: the axes do not fit.
    """
    axis, places = axis_within("take_along_axis", axis, x.ndim), as_indices(x, indices)
    if places.ndim == x.ndim:
        x, places = _spread(x, places, axis), _spread(places, x, axis)
    return Gather(axis)(x, places)  # type: ignore[no-any-return]


def _spread(one: Tensor, other: Tensor, axis: int) -> Tensor:
    """Give the axes of size 1, all but one axis, the sizes of another tensor."""
    sizes = zip(one.shape, other.shape, strict=True)
    wanted = tuple([m if n == 1 and i != axis else n for i, (n, m) in enumerate(sizes)])
    return one if wanted == one.shape else broadcast_to(one, wanted)


def gather(x: Tensor, axis: int, indices: Any) -> Tensor:
    """Pick one element for each index: `take_along_axis` in PyTorch's order of arguments.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: the axes do not fit.
    """
    return Gather(axis_within("gather", axis, x.ndim))(x, as_indices(x, indices))  # type: ignore[no-any-return]


def scatter_add(x: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
    """Add values at the indices along one axis; those that meet are added up.

    y[i, indices[i, j, k], k] = x[i, indices[i, j, k], k] + Σ values[i, j, k] for axis = 1

    Args:
        x: to which is added.
        axis: along which the indices count.
        indices: integers with the axes of x, on all but one as many or fewer.
        values: one for each index.

    Raises:
        DataError: an index lies outside.
        DTypeError: the indices are no integers.
        ShapeError: the axes do not fit.
    """
    x, values = together(x, values)
    place = axis_within("scatter_add", axis, x.ndim)
    return ScatterAdd(place)(x, as_indices(x, indices), values)  # type: ignore[no-any-return]


def one_hot(labels: Tensor, classes: int, dtype: object = "float32") -> Tensor:
    """Write labels as vectors: y[…, k] = 1 where k is the label, else 0.

    Shapes: labels (…) -> (…, K).

    Raises:
        DataError: a label lies outside [0, K).
        DTypeError: the labels are no integers.
    """
    return OneHot(int(classes), as_dtype(dtype))(labels)  # type: ignore[no-any-return]


def as_indices(x: Tensor, indices: Any) -> Tensor:
    """Return whole numbers as a tensor where x is."""
    if hasattr(indices, "grad_fn"):
        given: Tensor = indices
        return given
    made = x.like(indices)
    return made if made.size else made.to(int64)  # an empty list has no type of its own

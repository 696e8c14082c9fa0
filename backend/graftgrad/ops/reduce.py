"""Many elements to one: sums, means, extrema, products, and the undoing of broadcasting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import Function, function
from ..spec import Shape, Spec, axes_within, bool_, reduced
from .arithmetic import div, equal_mask, mul
from .operand import cast, counted, floating, full_like
from .parts import conj, real
from .shape import broadcast_to, pad, reshape, sliced, stack, transpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor


@function
class Sum(Function):
    """Σ over some axes."""

    axes: tuple[int, ...]
    keepdims: bool = False

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return x.shaped(*reduced(x.shape, self.axes, self.keepdims))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.sum(x, axis=self.axes, keepdims=self.keepdims, out=y, dtype=y.dtype)

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return stretched(gy, x_spec.shape, self.axes)


@function
class Extremum(Function):
    """The largest or smallest element over some axes; ties share the gradient evenly."""

    axes: tuple[int, ...]
    keepdims: bool = False
    largest: bool = True

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        for axis in self.axes:
            expect(x.shape[axis] > 0, "max", "a reduced axis must not be empty", x=x, axis=axis)
        return x.shaped(*reduced(x.shape, self.axes, self.keepdims))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        take = xp.amax if self.largest else xp.amin
        take(x, axis=self.axes, keepdims=self.keepdims, out=y)

    def grad_x(self, gy: Tensor, x: Tensor, y: Tensor) -> Tensor:
        mask = equal_mask(x, stretched(y, x.shape, self.axes))
        share = div(mask, stretched(sum(mask, self.axes), x.shape, self.axes))
        return mul(stretched(gy, x.shape, self.axes), share)


@function
class Product(Function):
    """Π over some axes."""

    axes: tuple[int, ...]
    keepdims: bool = False

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return x.shaped(*reduced(x.shape, self.axes, self.keepdims))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.prod(x, axis=self.axes, keepdims=self.keepdims, out=y, dtype=y.dtype)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        others = conj(_products_of_others(x, self.axes))
        return mul(stretched(gy, x.shape, self.axes), others)


@function
class Truth(Function):
    """Whether all, or any, elements over some axes are true."""

    axes: tuple[int, ...]
    keepdims: bool = False
    every: bool = True

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return Spec(reduced(x.shape, self.axes, self.keepdims), bool_)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        take = xp.all if self.every else xp.any
        take(x, axis=self.axes, keepdims=self.keepdims, out=y)


def sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Add elements: y = Σ x over `axis` (all axes if None); short whole numbers become int64."""
    return Sum(axes_within("sum", axis, x.ndim), keepdims)(counted(x))  # type: ignore[no-any-return]


def mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Average elements: y = Σ x / n over `axis` (all axes if None).

    Raises:
        ShapeError: there is nothing to average.
    """
    x = floating(x)
    axes = axes_within("mean", axis, x.ndim)
    count = math.prod(x.shape[i] for i in axes)
    expect(count > 0, "mean", "there must be at least one element", x=x.spec, axis=axis)
    return mul(sum(x, axes, keepdims), 1.0 / count)


def var(x: Tensor, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
    """Spread around the mean: y = Σ |x − mean|² / (n − correction) over `axis`.

    Raises:
        ShapeError: n is not larger than `correction`.
    """
    x = floating(x)
    axes = axes_within("var", axis, x.ndim)
    count = math.prod(x.shape[i] for i in axes)
    expect(count > correction, "var", "there must be more elements than `correction`",
           x=x.spec, axis=axis, correction=correction)  # fmt: skip
    centred = x - mean(x, axes, keepdims=True)
    squares = real(mul(centred, conj(centred)))
    return mul(sum(squares, axes, keepdims), 1.0 / (count - correction))


def max(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Take the largest element over `axis`; elements that tie share the gradient evenly.

    Raises:
        ShapeError: an axis to reduce is empty.
    """
    return Extremum(axes_within("max", axis, x.ndim), keepdims)(x)  # type: ignore[no-any-return]


def min(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Take the smallest element over `axis`; elements that tie share the gradient evenly.

    Raises:
        ShapeError: an axis to reduce is empty.
    """
    return Extremum(axes_within("min", axis, x.ndim), keepdims, largest=False)(x)  # type: ignore[no-any-return]


def prod(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Multiply elements: y = Π x over `axis`; the gradient of each is the product of the others."""
    return Product(axes_within("prod", axis, x.ndim), keepdims)(counted(x))  # type: ignore[no-any-return]


def all(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Tell whether every element over `axis` is true."""
    return Truth(axes_within("all", axis, x.ndim), keepdims)(x)  # type: ignore[no-any-return]


def any(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Tell whether at least one element over `axis` is true."""
    return Truth(axes_within("any", axis, x.ndim), keepdims, every=False)(x)  # type: ignore[no-any-return]


def stretched(y: Tensor, shape: Shape, axes: Sequence[int]) -> Tensor:
    """Stretch a reduced result back over the axes it lost."""
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape))
    return broadcast_to(reshape(y, kept) if y.shape != kept else y, shape)


def _products_of_others(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return for every element the product of the others over `axes`: no division, zeros may be."""
    order = (*[i for i in range(x.ndim) if i not in axes], *axes)
    turned = transpose(x, order)
    rows = math.prod(x.shape[i] for i in range(x.ndim) if i not in axes)
    others = _others_in_rows(reshape(turned, (rows, math.prod(x.shape[i] for i in axes))))
    back = tuple(sorted(range(x.ndim), key=order.__getitem__))
    return transpose(reshape(others, turned.shape), back)


def _others_in_rows(x: Tensor) -> Tensor:
    """Do so in the rows of a matrix: by pairs, whose products are elements half as many."""
    width = x.shape[1]
    if width < 2:
        return full_like(x, 1)
    even = pad(x, ((0, 0), (0, width % 2)), 1.0)
    left, right = sliced(even, 1, 0, width, 2), sliced(even, 1, 1, even.shape[1], 2)
    others = _others_in_rows(mul(left, right))
    pairs = stack((mul(others, right), mul(others, left)), 2)
    return sliced(reshape(pairs, even.shape), 1, 0, width)


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """Add up what broadcasting stretched, so that x gets `shape` back."""
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    stretched_axes = tuple(
        i for i in range(x.ndim) if i < lead or (shape[i - lead] == 1 and x.shape[i] != 1)
    )
    y = sum(x, stretched_axes) if stretched_axes else x
    return y if y.shape == shape else reshape(y, shape)


def gradient_for(g: Tensor, spec: Spec) -> Tensor:
    """Give a gradient the shape and element type of the operand it belongs to."""
    own = g.spec
    if own.shape != spec.shape:
        g = sum_to(g, spec.shape)
    return g if own.dtype is spec.dtype else cast(g, spec.dtype)

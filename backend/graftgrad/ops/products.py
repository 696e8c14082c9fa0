"""Products of vectors and of arrays of any number of axes, made of matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..spec import axis_within
from .arithmetic import mul
from .matmul import matmul
from .operand import together
from .parts import conj
from .reduce import sum
from .shape import moveaxis, reshape, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor


def dot(a: Any, b: Any) -> Tensor:
    """Multiply as NumPy's dot: Σ over the last axis of a and the last but one of b.

    Numbers multiply everything. For more than two axes, every matrix of a meets every one of b,
    which `matmul` does not do.

    Raises:
        ShapeError: the axes to be summed differ.
    """
    a, b = together(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return mul(a, b)
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


def vdot(a: Any, b: Any) -> Tensor:
    """Multiply all elements, those of a conjugated, and add them up.

    Raises:
        ShapeError: a and b differ in the number of elements.
    """
    a, b = together(a, b)
    expect(a.size == b.size, "vdot", "both must have as many elements", a=a.spec, b=b.spec)
    return sum(mul(conj(reshape(a, (a.size,))), reshape(b, (b.size,))))


def vecdot(a: Any, b: Any, axis: int = -1) -> Tensor:
    """Multiply vectors along an axis, those of a conjugated, and add up; other axes broadcast.

    Raises:
        ShapeError: the axes do not broadcast, or there is no such axis.
    """
    a, b = together(a, b)
    a = moveaxis(a, axis_within("vecdot", axis, a.ndim), -1)
    b = moveaxis(b, axis_within("vecdot", axis, b.ndim), -1)
    return sum(mul(conj(a), b), -1)


def inner(a: Any, b: Any) -> Tensor:
    """Add up the products over the last axes of both.

    Raises:
        ShapeError: the last axes differ.
    """
    a, b = together(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return mul(a, b)
    return tensordot(a, b, ([-1], [-1]))


def outer(a: Any, b: Any) -> Tensor:
    """Multiply every element with every element: y[i, j] = a[i] · b[j], axes flattened."""
    a, b = together(a, b)
    return mul(reshape(a, (a.size, 1)), reshape(b, (1, b.size)))


def tensordot(a: Any, b: Any, axes: int | Sequence[Any] = 2) -> Tensor:
    """Add up products over chosen axes: the rest of a, then the rest of b.

    Args:
        a: the first operand.
        b: the second.
        axes: how many of the last axes of a meet the first of b; or those of a and those of b.

    Raises:
        ShapeError: axes that meet differ in size, or are not as many on both sides.
    """
    a, b = together(a, b)
    if isinstance(axes, int):
        expect(0 <= axes <= min(a.ndim, b.ndim), "tensordot", "both must have that many axes",
               a=a.spec, b=b.spec, axes=axes)  # fmt: skip
        of_a, of_b = [*range(a.ndim - axes, a.ndim)], [*range(axes)]
    else:
        first, second = ([one] if isinstance(one, int) else [*one] for one in axes)
        of_a = [axis_within("tensordot", axis, a.ndim) for axis in first]
        of_b = [axis_within("tensordot", axis, b.ndim) for axis in second]
    sizes = [a.shape[i] for i in of_a]
    expect(sizes == [b.shape[i] for i in of_b], "tensordot", "axes that meet must have one size",
           a=a.spec, b=b.spec, axes=axes)  # fmt: skip
    rest_a = [i for i in range(a.ndim) if i not in of_a]
    rest_b = [i for i in range(b.ndim) if i not in of_b]
    rows, columns = [a.shape[i] for i in rest_a], [b.shape[i] for i in rest_b]
    count = math.prod(sizes)
    left = reshape(transpose(a, [*rest_a, *of_a]), (math.prod(rows), count))
    right = reshape(transpose(b, [*of_b, *rest_b]), (count, math.prod(columns)))
    return reshape(matmul(left, right), (*rows, *columns))


def kron(a: Any, b: Any) -> Tensor:
    """Put a copy of b, times an element of a, in place of every element of a.

    y[i·m + k, j·n + l] = a[i, j] · b[k, l] for b of (m, n), and so for any number of axes.
    """
    a, b = together(a, b)
    ndim = max(a.ndim, b.ndim)
    of_a = (1,) * (ndim - a.ndim) + a.shape
    of_b = (1,) * (ndim - b.ndim) + b.shape
    left = reshape(a, tuple(n for size in of_a for n in (size, 1)))
    right = reshape(b, tuple(n for size in of_b for n in (1, size)))
    return reshape(mul(left, right), tuple(m * n for m, n in zip(of_a, of_b, strict=True)))

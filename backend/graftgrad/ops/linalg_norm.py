"""Lengths of vectors and matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, expect
from ..spec import axes_within, axis_within
from .arithmetic import abs, div, mul, power, where
from .exponential import sqrt
from .linalg_matrix import matrix
from .linalg_solve import inv
from .linalg_svd import svdvals
from .operand import cast, floating, full_like
from .parts import conj, real
from .reduce import max, min, sum
from .shape import expand_dims, reshape, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor

_MATRIX_ORDERS = ("fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2)


def vector_norm(
    x: Tensor, *, axis: Any = None, keepdims: bool = False, ord: float = 2
) -> Tensor:  # fmt: skip
    """Measure vectors: y = (Σ |x|ᵖ)^(1/p) over `axis`, with p = `ord`.

    ±∞ takes the largest or smallest |x|, 0 counts what is not 0. The gradient at 0 is 0.

    Args:
        x: the numbers.
        axis: one axis, several, or all if None.
        keepdims: leave reduced axes with size 1.
        ord: the order p.

    Raises:
        ShapeError: there is no such axis.
    """
    x = floating(x)
    axes = axes_within("vector_norm", axis, x.ndim)
    if ord == np.inf or ord == -np.inf:
        return (max if ord > 0 else min)(abs(x), axes, keepdims)
    if ord == 0:
        size = abs(x)
        return sum(cast(size != 0, size.dtype), axes, keepdims)
    if ord == 1:
        return sum(abs(x), axes, keepdims)
    if ord == 2:
        return _root(sum(real(mul(x, conj(x))), axes, keepdims), 2)
    return _root(sum(power(abs(x), float(ord)), axes, keepdims), float(ord))


def matrix_norm(x: Tensor, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Measure matrices.

    "fro": √Σ|x|²; "nuc": the sum of singular values; 2 and −2: the largest and smallest of them;
    1 and −1: the largest and smallest column sum of |x|; ±∞: the same of rows.

    Shapes: x (…, I, J) -> (…), or (…, 1, 1) with keepdims.

    Args:
        x: the matrices.
        keepdims: leave reduced axes with size 1.
        ord: which norm.

    Raises:
        ShapeError: x has fewer than two axes.
        ConfigError: there is no such norm.
    """
    x = floating(x)
    matrix("matrix_norm", x.spec)
    expect(ord in _MATRIX_ORDERS, "matrix_norm", f"ord must be one of {_MATRIX_ORDERS}",
           error=ConfigError, ord=ord)  # fmt: skip
    if ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        y = sum(svdvals(x), -1)
    elif ord in (2, -2):
        y = (max if ord > 0 else min)(svdvals(x), -1)
    else:
        sums = sum(abs(x), -2 if ord in (1, -1) else -1)
        y = (max if ord > 0 else min)(sums, -1)
    return expand_dims(expand_dims(y, -1), -1) if keepdims else y


def norm(x: Tensor, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Measure vectors along one axis, or matrices on two, as NumPy's function of this name.

    Args:
        x: the numbers.
        ord: an order of `vector_norm` or `matrix_norm`; √Σ|x|² if None.
        axis: one axis for vectors, two for matrices; if None, all that there are, and x must have
            one or two where `ord` is given.
        keepdims: leave reduced axes with size 1.

    Raises:
        ShapeError: there is no such axis, or not one or two.
        ConfigError: there is no such norm of matrices.
    """
    if axis is None and ord is None:
        return vector_norm(x, keepdims=keepdims)
    given = tuple(range(x.ndim)) if axis is None else axis
    axes = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    expect(len(axes) in (1, 2), "norm", "axis must name one axis or two", x=x.spec, axis=axis)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    row, column = (axis_within("norm", one, x.ndim) for one in axes)
    expect(row != column, "norm", "no axis may be named twice", axis=axis)
    rest = [i for i in range(x.ndim) if i not in (row, column)]
    y = matrix_norm(transpose(x, (*rest, row, column)), ord="fro" if ord is None else ord)
    if not keepdims:
        return y
    return reshape(y, tuple(1 if i in (row, column) else n for i, n in enumerate(x.shape)))


def cond(a: Tensor, p: Any = None) -> Tensor:
    """Tell how near to singular matrices are: y = |a| · |a⁻¹| in the norm p.

    Shapes: a (…, I, J) -> (…); square except for p of None, 2 and −2.

    Args:
        a: the matrices.
        p: an order of `matrix_norm`; the largest singular value by the smallest if None.

    Raises:
        ShapeError: the matrix is not square.
        ConfigError: there is no such norm.
        DataError: a matrix is singular, in another norm than 2.
    """
    a = floating(a)
    if p is None or p in (2, -2):
        values = svdvals(a)
        largest, smallest = max(values, -1), min(values, -1)
        return div(smallest, largest) if p == -2 else div(largest, smallest)
    return mul(matrix_norm(a, ord=p), matrix_norm(inv(a), ord=p))


def _root(y: Tensor, p: float) -> Tensor:
    """Return y^(1/p), whose gradient at 0 is 0."""
    nonzero = y > 0
    safe = where(nonzero, y, full_like(y, 1))
    root = sqrt(safe) if p == 2 else power(safe, 1 / p)
    return where(nonzero, root, power(y.detach(), 1 / p))

"""Linear algebra, under Keras' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graftgrad
from graftgrad import functional, linalg, ops
from graftgrad.errors import ShapeError, expect

from .operands import meet, real_numbers
from .operation import op
from .reduction import axes_of


@op("linalg")
def cholesky(x: Any, upper: bool = False) -> Any:
    """Factor symmetric matrices: x = L · Lᵀ, or Uᵀ · U."""
    return linalg.cholesky(real_numbers(x), upper=upper)


@op("linalg")
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Return the inverse of the matrix whose Cholesky factor is x."""
    x = real_numbers(x)
    eye = ops.broadcast_to(graftgrad.eye(x.shape[-1], dtype=x.dtype), x.shape)
    turned = linalg.solve_triangular(x, ops.contiguous(eye), upper=upper)
    other = ops.swapaxes(turned, -1, -2)
    return ops.matmul(turned, other) if upper else ops.matmul(other, turned)


@op("linalg")
def det(x: Any) -> Any:
    """Return determinants."""
    return linalg.det(real_numbers(x))


@op("math")
def logdet(x: Any) -> Any:
    """Return the logarithm of the determinant's size."""
    return linalg.slogdet(real_numbers(x))[1]


@op("linalg")
def eig(x: Any) -> Any:
    """Return eigenvalues and eigenvectors of square matrices, complex."""
    return tuple(linalg.eig(real_numbers(x)))


@op("linalg")
def eigh(x: Any) -> Any:
    """Return eigenvalues, ascending, and eigenvectors of symmetric matrices."""
    return tuple(linalg.eigh(real_numbers(x)))


@op("linalg")
def inv(x: Any) -> Any:
    """Return inverses."""
    return linalg.inv(real_numbers(x))


@op("linalg")
def lu_factor(x: Any) -> Any:
    """Factor with exchanged rows: L below and U on and above the diagonal, and the exchanges.

    Shapes: (…, I, J) -> (…, I, J) and int32 (…, min(I, J)): row i was exchanged with that row.
    """
    x = real_numbers(x)
    p, low, high = linalg.lu(x)
    rows, columns = x.shape[-2:]
    k = min(rows, columns)
    eye = graftgrad.eye(rows, k, dtype=x.dtype)
    low = low - eye
    if columns > k:
        low = ops.pad(low, (*((0, 0),) * (x.ndim - 1), (0, columns - k)))
    if rows > k:
        high = ops.pad(high, (*((0, 0),) * (x.ndim - 2), (0, rows - k), (0, 0)))
    order = ops.argmax(ops.swapaxes(p, -1, -2), -1)  # row i of the factors was this one of x
    flat = ops.reshape(order, (-1, rows)).tolist() if order.device.computes else []
    found = [_exchanges(one, k) for one in flat]
    if not order.device.computes:
        pivots = ops.cast(order[..., :k], "int32")
    else:
        pivots = ops.reshape(graftgrad.tensor(found, "int32", order.device), (*x.shape[:-2], k))
    return low + high, pivots


def _exchanges(order: list[int], count: int) -> list[int]:
    """Return the exchanges, one after the other, that bring rows into an order."""
    now, found = list(range(len(order))), []
    for i in range(count):
        j = now.index(order[i])
        now[i], now[j] = now[j], now[i]
        found.append(j)
    return found


@op("linalg")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return lengths of vectors, or norms of matrices, along axes, as NumPy's norm."""
    return linalg.norm(real_numbers(x), ord, axes_of(axis), keepdims)


@op("linalg")
def qr(x: Any, mode: str = "reduced") -> Any:
    """Factor: x = Q · R, columns of Q upright on each other, R upper triangular."""
    return tuple(linalg.qr(real_numbers(x), mode))


@op("linalg", 2, meets=True)
def solve(a: Any, b: Any) -> Any:
    """Return y with a · y = b; b is a vector or a matrix."""
    if b.ndim == a.ndim - 1 and a.ndim > 2:
        return ops.squeeze(linalg.solve(a, ops.expand_dims(b, -1)), -1)
    return linalg.solve(real_numbers(a), real_numbers(b))


@op("linalg", 2, meets=True)
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Return y with a · y = b, where a counts on one side of its diagonal alone."""
    vector = b.ndim == a.ndim - 1
    y = linalg.solve_triangular(a, ops.expand_dims(b, -1) if vector else b, upper=not lower)
    return ops.squeeze(y, -1) if vector else y


@op("linalg")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Factor: x = U · diag(S) · V; S alone where `compute_uv` is false."""
    found: Any = linalg.svd(real_numbers(x), full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


@op("linalg", 2, meets=True)
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """Return y for which ‖a · y − b‖ is smallest."""
    return linalg.lstsq(a, b, rcond)[0]


@op("linalg")
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """Count the singular values above a bound, int32.

    Raises:
        ShapeError: x has fewer than two axes.
    """
    expect(x.ndim >= 2, "matrix_rank", "x must have at least two axes", error=ShapeError,
           x=x.shape)  # fmt: skip
    return ops.cast(linalg.matrix_rank(real_numbers(x), tol), "int32")


@op("linalg")
def pinv(x: Any, rcond: Any = None) -> Any:
    """Return the pseudoinverse: singular values below `rcond` of the largest count as 0.

    Raises:
        ShapeError: x has fewer than two axes.
    """
    expect(x.ndim >= 2, "pinv", "x must have at least two axes", error=ShapeError, x=x.shape)
    return linalg.pinv(real_numbers(x), rcond)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Return a function's results and the product of its Jacobian with a vector.

    Args:
        fun: of tensors.
        primals: where it is differentiated, one for each argument.
        tangents: the vector, one part for each argument.
        has_aux: whether `fun` returns something beside its result, which comes back as it is.
    """
    at, along = (tuple(meet_alone(one) for one in given) for given in (primals, tangents))
    kept: list[Any] = []

    def main(*xs: Any) -> Any:
        found = fun(*xs)
        if has_aux:
            found, aside = found
            kept.append(aside)
        return tuple(found) if isinstance(found, list) else found

    ys, product = functional.jvp(main, at, along)
    return (ys, product, kept[-1]) if has_aux else (ys, product)


def meet_alone(x: Any) -> Any:
    """Return one operand as a tensor."""
    from_one: Any = meet([x])[0]
    return graftgrad.as_tensor(from_one)

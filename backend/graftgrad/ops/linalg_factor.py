"""Triangular and orthogonal factors: Cholesky, QR, LU."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, int64
from .arithmetic import mul
from .gather import Gather
from .linalg_matrix import adjoint, attempted, matrix, square
from .linalg_solve import solve_triangular
from .matmul import matmul, swapped
from .operand import cast, floating
from .parts import real
from .shape import broadcast_to, concatenate, expand_dims, sliced
from .triangle import diagonal_matrix, diagonal_of, identity, tril, triu

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Cholesky(Function):
    """The lower triangle L of x = L Lᴴ; only the lower triangle of x is read.

    With Φ the lower triangle with halved diagonal and P = Φ(Lᴴ g), the gradient is
    ½ L⁻ᴴ (P + Pᴴ) L⁻¹: I. Murray, "Differentiation of the Cholesky decomposition", 2016.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return square("cholesky", x).like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = attempted(
            "cholesky", "every matrix must be positive definite",
            "Make it symmetric, and add a small multiple of the identity.",
            xp.linalg.cholesky, x,
        )  # fmt: skip

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        product = matmul(adjoint(y), gy)
        half = tril(product, -1) + mul(diagonal_matrix(diagonal_of(product)), 0.5)
        inner = half + adjoint(half)
        upper = adjoint(y)
        left = solve_triangular(upper, inner, upper=True)
        return mul(adjoint(solve_triangular(upper, adjoint(left), upper=True)), 0.5)


@function
class Qr(Function):
    """Orthonormal columns Q and upper triangle R of a matrix that is not wide.

    With M = triu(gR Rᴴ − Qᴴ gQ), the gradient is (gQ + Q (M + Mᴴ − Re diag M)) R⁻ᴴ: S. Walter,
    L. Lehmann, "Algorithmic differentiation of linear algebra functions", 2010.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        *lead, _, columns = matrix("qr", x).shape
        return x.like(), x.shaped(*lead, columns, columns)

    def compute(self, xp: Any, x: Any, q: Any, r: Any) -> None:
        q[...], r[...] = xp.linalg.qr(x)

    def grad_x(self, gq: Tensor, gr: Tensor, q: Tensor, r: Tensor) -> Tensor:
        inner = triu(matmul(gr, adjoint(r)) - matmul(adjoint(q), gq))
        twice = diagonal_matrix(cast(real(diagonal_of(inner)), inner.dtype))
        whole = gq + matmul(q, inner + adjoint(inner) - twice)
        return solve_triangular(adjoint(r), whole, upper=False, left=False)


@function
class CompleteQr(Function):
    """As Qr, with Q filled up to a square matrix, in a way that is not unique."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"
    undefined: ClassVar[str] = (
        'the added columns of mode="complete" have no derivative; take mode="reduced"'
    )

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        *lead, rows, _ = matrix("qr", x).shape
        return x.shaped(*lead, rows, rows), x.like()

    def compute(self, xp: Any, x: Any, q: Any, r: Any) -> None:
        q[...], r[...] = xp.linalg.qr(x, mode="complete")


@function
class Pivots(Function):
    """The order of rows in which elimination finds the largest pivots: int64, (…, I)."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return Spec(matrix("lu", x).shape[:-1], int64)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        rest = xp.array(x).reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
        order = xp.broadcast_to(xp.arange(x.shape[-2]), rest.shape[:-1]).copy()
        every = xp.arange(len(rest))
        for k in range(min(x.shape[-2:])):
            column = rest[:, k:, k]
            size = xp.abs(column.real) + xp.abs(column.imag)  # LAPACK's size of complex pivots
            largest = xp.argmax(size, 1) + k
            for held in (rest, order):
                held[every, largest], held[:, k] = held[:, k].copy(), held[every, largest]
            _eliminate(xp, rest, k)
        y[...] = order.reshape(y.shape)


@function
class Lu(Function):
    """The triangles L and U of a square x = L U, without exchanging rows; L has a diagonal of ones.

    The gradient is L⁻ᴴ (tril(Lᴴ gL, −1) + triu(gU Uᴴ)) U⁻ᴴ: S. Walter, L. Lehmann, 2010.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        return square("lu", x).like(), x.like()

    def compute(self, xp: Any, x: Any, lower: Any, upper: Any) -> None:
        rest = xp.array(x).reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
        for k in range(x.shape[-1]):
            _eliminate(xp, rest, k)
        rest = rest.reshape(x.shape)
        lower[...] = xp.tril(rest, -1) + xp.eye(x.shape[-1], dtype=x.dtype)
        upper[...] = xp.triu(rest)

    def grad_x(self, glower: Tensor, gupper: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        inner = tril(matmul(adjoint(lower), glower), -1) + triu(matmul(gupper, adjoint(upper)))
        left = solve_triangular(adjoint(lower), inner, upper=True, unitriangular=True)
        return solve_triangular(adjoint(upper), left, upper=False, left=False)


def _eliminate(xp: Any, rest: Any, k: int) -> None:
    """Subtract row k from those below; factors are left where zeros would stand."""
    pivot = rest[:, k, k, None]
    with np.errstate(all="ignore"):
        rest[:, k + 1 :, k] = xp.where(pivot == 0, 0, rest[:, k + 1 :, k] / pivot)
    rest[:, k + 1 :, k + 1 :] -= rest[:, k + 1 :, k, None] * rest[:, k, None, k + 1 :]


def cholesky(a: Tensor, *, upper: bool = False) -> Tensor:
    """Factor Hermitian positive definite matrices: a = L · Lᴴ, or Uᴴ · U.

    Only one triangle of a is read, the one that is returned; the gradient is Hermitian.

    Shapes: a (…, I, I) -> (…, I, I).

    Raises:
        ShapeError: the matrix is not square.
        DataError: a matrix is not positive definite.
    """
    a = floating(a)
    if upper:
        return adjoint(Cholesky()(adjoint(a)))
    return Cholesky()(a)  # type: ignore[no-any-return]


def qr(a: Tensor, mode: str = "reduced") -> Any:
    """Factor into orthonormal columns and an upper triangle: a = Q · R.

    A gradient needs the first min(I, J) columns of a to be independent.

    Shapes: a (…, I, J) -> Q (…, I, K), R (…, K, J) with K = min(I, J).

    Args:
        a: the matrices.
        mode: "reduced"; "complete" for a square Q (without gradients where I > J); "r" for R alone.

    Raises:
        ShapeError: a has fewer than two axes.
        ConfigError: there is no such mode.
        GradientError: the gradient of a "complete" factor with added columns is asked for.
    """
    expect(mode in ("reduced", "complete", "r"), "qr",
           'mode must be "reduced", "complete" or "r"', error=ConfigError, mode=mode)  # fmt: skip
    a = floating(a)
    rows, columns = matrix("qr", a.spec).shape[-2:]
    if rows > columns and mode == "complete":
        return CompleteQr()(a)
    if rows >= columns:
        q, r = Qr()(a)
    else:
        q, left = Qr()(sliced(a, -1, 0, rows))
        r = concatenate((left, matmul(adjoint(q), sliced(a, -1, rows, columns))), -1)
    return r if mode == "r" else (q, r)


def lu(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Factor with exchanged rows: a = P · L · U, P a permutation, L with a diagonal of ones.

    In each column the largest element that is left becomes the pivot; P has no gradient.

    Shapes: a (…, I, J) -> P (…, I, I), L (…, I, K), U (…, K, J) with K = min(I, J).

    Raises:
        ShapeError: a has fewer than two axes.
        DataError: I and J differ, and the first columns are not independent.
    """
    order, lower, upper = factored(floating(a))
    rows = a.shape[-2]
    eye = broadcast_to(identity(lower, rows), (*a.shape[:-2], rows, rows))
    wide = broadcast_to(expand_dims(order, -1), eye.shape)
    return swapped(Gather(a.ndim - 2)(eye, wide)), lower, upper


def factored(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the order of rows in which a is L · U, (…, I), and these two."""
    rows, columns = matrix("lu", a.spec).shape[-2:]
    order = Pivots()(a.detach())
    places = broadcast_to(expand_dims(order, -1), a.shape)
    turned, size = Gather(a.ndim - 2)(a, places), min(rows, columns)
    lower, upper = Lu()(sliced(sliced(turned, -1, 0, size), -2, 0, size))
    if columns > size:
        rest = solve_triangular(
            lower, sliced(turned, -1, size, columns), upper=False, unitriangular=True
        )
        upper = concatenate((upper, rest), -1)
    if rows > size:
        rest = solve_triangular(upper, sliced(turned, -2, size, rows), upper=True, left=False)
        lower = concatenate((lower, rest), -2)
    return order, lower, upper

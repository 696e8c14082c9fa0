"""Singular values, and what is made of them: pseudo-inverses, ranks, least squares, conditions.

Singular vectors are determined up to a sign (of complex matrices, up to a factor e^(iφ) for each
pair), so only functions that do not depend on it have a gradient. Where two singular values
coincide, gradients of the vectors are infinite, those of the values alone are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..function import Function, function
from ..spec import Spec, int64, is_complex, real_dtype
from .arithmetic import div, mul, neg
from .linalg_matrix import DIVERGED, adjoint, attempted, matrix, over_gaps
from .matmul import matmul
from .operand import cast, floating, together
from .parts import conj, real
from .reduce import sum
from .shape import expand_dims, reshape
from .tiles import largest
from .triangle import diagonal_matrix, diagonal_of, identity

if TYPE_CHECKING:
    from ..tensor import Tensor

_CONVERGES = "singular values must converge"


def _sizes(x: Spec) -> tuple[tuple[int, ...], int, int, int]:
    *lead, rows, columns = matrix("svd", x).shape
    return tuple(lead), rows, columns, min(rows, columns)


def _values(x: Spec) -> Spec:
    lead, _, _, k = _sizes(x)
    return Spec((*lead, k), real_dtype(x.dtype))


@function
class Svd(Function):
    """x = U diag(s) Vᴴ, with as many vectors as values.

    The gradient stands in J. Townsend, "Differentiating the singular value decomposition", 2016,
    for complex matrices with the term of F. Wan and S. Zhang, "Automatic differentiation for
    complex valued SVD", 2019.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> tuple[Spec, Spec, Spec]:
        lead, rows, columns, k = _sizes(x)
        return x.shaped(*lead, rows, k), _values(x), x.shaped(*lead, k, columns)

    def compute(self, xp: Any, x: Any, u: Any, s: Any, vh: Any) -> None:
        found = attempted("svd", _CONVERGES, DIVERGED, _reduced(xp), x)
        u[...], s[...], vh[...] = found

    def grad_x(
        self, gu: Tensor, gs: Tensor, gvh: Tensor, u: Tensor, s: Tensor, vh: Tensor
    ) -> Tensor:
        row, column = expand_dims(s, -2), expand_dims(s, -1)
        gaps = mul(row - column, row + column)
        left, right = matmul(adjoint(u), gu), matmul(vh, adjoint(gvh))
        left, right = left - adjoint(left), right - adjoint(right)
        inner = mul(over_gaps(left, gaps), row) + mul(column, over_gaps(right, gaps))
        along = cast(gs, u.dtype)
        if is_complex(u.dtype):
            along = along + div(diagonal_of(left), mul(s, 2))
        inner = inner + diagonal_matrix(along)
        whole = matmul(matmul(u, inner), vh)
        if u.shape[-2] > u.shape[-1]:
            scaled = div(gu, row)
            whole = whole + matmul(scaled - matmul(u, matmul(adjoint(u), scaled)), vh)
        if vh.shape[-1] > vh.shape[-2]:
            scaled = div(gvh, column)
            whole = whole + matmul(u, scaled - matmul(matmul(scaled, adjoint(vh)), vh))
        return whole


@function
class FullSvd(Function):
    """As Svd, with U and Vᴴ filled up to square matrices, in a way that is not unique."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"
    undefined: ClassVar[str] = (
        "the added vectors of full_matrices=True have no derivative; take full_matrices=False"
    )

    def infer(self, x: Spec) -> tuple[Spec, Spec, Spec]:
        lead, rows, columns, _ = _sizes(x)
        return x.shaped(*lead, rows, rows), _values(x), x.shaped(*lead, columns, columns)

    def compute(self, xp: Any, x: Any, u: Any, s: Any, vh: Any) -> None:
        u[...], s[...], vh[...] = attempted("svd", _CONVERGES, DIVERGED, xp.linalg.svd, x)


@function
class SvdVals(Function):
    """The singular values alone, largest first. The gradient is U diag(g) Vᴴ."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return _values(x)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        def values(x: Any) -> Any:
            return xp.linalg.svd(x, compute_uv=False)

        y[...] = attempted("svd", _CONVERGES, DIVERGED, values, x)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        u, _, vh = Svd()(x)
        return matmul(mul(u, expand_dims(gy, -2)), vh)


@function
class Pinv(Function):
    """The pseudo-inverse.

    Where the rank stays as it is, the gradient is −yᴴ g yᴴ + (I − x y) gᴴ y yᴴ + yᴴ y gᴴ (I − y x):
    G. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
    problems whose variables separate", 1973.
    """

    rcond: float | None

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        *lead, rows, columns = matrix("pinv", x).shape
        return x.shaped(*lead, columns, rows)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        def inverted(x: Any) -> Any:
            u, s, vh = _reduced(xp)(x)
            kept = s > _bound(xp, x, s, self.rcond)
            inverse = xp.where(kept, 1 / xp.where(kept, s, 1), 0)
            return (vh.swapaxes(-1, -2).conj() * inverse[..., None, :]) @ u.swapaxes(-1, -2).conj()

        y[...] = attempted("pinv", _CONVERGES, DIVERGED, inverted, x)

    def grad_x(self, gy: Tensor, x: Tensor, y: Tensor) -> Tensor:
        g, turned = adjoint(gy), adjoint(y)
        rows, columns = x.shape[-2:]
        whole = neg(matmul(matmul(turned, gy), turned))
        left, right = identity(x, rows) - matmul(x, y), identity(x, columns) - matmul(y, x)
        whole = whole + matmul(matmul(left, g), matmul(y, turned))
        return whole + matmul(matmul(matmul(turned, y), g), right)


@function
class MatrixRank(Function):
    """How many singular values are larger than a bound; constant between its steps."""

    tol: float | None
    rtol: float | None

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return Spec(matrix("matrix_rank", x).shape[:-2], int64)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        def counted(x: Any) -> Any:
            s = xp.linalg.svd(x, compute_uv=False)
            bound = _bound(xp, x, s, self.rtol) if self.tol is None else self.tol
            return xp.count_nonzero(s > bound, axis=-1)

        y[...] = attempted("matrix_rank", _CONVERGES, DIVERGED, counted, x)


def _reduced(xp: Any) -> Any:
    def reduced(x: Any) -> Any:
        return xp.linalg.svd(x, full_matrices=False)

    return reduced


def _bound(xp: Any, x: Any, s: Any, relative: float | None) -> Any:
    """Return what counts as 0: a part of the largest singular value, NumPy's if None."""
    if relative is None:
        relative = max(x.shape[-2:]) * float(np.finfo(s.dtype).eps)
    return largest(xp, s, 0, keepdims=True) * relative


def svd(a: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Factor into singular values and vectors: a = U · diag(s) · Vᴴ, the largest value first.

    Shapes: a (…, I, J) -> U (…, I, K), s (…, K), Vᴴ (…, K, J) with K = min(I, J); U (…, I, I) and
    Vᴴ (…, J, J) with full_matrices.

    Args:
        a: the matrices.
        full_matrices: fill U and Vᴴ up to square matrices, without gradients unless I = J.
        compute_uv: return U, s, Vᴴ; else s alone.

    Raises:
        ShapeError: a has fewer than two axes.
        DataError: the iteration does not converge, for example because of a NaN.
        GradientError: the gradient of filled-up matrices is asked for.
    """
    a = floating(a)
    if not compute_uv:
        return SvdVals()(a)
    rows, columns = matrix("svd", a.spec).shape[-2:]
    return FullSvd()(a) if full_matrices and rows != columns else Svd()(a)


def svdvals(a: Tensor) -> Tensor:
    """Compute singular values, the largest first.

    Shapes: a (…, I, J) -> (…, min(I, J)).

    Raises:
        ShapeError: a has fewer than two axes.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    return SvdVals()(floating(a))  # type: ignore[no-any-return]


def pinv(a: Tensor, rcond: float | None = None) -> Tensor:
    """Compute Moore and Penrose's pseudo-inverse, from singular values.

    Shapes: a (…, I, J) -> (…, J, I).

    Args:
        a: the matrices.
        rcond: singular values up to this part of the largest count as 0; max(I, J) · ε if None.

    Raises:
        ShapeError: a has fewer than two axes.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    return Pinv(None if rcond is None else float(rcond))(floating(a))  # type: ignore[no-any-return]


def matrix_rank(a: Tensor, tol: float | None = None, *, rtol: float | None = None) -> Tensor:
    """Count the singular values that are not 0; no gradient flows.

    Shapes: a (…, I, J) -> (…), int64.

    Args:
        a: the matrices.
        tol: what is not larger counts as 0.
        rtol: the same as a part of the largest singular value; max(I, J) · ε if both are None.

    Raises:
        ShapeError: a has fewer than two axes.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    bounds = [None if bound is None else float(bound) for bound in (tol, rtol)]
    return MatrixRank(*bounds)(floating(a))  # type: ignore[no-any-return]


def lstsq(
    a: Any, b: Any, rcond: float | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Solve in the sense of least squares: the shortest y that makes |b − a · y| smallest.

    Other than in NumPy, the residuals are always there, and leading axes are batches.

    Shapes: a (…, I, J), b (…, I, K) or (I,) -> y (…, J, K) or (J,), residuals (…, K) or (), rank
    (…), singular values (…, min(I, J)).

    Args:
        a: the matrices.
        b: the right-hand sides.
        rcond: singular values up to this part of the largest count as 0; max(I, J) · ε if None.

    Raises:
        ShapeError: a and b do not fit.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    a, b = (floating(x) for x in together(a, b))
    columns = reshape(b, (-1, 1)) if b.ndim == 1 else b
    y = matmul(pinv(a, rcond), columns)
    rest = columns - matmul(a, y)
    residuals = sum(real(mul(rest, conj(rest))), -2)
    if b.ndim == 1:
        y, residuals = reshape(y, y.shape[:-1]), reshape(residuals, residuals.shape[:-1])
    return y, residuals, matrix_rank(a, rtol=rcond), svdvals(a)

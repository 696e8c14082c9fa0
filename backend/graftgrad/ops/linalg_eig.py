"""Eigenvalues and eigenvectors.

Eigenvectors are determined up to a sign (complex ones up to a factor e^(iφ) each), so only
functions that do not depend on it have a gradient. Where two eigenvalues coincide, gradients of the
vectors are infinite; those of the values of a Hermitian matrix are not.
Gradients after M. Giles, 2008, section 3.1, with the vectors held at length 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, complex_dtype, real_dtype
from .arithmetic import mul
from .linalg_matrix import DIVERGED, adjoint, attempted, hermitian_part, over_gaps, square
from .linalg_solve import solve
from .matmul import matmul
from .operand import cast, floating
from .parts import conj, real
from .shape import expand_dims
from .triangle import diagonal_matrix, diagonal_of

if TYPE_CHECKING:
    from ..tensor import Tensor

_CONVERGES = "eigenvalues must converge"


@function
class Eigh(Function):
    """x = V diag(w) Vᴴ of a Hermitian x. Gradient: V (diag(gw) + Vᴴ gV / E) Vᴴ, E = wⱼ − wᵢ."""

    lower: bool = True

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        return Spec(square("eigh", x).shape[:-1], real_dtype(x.dtype)), x.like()

    def compute(self, xp: Any, x: Any, w: Any, v: Any) -> None:
        def factored(x: Any) -> Any:
            return xp.linalg.eigh(x, "L" if self.lower else "U")

        w[...], v[...] = attempted("eigh", _CONVERGES, DIVERGED, factored, x)

    def grad_x(self, gw: Tensor, gv: Tensor, w: Tensor, v: Tensor) -> Tensor:
        gaps = expand_dims(w, -2) - expand_dims(w, -1)
        inner = over_gaps(matmul(adjoint(v), gv), gaps) + diagonal_matrix(cast(gw, v.dtype))
        return hermitian_part(matmul(matmul(v, inner), adjoint(v)))


@function
class EigvalsH(Function):
    """The eigenvalues of a Hermitian matrix, the smallest first. Gradient: V diag(g) Vᴴ."""

    lower: bool = True

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return Spec(square("eigvalsh", x).shape[:-1], real_dtype(x.dtype))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        def values(x: Any) -> Any:
            return xp.linalg.eigvalsh(x, "L" if self.lower else "U")

        y[...] = attempted("eigvalsh", _CONVERGES, DIVERGED, values, x)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        _, v = Eigh(self.lower)(x)
        return matmul(mul(v, expand_dims(gy, -2)), adjoint(v))


@function
class Eig(Function):
    """x V = V diag(w), w and V complex.

    Gradient: V⁻ᴴ (diag(gw) + (P − Vᴴ V Re diag P) / conj(E)) Vᴴ, P = Vᴴ gV, E = wⱼ − wᵢ.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        kind = complex_dtype(square("eig", x).dtype)
        return Spec(x.shape[:-1], kind), x.typed(kind)

    def compute(self, xp: Any, x: Any, w: Any, v: Any) -> None:
        w[...], v[...] = attempted("eig", _CONVERGES, DIVERGED, xp.linalg.eig, x)

    def grad_x(self, gw: Tensor, gv: Tensor, w: Tensor, v: Tensor) -> Tensor:
        turned = adjoint(v)
        product = matmul(turned, gv)
        along = expand_dims(real(diagonal_of(product)), -2)
        gaps = conj(expand_dims(w, -2) - expand_dims(w, -1))
        inner = over_gaps(product - matmul(turned, mul(v, along)), gaps) + diagonal_matrix(gw)
        return solve(turned, matmul(inner, turned))


def eigh(a: Tensor, UPLO: str = "L") -> tuple[Tensor, Tensor]:
    """Compute eigenvalues and eigenvectors of Hermitian matrices: a = V · diag(w) · Vᴴ.

    Only one triangle of a is read; the gradient is Hermitian.

    Shapes: a (…, I, I) -> w (…, I), real and ascending, V (…, I, I).

    Args:
        a: the matrices.
        UPLO: "L" to read the lower triangle, "U" the upper.

    Raises:
        ShapeError: the matrix is not square.
        ConfigError: there is no such triangle.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    return Eigh(_reads_lower("eigh", UPLO))(floating(a))  # type: ignore[no-any-return]


def eigvalsh(a: Tensor, UPLO: str = "L") -> Tensor:
    """Compute eigenvalues of Hermitian matrices, the smallest first.

    Only one triangle of a is read; the gradient is Hermitian.

    Shapes: a (…, I, I) -> (…, I).

    Args:
        a: the matrices.
        UPLO: "L" to read the lower triangle, "U" the upper.

    Raises:
        ShapeError: the matrix is not square.
        ConfigError: there is no such triangle.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    return EigvalsH(_reads_lower("eigvalsh", UPLO))(floating(a))  # type: ignore[no-any-return]


def eig(a: Tensor) -> tuple[Tensor, Tensor]:
    """Compute eigenvalues and eigenvectors: a · V = V · diag(w); both are complex, as in PyTorch.

    Eigenvectors have length 1. A gradient needs eigenvalues that differ.

    Shapes: a (…, I, I) -> w (…, I), V (…, I, I).

    Raises:
        ShapeError: the matrix is not square.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    return Eig()(floating(a))  # type: ignore[no-any-return]


def eigvals(a: Tensor) -> Tensor:
    """Compute eigenvalues, complex numbers.

    Shapes: a (…, I, I) -> (…, I).

    Raises:
        ShapeError: the matrix is not square.
        DataError: the iteration does not converge, for example because of a NaN.
    """
    return eig(a)[0]


def _reads_lower(subject: str, triangle: str) -> bool:
    expect(triangle in ("L", "U", "l", "u"), subject, 'UPLO must be "L" or "U"',
           error=ConfigError, UPLO=triangle)  # fmt: skip
    return triangle in ("L", "l")

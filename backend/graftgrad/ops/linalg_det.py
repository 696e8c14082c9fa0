"""Determinants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..function import Function, function
from ..spec import Spec, is_complex, real_dtype
from .arithmetic import div, mul
from .linalg_matrix import DIVERGED, adjoint, attempted, square
from .linalg_solve import inv
from .matmul import matmul, swapped
from .operand import floating
from .parts import conj, imag
from .reduce import sum
from .shape import expand_dims

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Det(Function):
    """The determinant. Its gradient is made of cofactors, which singular matrices have too."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return Spec(square("det", x).shape[:-2], x.dtype)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(all="ignore"):
            y[...] = xp.linalg.det(x)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return mul(_over_matrix(gy), conj(Cofactor()(x)))


@function
class Cofactor(Function):
    """∂det(x)/∂x = det(x) x⁻ᵀ, from singular values, so that x may be singular.

    With x = U S Vᴴ it is det(U) det(Vᴴ) conj(U) diag(Πⱼ≠ᵢ sⱼ) conj(Vᴴ). Its own gradient divides by
    the determinant.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return square("det", x).like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        u, s, vh = attempted("det", "singular values must converge", DIVERGED, xp.linalg.svd, x)
        others = xp.ones_like(s)
        for i in range(s.shape[-1]):
            others[..., i] = xp.prod(s[..., :i], -1) * xp.prod(s[..., i + 1 :], -1)
        factor = (xp.linalg.det(u) * xp.linalg.det(vh))[..., None, None]
        y[...] = factor * ((u * others[..., None, :]) @ vh).conj()

    def grad_x(self, gy: Tensor, x: Tensor, y: Tensor) -> Tensor:
        g = conj(gy)
        whole = mul(_over_matrix(sum(mul(g, y), (-2, -1))), y)
        rest = matmul(matmul(y, swapped(g)), y)
        return conj(div(whole - rest, _over_matrix(Det()(x))))


@function
class Slogdet(Function):
    """det = sign · e^logabsdet. Gradient x⁻ᴴ (g_logabsdet + i Im(g_sign conj(sign)))."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        lead = square("slogdet", x).shape[:-2]
        return Spec(lead, x.dtype), Spec(lead, real_dtype(x.dtype))

    def compute(self, xp: Any, x: Any, sign: Any, logabsdet: Any) -> None:
        with np.errstate(all="ignore"):
            sign[...], logabsdet[...] = xp.linalg.slogdet(x)

    def grad_x(self, gsign: Tensor, glogabsdet: Tensor, x: Tensor, sign: Tensor) -> Tensor:
        g = glogabsdet
        if is_complex(x.dtype):
            g = g + mul(imag(mul(gsign, conj(sign))), 1j)
        return mul(_over_matrix(g), adjoint(inv(x)))


def det(a: Tensor) -> Tensor:
    """Compute determinants of square matrices.

    Shapes: a (…, I, I) -> (…).

    Raises:
        ShapeError: the matrix is not square.
    """
    return Det()(floating(a))  # type: ignore[no-any-return]


def slogdet(a: Tensor) -> tuple[Tensor, Tensor]:
    """Compute sign and logarithm of determinants: det(a) = sign · e^logabsdet.

    A singular matrix has sign 0 and logarithm −∞, and no gradient.

    Shapes: a (…, I, I) -> (…), (…).

    Raises:
        ShapeError: the matrix is not square.
    """
    return Slogdet()(floating(a))  # type: ignore[no-any-return]


def _over_matrix(x: Tensor) -> Tensor:
    return expand_dims(expand_dims(x, -1), -1)

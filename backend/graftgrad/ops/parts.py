"""The parts of complex numbers: real, imaginary, conjugate, and the number made of two parts.

The gradient of a real L with respect to z is ∂L/∂Re z + i ∂L/∂Im z, as in PyTorch: the direction
of steepest ascent. So a holomorphic function f hands gradients on as g · conj(f′).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, broadcast, complex_dtype, is_complex, is_floating, real_dtype, same_dtype
from .operand import cast, floating, full_like, together

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Conj(Function):
    """Re z − i Im z."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.conjugate(x, out=y)

    def grad_x(self, gy: Tensor) -> Tensor:
        return conj(gy)


@function
class Real(Function):
    """Re z, a view."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return x.typed(real_dtype(x.dtype))

    def alias(self, xp: Any, x: Any) -> Any:
        return x.real

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return cast(gy, x_spec.dtype)


@function
class Imag(Function):
    """Im z, a view."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return x.typed(real_dtype(x.dtype))

    def alias(self, xp: Any, x: Any) -> Any:
        return x.imag

    def grad_x(self, gy: Tensor) -> Tensor:
        return Complex()(full_like(gy, 0), gy)  # type: ignore[no-any-return]


@function
class Complex(Function):
    """re + i im."""

    stacked: ClassVar[str] = "stretched"

    def infer(self, re: Spec, im: Spec) -> Spec:
        kind = same_dtype("complex", re=re, im=im)
        expect(is_floating(kind) and kind.itemsize >= 4, "complex",
               "parts must be float32 or float64", error=DTypeError, re=re, im=im)  # fmt: skip
        return Spec(broadcast("complex", re, im), complex_dtype(kind))

    def compute(self, xp: Any, re: Any, im: Any, y: Any) -> None:
        y.real[...] = re
        y.imag[...] = im

    def grad_re(self, gy: Tensor) -> Tensor:
        return real(gy)

    def grad_im(self, gy: Tensor) -> Tensor:
        return imag(gy)


def conj(x: Tensor) -> Tensor:
    """Conjugate: y = Re x − i Im x; real numbers come back as they are."""
    return Conj()(x) if x.spec.dtype.kind == "c" else x


def real(x: Tensor) -> Tensor:
    """Take the real part, a view; real numbers come back as they are."""
    return Real()(x) if x.spec.dtype.kind == "c" else x


def imag(x: Tensor) -> Tensor:
    """Take the imaginary part, a view; of real numbers, zeros without a gradient."""
    return Imag()(x) if is_complex(x.dtype) else full_like(x, 0)


def complex(re: Any, im: Any) -> Tensor:
    """Make complex numbers of their parts: y = re + i im, broadcast.

    Raises:
        DTypeError: a part is neither float32 nor float64.
    """
    re, im = together(re, im)
    return Complex()(floating(re), floating(im))  # type: ignore[no-any-return]

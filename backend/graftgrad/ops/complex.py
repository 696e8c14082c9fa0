"""Complex numbers by angle and radius, and pairs of real numbers that are looked at as complex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, complex_dtype, float32, float64, is_complex, real_dtype
from .arithmetic import abs, div, mul, where
from .exponential import cos, sin
from .operand import contiguous, floating, full_like, together
from .parts import complex, conj

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Angle(Function):
    """The angle of z = r e^(iφ), in (−π, π]; the gradient at 0 is 0."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return x.typed(real_dtype(x.dtype))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.arctan2(x.imag, x.real, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        if not is_complex(x.dtype):
            return full_like(gy, 0)
        nonzero = abs(x) > 0
        safe = where(nonzero, x, full_like(x, 1))
        return where(nonzero, div(mul(gy, 1j), conj(safe)), full_like(x, 0))


@function
class ViewAsReal(Function):
    """Complex numbers as pairs of their parts on a new last axis, in the same memory."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        expect(is_complex(x.dtype), "view_as_real", "x must be complex", error=DTypeError, x=x)
        return Spec((*x.shape, 2), real_dtype(x.dtype))

    def alias(self, xp: Any, x: Any) -> Any:
        return x[..., None].view(real_dtype(x.dtype))

    def grad_x(self, gy: Tensor) -> Tensor:
        return view_as_complex(gy)


@function
class ViewAsComplex(Function):
    """Pairs on the last axis as complex numbers, in the same memory."""

    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        expect(x.dtype in (float32, float64), "view_as_complex", "x must be float32 or float64",
               error=DTypeError, x=x)  # fmt: skip
        expect(x.ndim > 0 and x.shape[-1] == 2, "view_as_complex",
               "the last axis must hold two numbers, real and imaginary", x=x)  # fmt: skip
        return Spec(x.shape[:-1], complex_dtype(x.dtype))

    def alias(self, xp: Any, x: Any) -> Any:
        return x.view(complex_dtype(x.dtype))[..., 0]

    def grad_x(self, gy: Tensor) -> Tensor:
        return ViewAsReal()(gy)  # type: ignore[no-any-return]


def angle(x: Tensor) -> Tensor:
    """Take the angle of x = r e^(iφ): y = φ in (−π, π]; 0 or π of real numbers."""
    return Angle()(floating(x))  # type: ignore[no-any-return]


def polar(radius: Any, phase: Any) -> Tensor:
    """Make complex numbers of radius and angle: y = radius · (cos phase + i sin phase)."""
    radius, phase = together(radius, phase)
    return complex(mul(radius, cos(phase)), mul(radius, sin(phase)))


def view_as_real(x: Tensor) -> Tensor:
    """Look at complex numbers as pairs of their parts, in the same memory.

    Shapes: x (…) -> (…, 2).

    Raises:
        DTypeError: x is real.
    """
    return ViewAsReal()(x)  # type: ignore[no-any-return]


def view_as_complex(x: Tensor) -> Tensor:
    """Look at pairs of real numbers as complex ones, in the same memory.

    What does not lie in row-major order is copied first.

    Shapes: x (…, 2) -> (…).

    Raises:
        DTypeError: x is neither float32 nor float64.
        ShapeError: the last axis does not hold two numbers.
    """
    return ViewAsComplex()(contiguous(x))  # type: ignore[no-any-return]

"""Systems of linear equations and inverses.

Gradients after M. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation", 2008, section 2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, broadcast, same_dtype
from .arithmetic import neg
from .linalg_matrix import SINGULAR, adjoint, attempted, square
from .matmul import matmul, swapped
from .operand import floating, together
from .shape import reshape
from .triangle import tril, triu

if TYPE_CHECKING:
    from ..tensor import Tensor

_INVERTIBLE = "every matrix must be invertible"
_BLOCK = 64


@function
class Inv(Function):
    """x⁻¹. Gradient −yᴴ gy yᴴ."""

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return square("inv", x).like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = attempted("inv", _INVERTIBLE, SINGULAR, xp.linalg.inv, x)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        turned = adjoint(y)
        return neg(matmul(matmul(turned, gy), turned))


class Equations(Function):
    """a y = b of matrices; both gradients come of one solution with aᴴ."""

    takes_complex: ClassVar[bool] = True
    subject: ClassVar[str] = "solve"
    stacked: ClassVar[str] = "stretched"

    def infer(self, a: Spec, b: Spec) -> Spec:
        square(self.subject, a)
        expect(b.ndim >= 2 and b.shape[-2] == a.shape[-1], self.subject,
               "rows of b must be columns of a", a=a, b=b)  # fmt: skip
        lead = broadcast(self.subject, a.shaped(*a.shape[:-2]), b.shaped(*b.shape[:-2]))
        return Spec((*lead, *b.shape[-2:]), same_dtype(self.subject, a=a, b=b))


@function
class Solve(Equations):
    """a⁻¹ b. With g = a⁻ᴴ gy, the gradients are −g yᴴ and g."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        b = b.reshape((1,) * (a.ndim - b.ndim) + b.shape)  # NumPy 1 takes fewer axes for vectors
        y[...] = attempted("solve", _INVERTIBLE, SINGULAR, xp.linalg.solve, a, b)

    def grads(self, gy: Tensor, a: Tensor, y: Tensor) -> list[Tensor | None]:
        g: Tensor = Solve()(adjoint(a), gy)
        return [neg(matmul(g, adjoint(y))), g]


@function
class SolveTriangular(Equations):
    """a⁻¹ b of a triangle, by substitution in blocks; the other triangle is not read."""

    upper: bool
    unitriangular: bool = False

    subject: ClassVar[str] = "solve_triangular"

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        size = a.shape[-1]
        triangle = xp.triu(a) if self.upper else xp.tril(a)
        if self.unitriangular:
            triangle[..., xp.arange(size), xp.arange(size)] = 1
        starts = range(0, size, _BLOCK)
        y[...] = b
        for start in reversed(starts) if self.upper else starts:
            stop = min(start + _BLOCK, size)
            done = slice(stop, size) if self.upper else slice(0, start)
            rest = y[..., start:stop, :] - triangle[..., start:stop, done] @ y[..., done, :]
            y[..., start:stop, :] = attempted(
                self.subject, "no element of the diagonal may be 0", SINGULAR,
                xp.linalg.solve, triangle[..., start:stop, start:stop], rest,
            )  # fmt: skip

    def grads(self, gy: Tensor, a: Tensor, y: Tensor) -> list[Tensor | None]:
        g: Tensor = SolveTriangular(not self.upper, self.unitriangular)(adjoint(a), gy)
        whole, k = neg(matmul(g, adjoint(y))), int(self.unitriangular)
        return [triu(whole, k) if self.upper else tril(whole, -k), g]


def inv(a: Tensor) -> Tensor:
    """Invert square matrices: a · y = I.

    Shapes: a (…, I, I) -> (…, I, I).

    Raises:
        ShapeError: the matrix is not square.
        DataError: a matrix is singular.
    """
    return Inv()(floating(a))  # type: ignore[no-any-return]


def solve(a: Any, b: Any) -> Tensor:
    """Solve square systems of equations: a · y = b.

    Shapes: a (…, I, I), b (…, I, J) or (I,) -> the shape of b; leading axes broadcast.

    Raises:
        ShapeError: a is not square, or b does not fit.
        DataError: a matrix is singular.
    """
    a, b = (floating(x) for x in together(a, b))
    if b.ndim == 1:
        y = Solve()(a, reshape(b, (-1, 1)))
        return reshape(y, y.shape[:-1])
    return Solve()(a, b)  # type: ignore[no-any-return]


def solve_triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Solve systems with a triangular matrix: a · y = b, or y · a = b.

    Shapes: a (…, I, I), b (…, I, J) -> (…, I, J); with left=False b and y are (…, J, I).

    Args:
        a: the matrix; only one triangle is read.
        b: the right-hand sides.
        upper: whether the upper triangle is read.
        left: whether a stands left of y.
        unitriangular: take the diagonal for ones, and do not read it.

    Raises:
        ShapeError: a is not square, or b does not fit.
        DataError: an element of the diagonal is 0.
    """
    a, b = (floating(x) for x in together(a, b))
    if left:
        return SolveTriangular(upper, unitriangular)(a, b)  # type: ignore[no-any-return]
    turned = SolveTriangular(not upper, unitriangular)(swapped(a), swapped(b))
    return swapped(turned)

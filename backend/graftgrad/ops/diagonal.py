"""Diagonals of matrices: as views, as matrices of their own, and their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, axis_within
from .reduce import sum
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Diagonal(Function):
    """The elements where the index on `axis2` is that on `axis1` plus `offset`, on a last axis."""

    offset: int
    axis1: int
    axis2: int

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        rows, columns = x.shape[self.axis1], x.shape[self.axis2]
        rest = [size for i, size in enumerate(x.shape) if i not in (self.axis1, self.axis2)]
        return x.shaped(*rest, _length(rows, columns, self.offset))

    def alias(self, xp: Any, x: Any) -> Any:
        part = x.diagonal(self.offset, self.axis1, self.axis2)
        return _writable(part) if getattr(x.flags, "writeable", False) else part

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return OnDiagonal(self.offset, self.axis1, self.axis2, x_spec.shape)(gy)  # type: ignore[no-any-return]


@function
class OnDiagonal(Function):
    """Zeros of a shape with the operand on a diagonal: the gradient of Diagonal."""

    offset: int
    axis1: int
    axis2: int
    shape: tuple[int, ...]

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return Spec(self.shape, x.dtype)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = 0
        part = _writable(y.diagonal(self.offset, self.axis1, self.axis2))
        part[...] = x

    def mapped(self, x: Tensor) -> Tensor:
        shape = (x.shape[0], *self.shape)
        return OnDiagonal(self.offset, self.axis1 + 1, self.axis2 + 1, shape)(x)  # type: ignore[no-any-return]

    def grad_x(self, gy: Tensor) -> Tensor:
        return Diagonal(self.offset, self.axis1, self.axis2)(gy)  # type: ignore[no-any-return]


def _writable(part: Any) -> Any:
    """Return a diagonal; NumPy hands it out read-only, other libraries have no such thing."""
    if hasattr(part.flags, "writeable"):
        part.flags.writeable = True
    return part


def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Take a diagonal of the matrices on two axes, a view: its axis comes last.

    y[…, i] = x[…, i, …, i + offset, …]

    Raises:
        ShapeError: the axes are not two different ones.
    """
    first, second = _two("diagonal", x, axis1, axis2)
    return Diagonal(int(offset), first, second)(x)  # type: ignore[no-any-return]


def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Add up a diagonal of the matrices on two axes.

    Raises:
        ShapeError: the axes are not two different ones.
    """
    return sum(diagonal(x, offset, axis1, axis2), -1)


def diag(x: Tensor, k: int = 0) -> Tensor:
    """Take diagonal k of a matrix, or make the matrix that has a vector as its diagonal k.

    Raises:
        ShapeError: x is neither vector nor matrix.
    """
    expect(x.ndim in (1, 2), "diag", "must be a vector or a matrix", x=x.spec)
    return diagonal(x, k) if x.ndim == 2 else diag_embed(x, k)


def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """Make the matrix that has all elements of x, in row-major order, as its diagonal k."""
    return diag_embed(reshape(x, (-1,)), k)


def diag_embed(x: Tensor, offset: int = 0) -> Tensor:
    """Make matrices that have the last axis of x as a diagonal.

    Shapes: x (…, D) -> (…, D + |offset|, D + |offset|).

    Raises:
        ShapeError: x has no axis.
    """
    expect(x.ndim > 0, "diag_embed", "there must be at least one axis", x=x.spec)
    size = x.shape[-1] + abs(offset)
    lead = x.shape[:-1]
    n = len(lead)
    return OnDiagonal(int(offset), n, n + 1, (*lead, size, size))(x)  # type: ignore[no-any-return]


def _length(rows: int, columns: int, offset: int) -> int:
    return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


def _two(subject: str, x: Tensor, axis1: int, axis2: int) -> tuple[int, int]:
    expect(x.ndim >= 2, subject, "there must be at least two axes", x=x.spec)
    first, second = axis_within(subject, axis1, x.ndim), axis_within(subject, axis2, x.ndim)
    expect(first != second, subject, "axes must differ", axis1=axis1, axis2=axis2)
    return first, second

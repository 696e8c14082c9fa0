"""Triangles and diagonals of matrices, which stand on the last two axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import Spec
from .arithmetic import mul
from .operand import cast
from .reduce import sum
from .shape import expand_dims, sliced

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Triangle(Function):
    """Zeros above, or below, a diagonal; `k` counts diagonals from the main one to the right."""

    lower: bool
    k: int = 0

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        expect(x.ndim >= 2, "tril" if self.lower else "triu", "x must have at least 2 axes", x=x)
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = xp.tril(x, self.k) if self.lower else xp.triu(x, self.k)

    def grad_x(self, gy: Tensor) -> Tensor:
        return Triangle(self.lower, self.k)(gy)  # type: ignore[no-any-return]


def tril(x: Tensor, k: int = 0) -> Tensor:
    """Keep the lower triangle: y[…, i, j] = x[…, i, j] where j − i ≤ k, else 0.

    Shapes: x (…, I, J) -> (…, I, J).

    Raises:
        ShapeError: there are fewer than two axes.
    """
    return Triangle(True, int(k))(x)  # type: ignore[no-any-return]


def triu(x: Tensor, k: int = 0) -> Tensor:
    """Keep the upper triangle: y[…, i, j] = x[…, i, j] where j − i ≥ k, else 0.

    Shapes: x (…, I, J) -> (…, I, J).

    Raises:
        ShapeError: there are fewer than two axes.
    """
    return Triangle(False, int(k))(x)  # type: ignore[no-any-return]


def identity(x: Tensor, size: int) -> Tensor:
    """Return the identity matrix in the element type and place of x."""
    return cast(x.like(np.eye(size)), x.dtype)


def diagonal_of(x: Tensor) -> Tensor:
    """Take the main diagonal: (…, I, J) -> (…, min(I, J))."""
    size = min(x.shape[-2:])
    square = sliced(sliced(x, -1, 0, size), -2, 0, size)
    return sum(mul(square, identity(x, size)), -1)


def diagonal_matrix(x: Tensor) -> Tensor:
    """Put vectors on the diagonals of matrices: (…, I) -> (…, I, I)."""
    return mul(expand_dims(x, -1), identity(x, x.shape[-1]))

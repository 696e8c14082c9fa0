"""Products of matrices of one kind, and products with something added, as PyTorch names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import expect
from .arithmetic import add, div, mul
from .matmul import matmul
from .operand import together

if TYPE_CHECKING:
    from ..tensor import Tensor


def mm(a: Any, b: Any) -> Tensor:
    """Multiply two matrices: (I, K) · (K, J) -> (I, J).

    Raises:
        ShapeError: one is no matrix, or the columns of a are not the rows of b.
    """
    return _product("mm", a, b, 2, 2)


def bmm(a: Any, b: Any) -> Tensor:
    """Multiply two batches of matrices: (N, I, K) · (N, K, J) -> (N, I, J).

    Raises:
        ShapeError: one has not three axes, or the sizes do not fit.
    """
    return _product("bmm", a, b, 3, 3)


def mv(a: Any, b: Any) -> Tensor:
    """Multiply a matrix with a vector: (I, K) · (K,) -> (I,).

    Raises:
        ShapeError: a is no matrix, b is no vector, or the sizes do not fit.
    """
    return _product("mv", a, b, 2, 1)


def addmm(x: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add a product of matrices: y = beta · x + alpha · a · b; x is stretched to its shape.

    With beta = 0 the values of x do not count, whatever they are.

    Raises:
        ShapeError: a or b is no matrix, or the sizes do not fit.
    """
    x, a, b = together(x, a, b)
    return _added(x, _product("addmm", a, b, 2, 2), beta, alpha)


def addmv(x: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add a product of a matrix with a vector: y = beta · x + alpha · a · b.

    Raises:
        ShapeError: a is no matrix, b is no vector, or the sizes do not fit.
    """
    x, a, b = together(x, a, b)
    return _added(x, _product("addmv", a, b, 2, 1), beta, alpha)


def baddbmm(x: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add products of a batch of matrices: y = beta · x + alpha · a · b, for each sample.

    Raises:
        ShapeError: a or b has not three axes, or the sizes do not fit.
    """
    x, a, b = together(x, a, b)
    return _added(x, _product("baddbmm", a, b, 3, 3), beta, alpha)


def addcmul(x: Any, a: Any, b: Any, *, value: float = 1) -> Tensor:
    """Add a product: y = x + value · a · b, element by element; all broadcast."""
    x, a, b = together(x, a, b)
    return add(x, _scaled(mul(a, b), value))


def addcdiv(x: Any, a: Any, b: Any, *, value: float = 1) -> Tensor:
    """Add a quotient: y = x + value · a / b, element by element; all broadcast."""
    x, a, b = together(x, a, b)
    return add(x, _scaled(div(a, b), value))


def _product(subject: str, a: Any, b: Any, axes_a: int, axes_b: int) -> Tensor:
    a, b = together(a, b)
    expect((a.ndim, b.ndim) == (axes_a, axes_b), subject,
           f"a must have {axes_a} axes and b must have {axes_b}",
           a=a.spec, b=b.spec, advice="`matmul` takes all kinds, and broadcasts.")  # fmt: skip
    if axes_b == 3:
        expect(a.shape[0] == b.shape[0], subject, "both must have as many matrices",
               a=a.spec, b=b.spec)  # fmt: skip
    return matmul(a, b)


def _added(x: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    product = _scaled(product, alpha)
    return add(_scaled(x, beta), product) if beta else product


def _scaled(x: Any, factor: float) -> Any:
    return x if factor == 1 else mul(x, factor)

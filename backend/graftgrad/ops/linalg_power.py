"""Products of many matrices, powers and exponentials of one, and cross products."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, axis_within, broadcast
from .linalg_matrix import adjoint, square
from .linalg_solve import inv
from .matmul import matmul
from .operand import floating, full_like, together
from .shape import broadcast_to, concatenate, reshape, sliced
from .tiles import largest
from .triangle import identity

if TYPE_CHECKING:
    from ..tensor import Tensor

# Numerator of the approximant of degree 13, and the norm up to which it is exact to double
# precision: N. Higham, "The scaling and squaring method for the matrix exponential revisited",
# 2005, table 2.3 and algorithm 2.3.
_PADE = (
    *(64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800),
    *(129060195264000, 10559470521600, 670442572800, 33522128640, 1323241920, 40840800),
    *(960960, 16380, 182, 1),
)
_REACH = 5.371920351148152


@function
class MatrixExp(Function):
    """e to the power of a matrix, by scaling and squaring.

    The gradient is a corner of a larger exponential, e^[[xᴴ, g], [0, xᴴ]]: R. Mathias, "A chain
    rule for matrix functions and applications", 1996.
    """

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return square("matrix_exp", x).like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(all="ignore"):
            size = largest(xp, xp.abs(x).sum(-2), 0)
            ratio = xp.maximum(size / _REACH, 1)
            squares = xp.where(xp.isfinite(ratio), xp.ceil(xp.log2(ratio)), 0).astype("int64")
            small = x / (2.0 ** squares[..., None, None]).astype(x.real.dtype)
            powers = [xp.broadcast_to(xp.eye(x.shape[-1], dtype=x.dtype), x.shape), small @ small]
            powers += [powers[1] @ powers[1]]
            powers += [powers[1] @ powers[2]]
            even = sum(c * p for c, p in zip(_PADE[0:7:2], powers, strict=True))
            even = even + powers[3] @ sum(
                c * p for c, p in zip(_PADE[8::2], powers[1:], strict=True)
            )
            odd = sum(c * p for c, p in zip(_PADE[1:8:2], powers, strict=True))
            odd = small @ (
                odd + powers[3] @ sum(c * p for c, p in zip(_PADE[9::2], powers[1:], strict=True))
            )
            finite = xp.isfinite(even - odd).all((-2, -1), keepdims=True)
            below = xp.where(finite, even - odd, powers[0])
            y[...] = xp.where(finite, xp.linalg.solve(below, even + odd), xp.nan)
            for i in range(int(squares.max()) if squares.size else 0):
                again = (squares > i)[..., None, None]
                y[...] = xp.where(again, y @ y, y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        turned = adjoint(x)
        size = x.shape[-1]
        above = concatenate((turned, gy), -1)
        below = concatenate((full_like(gy, 0), turned), -1)
        whole = MatrixExp()(concatenate((above, below), -2))
        return sliced(sliced(whole, -2, 0, size), -1, size, 2 * size)


def matrix_exp(a: Tensor) -> Tensor:
    """Raise e to the power of square matrices: y = Σ aⁿ / n!.

    Shapes: a (…, I, I) -> (…, I, I).

    Raises:
        ShapeError: the matrix is not square.
    """
    return MatrixExp()(floating(a))  # type: ignore[no-any-return]


def matrix_power(a: Tensor, n: int) -> Tensor:
    """Multiply square matrices with themselves: y = aⁿ; of a negative n, the inverse |n| times.

    Shapes: a (…, I, I) -> (…, I, I).

    Raises:
        ShapeError: the matrix is not square.
        DTypeError: n is no integer.
        DataError: n is negative and a matrix is singular.
    """
    expect(hasattr(n, "__index__"), "matrix_power", "n must be an integer", error=DTypeError, n=n)
    a, left = floating(a), operator.index(n)
    square("matrix_power", a.spec)
    if left < 0:
        a, left = inv(a), -left
    y: Tensor | None = None
    while left:
        if left % 2:
            y = a if y is None else matmul(y, a)
        left //= 2
        if left:
            a = matmul(a, a)
    return broadcast_to(identity(a, a.shape[-1]), a.shape) if y is None else y


def multi_dot(arrays: Sequence[Any]) -> Tensor:
    """Multiply two matrices or more in the order that needs the fewest multiplications.

    Shapes: (I, J), (J, K), … -> (I, Z); the first may be a row (J,), the last a column.

    Raises:
        ShapeError: there are fewer than two, or they do not fit.
    """
    expect(len(arrays) >= 2, "multi_dot", "there must be at least two matrices", arrays=len(arrays))
    xs = list(together(*arrays))
    first, last = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = reshape(xs[0], (1, -1)) if first else xs[0]
    xs[-1] = reshape(xs[-1], (-1, 1)) if last else xs[-1]
    for i, x in enumerate(xs):
        fits = x.ndim == 2 and (i == 0 or xs[i - 1].shape[-1] == x.shape[0])
        expect(fits, "multi_dot", "columns of each matrix must be rows of the next",
               index=i, shapes=[one.shape for one in xs])  # fmt: skip
    y = _chained(xs, _splits([xs[0].shape[0], *(x.shape[1] for x in xs)]), 0, len(xs) - 1)
    shape = tuple(n for n, gone in zip(y.shape, (first, last), strict=True) if not gone)
    return reshape(y, shape)


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return behind which matrix each run of them is best cut in two: T. Cormen et al., 15.2."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], cut[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return cut


def _chained(xs: list[Tensor], cut: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return xs[i]
    k = cut[i, j]
    return matmul(_chained(xs, cut, i, k), _chained(xs, cut, k + 1, j))


def cross(a: Any, b: Any, *, axis: int = -1) -> Tensor:
    """Multiply vectors of three numbers into one that is perpendicular to both: y = a × b.

    Shapes: a (…, 3), b (…, 3) -> (…, 3); they broadcast.

    Args:
        a: the first vectors.
        b: the second vectors.
        axis: where the three numbers stand.

    Raises:
        ShapeError: there are not three numbers, or the shapes do not stretch.
    """
    a, b = together(a, b)
    shape = broadcast("cross", a.spec, b.spec)
    place = axis_within("cross", axis, len(shape))
    a, b = broadcast_to(a, shape), broadcast_to(b, shape)
    expect(shape[place] == 3, "cross", "vectors must have three numbers", a=a.spec, b=b.spec)
    x, y = ([sliced(one, place, i, i + 1) for i in range(3)] for one in (a, b))
    return concatenate(
        [x[i - 2] * y[i - 1] - x[i - 1] * y[i - 2] for i in range(3)], place
    )  # fmt: skip

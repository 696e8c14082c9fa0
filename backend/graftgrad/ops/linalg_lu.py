"""Factors L · U in one matrix with the exchanges of its rows, as LAPACK keeps them; to solve by.

The factors themselves are found in `linalg_factor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DataError, expect
from ..function import Function, function
from ..spec import Spec, broadcast, int32, int64
from .gather import Gather, expect_integers
from .linalg_factor import factored
from .linalg_matrix import adjoint as turned
from .linalg_matrix import matrix, square
from .linalg_solve import solve_triangular
from .operand import floating
from .order import argsort
from .shape import broadcast_to, expand_dims, pad
from .triangle import tril, triu

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Exchanges(Function):
    """Exchanges with row k = 1, 2, …, one after the other, that bring rows into an order."""

    count: int

    def infer(self, order: Spec) -> Spec:
        return Spec((*order.shape[:-1], self.count), int32)

    def compute(self, xp: Any, order: Any, y: Any) -> None:
        held = xp.broadcast_to(xp.arange(order.shape[-1]), order.shape).copy()
        for k in range(self.count):
            there = held[..., k:] == order[..., k, None]
            found = xp.argmax(there, axis=-1)[..., None] + k
            _exchange(xp, held, k, found)
            y[..., k] = found[..., 0] + 1


@function
class Exchanged(Function):
    """The order into which such exchanges bring a number of rows: int64, (…, rows)."""

    rows: int

    def infer(self, pivots: Spec) -> Spec:
        expect_integers("lu_solve", pivots)
        return Spec((*pivots.shape[:-1], self.rows), int64)

    def compute(self, xp: Any, pivots: Any, y: Any) -> None:
        within = bool(((pivots >= 1) & (pivots <= self.rows)).all())
        expect(within, "lu_solve", f"pivots must lie in [1, {self.rows}]", error=DataError,
               pivots=pivots)  # fmt: skip
        y[...] = xp.arange(self.rows)
        for k in range(pivots.shape[-1]):
            _exchange(xp, y, k, pivots[..., k, None] - 1)


def _exchange(xp: Any, order: Any, k: int, found: Any) -> None:
    """Exchange place k of orders with the places found, (…, 1)."""
    other = xp.take_along_axis(order, found, -1)
    xp.put_along_axis(order, found, order[..., k, None], -1)
    order[..., k] = other[..., 0]


def lu_factor(a: Tensor) -> tuple[Tensor, Tensor]:
    """Factor with exchanged rows, as P · L · U: both triangles in one matrix, and the exchanges.

    The ones on the diagonal of L are not kept. Row k was exchanged with row pivots[k], from 1 on.

    Shapes: a (…, I, J) -> LU (…, I, J), pivots (…, K), int32, with K = min(I, J).

    Raises:
        ShapeError: a has fewer than two axes.
        DataError: I and J differ, and the first columns are not independent.
    """
    order, lower, upper = factored(floating(a))
    rows, columns = a.shape[-2:]
    size, lead = min(rows, columns), [(0, 0)] * (a.ndim - 2)
    below = pad(tril(lower, -1), [*lead, (0, 0), (0, columns - size)])
    above = pad(triu(upper), [*lead, (0, rows - size), (0, 0)])
    return below + above, Exchanges(size)(order)


def lu_solve(
    factors: Tensor, pivots: Tensor, b: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """Solve a · X = b by what `lu_factor` returns of a, as often as there are right sides.

    Shapes: factors (…, I, I), pivots (…, I), b (…, I, J) -> (…, I, J); the batches broadcast.

    Args:
        factors: both triangles.
        pivots: the exchanges of rows.
        b: the right sides.
        left: False for X · a = b, b (…, J, I).
        adjoint: take aᴴ in the place of a.

    Raises:
        ShapeError: the matrices are not square, or b does not fit.
        DTypeError: pivots are no integers.
        DataError: a is singular, or a pivot is no row.
    """
    if not left:
        matrix("lu_solve", b.spec)
        return turned(lu_solve(factors, pivots, turned(b), adjoint=not adjoint))
    rows = square("lu_solve", factors.spec).shape[-1]
    expect(pivots.shape == factors.shape[:-1], "lu_solve", "there must be one pivot for each row",
           factors=factors.spec, pivots=pivots.spec)  # fmt: skip
    expect(b.ndim >= 2 and b.shape[-2] == rows, "lu_solve", "b must have as many rows as a",
           factors=factors.spec, b=b.spec)  # fmt: skip
    lead = broadcast("lu_solve", factors.spec.shaped(*factors.shape[:-2]),
                     b.spec.shaped(*b.shape[:-2]))  # fmt: skip
    b = broadcast_to(b, (*lead, *b.shape[-2:]))
    order = Exchanged(rows)(pivots.detach())
    lower, upper = tril(factors), triu(factors)
    if adjoint:
        x = solve_triangular(turned(upper), b, upper=False)
        x = solve_triangular(turned(lower), x, upper=True, unitriangular=True)
        return _sorted(x, argsort(order))
    x = solve_triangular(lower, _sorted(b, order), upper=False, unitriangular=True)
    return solve_triangular(upper, x, upper=True)


def _sorted(x: Tensor, order: Tensor) -> Tensor:
    """Return the rows of x in an order."""
    return Gather(x.ndim - 2)(x, broadcast_to(expand_dims(order, -1), x.shape))  # type: ignore[no-any-return]

"""Running products and extrema, and differences along an axis. Running sums: `order`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, axis_within, int64, same_dtype
from .arithmetic import mul, sub
from .compare import not_equal
from .gather import Gather
from .operand import counted
from .shape import flip, pad, sliced

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class CumProd(Function):
    """Running products along an axis."""

    axis: int

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = xp.cumprod(x, axis=self.axis, dtype=y.dtype)

    def grad_x(self, gy: Tensor, x: Tensor, y: Tensor) -> Tensor:
        # Π_{j<i} x[j] · (g[i] + x[i+1] · (g[i+1] + x[i+2] · …)): no division, zeros may be
        before = _shifted(y, self.axis, 1, 1.0)
        factors = flip(_shifted(x, self.axis, -1, 0.0), self.axis)
        behind = flip(Recurrence(self.axis)(factors, flip(gy, self.axis)), self.axis)
        return mul(before, behind)


@function
class Recurrence(Function):
    """y[i] = a[i] · y[i − 1] + b[i] along an axis, from y[−1] = 0."""

    axis: int

    stacked: ClassVar[str] = "shifted"

    def infer(self, a: Spec, b: Spec) -> Spec:
        same_dtype("recurrence", a=a, b=b)
        expect(a.shape == b.shape, "recurrence", "operands must have one shape", a=a, b=b)
        return a.like()

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        a, b, y = (xp.moveaxis(one, self.axis, 0) for one in (a, b, y))
        for i in range(len(y)):
            y[i] = b[i] if i == 0 else a[i] * y[i - 1] + b[i]

    def grad_a(self, gy: Tensor, a: Tensor, y: Tensor) -> Tensor:
        return mul(self._back(gy, a), _shifted(y, self.axis, 1, 0.0))

    def grad_b(self, gy: Tensor, a: Tensor) -> Tensor:
        return self._back(gy, a)

    def _back(self, gy: Tensor, a: Tensor) -> Tensor:
        factors = flip(_shifted(a, self.axis, -1, 0.0), self.axis)
        return flip(self(factors, flip(gy, self.axis)), self.axis)


@function
class RunningPlace(Function):
    """The place of the largest or smallest element so far along an axis; the last of several."""

    axis: int
    largest: bool

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return Spec(x.shape, int64)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        best = _best(xp.maximum if self.largest else xp.minimum, x, self.axis)
        sizes = [-1 if i == self.axis else 1 for i in range(x.ndim)]
        places = xp.arange(x.shape[self.axis]).reshape(sizes)
        y[...] = _best(xp.maximum, xp.where((x == best) | (x != x), places, 0), self.axis)


def _best(better: Any, x: Any, axis: int) -> Any:
    """Return the better of all elements so far, by doubling where there is no accumulation."""
    try:
        return better.accumulate(x, axis=axis)
    except NotImplementedError:
        pass
    y, step = x.copy(), 1
    lead = (slice(None),) * axis
    while step < x.shape[axis]:
        later, earlier = (*lead, slice(step, None)), (*lead, slice(-step))
        y[later] = better(y[later], y[earlier])
        step *= 2
    return y


def cumprod(x: Tensor, axis: int = 0) -> Tensor:
    """Multiply up along an axis: y[i] = Π_{j ≤ i} x[j]; small whole numbers become int64.

    Raises:
        ShapeError: there is no such axis.
    """
    return CumProd(axis_within("cumprod", axis, x.ndim))(counted(x))  # type: ignore[no-any-return]


def cummax(x: Tensor, axis: int = 0) -> tuple[Tensor, Tensor]:
    """Find the largest element so far along an axis, and its int64 place; the last of several.

    Raises:
        ShapeError: there is no such axis.
    """
    return _running("cummax", x, axis, True)


def cummin(x: Tensor, axis: int = 0) -> tuple[Tensor, Tensor]:
    """Find the smallest element so far along an axis, and its int64 place; the last of several.

    Raises:
        ShapeError: there is no such axis.
    """
    return _running("cummin", x, axis, False)


def diff(x: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Subtract neighbours along an axis, n times: y[i] = x[i + 1] − x[i]; of truth values, ≠.

    Raises:
        ShapeError: there is no such axis, or n is negative.
    """
    expect(n >= 0, "diff", "n must not be negative", n=n)
    place = axis_within("diff", axis, x.ndim)
    for _ in range(n):
        size = x.shape[place]
        later, earlier = sliced(x, place, 1, size), sliced(x, place, 0, max(size - 1, 0))
        x = not_equal(later, earlier) if x.dtype == np.bool_ else sub(later, earlier)
    return x


def _running(subject: str, x: Tensor, axis: int, largest: bool) -> tuple[Tensor, Tensor]:
    place = axis_within(subject, axis, x.ndim)
    places = RunningPlace(place, largest)(x)
    return Gather(place)(x, places), places


def _shifted(x: Tensor, axis: int, by: int, value: float) -> Tensor:
    """Move by one along an axis and put a value at the end that became free."""
    size = x.shape[axis]
    if not size:
        return x
    part = sliced(x, axis, 0, size - 1) if by > 0 else sliced(x, axis, 1, size)
    margin = (1, 0) if by > 0 else (0, 1)
    return pad(part, [margin if i == axis else (0, 0) for i in range(x.ndim)], value)

"""Running products and extrema, and differences along an axis. Running sums: `order`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, axis_within, int64, same_dtype
from .arithmetic import add, mul, sub
from .compare import not_equal
from .gather import Gather
from .operand import counted, floating, together
from .order import cumsum
from .reduce import sum
from .shape import concatenate, flip, pad, reshape, sliced
from .special import logaddexp

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


def logcumsumexp(x: Tensor, axis: int = 0) -> Tensor:
    """Add up exponentials along an axis and return the logarithms: y[i] = log Σ_{j ≤ i} exp x[j].

    Nothing overflows: sums over 1, 2, 4, … elements are joined by `logaddexp`.

    Raises:
        ShapeError: there is no such axis.
    """
    y = floating(x)
    place = axis_within("logcumsumexp", axis, x.ndim)
    size, step = x.shape[place], 1
    while step < size:
        later = logaddexp(sliced(y, place, step, size), sliced(y, place, 0, size - step))
        y = concatenate([sliced(y, place, 0, step), later], place)
        step *= 2
    return y


def trapezoid(y: Tensor, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Integrate along an axis by the trapezoidal rule: Σ (x[i + 1] − x[i]) · (y[i + 1] + y[i]) / 2.

    Args:
        y: values.
        x: where they were taken, a vector or what broadcasts with y; dx apart if None.
        dx: the distance of neighbours.
        axis: along which.

    Raises:
        ShapeError: there is no such axis, or x does not fit.
    """
    place = axis_within("trapezoid", axis, y.ndim)
    return sum(_areas("trapezoid", y, x, dx, place), place)


def cumulative_trapezoid(y: Tensor, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Integrate along an axis up to each point but the first: the running sums of `trapezoid`.

    Raises:
        ShapeError: there is no such axis, or x does not fit.
    """
    place = axis_within("cumulative_trapezoid", axis, y.ndim)
    return cumsum(_areas("cumulative_trapezoid", y, x, dx, place), place)


def _areas(subject: str, y: Tensor, x: Any, dx: float, place: int) -> Tensor:
    y, size = floating(y), y.shape[place]
    expect(size > 0, subject, "there must be at least one value along the axis", y=y.spec)
    both = add(sliced(y, place, 1, size), sliced(y, place, 0, size - 1))
    if x is None:
        return mul(both, dx / 2)
    y, where = together(y, x)
    expect(where.ndim == 1 or where.ndim == y.ndim, subject,
           "x must be a vector, or have as many axes as y", y=y.spec, x=where.spec)  # fmt: skip
    along = 0 if where.ndim == 1 else place
    expect(where.shape[along] == size, subject, "x must be as long as y along the axis",
           y=y.spec, x=where.spec)  # fmt: skip
    steps = diff(where, 1, along)
    if where.ndim == 1:
        steps = reshape(steps, tuple(size - 1 if i == place else 1 for i in range(y.ndim)))
    return mul(mul(both, 0.5), steps)


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

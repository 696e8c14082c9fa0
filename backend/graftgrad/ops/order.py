"""Order and ranks along an axis, running sums, and the places of what is not zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, axis_within, int64
from .gather import Gather
from .operand import counted
from .shape import sliced

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class ArgSort(Function):
    """The places of the elements along an axis in ascending or descending order."""

    axis: int
    descending: bool = False

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return Spec(x.shape, int64)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        if not self.descending:
            y[...] = xp.argsort(x, axis=self.axis, kind="stable")
            return
        turned = xp.argsort(xp.flip(x, self.axis), axis=self.axis, kind="stable")
        y[...] = x.shape[self.axis] - 1 - xp.flip(turned, self.axis)


@function
class CumSum(Function):
    """Running sums along an axis, from the front or from the back."""

    axis: int
    backward: bool = False

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        if self.backward:
            x, y = xp.flip(x, self.axis), xp.flip(y, self.axis)
        y[...] = xp.cumsum(x, axis=self.axis, dtype=y.dtype)

    def grad_x(self, gy: Tensor) -> Tensor:
        return CumSum(self.axis, not self.backward)(gy)  # type: ignore[no-any-return]


def argsort(x: Tensor, axis: int = -1, descending: bool = False) -> Tensor:
    """Find the order of elements along an axis: int64 places; elements that tie keep their order.

    Raises:
        ShapeError: there is no such axis.
    """
    return ArgSort(axis_within("argsort", axis, x.ndim), descending)(x)  # type: ignore[no-any-return]


def sort(x: Tensor, axis: int = -1, descending: bool = False) -> Tensor:
    """Put elements along an axis in order.

    Raises:
        ShapeError: there is no such axis.
    """
    place = axis_within("sort", axis, x.ndim)
    return Gather(place)(x, ArgSort(place, descending)(x))  # type: ignore[no-any-return]


def top_k(x: Tensor, k: int, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Find the k largest elements along an axis, largest first: their values and int64 places.

    Raises:
        ShapeError: there is no such axis, or it holds fewer than k.
    """
    place = axis_within("top_k", axis, x.ndim)
    expect(0 <= k <= x.shape[place], "top_k", "k must lie between 0 and the size of the axis",
           x=x.spec, axis=axis, k=k)  # fmt: skip
    places = sliced(ArgSort(place, descending=True)(x), place, 0, k)
    return Gather(place)(x, places), places


def cumsum(x: Tensor, axis: int = 0) -> Tensor:
    """Add up along an axis: y[i] = Σ_{j ≤ i} x[j].

    Raises:
        ShapeError: there is no such axis.
    """
    return CumSum(axis_within("cumsum", axis, x.ndim))(counted(x))  # type: ignore[no-any-return]


def topk(
    x: Tensor, k: int, axis: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Tensor, Tensor]:
    """Find the k largest or smallest elements along an axis: their values and int64 places.

    The result is always in order, so `sorted` changes nothing; it is PyTorch's.

    Raises:
        ShapeError: there is no such axis, or it holds fewer than k.
    """
    if largest:
        return top_k(x, k, axis)
    place = axis_within("topk", axis, x.ndim)
    expect(0 <= k <= x.shape[place], "topk", "k must lie between 0 and the size of the axis",
           x=x.spec, axis=axis, k=k)  # fmt: skip
    places = sliced(ArgSort(place)(x), place, 0, k)
    return Gather(place)(x, places), places


def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """Find the places of what is not zero, in row-major order: (n,) int64 for every axis.

    They pick what they were found by: x[nonzero(x)]. Found on the host. The same as rows of one
    tensor is `argwhere`.

    Raises:
        DeviceError: the tensor has no values.
    """
    found = np.nonzero(np.atleast_1d(x.device.fetch(x.array)))
    return tuple(x.like(places.astype("int64")) for places in found[: max(x.ndim, 1)])

"""Elements written by their places, out of place and with gradients: x with a part replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..function import Function, function
from ..spec import DType, Spec, int64
from .arithmetic import mul
from .gather import Take
from .index import getitem, stretched_value
from .operand import cast
from .shape import reshape
from .update import fitting

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Replace(Function):
    """x with the elements at flat places replaced; of several values for one, the last stays."""

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec, part: Spec, places: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, part: Any, places: Any, y: Any) -> None:
        y[...] = x
        y.reshape(-1)[places.reshape(-1)] = part.reshape(-1)

    def grad_x(self, gy: Tensor, places: Tensor) -> Tensor:
        return Cleared()(gy, places)  # type: ignore[no-any-return]

    def grad_part(self, gy: Tensor, places: Tensor) -> Tensor:
        stays = LastWritten(gy.size, gy.dtype)(places)
        return mul(Take(0, "index")(reshape(gy, (-1,)), places), stays)


@function
class Cleared(Function):
    """x with zeros at flat places."""

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec, places: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, places: Any, y: Any) -> None:
        y[...] = x
        y.reshape(-1)[places] = 0

    def grad_x(self, gy: Tensor, places: Tensor) -> Tensor:
        return Cleared()(gy, places)  # type: ignore[no-any-return]


@function
class LastWritten(Function):
    """1 for each flat place that no later one repeats, else 0."""

    size: int
    dtype: DType

    def infer(self, places: Spec) -> Spec:
        return Spec(places.shape, self.dtype)

    def compute(self, xp: Any, places: Any, y: Any) -> None:
        turns = xp.arange(places.size).reshape(places.shape)
        last = xp.zeros(self.size, "int64")
        last[places.reshape(-1)] = turns.reshape(-1)
        y[...] = last[places] == turns


def put(x: Tensor, index: Any, value: Tensor) -> Tensor:
    """Return x with the part that an index names replaced: y = x, then y[index] = value.

    Where the index names an element twice, the last value stays and alone has a gradient.

    Raises:
        ShapeError: an index lies outside, or the value does not stretch to the part.
        DataError: an element of an array of indices lies outside.
        DTypeError: an index is neither integer nor bool, or a complex value meets a real x.
    """
    fitting("assignment to a part", x.spec, value.spec)
    every = x.like(np.arange(x.size, dtype=int64).reshape(x.shape))
    places = getitem(every, index)
    return Replace()(x, stretched_value(cast(value, x.dtype), places.shape), places)  # type: ignore[no-any-return]

"""What changes in place leave in the graph: the old values with other ones written over them.

Nothing here changes its operands. How a tensor gets such a history stands in `inplace`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, broadcast
from .operand import together
from .shape import Reshape, reshape
from .update import fitting

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Overwrite(Function):
    """y = value, stretched to the shape of x; nothing is left of x, and its gradient is 0."""

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec, value: Spec) -> Spec:
        expect(broadcast("overwrite", x, value) == x.shape, "overwrite",
               "the value must stretch to the shape of x", x=x, value=value)  # fmt: skip
        fitting("overwrite", x, value)
        return x.like()

    def compute(self, xp: Any, x: Any, value: Any, y: Any) -> None:
        y[...] = value

    def grad_x(self, gy: Tensor) -> Tensor:
        return gy.zeros(gy.spec.like())

    def grad_value(self, gy: Tensor) -> Tensor:
        return gy  # the engine sums it to the value's shape and type


@function
class CopySlices(Function):
    """y = x, but for the part that views of it show: there the value."""

    views: tuple[Function, ...]

    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec, value: Spec) -> Spec:
        part = x.like()
        for view in self.views:
            part = type(view).infer(view, part)
        expect(part.shape == value.shape, "copy_slices", "the value must have the part's shape",
               part=part, value=value)  # fmt: skip
        fitting("copy_slices", part, value)
        return x.like()

    def compute(self, xp: Any, x: Any, value: Any, y: Any) -> None:
        y[...] = x
        part = self._part(xp, y)
        if xp.may_share_memory(part, y) or not part.size:
            part[...] = value
        else:  # views of other memory than row-major, which became copies
            y.reshape(-1)[self._part(xp, xp.arange(y.size).reshape(y.shape))] = value

    def _part(self, xp: Any, array: Any) -> Any:
        for view in self.views:
            array = type(view).alias(view, xp, array)
        return array

    def grad_x(self, gy: Tensor, value_spec: Spec) -> Tensor:
        return self(gy, gy.zeros(value_spec.like()))  # type: ignore[no-any-return]

    def grad_value(self, gy: Tensor) -> Tensor:
        for view in self.views:
            gy = reshape(gy, view.shape) if isinstance(view, Reshape) else view(gy)
        return gy


def overwrite(x: Tensor, value: Any) -> Tensor:
    """Return a value in the shape and element type of x; the gradient by x is 0.

    Raises:
        ShapeError: the value does not stretch to the shape of x.
    """
    return Overwrite()(x, value if hasattr(value, "grad_fn") else together(x, value)[1])  # type: ignore[no-any-return]


def copy_slices(x: Tensor, value: Tensor, views: tuple[Function, ...]) -> Tensor:
    """Return x with a value in place of the part that views, one of the other, show.

    Args:
        x: the whole.
        value: what stands in the part, of its shape.
        views: functions whose result is a view, the first of them of x.
    Raises:
        ShapeError: the value has another shape than the part.
    """
    return CopySlices(views)(x, value)  # type: ignore[no-any-return]

"""What is done to a tensor in place, inside of a graph too.

The new values are computed as ever, into memory of their own; `inplace.rebase` writes them and lets
the tensor, what it is a view of, and other views go on with their history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .. import modes
from ..errors import DTypeError, ShapeError, expect
from ..inplace import rebase
from ..ops import (
    arithmetic,
    combined,
    elementwise,
    exponential,
    index,
    operand,
    rectifier,
    select,
    update,
)
from ..ops.gather import scatter_add
from ..ops.overwrite import overwrite
from ..ops.put import put
from ..spec import can_cast

if TYPE_CHECKING:
    from .core import Tensor


class InPlace:
    """Methods that end in `_`, assignment to a part, and `+=` and its kin.

    `x += y` makes a new tensor, except where x is a leaf that requires a gradient and no layer's
    weight: that is changed, as `w -= lr * w.grad` inside of `no_grad` means it.

    While operations are recorded, all of them raise GradientError for a leaf that requires a
    gradient and for a view of one; they raise ShapeError where memory must not be written.
    """

    __slots__ = ()
    changed_by_operators: ClassVar[bool] = True  # layers' weights are not

    def __iadd__(self: Tensor, other: Any) -> Tensor:
        return self.add_(other) if _is_parameter(self) else arithmetic.add(self, other)

    def __isub__(self: Tensor, other: Any) -> Tensor:
        return self.sub_(other) if _is_parameter(self) else arithmetic.sub(self, other)

    def __imul__(self: Tensor, other: Any) -> Tensor:
        return self.mul_(other) if _is_parameter(self) else arithmetic.mul(self, other)

    def __itruediv__(self: Tensor, other: Any) -> Tensor:
        return self.div_(other) if _is_parameter(self) else arithmetic.div(self, other)

    def copy_(self: Tensor, values: Any) -> Tensor:
        """Write values into this tensor in place, converted to its element type.

        Raises:
            ShapeError: the values do not stretch to its shape.
            GradientError: it is a leaf that requires a gradient, and operations are recorded.
        """
        return write_over("copy_", self, values)

    def fill_(self: Tensor, value: Any) -> Tensor:
        """Set every element to one value in place."""
        alone = value if hasattr(value, "grad_fn") else self.constant(value, self.dtype)
        return write_over("fill_", self, alone)

    def zero_(self: Tensor) -> Tensor:
        """Set every element to 0 in place."""
        return write_over("zero_", self, self.constant(0, self.dtype))

    def add_(self: Tensor, values: Any, *, alpha: float = 1) -> Tensor:
        """Add in place, `alpha` times."""
        given = values if alpha == 1 else values * alpha
        return change("add_", self, lambda x: arithmetic.add(x, given))

    def sub_(self: Tensor, values: Any, *, alpha: float = 1) -> Tensor:
        """Subtract in place, `alpha` times."""
        given = values if alpha == 1 else values * alpha
        return change("sub_", self, lambda x: arithmetic.sub(x, given))

    def mul_(self: Tensor, values: Any) -> Tensor:
        """Multiply in place."""
        return change("mul_", self, lambda x: arithmetic.mul(x, values), keeps=_wants(values))

    def div_(self: Tensor, values: Any) -> Tensor:
        """Divide in place."""
        return change("div_", self, lambda x: arithmetic.div(x, values), keeps=_wants(values))

    def pow_(self: Tensor, exponent: Any) -> Tensor:
        """Raise to a power in place."""
        return change("pow_", self, lambda x: arithmetic.power(x, exponent),
                      keeps=_wants(self, exponent))  # fmt: skip

    def neg_(self: Tensor) -> Tensor:
        """Change the sign in place."""
        return change("neg_", self, arithmetic.neg)

    def abs_(self: Tensor) -> Tensor:
        """Drop the sign in place."""
        return change("abs_", self, arithmetic.abs, keeps=_wants(self))

    def exp_(self: Tensor) -> Tensor:
        """Take the exponential in place."""
        return change("exp_", self, exponential.exp)

    def log_(self: Tensor) -> Tensor:
        """Take the natural logarithm in place."""
        return change("log_", self, exponential.log, keeps=_wants(self))

    def sqrt_(self: Tensor) -> Tensor:
        """Take the square root in place."""
        return change("sqrt_", self, exponential.sqrt)

    def tanh_(self: Tensor) -> Tensor:
        """Take the hyperbolic tangent in place."""
        return change("tanh_", self, exponential.tanh)

    def sigmoid_(self: Tensor) -> Tensor:
        """Take the logistic function in place."""
        return change("sigmoid_", self, exponential.sigmoid)

    def relu_(self: Tensor) -> Tensor:
        """Set what is negative to 0 in place."""
        return change("relu_", self, rectifier.relu, keeps=_wants(self))

    def clip_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
        """Keep within bounds in place."""
        return change("clip_", self, lambda x: arithmetic.clip(x, min, max), keeps=_wants(self))

    clamp_ = clip_

    def masked_fill_(self: Tensor, mask: Any, value: Any) -> Tensor:
        """Set the elements at which a mask is true to one value in place."""
        return change("masked_fill_", self, lambda x: arithmetic.where(mask, value, x))

    def addcmul_(self: Tensor, a: Any, b: Any, *, value: float = 1) -> Tensor:
        """Add a product in place, `value` times."""
        return change("addcmul_", self, lambda x: combined.addcmul(x, a, b, value=value))

    def addcdiv_(self: Tensor, a: Any, b: Any, *, value: float = 1) -> Tensor:
        """Add a quotient in place, `value` times."""
        return change("addcdiv_", self, lambda x: combined.addcdiv(x, a, b, value=value))

    def lerp_(self: Tensor, end: Any, weight: Any) -> Tensor:
        """Go a part of the way to `end` in place."""
        return change("lerp_", self, lambda x: elementwise.lerp(x, end, weight),
                      keeps=_wants(weight))  # fmt: skip

    def scatter_(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """Write values at the places that indices name along an axis."""
        return change("scatter_", self, lambda x: select.scatter(x, axis, indices, values))

    def scatter_add_(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """Add values at the places that indices name along an axis."""
        return change("scatter_add_", self, lambda x: scatter_add(x, axis, indices, values))

    def index_add_(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """Add slices at the places that indices name along an axis."""
        return change("index_add_", self, lambda x: select.index_add(x, axis, indices, values))

    def index_fill_(self: Tensor, axis: int, indices: Any, value: Any) -> Tensor:
        """Write one value into the slices that indices name along an axis."""
        return change("index_fill_", self, lambda x: select.index_fill(x, axis, indices, value))

    def index_copy_(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """Write slices at the places that indices name along an axis."""
        return change("index_copy_", self, lambda x: select.index_copy(x, axis, indices, values))

    def __setitem__(self: Tensor, where: Any, values: Any) -> None:
        """Write into a part in place, named as NumPy names it, by arrays and masks too."""
        subject = "assignment to a part"
        given = beside(self, values)
        if not modes.recording() or not (given.requires_grad or self.requires_grad):
            expect_writable(subject, self)
            index.setitem(self.detach(), where, given)
        elif not index.read(self, where).axes:
            write_over(subject, index.getitem(self, where), given)
        else:
            change(subject, self, lambda x: put(x, where, given))


def change(
    subject: str, x: Tensor, compute: Callable[[Tensor], Tensor], keeps: bool = False
) -> Tensor:
    """Replace the values of x by what `compute` makes of them, and its history with them.

    Args:
        subject: of the errors.
        x: what is changed.
        compute: the op; it gets a tensor of the same memory.
        keeps: whether a gradient will ask for the old values, which then are copied first.

    Raises:
        GradientError: x is a leaf that requires a gradient, and operations are recorded.
        ShapeError: the result has another shape than x, or x cannot be written.
        DTypeError: the result's element type is of a wider kind than that of x.
    """
    expect_writable(subject, x)
    recording = modes.recording()
    old = x if recording else x.detach()
    new = compute(operand.copy(old) if keeps and recording else old)
    expect(new.shape == x.shape, subject, "the shape must stay", x=x.spec, result=new.spec)
    expect(can_cast(new.dtype, x.dtype), subject, "the result must fit into the element type",
           error=DTypeError, advice="Convert the tensor with .to(dtype) first.",
           x=x.spec, result=new.spec)  # fmt: skip
    return rebase(x, new)


def write_over(subject: str, x: Tensor, values: Any) -> Tensor:
    """Write values into x, stretched and converted, and give x their history."""
    expect_writable(subject, x)
    given = index.without_lead(beside(x, values), x.ndim)
    if modes.recording() and (x.requires_grad or given.requires_grad):
        return rebase(x, overwrite(x, given))
    update.assign(x.detach(), given)
    return x


def beside(x: Tensor, values: Any) -> Tensor:
    """Return values as a tensor on the device of x."""
    if not hasattr(values, "grad_fn"):
        return x.like(values)
    there: Tensor = values
    if values.device is not x.device and not (values.device.maps or x.device.maps):
        there = values.to(x.device)
    return there


def expect_writable(subject: str, x: Tensor) -> None:
    """Check that the memory of x may be written.

    Raises:
        ShapeError: it was given read-only, or shows one element in several places.
    """
    if x.device.computes:
        expect(x.device.writable(x.array) or not x.size, subject,
               "the tensor's memory must be its own to write", error=ShapeError, x=x.spec,
               advice="It is stretched or was given read-only; use .clone() first.")  # fmt: skip


def _is_parameter(x: Tensor) -> bool:
    """Tell whether `+=` means this tensor itself: a leaf that a program trains by hand."""
    return x.wants and x.grad_fn is None and x.changed_by_operators


def _wants(*operands: Any) -> bool:
    return any(hasattr(one, "grad_fn") and one.requires_grad for one in operands)

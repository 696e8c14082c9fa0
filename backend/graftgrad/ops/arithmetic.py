"""The four rules and their kin, element by element: operands broadcast, the engine undoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, bool_, broadcast, expect_numbers, real_dtype, same_dtype
from .operand import cast, floating, full_like, together
from .parts import conj

if TYPE_CHECKING:
    from ..tensor import Tensor


class Unary(Function):
    """One operand, one result of the same shape and element type."""

    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return x.like()


class Binary(Function):
    """Two operands of one element type that broadcast against each other."""

    stacked: ClassVar[str] = "stretched"

    def infer(self, a: Spec, b: Spec) -> Spec:
        return Spec(broadcast(self.name.lower(), a, b), same_dtype(self.name.lower(), a=a, b=b))


@function
class Add(Binary):
    """a + b."""

    c: ClassVar[str] = "a + b"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.add(a, b, out=y)

    def grad_a(self, gy: Tensor) -> Tensor:
        return gy

    def grad_b(self, gy: Tensor) -> Tensor:
        return gy


@function
class Sub(Binary):
    """a − b."""

    c: ClassVar[str] = "a - b"
    takes_complex: ClassVar[bool] = True

    def infer(self, a: Spec, b: Spec) -> Spec:
        expect_numbers("sub", a=a, b=b)
        return super().infer(a, b)

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.subtract(a, b, out=y)

    def grad_a(self, gy: Tensor) -> Tensor:
        return gy

    def grad_b(self, gy: Tensor) -> Tensor:
        return neg(gy)


@function
class Mul(Binary):
    """a · b."""

    c: ClassVar[str] = "a * b"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.multiply(a, b, out=y)

    def grad_a(self, gy: Tensor, b: Tensor) -> Tensor:
        return mul(gy, conj(b))

    def grad_b(self, gy: Tensor, a: Tensor) -> Tensor:
        return mul(gy, conj(a))


@function
class Div(Binary):
    """a / b, of real numbers."""

    c: ClassVar[str] = "a / b"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.divide(a, b, out=y)

    def grad_a(self, gy: Tensor, b: Tensor) -> Tensor:
        return div(gy, conj(b))

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        a, b = conj(a), conj(b)
        return neg(div(mul(gy, a), mul(b, b)))


@function
class FloorDivide(Binary):
    """⌊a / b⌋; constant between its steps, so no gradient flows."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.floor_divide(a, b, out=y)


@function
class Remainder(Binary):
    """a − b·⌊a / b⌋, with the sign of b."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.remainder(a, b, out=y)

    def grad_a(self, gy: Tensor) -> Tensor:
        return gy

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return neg(mul(gy, FloorDivide()(a, b)))


@function
class Pow(Binary):
    """a to the power of b."""

    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.power(a, b, out=y)

    def grad_a(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        # 0**0 is flat in a: 0 · 0**(−1) must not turn the gradient into NaN
        flat = cast(mul(equal_mask(a, 0), equal_mask(b, 0)), bool_)
        return mul(gy, conj(mul(b, power(a, where(flat, full_like(b, 0), b - 1)))))

    def grad_b(self, gy: Tensor, a: Tensor, y: Tensor) -> Tensor:
        # 0**b is flat in b for b > 0: its logarithm must not turn the gradient into NaN
        slope = mul(y, where(cast(equal_mask(a, 0), bool_), full_like(a, 0), Log()(a)))
        return mul(gy, conj(slope))


@function
class Maximum(Binary):
    """The larger of two; where they tie, each takes half of the gradient."""

    c: ClassVar[str] = "a > b ? a : (a != a ? a : b)"

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.maximum(a, b, out=y)

    def grad_a(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return mul(gy, precedence(a, b))

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return mul(gy, precedence(b, a))


@function
class Minimum(Binary):
    """The smaller of two; where they tie, each takes half of the gradient."""

    c: ClassVar[str] = "a < b ? a : (a != a ? a : b)"

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        xp.minimum(a, b, out=y)

    def grad_a(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return mul(gy, precedence(b, a))

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return mul(gy, precedence(a, b))


@function
class Precedence(Binary):
    """1 where a > b, ½ where they tie, 0 elsewhere; constant between its steps."""

    c: ClassVar[str] = "a - b > 0 ? 1 : (a - b < 0 ? 0 : (a - b == 0 ? 0.5 : NAN))"

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        y[...] = (xp.sign(a - b) + 1) / 2


@function
class EqualMask(Binary):
    """1 where a = b, 0 elsewhere, in the element type of the operands."""

    c: ClassVar[str] = "a == b ? 1 : 0"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        y[...] = xp.equal(a, b)


@function
class Neg(Unary):
    """−x."""

    c: ClassVar[str] = "-x"
    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        expect_numbers("neg", x=x)
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.negative(x, out=y)

    def grad_x(self, gy: Tensor) -> Tensor:
        return neg(gy)


@function
class Abs(Unary):
    """|x|, a real number; the gradient at 0 is 0."""

    c: ClassVar[str] = "fabs(x)"
    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return x.typed(real_dtype(x.dtype))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.absolute(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return mul(gy, sign(x))


@function
class Sign(Unary):
    """−1, 0 or 1; constant between its steps."""

    c: ClassVar[str] = "x > 0 ? 1 : (x < 0 ? -1 : x)"

    def infer(self, x: Spec) -> Spec:
        expect_numbers("sign", x=x)
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = xp.sign(x)


@function
class Log(Unary):
    """Natural logarithm; −∞ at 0, NaN below."""

    c: ClassVar[str] = "log(x)"
    takes_complex: ClassVar[bool] = True

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            xp.log(x, out=y)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        return div(gy, conj(x))


@function
class Where(Function):
    """a where the condition holds, else b."""

    c: ClassVar[str] = "condition ? a : b"
    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "stretched"

    def infer(self, condition: Spec, a: Spec, b: Spec) -> Spec:
        expect(condition.dtype == bool_, "where", "the condition must be bool",
               error=DTypeError, condition=condition)  # fmt: skip
        return Spec(broadcast("where", condition, a, b), same_dtype("where", a=a, b=b))

    def compute(self, xp: Any, condition: Any, a: Any, b: Any, y: Any) -> None:
        y[...] = xp.where(condition, a, b)

    def grad_a(self, gy: Tensor, condition: Tensor) -> Tensor:
        return where(condition, gy, full_like(gy, 0))

    def grad_b(self, gy: Tensor, condition: Tensor) -> Tensor:
        return where(condition, full_like(gy, 0), gy)


def add(a: Any, b: Any) -> Tensor:
    """Add: y = a + b, broadcast."""
    return Add()(*together(a, b))  # type: ignore[no-any-return]


def sub(a: Any, b: Any) -> Tensor:
    """Subtract: y = a − b, broadcast."""
    return Sub()(*together(a, b))  # type: ignore[no-any-return]


def mul(a: Any, b: Any) -> Tensor:
    """Multiply: y = a · b, broadcast."""
    return Mul()(*together(a, b))  # type: ignore[no-any-return]


def div(a: Any, b: Any) -> Tensor:
    """Divide: y = a / b, broadcast; integers become real numbers first."""
    a, b = together(a, b)
    return Div()(floating(a), floating(b))  # type: ignore[no-any-return]


def floor_divide(a: Any, b: Any) -> Tensor:
    """Divide and round down: y = ⌊a / b⌋, broadcast."""
    return FloorDivide()(*together(a, b))  # type: ignore[no-any-return]


def remainder(a: Any, b: Any) -> Tensor:
    """Take what is left of a division: y = a − b·⌊a / b⌋, broadcast."""
    return Remainder()(*together(a, b))  # type: ignore[no-any-return]


def power(a: Any, b: Any) -> Tensor:
    """Raise to a power: y = a ** b, broadcast."""
    if isinstance(b, (int, float)) and b == 2:
        return mul(a, a)
    return Pow()(*together(a, b))  # type: ignore[no-any-return]


def maximum(a: Any, b: Any) -> Tensor:
    """Take the larger of two, broadcast; where they tie, each takes half of the gradient."""
    return Maximum()(*together(a, b))  # type: ignore[no-any-return]


def minimum(a: Any, b: Any) -> Tensor:
    """Take the smaller of two, broadcast; where they tie, each takes half of the gradient."""
    return Minimum()(*together(a, b))  # type: ignore[no-any-return]


def precedence(a: Any, b: Any) -> Tensor:
    """Return 1 where a > b, ½ where they tie, 0 elsewhere; no gradient flows."""
    return Precedence()(*together(a, b))  # type: ignore[no-any-return]


def equal_mask(a: Any, b: Any) -> Tensor:
    """Return 1 where a = b and 0 elsewhere, in the operands' element type; no gradient flows."""
    return EqualMask()(*together(a, b))  # type: ignore[no-any-return]


def neg(x: Tensor) -> Tensor:
    """Change the sign: y = −x."""
    return Neg()(x)  # type: ignore[no-any-return]


def abs(x: Tensor) -> Tensor:
    """Drop the sign, or the angle of a complex number: y = |x|; the gradient at 0 is 0."""
    return Abs()(x)  # type: ignore[no-any-return]


def sign(x: Tensor) -> Tensor:
    """Return −1, 0 or 1, through which no gradient flows; of complex numbers, x / |x| or 0."""
    if x.spec.dtype.kind == "c":
        size = abs(x)
        return div(x, where(size > 0, size, 1))
    return Sign()(x)  # type: ignore[no-any-return]


def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Keep within bounds: y = min(max(x, lower), upper); a bound that is None does not bind."""
    y = x if min is None else maximum(x, min)
    return y if max is None else minimum(y, max)


def square(x: Tensor) -> Tensor:
    """Multiply by itself: y = x²."""
    return mul(x, x)


def where(condition: Tensor, a: Any, b: Any) -> Tensor:
    """Choose: y = a where the condition holds, else b; all three broadcast.

    Raises:
        DTypeError: the condition is not bool.
    """
    if not hasattr(a, "grad_fn") and not hasattr(b, "grad_fn"):
        zero = full_like(cast(condition, "float32"), 0)
        a = together(zero, a)[1] if isinstance(a, (int, float)) else condition.like(a)
    a, b = together(a, b)
    mask = condition if hasattr(condition, "grad_fn") else a.like(condition)
    return Where()(mask, a, b)  # type: ignore[no-any-return]

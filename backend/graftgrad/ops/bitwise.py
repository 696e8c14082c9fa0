"""Whole numbers and truth values bit by bit; shifts; common divisors and multiples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, broadcast, same_dtype
from .operand import together

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Bitwise(Function):
    """Two operands of whole numbers: `operation` is NumPy's name."""

    operation: str

    stacked: ClassVar[str] = "stretched"
    operations: ClassVar[tuple[str, ...]] = (
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "left_shift",
        "right_shift",
        "gcd",
        "lcm",
    )

    def infer(self, a: Spec, b: Spec) -> Spec:
        expect(self.operation in self.operations, "bitwise", f"must be one of {self.operations}",
               operation=self.operation)  # fmt: skip
        kind = same_dtype(self.operation, a=a, b=b)
        allowed = "biu" if self.operation.startswith("bitwise") else "iu"
        expect(kind.kind in allowed, self.operation, _RULES[allowed], error=DTypeError, a=a, b=b)
        return Spec(broadcast(self.operation, a, b), kind)

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        getattr(xp, self.operation)(a, b, out=y)


@function
class Invert(Function):
    """Every bit turned round; of truth values, the other one."""

    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        expect(x.dtype.kind in "biu", "invert", _RULES["biu"], error=DTypeError, x=x)
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.invert(x, out=y)


_RULES = {
    "biu": "operands must be whole numbers or truth values",
    "iu": "operands must be whole numbers",
}


def bitwise_and(a: Any, b: Any) -> Tensor:
    """Keep the bits that both have, broadcast; of truth values, tell where both hold.

    Raises:
        DTypeError: the operands are neither whole numbers nor truth values.
    """
    return _applied("bitwise_and", a, b)


def bitwise_or(a: Any, b: Any) -> Tensor:
    """Keep the bits that one has at least, broadcast; of truth values, tell where one holds.

    Raises:
        DTypeError: the operands are neither whole numbers nor truth values.
    """
    return _applied("bitwise_or", a, b)


def bitwise_xor(a: Any, b: Any) -> Tensor:
    """Keep the bits that exactly one has, broadcast; of truth values, tell where they differ.

    Raises:
        DTypeError: the operands are neither whole numbers nor truth values.
    """
    return _applied("bitwise_xor", a, b)


def invert(x: Tensor) -> Tensor:
    """Turn every bit round; of truth values, take the other one.

    Raises:
        DTypeError: x holds neither whole numbers nor truth values.
    """
    return Invert()(x)  # type: ignore[no-any-return]


def left_shift(a: Any, b: Any) -> Tensor:
    """Move bits up: y = a · 2ᵇ, broadcast.

    Raises:
        DTypeError: the operands are no whole numbers.
    """
    return _applied("left_shift", a, b)


def right_shift(a: Any, b: Any) -> Tensor:
    """Move bits down: y = ⌊a / 2ᵇ⌋, broadcast.

    Raises:
        DTypeError: the operands are no whole numbers.
    """
    return _applied("right_shift", a, b)


def gcd(a: Any, b: Any) -> Tensor:
    """Find the greatest common divisor, broadcast.

    Raises:
        DTypeError: the operands are no whole numbers.
    """
    return _applied("gcd", a, b)


def lcm(a: Any, b: Any) -> Tensor:
    """Find the least common multiple, broadcast.

    Raises:
        DTypeError: the operands are no whole numbers.
    """
    return _applied("lcm", a, b)


def _applied(operation: str, a: Any, b: Any) -> Tensor:
    return Bitwise(operation)(*together(a, b))  # type: ignore[no-any-return]

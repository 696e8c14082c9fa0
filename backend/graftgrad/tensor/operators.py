"""The operators of Python, read as ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops import arithmetic, bitwise, compare, index, rounding
from ..ops.matmul import matmul

if TYPE_CHECKING:
    from .core import Tensor


class Operators:
    """What stands between two tensors, or a tensor and a number or an array."""

    __slots__ = ()

    def __add__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.add(self, other)

    def __radd__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.add(other, self)

    def __sub__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.sub(self, other)

    def __rsub__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.sub(other, self)

    def __mul__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.mul(self, other)

    def __rmul__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.mul(other, self)

    def __truediv__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.div(self, other)

    def __rtruediv__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.div(other, self)

    def __floordiv__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.floor_divide(self, other)

    def __rfloordiv__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.floor_divide(other, self)

    def __mod__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.remainder(self, other)

    def __rmod__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.remainder(other, self)

    def __pow__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.power(self, other)

    def __rpow__(self: Tensor, other: Any) -> Tensor:
        return arithmetic.power(other, self)

    def __matmul__(self: Tensor, other: Any) -> Tensor:
        return matmul(self, other)

    def __rmatmul__(self: Tensor, other: Any) -> Tensor:
        return matmul(other, self)

    def __neg__(self: Tensor) -> Tensor:
        return arithmetic.neg(self)

    def __pos__(self: Tensor) -> Tensor:
        return self

    def __abs__(self: Tensor) -> Tensor:
        return arithmetic.abs(self)

    def __divmod__(self: Tensor, other: Any) -> tuple[Tensor, Tensor]:
        return rounding.divmod(self, other)

    def __rdivmod__(self: Tensor, other: Any) -> tuple[Tensor, Tensor]:
        return rounding.divmod(other, self)

    def __round__(self: Tensor, decimals: int = 0) -> Tensor:
        return rounding.round(self, decimals)

    def __invert__(self: Tensor) -> Tensor:
        return bitwise.invert(self)

    def __and__(self: Tensor, other: Any) -> Tensor:
        return bitwise.bitwise_and(self, other)

    def __or__(self: Tensor, other: Any) -> Tensor:
        return bitwise.bitwise_or(self, other)

    def __xor__(self: Tensor, other: Any) -> Tensor:
        return bitwise.bitwise_xor(self, other)

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def __lshift__(self: Tensor, other: Any) -> Tensor:
        return bitwise.left_shift(self, other)

    def __rlshift__(self: Tensor, other: Any) -> Tensor:
        return bitwise.left_shift(other, self)

    def __rshift__(self: Tensor, other: Any) -> Tensor:
        return bitwise.right_shift(self, other)

    def __rrshift__(self: Tensor, other: Any) -> Tensor:
        return bitwise.right_shift(other, self)

    def __contains__(self: Tensor, value: Any) -> bool:
        return bool(compare.equal(self, value).any()) if _comparable(value) else False

    def __eq__(self: Tensor, other: object) -> Tensor:  # type: ignore[override]
        return compare.equal(self, other) if _comparable(other) else NotImplemented

    def __ne__(self: Tensor, other: object) -> Tensor:  # type: ignore[override]
        return compare.not_equal(self, other) if _comparable(other) else NotImplemented

    def __lt__(self: Tensor, other: Any) -> Tensor:
        return compare.less(self, other)

    def __le__(self: Tensor, other: Any) -> Tensor:
        return compare.less_equal(self, other)

    def __gt__(self: Tensor, other: Any) -> Tensor:
        return compare.greater(self, other)

    def __ge__(self: Tensor, other: Any) -> Tensor:
        return compare.greater_equal(self, other)

    __hash__ = object.__hash__

    def __getitem__(self: Tensor, where: Any) -> Tensor:
        return index.getitem(self, where)


def _comparable(other: object) -> bool:
    numbers = (bool, int, float, complex, list, tuple, np.ndarray, np.generic)
    return isinstance(other, numbers) or hasattr(other, "__array__")

"""Whole numbers near real ones, and what is left of divisions; constant between their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, is_floating
from .arithmetic import Binary, add, floor_divide, mul, neg, remainder, sub
from .operand import together

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Round(Function):
    """x rounded: `way` is NumPy's name."""

    way: str

    ways: ClassVar[tuple[str, ...]] = ("floor", "ceil", "trunc", "rint")
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        expect(self.way in self.ways, "round", f"must be one of {self.ways}", way=self.way)
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        getattr(xp, self.way)(x, out=y)


@function
class Fmod(Binary):
    """a − b·trunc(a / b), with the sign of a."""

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        with np.errstate(invalid="ignore", divide="ignore"):
            xp.fmod(a, b, out=y)

    def grad_a(self, gy: Tensor) -> Tensor:
        return gy

    def grad_b(self, gy: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return neg(mul(gy, Round("trunc")(a / b)))


def floor(x: Tensor) -> Tensor:
    """Round down: the largest whole number that is not above x; no gradient flows."""
    return _rounded("floor", x)


def ceil(x: Tensor) -> Tensor:
    """Round up: the smallest whole number that is not below x; no gradient flows."""
    return _rounded("ceil", x)


def trunc(x: Tensor) -> Tensor:
    """Round towards 0; no gradient flows."""
    return _rounded("trunc", x)


def rint(x: Tensor) -> Tensor:
    """Round to the nearest whole number, halves to the even one; no gradient flows."""
    return _rounded("rint", x)


def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Round to a number of decimals, halves to the even digit; no gradient flows.

    As NumPy does: y = rint(x · 10^d) / 10^d; negative d rounds before the point.
    """
    if not is_floating(x.spec.dtype):
        if decimals >= 0:
            return x
        step = 10**-decimals
        rest = remainder(x, step)
        low = sub(x, rest)
        odd = remainder(floor_divide(low, step), 2)
        up = (rest * 2 > step) | ((rest * 2 == step) & (odd == 1))
        return add(low, up * step)
    if decimals == 0:
        return rint(x)
    scale = 10.0 ** abs(decimals)
    return rint(x * scale) / scale if decimals > 0 else rint(x / scale) * scale


def fmod(a: Any, b: Any) -> Tensor:
    """Take what is left of a division, with the sign of a: y = a − b·trunc(a / b), broadcast."""
    return Fmod()(*together(a, b))  # type: ignore[no-any-return]


def divmod(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Divide and round down, and take what is left: (⌊a / b⌋, a − b·⌊a / b⌋), broadcast."""
    return floor_divide(a, b), remainder(a, b)


def frac(x: Tensor) -> Tensor:
    """Return what stands behind the point, with the sign of x: y = x − trunc(x)."""
    return sub(x, trunc(x))


def modf(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split into what stands behind the point and the whole number before it, signed as x."""
    whole = trunc(x)
    return sub(x, whole), whole


def _rounded(way: str, x: Tensor) -> Tensor:
    return Round(way)(x) if is_floating(x.spec.dtype) else x

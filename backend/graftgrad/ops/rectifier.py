"""Activation functions of straight pieces, element by element; the curved are in `activation`.

The Functions keep their result, which the next layer keeps anyway: it tells where gradients pass.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, broadcast, expect_numbers, same_dtype
from .arithmetic import Unary, abs, minimum, sign, where
from .compare import less
from .operand import floating
from .tiles import tiles

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class ReLU(Unary):
    """max(x, 0); the gradient at 0 is 0. Keeps its result, which the next layer keeps too."""

    c: ClassVar[str] = "x > 0 ? x : (x != x ? x : 0)"

    def infer(self, x: Spec) -> Spec:
        expect_numbers("relu", x=x)
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.maximum(x, 0, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return Gate(0.0, math.inf)(gy, y)  # type: ignore[no-any-return]


@function
class HardTanh(Unary):
    """min(max(x, lower), upper); the gradient at both bounds is 0."""

    lower: float
    upper: float

    c: ClassVar[str] = "x < lower ? lower : (x > upper ? upper : x)"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        xp.clip(x, self.lower, self.upper, out=y)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return Gate(self.lower, self.upper)(gy, y)  # type: ignore[no-any-return]


@function
class Gate(Function):
    """gy where lower < y < upper, else 0."""

    lower: float
    upper: float

    c: ClassVar[str] = "gy * (upper == INFINITY ? y > lower : y > lower && y < upper)"

    def infer(self, gy: Spec, y: Spec) -> Spec:
        return Spec(broadcast("gate", gy, y), same_dtype("gate", gy=gy, y=y))

    def compute(self, xp: Any, gy: Any, y: Any, gx: Any) -> None:
        for g, z, out in tiles(xp, gy, y, gx):
            mask = z > self.lower
            if self.upper != math.inf:
                mask &= z < self.upper
            with np.errstate(invalid="ignore"):  # ∞ · 0
                xp.multiply(g, mask, out=out)

    def grad_gy(self, ggx: Tensor, y: Tensor) -> Tensor:
        return Gate(self.lower, self.upper)(ggx, y)  # type: ignore[no-any-return]


@function
class LeakyReLU(Unary):
    """x above 0, slope · x elsewhere, for a slope that is not negative; keeps its result."""

    slope: float

    c: ClassVar[str] = "x > 0 ? x : slope * x"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        choose = xp.maximum if self.slope <= 1 else xp.minimum
        for z, out in tiles(xp, x, y):
            xp.multiply(z, self.slope, out=out)
            choose(z, out, out=out)

    def grad_x(self, gy: Tensor, y: Tensor) -> Tensor:
        return LeakyGate(self.slope)(gy, y)  # type: ignore[no-any-return]


@function
class LeakyGate(Function):
    """gy where y > 0, slope · gy elsewhere."""

    slope: float

    c: ClassVar[str] = "gy * (y > 0 ? 1 : slope)"

    def infer(self, gy: Spec, y: Spec) -> Spec:
        return Spec(broadcast("leaky_relu", gy, y), same_dtype("leaky_relu", gy=gy, y=y))

    def compute(self, xp: Any, gy: Any, y: Any, gx: Any) -> None:
        for g, z, out in tiles(xp, gy, y, gx):
            xp.multiply(z > 0, out.dtype.type(1 - self.slope), out=out)
            xp.add(out, self.slope, out=out)
            xp.multiply(out, g, out=out)

    def grad_gy(self, ggx: Tensor, y: Tensor) -> Tensor:
        return LeakyGate(self.slope)(ggx, y)  # type: ignore[no-any-return]


@function
class HardSilu(Unary):
    """x · relu6(x + 3) / 6. Howard et al. 2019."""

    c: ClassVar[str] = "float t = x + 3; y = (t < 0 ? 0 : (t > 6 ? 6 : t)) * x * (1.0 / 6);"

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        for z, out in tiles(xp, x, y):
            xp.add(z, 3, out=out)
            xp.clip(out, 0, 6, out=out)
            xp.multiply(out, z, out=out)
            xp.multiply(out, 1 / 6, out=out)

    def grad_x(self, gy: Tensor, x: Tensor) -> Tensor:
        if not modes.recording():
            return HardSiluSlope()(gy, x)  # type: ignore[no-any-return]
        inside = less(abs(x), 3.0).to(x.dtype)
        return gy * (hard_sigmoid(x) + x * inside * (1 / 6))


@function
class HardSiluSlope(Function):
    """gy times 0 up to −3, x / 3 + ½ between, 1 from 3 on."""

    undefined: ClassVar[str] = "is used where no second order is recorded"

    c: ClassVar[str] = (
        "float slope = x * (1.0 / 3) + 0.5; gx = (slope * (fabs(x) < 3) + (x >= 3)) * gy;"
    )

    def infer(self, gy: Spec, x: Spec) -> Spec:
        return Spec(broadcast("hard_silu", gy, x), same_dtype("hard_silu", gy=gy, x=x))

    def compute(self, xp: Any, gy: Any, x: Any, gx: Any) -> None:
        for g, z, out in tiles(xp, gy, x, gx):
            xp.multiply(z, 1 / 3, out=out)
            xp.add(out, 0.5, out=out)
            xp.multiply(out, xp.abs(z) < 3, out=out)
            xp.add(out, z >= 3, out=out)
            xp.multiply(out, g, out=out)


def relu(
    x: Tensor,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Rectify: y = max(x, 0), or with a slope below `threshold` and a bound above.

    y = x where x > threshold, negative_slope · (x − threshold) below, and at most max_value.
    """
    slope, bound, start = float(negative_slope), max_value, float(threshold)
    if start == 0 and bound is None:
        return leaky_relu(x, slope) if slope else ReLU()(x)
    if start:
        y = where(x > start, x, 0.0)
        y = y if bound is None else minimum(y, float(bound))
    else:
        y = HardTanh(0.0, float(bound or 0))(floating(x))
    return y - ReLU()(start - x) * slope if slope else y


def relu6(x: Tensor) -> Tensor:
    """Rectify and bound: y = min(max(x, 0), 6)."""
    return HardTanh(0.0, 6.0)(floating(x))  # type: ignore[no-any-return]


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """Rectify with a slope: y = x where x > 0, negative_slope · x elsewhere. Maas et al. 2013."""
    slope = float(negative_slope)
    if slope < 0:  # the sign of the result does not tell the sign of x
        return where(x > 0, x, x * slope)
    return LeakyReLU(slope)(floating(x))  # type: ignore[no-any-return]


def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    """Rectify with a slope that is learned: y = x where x > 0, alpha · x elsewhere. He et al. 2015.

    Shapes: x (N, …), alpha any that broadcasts against x.
    """
    return where(x > 0, x, x * alpha)


def hard_tanh(x: Tensor, lower: float = -1.0, upper: float = 1.0) -> Tensor:
    """Keep within bounds: y = min(max(x, lower), upper); no gradient on or beyond them."""
    expect(
        lower < upper,
        "hard_tanh",
        "lower must lie below upper",
        error=ConfigError,
        lower=lower,
        upper=upper,
    )
    return HardTanh(float(lower), float(upper))(floating(x))  # type: ignore[no-any-return]


def hard_sigmoid(x: Tensor) -> Tensor:
    """Sigmoid in three straight pieces: y = relu6(x + 3) / 6."""
    return relu6(floating(x) + 3) * (1 / 6)


def hard_silu(x: Tensor) -> Tensor:
    """Swish by pieces: y = x · relu6(x + 3) / 6. Howard et al. 2019."""
    return HardSilu()(floating(x))  # type: ignore[no-any-return]


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Cut small values: y = x where |x| > threshold, else 0."""
    return where(abs(x) > threshold, x, 0.0)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Draw towards 0: y = x ∓ threshold where |x| > threshold, else 0."""
    return where(abs(x) > threshold, x - sign(x) * threshold, 0.0)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """Replace small values: y = x where x > threshold, else default_value."""
    return where(x > threshold, x, default_value)


def sparse_plus(x: Tensor) -> Tensor:
    """Rectifier with a parabola: y = 0 up to −1, (x + 1)² / 4 between, x from 1 on."""
    inside = HardTanh(-1.0, 1.0)(floating(x))
    return (inside + 1) * (inside + 1) * 0.25 + ReLU()(floating(x) - 1)  # type: ignore[no-any-return]


def sparse_sigmoid(x: Tensor) -> Tensor:
    """Sigmoid in three straight pieces: y = (x + 1) / 2 between 0 and 1. Blondel et al. 2019."""
    return HardTanh(0.0, 1.0)((floating(x) + 1) * 0.5)  # type: ignore[no-any-return]

"""The update rules of the optimizers: each moves a flat run of weights in one launch.

Where PyTorch and Keras write a rule differently, an attribute tells the two apart. What changes
between steps (rate, step) is an operand without axes; what stays is an attribute. Which weights are
updated is decided in `flat`; the optimizers stand in `optim`, rules with a rate of each weight's
own in `adam` and `adagrad`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, ParamSpec

import numpy as np

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec

BLOCK = 16_384  # elements per pass: weights, slots and work space of a block stay in the cache

P = ParamSpec("P")


def quiet(compute: Callable[P, None]) -> Callable[P, None]:
    """Let what overflows become infinite or NaN without a warning: the loss will show it."""

    @functools.wraps(compute)
    def silent(*args: P.args, **kwargs: P.kwargs) -> None:
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            compute(*args, **kwargs)

    return silent


# g, the gradient with a sign, and with the weights' share where there is one, in C
DIRECTION = (
    "float g = weight_decay == 0 ? (ascend ? -gradients : gradients) "
    ": weights * weight_decay + (ascend ? -gradients : gradients); "
)


class Update(Function):
    """What update rules share: how the gradient is read, and the check of the operands."""

    weight_decay: float = 0.0
    ascend: bool = False

    def direction(self, xp: Any, w: Any, g: Any, work: Any) -> Any:
        """Return ±g + weight_decay · w, in the work space unless it is g itself."""
        if not self.weight_decay:
            return xp.negative(g, out=work) if self.ascend else g
        xp.multiply(w, self.weight_decay, out=work)
        return xp.subtract(work, g, out=work) if self.ascend else xp.add(work, g, out=work)

    def checked(self, numbers: tuple[Spec, ...], *arrays: Spec) -> tuple[Spec, ...]:
        """Return the changed operands, after the check that all are alike and numbers plain."""
        first = arrays[0]
        expect(all(one.shape == first.shape for one in arrays), self.name,
               "weights, gradients and slots must have one shape",
               shapes=[one.shape for one in arrays])  # fmt: skip
        expect(all(one.dtype == first.dtype for one in arrays), self.name,
               "weights, gradients and slots must share one dtype", error=DTypeError,
               dtypes=[str(one.dtype) for one in arrays])  # fmt: skip
        expect(all(one.ndim == 0 for one in numbers), self.name, "rate and step must be numbers",
               shapes=[one.shape for one in numbers])  # fmt: skip
        return arrays[: len(self.updates)]


def blocks(xp: Any, work: int, *arrays: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the arrays, and `work` arrays of working space, in pieces that stay in the cache.

    Only NumPy gains by it; and only flat memory can be cut without copying.
    """
    first = arrays[0]
    flat = all(one.flags.c_contiguous for one in arrays)
    if xp is not np or not flat or first.size <= BLOCK:
        yield (*arrays, *[xp.empty_like(first) for _ in range(work)])
        return
    rows = [one.reshape(-1) for one in arrays]
    spaces = [xp.empty(BLOCK, first.dtype) for _ in range(work)]
    for start in range(0, first.size, BLOCK):
        pieces = [one[start : start + BLOCK] for one in rows]
        yield (*pieces, *[space[: len(pieces[0])] for space in spaces])


def toward(xp: Any, average: Any, value: Any, part: float, work: Any) -> None:
    """Move an average: average ← average + part · (value − average)."""
    xp.subtract(value, average, out=work)
    xp.multiply(work, part, out=work)
    xp.add(average, work, out=average)


@function
class Decay(Function):
    """weights ← weights · (1 − rate · amount)."""

    amount: float
    updates = ("weights",)

    c: ClassVar[str] = "float part = 1 - rate * amount; weights = weights * part;"

    def infer(self, weights: Spec, rate: Spec) -> Spec:
        return weights

    @quiet
    def compute(self, xp: Any, weights: Any, rate: Any) -> None:
        xp.multiply(weights, (1 - rate * self.amount).astype(weights.dtype), out=weights)


@function
class Descend(Update):
    """weights ← weights − rate · gradients."""

    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights",)

    c: ClassVar[str] = f"{DIRECTION}weights = weights - rate * g;"

    def infer(self, weights: Spec, gradients: Spec, rate: Spec) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, gradients)

    @quiet
    def compute(self, xp: Any, weights: Any, gradients: Any, rate: Any) -> None:
        rate = rate.astype(weights.dtype)
        for w, g, s in blocks(xp, 1, weights, gradients):
            xp.multiply(self.direction(xp, w, g, s), rate, out=s)
            xp.subtract(w, s, out=w)


@function
class Momentum(Update):
    """PyTorch's momentum: b ← μ·b + (1 − dampening)·g; w ← w − rate·b.

    In the first step b ← g. With nesterov w ← w − rate·(g + μ·b).
    """

    momentum: float
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights", "buffer")

    c: ClassVar[str] = (
        f"{DIRECTION}float part = step > 1 ? 1 - dampening : 1; "
        "buffer = buffer * momentum + (dampening == 0 ? g : g * part); "
        "weights = weights - (nesterov ? buffer * momentum + g : buffer) * rate;"
    )

    def infer(
        self, weights: Spec, buffer: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, buffer, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, buffer: Any, gradients: Any, rate: Any, step: Any
    ) -> None:
        part = xp.where(step > 1, 1 - self.dampening, 1.0).astype(weights.dtype)
        rate = rate.astype(weights.dtype)
        for w, b, g, s, t in blocks(xp, 2, weights, buffer, gradients):
            g = self.direction(xp, w, g, t)
            xp.multiply(b, self.momentum, out=b)
            xp.add(b, xp.multiply(g, part, out=s) if self.dampening else g, out=b)
            if self.nesterov:
                xp.multiply(b, self.momentum, out=s)
                xp.add(s, g, out=s)
                xp.multiply(s, rate, out=s)
            else:
                xp.multiply(b, rate, out=s)
            xp.subtract(w, s, out=w)


@function
class Velocity(Update):
    """Keras' momentum: v ← μ·v − rate·g; w ← w + v, with nesterov w ← w + μ·v − rate·g."""

    momentum: float
    nesterov: bool = False
    updates = ("weights", "velocity")

    c: ClassVar[str] = (
        "float pull = gradients * rate; velocity = velocity * momentum - pull; "
        "weights = weights + (nesterov ? velocity * momentum - pull : velocity);"
    )

    def infer(self, weights: Spec, velocity: Spec, gradients: Spec, rate: Spec) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, velocity, gradients)

    @quiet
    def compute(self, xp: Any, weights: Any, velocity: Any, gradients: Any, rate: Any) -> None:
        rate = rate.astype(weights.dtype)
        for w, v, g, s, t in blocks(xp, 2, weights, velocity, gradients):
            xp.multiply(g, rate, out=s)
            xp.multiply(v, self.momentum, out=v)
            xp.subtract(v, s, out=v)
            if self.nesterov:
                xp.multiply(v, self.momentum, out=t)
                xp.subtract(t, s, out=t)
                xp.add(w, t, out=w)
            else:
                xp.add(w, v, out=w)

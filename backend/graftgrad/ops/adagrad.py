"""Update rules that divide by the root of accumulated squares: Adagrad, RMSprop, Adadelta, Ftrl.

What all rules share stands in `optimize`; Adam and its kin in `adam`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..function import function
from ..spec import Spec
from .optimize import DIRECTION, Update, blocks, quiet, toward


@function
class Adagrad(Update):
    """a ← a + g²; w ← w − r·g / (√a + ε), with r = rate / (1 + (t − 1) · rate_decay).

    t = 1, 2, … is the step. With `inner_epsilon`, as in Keras, the root is √(a + ε). Duchi et
    al., JMLR 12 (2011).
    """

    epsilon: float
    inner_epsilon: bool = False
    rate_decay: float = 0.0
    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights", "accumulator")

    c: ClassVar[str] = (
        f"{DIRECTION}float pace = rate / (1 + (step - 1) * rate_decay); "
        "accumulator = accumulator + g * g; "
        "weights = weights - g / (inner_epsilon ? sqrt(accumulator + epsilon) "
        ": sqrt(accumulator) + epsilon) * pace;"
    )

    def infer(
        self, weights: Spec, accumulator: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, accumulator, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, accumulator: Any, gradients: Any, rate: Any, step: Any
    ) -> None:
        rate = (rate / (1 + (step - 1) * self.rate_decay)).astype(weights.dtype)
        inner, outer = (self.epsilon, 0.0) if self.inner_epsilon else (0.0, self.epsilon)
        for w, a, g, s, t in blocks(xp, 2, weights, accumulator, gradients):
            g = self.direction(xp, w, g, t)
            xp.multiply(g, g, out=s)
            xp.add(a, s, out=a)
            xp.sqrt(xp.add(a, inner, out=s), out=s)
            xp.add(s, outer, out=s)
            xp.divide(g, s, out=s)
            xp.multiply(s, rate, out=s)
            xp.subtract(w, s, out=w)


# RMSprop in C: the average of squares; its root, less the squared average; the two ways to move
_SQUARES = f"{DIRECTION}velocity = velocity * rho + g * g * (1 - rho); "
_CENTERED = (
    "average = average + (g - average) * (1 - rho); float v = velocity - average * average; "
)
_ROOT = "float s = g / (inner_epsilon ? sqrt(v + epsilon) : sqrt(v) + epsilon); "
_PLAIN = "float v = velocity; "
_MOVED = "weights = weights - s * rate;"
_BUFFERED = (
    "buffer = buffer * momentum + (inner_epsilon ? s * rate : s); "
    "weights = weights - (inner_epsilon ? buffer : buffer * rate);"
)


@function
class RMSpropRule(Update):
    """What RMSprop with and without momentum, centered or not, share."""

    rho: float
    epsilon: float
    inner_epsilon: bool = False
    momentum: float = 0.0
    weight_decay: float = 0.0
    ascend: bool = False

    @quiet
    def move(self, xp: Any, rate: Any, arrays: tuple[Any, ...], buffer: Any, average: Any) -> None:
        """Update weights, velocity and the slots that are given by gradients."""
        rate = rate.astype(arrays[0].dtype)
        slots = [one for one in (buffer, average) if one is not None]
        for w, v, g, *more, s, t in blocks(xp, 2, *arrays, *slots):
            g = self.direction(xp, w, g, t)
            xp.multiply(v, self.rho, out=v)
            xp.multiply(g, g, out=s)
            xp.multiply(s, 1 - self.rho, out=s)
            xp.add(v, s, out=v)
            self._root(xp, v, g, None if average is None else more[-1], s)
            xp.divide(g, s, out=s)
            if buffer is None or self.inner_epsilon:
                xp.multiply(s, rate, out=s)
            if buffer is not None:
                xp.multiply(more[0], self.momentum, out=more[0])
                s = xp.add(more[0], s, out=more[0])
                s = s if self.inner_epsilon else xp.multiply(s, rate, out=t)
            xp.subtract(w, s, out=w)

    def _root(self, xp: Any, v: Any, g: Any, average: Any, s: Any) -> None:
        """Write √v, less the squared average gradient where there is one, with ε into s."""
        if average is None:
            xp.copyto(s, v)
        else:
            toward(xp, average, g, 1 - self.rho, s)
            xp.multiply(average, average, out=s)
            xp.subtract(v, s, out=s)
        if self.inner_epsilon:
            xp.add(s, self.epsilon, out=s)
            xp.sqrt(s, out=s)
        else:
            xp.sqrt(s, out=s)
            xp.add(s, self.epsilon, out=s)


@function
class RMSprop(RMSpropRule):
    """v ← ρ·v + (1 − ρ)·g²; w ← w − rate·g / (√v + ε). Hinton's lecture 6e, 2012.

    With `inner_epsilon`, as in Keras, the root is √(v + ε), and the rate is part of what momentum
    adds up.
    """

    updates = ("weights", "velocity")

    c: ClassVar[str] = f"{_SQUARES}{_PLAIN}{_ROOT}{_MOVED}"

    def infer(self, weights: Spec, velocity: Spec, gradients: Spec, rate: Spec) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, velocity, gradients)

    def compute(self, xp: Any, weights: Any, velocity: Any, gradients: Any, rate: Any) -> None:
        self.move(xp, rate, (weights, velocity, gradients), None, None)


@function
class RMSpropMomentum(RMSpropRule):
    """RMSprop with momentum: b ← μ·b + g / (√v + ε); w ← w − rate·b."""

    updates = ("weights", "velocity", "buffer")

    c: ClassVar[str] = f"{_SQUARES}{_PLAIN}{_ROOT}{_BUFFERED}"

    def infer(
        self, weights: Spec, velocity: Spec, buffer: Spec, gradients: Spec, rate: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, velocity, buffer, gradients)

    def compute(
        self, xp: Any, weights: Any, velocity: Any, buffer: Any, gradients: Any, rate: Any
    ) -> None:
        self.move(xp, rate, (weights, velocity, gradients), buffer, None)


@function
class CenteredRMSprop(RMSpropRule):
    """RMSprop with √(v − a²), where a is the moving average of the gradients."""

    updates = ("weights", "velocity", "average")

    c: ClassVar[str] = f"{_SQUARES}{_CENTERED}{_ROOT}{_MOVED}"

    def infer(
        self, weights: Spec, velocity: Spec, average: Spec, gradients: Spec, rate: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, velocity, average, gradients)

    def compute(
        self, xp: Any, weights: Any, velocity: Any, average: Any, gradients: Any, rate: Any
    ) -> None:
        self.move(xp, rate, (weights, velocity, gradients), None, average)


@function
class CenteredRMSpropMomentum(RMSpropRule):
    """RMSprop with momentum and with √(v − a²), where a is the moving average of the gradients."""

    updates = ("weights", "velocity", "buffer", "average")

    c: ClassVar[str] = f"{_SQUARES}{_CENTERED}{_ROOT}{_BUFFERED}"

    def infer(
        self,
        weights: Spec,
        velocity: Spec,
        buffer: Spec,
        average: Spec,
        gradients: Spec,
        rate: Spec,
    ) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, velocity, buffer, average, gradients)

    def compute(
        self,
        xp: Any,
        weights: Any,
        velocity: Any,
        buffer: Any,
        average: Any,
        gradients: Any,
        rate: Any,
    ) -> None:
        self.move(xp, rate, (weights, velocity, gradients), buffer, average)


@function
class Adadelta(Update):
    """a ← ρ·a + (1 − ρ)·g²; δ = √((d + ε) / (a + ε)) · g; d ← ρ·d + (1 − ρ)·δ²; w ← w − rate·δ.

    Zeiler, arXiv:1212.5701.
    """

    rho: float
    epsilon: float
    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights", "accumulated", "moved")

    c: ClassVar[str] = (
        f"{DIRECTION}accumulated = accumulated + (g * g - accumulated) * (1 - rho); "
        "float s = sqrt(moved + epsilon) * g / sqrt(accumulated + epsilon); "
        "moved = moved * rho + s * s * (1 - rho); "
        "weights = weights - s * rate;"
    )

    def infer(
        self, weights: Spec, accumulated: Spec, moved: Spec, gradients: Spec, rate: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, accumulated, moved, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, accumulated: Any, moved: Any, gradients: Any, rate: Any
    ) -> None:
        rate = rate.astype(weights.dtype)
        for w, a, d, g, s, t, e in blocks(xp, 3, weights, accumulated, moved, gradients):
            g = self.direction(xp, w, g, e)
            toward(xp, a, xp.multiply(g, g, out=t), 1 - self.rho, s)
            xp.sqrt(xp.add(d, self.epsilon, out=s), out=s)
            xp.multiply(s, g, out=s)
            xp.divide(s, xp.sqrt(xp.add(a, self.epsilon, out=t), out=t), out=s)
            xp.multiply(d, self.rho, out=d)
            xp.multiply(s, s, out=t)
            xp.multiply(t, 1 - self.rho, out=t)
            xp.add(d, t, out=d)
            xp.multiply(s, rate, out=s)
            xp.subtract(w, s, out=w)


@function
class Ftrl(Update):
    """Follow the regularised leader. McMahan et al., KDD 2013.

    n' = n + g²; z ← z + g + 2·shrinkage·w − (n'^p − n^p) / rate · w; n ← n';
    w ← (clip(z, −l1, l1) − z) / ((n^p + beta) / rate + 2·l2), with p the power.
    """

    power: float
    l1: float = 0.0
    l2: float = 0.0
    shrinkage: float = 0.0
    beta: float = 0.0
    updates = ("weights", "accumulator", "linear")

    c: ClassVar[str] = (
        "float before = pow(accumulator, power); "
        "accumulator = accumulator + gradients * gradients; "
        "float after = pow(accumulator, power); "
        "linear = linear + (2 * shrinkage - (after - before) / rate) * weights + gradients; "
        "float bound = linear < -l1 ? -l1 : (linear > l1 ? l1 : linear); "
        "weights = (bound - linear) / ((after + beta) / rate + 2 * l2);"
    )

    def infer(
        self, weights: Spec, accumulator: Spec, linear: Spec, gradients: Spec, rate: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, accumulator, linear, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, accumulator: Any, linear: Any, gradients: Any, rate: Any
    ) -> None:
        rate = rate.astype(weights.dtype)
        for w, n, z, g, s, t in blocks(xp, 2, weights, accumulator, linear, gradients):
            xp.power(n, self.power, out=s)
            xp.multiply(g, g, out=t)
            xp.add(n, t, out=n)
            xp.power(n, self.power, out=t)
            xp.subtract(t, s, out=s)
            xp.divide(s, rate, out=s)
            xp.subtract(2 * self.shrinkage, s, out=s)
            xp.multiply(s, w, out=s)
            xp.add(z, s, out=z)
            xp.add(z, g, out=z)
            xp.add(t, self.beta, out=t)
            xp.divide(t, rate, out=t)
            xp.add(t, 2 * self.l2, out=t)
            xp.clip(z, -self.l1, self.l1, out=s)
            xp.subtract(s, z, out=s)
            xp.divide(s, t, out=w)


def rmsprop_rule(momentum: bool, centered: bool) -> type[RMSpropRule]:
    """Return the RMSprop that has these slots, in the order velocity, buffer, average."""
    if momentum:
        return CenteredRMSpropMomentum if centered else RMSpropMomentum
    return CenteredRMSprop if centered else RMSprop

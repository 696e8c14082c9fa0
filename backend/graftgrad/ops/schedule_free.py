"""The rule of an optimizer that needs no schedule, since it averages its own way."""

from __future__ import annotations

from typing import Any, ClassVar

from ..function import function
from ..spec import Spec
from .optimize import Update, blocks, quiet, toward


@function
class ScheduleFree(Update):
    """z ← z − rate·g / (√v̂ + ε); x ← x + (z − x) / t; w = (1 − β₁)·z + β₁·x.

    v̂ is the corrected average of g². The gradient is taken at w; z is the slot `momentum`, which
    begins at w, and x is found again from both. In the first `warmup` steps the rate rises evenly.
    Defazio et al., arXiv:2405.15682.
    """

    beta_1: float
    beta_2: float
    epsilon: float
    warmup: int = 0
    updates: ClassVar[tuple[str, ...]] = ("weights", "momentum", "velocity")

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, momentum, velocity, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, momentum: Any, velocity: Any, gradients: Any, rate: Any,
        step: Any,
    ) -> None:  # fmt: skip
        dtype, beta = weights.dtype, self.beta_1
        warm = xp.minimum(step / self.warmup, 1.0) if self.warmup else 1.0
        now = (rate * warm).astype(dtype)
        shrink = (1 / xp.sqrt(1 - xp.power(self.beta_2, step))).astype(dtype)
        part = (1 / step).astype(dtype)
        for w, z, v, g, s, t in blocks(xp, 2, weights, momentum, velocity, gradients):
            toward(xp, v, xp.multiply(g, g, out=t), 1 - self.beta_2, s)
            xp.multiply(xp.sqrt(v, out=s), shrink, out=s)
            xp.add(s, self.epsilon, out=s)
            xp.divide(xp.multiply(g, now, out=t), s, out=t)
            xp.subtract(w, xp.multiply(z, 1 - beta, out=s), out=w)  # β₁ · x
            xp.subtract(z, t, out=z)
            xp.multiply(w, 1 - part, out=w)
            xp.add(w, xp.multiply(z, part * beta, out=s), out=w)
            xp.add(w, xp.multiply(z, 1 - beta, out=s), out=w)

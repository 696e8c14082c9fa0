"""Update rules with averages of the gradient and of its size: Adam and those that came of it.

What all rules share, and plain descent and momentum, stand in `optimize`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..function import function
from ..spec import Spec
from .optimize import DIRECTION, Update, blocks, quiet, toward

# root, α and the two averages of Adam and AMSGrad, in C
_AVERAGES = (
    f"{DIRECTION}double root = sqrt(1 - pow(beta_2, step)); "
    "float alpha = rate * root / (1 - pow(beta_1, step)); "
    "float margin = corrected_epsilon ? epsilon * root : epsilon; "
    "momentum = momentum + (g - momentum) * (1 - beta_1); "
    "velocity = velocity + (g * g - velocity) * (1 - beta_2); "
)


@function
class AdamRule(Update):
    """What Adam and AMSGrad share."""

    beta_1: float
    beta_2: float
    epsilon: float
    corrected_epsilon: bool = False
    weight_decay: float = 0.0
    ascend: bool = False

    @quiet
    def move(self, xp: Any, rate: Any, step: Any, *arrays: Any) -> None:
        """Update weights, momentum and velocity by gradients, and the largest velocity too."""
        dtype = arrays[0].dtype
        root = xp.sqrt(1 - xp.power(self.beta_2, step))
        alpha = (rate * root / (1 - xp.power(self.beta_1, step))).astype(dtype)
        epsilon = (self.epsilon * root).astype(dtype) if self.corrected_epsilon else self.epsilon
        for w, m, v, g, *largest, s, t in blocks(xp, 2, *arrays):
            g = self.direction(xp, w, g, t)
            toward(xp, m, g, 1 - self.beta_1, s)
            toward(xp, v, xp.multiply(g, g, out=t), 1 - self.beta_2, s)
            xp.sqrt(xp.maximum(largest[0], v, out=largest[0]) if largest else v, out=s)
            xp.add(s, epsilon, out=s)
            xp.divide(m, s, out=s)
            xp.multiply(s, alpha, out=s)
            xp.subtract(w, s, out=w)


@function
class Adam(AdamRule):
    """m ← m + (1 − β₁)(g − m); v ← v + (1 − β₂)(g² − v); w ← w − α·m / (√v + ε).

    α = rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ) at step t = 1, 2, …. Kingma and Ba, arXiv:1412.6980. With
    `corrected_epsilon`, as in PyTorch, ε is added to the corrected root: ε ← ε · √(1 − β₂ᵗ).
    """

    updates = ("weights", "momentum", "velocity")

    c: ClassVar[str] = (
        f"{_AVERAGES}weights = weights - momentum / (sqrt(velocity) + margin) * alpha;"
    )

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, momentum, velocity, gradients)

    def compute(
        self,
        xp: Any,
        weights: Any,
        momentum: Any,
        velocity: Any,
        gradients: Any,
        rate: Any,
        step: Any,
    ) -> None:
        self.move(xp, rate, step, weights, momentum, velocity, gradients)


@function
class AMSGrad(AdamRule):
    """Adam with the largest v so far under the root. Reddi et al., arXiv:1904.09237."""

    updates = ("weights", "momentum", "velocity", "largest")

    c: ClassVar[str] = (
        f"{_AVERAGES}largest = largest > velocity ? largest "
        ": (largest != largest ? largest : velocity); "
        "weights = weights - momentum / (sqrt(largest) + margin) * alpha;"
    )

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, largest: Spec, gradients: Spec,
        rate: Spec, step: Spec,
    ) -> tuple[Spec, ...]:  # fmt: skip
        return self.checked((rate, step), weights, momentum, velocity, largest, gradients)

    def compute(
        self, xp: Any, weights: Any, momentum: Any, velocity: Any, largest: Any, gradients: Any,
        rate: Any, step: Any,
    ) -> None:  # fmt: skip
        self.move(xp, rate, step, weights, momentum, velocity, gradients, largest)


@function
class Nadam(Update):
    """Adam with Nesterov's momentum, whose part u grows: u_t = β₁ (1 − qᵗ / 2), q = 0.96^decay.

    w ← w − rate · d / (√(v / (1 − β₂ᵗ)) + ε),
    d = u_{t+1}·m / (1 − p·u_{t+1}) + (1 − u_t)·g / (1 − p), p = u_1·…·u_t. Dozat, ICLR 2016.
    """

    beta_1: float
    beta_2: float
    epsilon: float
    decay: float = 1.0
    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights", "momentum", "velocity")

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, momentum, velocity, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, momentum: Any, velocity: Any, gradients: Any, rate: Any,
        step: Any,
    ) -> None:  # fmt: skip
        dtype = weights.dtype
        now, after = (
            self.beta_1 * (1 - 0.5 * xp.power(0.96, self.decay * t)) for t in (step, step + 1)
        )
        product = xp.power(self.beta_1, step) * self._grown(xp, step)
        of_momentum = (rate * after / (1 - product * after)).astype(dtype)
        of_gradient = (rate * (1 - now) / (1 - product)).astype(dtype)
        shrink = (1 / xp.sqrt(1 - xp.power(self.beta_2, step))).astype(dtype)
        for w, m, v, g, s, t, e in blocks(xp, 3, weights, momentum, velocity, gradients):
            g = self.direction(xp, w, g, e)
            toward(xp, m, g, 1 - self.beta_1, s)
            toward(xp, v, xp.multiply(g, g, out=t), 1 - self.beta_2, s)
            xp.multiply(m, of_momentum, out=s)
            xp.add(s, xp.multiply(g, of_gradient, out=t), out=s)
            xp.multiply(xp.sqrt(v, out=t), shrink, out=t)
            xp.add(t, self.epsilon, out=t)
            xp.divide(s, t, out=s)
            xp.subtract(w, s, out=w)

    def _grown(self, xp: Any, step: Any) -> Any:
        """Return Π (1 − qᵏ / 2) for k = 1 … t.

        Each logarithm is a series of powers of qᵏ / 2; over k its terms are geometric sums.
        """
        j = xp.arange(1, 65)  # 2⁻⁶⁴ is less than the rounding of 1
        power = j * (self.decay * math.log(0.96))  # of qʲ
        sums = xp.exp(power) * xp.expm1(power * step) / xp.expm1(power)
        return xp.exp(-xp.sum(xp.power(0.5, j) / j * sums))


@function
class Adamax(Update):
    """m ← m + (1 − β₁)(g − m); u ← max(β₂·u, |g|); w ← w − rate·m / ((1 − β₁ᵗ)(u + ε)).

    Kingma and Ba, arXiv:1412.6980, section 7. With `inner_epsilon`, as in PyTorch, ε is
    added to |g| instead.
    """

    beta_1: float
    beta_2: float
    epsilon: float
    inner_epsilon: bool = False
    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights", "momentum", "norm")

    c: ClassVar[str] = (
        f"{DIRECTION}float alpha = rate / (1 - pow(beta_1, step)); "
        "momentum = momentum + (g - momentum) * (1 - beta_1); "
        "float old = norm * beta_2; float size = inner_epsilon ? fabs(g) + epsilon : fabs(g); "
        "norm = old > size ? old : (old != old ? old : size); "
        "weights = weights - momentum / (inner_epsilon ? norm : norm + epsilon) * alpha;"
    )

    def infer(
        self, weights: Spec, momentum: Spec, norm: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, momentum, norm, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, momentum: Any, norm: Any, gradients: Any, rate: Any, step: Any
    ) -> None:
        alpha = (rate / (1 - xp.power(self.beta_1, step))).astype(weights.dtype)
        inner, outer = (self.epsilon, 0.0) if self.inner_epsilon else (0.0, self.epsilon)
        for w, m, u, g, s, t in blocks(xp, 2, weights, momentum, norm, gradients):
            g = self.direction(xp, w, g, t)
            toward(xp, m, g, 1 - self.beta_1, s)
            xp.multiply(u, self.beta_2, out=u)
            xp.add(xp.absolute(g, out=s), inner, out=s)
            xp.maximum(u, s, out=u)
            xp.add(u, outer, out=s)
            xp.divide(m, s, out=s)
            xp.multiply(s, alpha, out=s)
            xp.subtract(w, s, out=w)


@function
class RAdam(Update):
    """Adam whose averages of squares are used once their variance is bounded, at ρ > 5.

    w ← w − rate · m · √(1 − β₂ᵗ) / ((1 − β₁ᵗ)(√v + ε)) · √((ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ)), and
    w ← w − rate · m / (1 − β₁ᵗ) before, with ρ∞ = 2 / (1 − β₂) − 1 and
    ρ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ). Liu et al., arXiv:1908.03265.
    """

    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float = 0.0
    ascend: bool = False
    updates = ("weights", "momentum", "velocity")

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.checked((rate, step), weights, momentum, velocity, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, momentum: Any, velocity: Any, gradients: Any, rate: Any,
        step: Any,
    ) -> None:  # fmt: skip
        dtype = weights.dtype
        faded = xp.power(self.beta_2, step)
        longest = 2 / (1 - self.beta_2) - 1
        rho = longest - 2 * step * faded / (1 - faded)
        bounded = rho > 5
        size = xp.where(bounded, rho, longest)
        part = (size - 4) * (size - 2) * longest / ((longest - 4) * (longest - 2) * size)
        alpha = rate / (1 - xp.power(self.beta_1, step))
        grown = (alpha * xp.sqrt(part * (1 - faded))).astype(dtype)
        alpha, plain = alpha.astype(dtype), xp.logical_not(bounded)
        for w, m, v, g, s, t in blocks(xp, 2, weights, momentum, velocity, gradients):
            g = self.direction(xp, w, g, t)
            toward(xp, m, g, 1 - self.beta_1, s)
            toward(xp, v, xp.multiply(g, g, out=t), 1 - self.beta_2, s)
            xp.add(xp.sqrt(v, out=s), self.epsilon, out=s)
            xp.multiply(xp.divide(m, s, out=s), grown, out=s)
            xp.copyto(s, xp.multiply(m, alpha, out=t), where=plain)
            xp.subtract(w, s, out=w)


@function
class Lion(Update):
    """w ← w − rate · sign(β₁·m + (1 − β₁)·g); m ← β₂·m + (1 − β₂)·g.

    Chen et al., arXiv:2302.06675.
    """

    beta_1: float
    beta_2: float
    updates = ("weights", "momentum")

    c: ClassVar[str] = (
        "float pull = momentum * beta_1 + gradients * (1 - beta_1); "
        "weights = weights - (pull > 0 ? 1 : (pull < 0 ? -1 : pull)) * rate; "
        "momentum = momentum * beta_2 + gradients * (1 - beta_2);"
    )

    def infer(self, weights: Spec, momentum: Spec, gradients: Spec, rate: Spec) -> tuple[Spec, ...]:
        return self.checked((rate,), weights, momentum, gradients)

    @quiet
    def compute(self, xp: Any, weights: Any, momentum: Any, gradients: Any, rate: Any) -> None:
        rate = rate.astype(weights.dtype)
        for w, m, g, s, t in blocks(xp, 2, weights, momentum, gradients):
            xp.multiply(m, self.beta_1, out=s)
            xp.add(s, xp.multiply(g, 1 - self.beta_1, out=t), out=s)
            xp.multiply(xp.sign(s, out=s), rate, out=s)
            xp.subtract(w, s, out=w)
            xp.multiply(m, self.beta_2, out=m)
            xp.add(m, xp.multiply(g, 1 - self.beta_2, out=t), out=m)

"""Optimizers that divide by the root of squared gradients they have seen."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.flat import Run
from graftgrad.ops import adagrad

from ..registry import setting
from ..rules import fraction, number
from .optimizer import Optimizer, optimizer, rate


def at_least_zero(subject: str, name: str, value: Any) -> float:
    """Accept finite numbers that are not negative."""
    found = number(subject, name, value)
    expect(found >= 0, subject, f"{name} must not be negative", error=ConfigError, **{name: value})
    return found


def at_most_zero(subject: str, name: str, value: Any) -> float:
    """Accept finite numbers that are not positive."""
    found = number(subject, name, value)
    expect(found <= 0, subject, f"{name} must not be positive", error=ConfigError, **{name: value})
    return found


@optimizer
class Adagrad(Optimizer):
    """Divide by the root of the sum of all squared gradients: w ← w − rate·g / √(a + epsilon).

    a ← a + g². Duchi et al., JMLR 12 (2011).

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        initial_accumulator_value: what the sum starts with.
        epsilon: added under the root.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    initial_accumulator_value: float = setting(at_least_zero, default=0.1)
    epsilon: float = setting(number, default=1e-7)

    def slots(self) -> list[dict[str, float]]:
        """Return the sum of squares."""
        return [{"accumulator": self.initial_accumulator_value}]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        total = run.slot("accumulator", self.initial_accumulator_value)
        rule = adagrad.Adagrad(self.epsilon, inner_epsilon=True)
        rule(run.values, total, run.gradients, learning_rate, run.step)


@optimizer
class RMSprop(Optimizer):
    """Divide by the root of the mean of squared gradients: w ← w − rate·g / √(v + epsilon).

    v ← rho·v + (1 − rho)·g²; with momentum b ← momentum·b + rate·g / √(v + epsilon) and w ← w − b.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: the part of the mean that stays.
        momentum: the part of the buffer that stays.
        epsilon: added under the root.
        centered: subtract the square of the mean gradient under the root.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    rho: float = setting(fraction, default=0.9)
    momentum: float = setting(fraction, default=0.0)
    epsilon: float = setting(number, default=1e-7)
    centered: bool = setting(default=False)

    def slots(self) -> list[dict[str, float]]:
        """Return the mean of squares, and where they are used buffer and mean gradient."""
        names = ["velocity"]
        names += ["momentum"] if self.momentum else []
        names += ["average_gradient"] if self.centered else []
        return [{name: 0.0} for name in names]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        kind = adagrad.rmsprop_rule(bool(self.momentum), bool(self.centered))
        slots = [run.slot(name) for group in self.slots() for name in group]
        rule = kind(self.rho, self.epsilon, self.inside(), self.momentum)
        rule(run.values, *slots, run.gradients, learning_rate)

    def inside(self) -> bool:
        """Tell whether `epsilon` stands under the root."""
        return True


@optimizer
class Keras2RMSprop(RMSprop):
    """RMSprop as Keras 1 and 2 had it until 2.11 where there is no momentum: ε beside the root.

    w ← w − rate·g / (√v + epsilon). Files go on with it; where squares are as small as epsilon,
    today's steps are shorter.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: the part of the mean that stays.
        momentum: the part of the buffer that stays.
        epsilon: added to the root.
        centered: subtract the square of the mean gradient under the root.
    Raises:
        ConfigError: a setting is unfit.
    """

    def inside(self) -> bool:
        """Tell that `epsilon` stands beside the root."""
        return False


@optimizer
class Adadelta(Optimizer):
    """Steps as long as earlier steps were: w ← w − rate · √((d + epsilon) / (a + epsilon)) · g.

    a and d are means of the squares of gradients and of steps. Zeiler, arXiv:1212.5701.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: the part of the means that stays.
        epsilon: added to both.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    rho: float = setting(fraction, default=0.95)
    epsilon: float = setting(number, default=1e-7)

    def slots(self) -> list[dict[str, float]]:
        """Return both means."""
        return [{"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = adagrad.Adadelta(self.rho, self.epsilon)
        slots = run.slot("accumulated_grad"), run.slot("accumulated_delta_var")
        rule(run.values, *slots, run.gradients, learning_rate)


@optimizer
class Ftrl(Optimizer):
    """Follow the regularised leader, for sparse linear models. McMahan et al., KDD 2013.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        learning_rate_power: minus the power of the accumulator; not positive.
        initial_accumulator_value: what the accumulator starts with.
        l1_regularization_strength: what makes weights exactly 0.
        l2_regularization_strength: what makes weights small.
        l2_shrinkage_regularization_strength: the same, added to the gradient.
        beta: added to the power of the accumulator.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    learning_rate_power: float = setting(at_most_zero, default=-0.5)
    initial_accumulator_value: float = setting(at_least_zero, default=0.1)
    l1_regularization_strength: float = setting(at_least_zero, default=0.0)
    l2_regularization_strength: float = setting(at_least_zero, default=0.0)
    l2_shrinkage_regularization_strength: float = setting(at_least_zero, default=0.0)
    beta: float = setting(number, default=0.0)

    def slots(self) -> list[dict[str, float]]:
        """Return accumulator and linear part."""
        return [{"accumulator": self.initial_accumulator_value, "linear": 0.0}]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = adagrad.Ftrl(
            -self.learning_rate_power, self.l1_regularization_strength,
            self.l2_regularization_strength, self.l2_shrinkage_regularization_strength, self.beta,
        )  # fmt: skip
        total = run.slot("accumulator", self.initial_accumulator_value)
        rule(run.values, total, run.slot("linear"), run.gradients, learning_rate)

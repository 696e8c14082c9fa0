"""Adam and those that came of it: averages of the gradient and of its size."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.flat import Run
from graftgrad.ops import adam

from ..registry import setting
from ..rules import number
from ..weight import Weight
from .optimizer import Optimizer, optimizer, rate
from .schedules import positive


def part(subject: str, name: str, value: Any) -> float:
    """Accept numbers from 0 to less than 1: the part of an average that stays."""
    found = number(subject, name, value)
    expect(0 <= found < 1, subject, f"{name} must be at least 0 and less than 1",
           error=ConfigError, **{name: value})  # fmt: skip
    return found


@optimizer
class Adam(Optimizer):
    """Averages of the gradient and of its square: w ← w − α·m / (√v + epsilon).

    α = rate · √(1 − beta_2ᵗ) / (1 − beta_1ᵗ) at step t. Kingma and Ba, arXiv:1412.6980.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: the part of the average gradient that stays.
        beta_2: the part of the average square that stays.
        epsilon: added to the root.
        amsgrad: put the largest v so far under the root.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    beta_1: float = setting(part, default=0.9)
    beta_2: float = setting(part, default=0.999)
    epsilon: float = setting(number, default=1e-7)
    amsgrad: bool = setting(default=False)

    def slots(self) -> list[dict[str, float]]:
        """Return both averages, and the largest second one."""
        largest = [{"velocity_hat": 0.0}] if self.amsgrad else []
        return [{"momentum": 0.0, "velocity": 0.0}, *largest]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        kind: type[adam.AdamRule] = adam.AMSGrad if self.amsgrad else adam.Adam
        slots = [run.slot(name) for group in self.slots() for name in group]
        rule = kind(self.beta_1, self.beta_2, self.epsilon)
        rule(run.values, *slots, run.gradients, learning_rate, run.step)


@optimizer
class AdamW(Adam):
    """Adam with weights that shrink apart from the gradient: w ← w · (1 − rate·weight_decay) first.

    Loshchilov and Hutter, arXiv:1711.05101. Arguments as Adam's.
    """

    weight_decay: float = setting(number, default=0.004)


@optimizer
class Nadam(Optimizer):
    """Adam with Nesterov's momentum. Dozat, ICLR 2016.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: the part of the average gradient that stays, in the end.
        beta_2: the part of the average square that stays.
        epsilon: added to the root.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    beta_1: float = setting(part, default=0.9)
    beta_2: float = setting(part, default=0.999)
    epsilon: float = setting(number, default=1e-7)

    def slots(self) -> list[dict[str, float]]:
        """Return both averages."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def extra_variables(self) -> list[Weight]:
        """Return the product of all parts of the momentum, which Keras keeps; here it follows."""
        product = 1.0
        for step in range(1, int(self.iterations) + 1):
            product *= self.beta_1 * (1 - 0.5 * 0.96 ** (self.pace() * step))
        dtype = self.known[0].dtype if self.built else "float32"
        return [Weight(graftgrad.tensor(product, dtype), "variable", "state")]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = adam.Nadam(self.beta_1, self.beta_2, self.epsilon, self.pace())
        slots = run.slot("momentum"), run.slot("velocity")
        rule(run.values, *slots, run.gradients, learning_rate, run.step)

    def pace(self) -> float:
        """Return how fast the part of the momentum that stays grows to `beta_1`."""
        return 1.0


@optimizer
class Keras2Nadam(Nadam):
    """Nadam as Keras 1 and 2 had it until 2.11, whose files go on with it; Keras 3 has it not.

    The part of the average gradient that stays is beta_1 · (1 − 0.96^(schedule_decay · t) / 2).

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: the part of the average gradient that stays, in the end.
        beta_2: the part of the average square that stays.
        epsilon: added to the root.
        schedule_decay: how fast that end is reached.
    Raises:
        ConfigError: a setting is unfit.
    """

    schedule_decay: float = setting(positive, default=0.004)

    def pace(self) -> float:
        """Return `schedule_decay`."""
        return self.schedule_decay


@optimizer
class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean square. arXiv:1412.6980, section 7.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: the part of the average gradient that stays.
        beta_2: the part of the largest gradient that stays.
        epsilon: added to the largest gradient.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    beta_1: float = setting(part, default=0.9)
    beta_2: float = setting(part, default=0.999)
    epsilon: float = setting(number, default=1e-7)

    def slots(self) -> list[dict[str, float]]:
        """Return the average and the largest gradient."""
        return [{"momentum": 0.0, "norm": 0.0}]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = adam.Adamax(self.beta_1, self.beta_2, self.epsilon)
        slots = run.slot("momentum"), run.slot("norm")
        rule(run.values, *slots, run.gradients, learning_rate, run.step)


@optimizer
class Lion(Optimizer):
    """Only the sign of an average: w ← w − rate · sign(beta_1·m + (1 − beta_1)·g).

    m ← beta_2·m + (1 − beta_2)·g. Chen et al., arXiv:2302.06675.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: the part of the average in the update.
        beta_2: the part of the average that stays.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    beta_1: float = setting(part, default=0.9)
    beta_2: float = setting(part, default=0.99)

    def slots(self) -> list[dict[str, float]]:
        """Return the average."""
        return [{"momentum": 0.0}]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = adam.Lion(self.beta_1, self.beta_2)
        rule(run.values, run.slot("momentum"), run.gradients, learning_rate)

"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from graftgrad import Tensor
from graftgrad.flat import Run
from graftgrad.ops import optimize

from ..registry import setting
from ..rules import fraction
from .optimizer import Optimizer, optimizer, rate


@optimizer
class SGD(Optimizer):
    """Gradient descent: w ← w − rate·g; with momentum v ← momentum·v − rate·g and w ← w + v.

    With nesterov w ← w + momentum·v − rate·g.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        momentum: the part of the velocity that stays, from 0 to 1.
        nesterov: look one step ahead.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.01)
    momentum: float = setting(fraction, default=0.0)
    nesterov: bool = setting(default=False)

    def slots(self) -> list[dict[str, float]]:
        """Return the velocity, where there is momentum."""
        return [{"momentum": 0.0}] if self.momentum else []

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        if not self.momentum:
            optimize.Descend()(run.values, run.gradients, learning_rate)
            return
        rule = optimize.Velocity(self.momentum, bool(self.nesterov))
        rule(run.values, run.slot("momentum"), run.gradients, learning_rate)

"""What optimizers share that keep an average of the gradient and one of its size."""

from __future__ import annotations

from typing import Any, ClassVar

from ..errors import ConfigError, expect
from ..flat import Run
from ..ops import optimize
from ..tensor import Tensor
from .optimizer import Group, Optimizer


class Averaging(Optimizer):
    """Adam and what came of it: two parts `betas` that stay, weights that may shrink apart."""

    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay")

    def check(self, group: Group) -> None:
        """Check the settings of a group."""
        super().check(group)
        betas = tuple(group["betas"])
        fit = len(betas) == 2 and all(0 <= beta < 1 for beta in betas)
        expect(fit, self.name, "both betas must be at least 0 and less than 1",
               error=ConfigError, betas=betas)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        """Return both averages."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def rule(self, group: Group, betas: tuple[float, float], eps: float, decay: float) -> Any:
        """Return the rule of a group; `decay` is what is added to the gradient."""
        raise NotImplementedError

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters, after weights that shrink apart from the gradient have."""
        decay = float(group["weight_decay"])
        if decay and group.get("decoupled_weight_decay"):
            optimize.Decay(decay)(run.values, rate)
            decay = 0.0
        first, second = (float(beta) for beta in group["betas"])
        rule = self.rule(group, (first, second), float(group["eps"]), decay)
        slots = [run.slot(name) for name in self.slots(group)]
        rule(run.values, *slots, run.gradients, rate, run.step)

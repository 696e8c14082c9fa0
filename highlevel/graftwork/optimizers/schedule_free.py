"""An optimizer that needs no schedule: it averages its own way."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.flat import FlatGroup, Places, Run
from graftgrad.ops import schedule_free, update

from ..registry import setting
from ..rules import number
from .adam import part
from .optimizer import Optimizer, optimizer, rate


def whole(subject: str, name: str, value: Any) -> int:
    """Accept whole numbers that are not negative."""
    fit = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    expect(fit, subject, f"{name} must be a whole number of at least 0", error=ConfigError,
           **{name: value})  # fmt: skip
    return int(value)


def some_part(subject: str, name: str, value: Any) -> float:
    """Accept numbers greater than 0 and less than 1."""
    found = part(subject, name, value)
    expect(found > 0, subject, f"{name} must be greater than 0 and less than 1", error=ConfigError,
           **{name: value})  # fmt: skip
    return found


@optimizer
class ScheduleFreeAdamW(Optimizer):
    """AdamW whose weights lie between a quick point and its average, in place of a schedule.

    z ← z − rate·g / (√v + epsilon); x ← x + (z − x) / t; w = (1 − beta_1)·z + beta_1·x. Defazio et
    al., arXiv:2405.15682.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how near to the average the weights lie.
        beta_2: the part of the average square that stays.
        epsilon: added to the root.
        warmup_steps: over so many steps the rate rises evenly.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.0025)
    beta_1: float = setting(some_part, default=0.9)
    beta_2: float = setting(part, default=0.999)
    epsilon: float = setting(number, default=1e-8)
    warmup_steps: int = setting(whole, default=0)

    def slots(self) -> list[dict[str, float]]:
        """Return the quick point, which begins at the weight, and the average square."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def begin(self, flat: FlatGroup, places: Places) -> None:
        """Let the quick point begin where the weight is, before anything moves that."""
        for run in flat.runs(places):
            update.ema(run.slot("momentum"), run.values, 1.0, run.step)

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = schedule_free.ScheduleFree(self.beta_1, self.beta_2, self.epsilon, self.warmup_steps)
        slots = run.slot("momentum"), run.slot("velocity")
        rule(run.values, *slots, run.gradients, learning_rate, run.step)

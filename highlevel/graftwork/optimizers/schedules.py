"""Learning rates as functions of the step: how many updates there were before this one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..registry import (
    Configured,
    configuration,
    custom_object_scope,
    declared,
    schedules,
    setting,
)
from ..rules import number


def positive(subject: str, name: str, value: Any) -> float:
    """Accept finite numbers greater than 0."""
    found = number(subject, name, value)
    expect(found > 0, subject, f"{name} must be greater than 0", error=ConfigError, **{name: value})
    return found


@declared(schedules)
class LearningRateSchedule(Configured):
    """A learning rate as a function of the step; subclasses say `__call__(self, step)`."""

    def __call__(self, step: Any) -> float:
        """Return the rate of a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__}: __call__(self, step) must be written.")


@declared(schedules)
class ExponentialDecay(LearningRateSchedule):
    """rate = initial · decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: after how many steps the rate is multiplied once.
        decay_rate: by what.
        staircase: round step / decay_steps down.
    Raises:
        ConfigError: a setting is no fit number.
    """

    initial_learning_rate: float = setting(number)
    decay_steps: float = setting(positive)
    decay_rate: float = setting(number)
    staircase: bool = setting(default=False)
    name: str = setting(default="ExponentialDecay")

    def __call__(self, step: Any) -> float:
        """Return the rate of a step."""
        return float(self.initial_learning_rate * self.decay_rate ** stage(self, step))


@declared(schedules)
class InverseTimeDecay(LearningRateSchedule):
    """rate = initial / (1 + decay_rate · step / decay_steps).

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: the unit of time.
        decay_rate: how fast the divisor grows.
        staircase: round step / decay_steps down.
    Raises:
        ConfigError: a setting is no fit number.
    """

    initial_learning_rate: float = setting(number)
    decay_steps: float = setting(positive)
    decay_rate: float = setting(number)
    staircase: bool = setting(default=False)
    name: str = setting(default="InverseTimeDecay")

    def __call__(self, step: Any) -> float:
        """Return the rate of a step."""
        return self.initial_learning_rate / (1 + self.decay_rate * stage(self, step))


@declared(schedules)
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], the last value afterwards.

    Args:
        boundaries: steps, ascending.
        values: rates, one more than boundaries.
    Raises:
        ConfigError: there is not one more value.
    """

    boundaries: Any = setting()
    values: Any = setting()
    name: str = setting(default="PiecewiseConstant")

    def prepare(self) -> None:
        """Count boundaries and values."""
        self.boundaries, self.values = list(self.boundaries), list(self.values)
        expect(len(self.boundaries) == len(self.values) - 1, "PiecewiseConstantDecay",
               "there must be one value more than boundaries", error=ConfigError,
               boundaries=self.boundaries, values=self.values)  # fmt: skip

    def __call__(self, step: Any) -> float:
        """Return the rate of a step."""
        passed = sum(float(step) > boundary for boundary in self.boundaries)
        return float(self.values[passed])


@declared(schedules)
class PolynomialDecay(LearningRateSchedule):
    """rate = (initial − end) · (1 − step / decay_steps)^power + end, and end afterwards.

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: how many steps the way down takes.
        end_learning_rate: the rate at its end.
        power: the shape of the way.
        cycle: begin again, each time from a way that ends at the next multiple of decay_steps.
    Raises:
        ConfigError: a setting is no fit number.
    """

    initial_learning_rate: float = setting(number)
    decay_steps: float = setting(positive)
    end_learning_rate: float = setting(number, default=0.0001)
    power: float = setting(number, default=1.0)
    cycle: bool = setting(default=False)
    name: str = setting(default="PolynomialDecay")

    def __call__(self, step: Any) -> float:
        """Return the rate of a step."""
        whole, now = self.decay_steps, float(step)
        if self.cycle:
            whole *= max(math.ceil(now / whole), 1)
        left = 1 - min(now, whole) / whole
        span = self.initial_learning_rate - self.end_learning_rate
        return float(span * left**self.power + self.end_learning_rate)


@declared(schedules)
class CosineDecay(LearningRateSchedule):
    """A straight way up to the warm-up's target, then half a cosine down to alpha times that.

    rate = start · ((1 − alpha) · (1 + cos(π · step / decay_steps)) / 2 + alpha). arXiv:1608.03983.

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: how many steps the cosine takes.
        alpha: the last rate as a part of the first of the cosine.
        warmup_target: the rate after the warm-up; None for no warm-up.
        warmup_steps: how many steps the warm-up takes.
    Raises:
        ConfigError: a setting is no fit number.
    """

    initial_learning_rate: float = setting(number)
    decay_steps: float = setting(positive)
    alpha: float = setting(number, default=0.0)
    name: str = setting(default="CosineDecay")
    warmup_target: Any = setting(default=None)
    warmup_steps: float = setting(number, default=0)

    def __call__(self, step: Any) -> float:
        """Return the rate of a step."""
        now, start = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if now < self.warmup_steps:
                return float(start + (self.warmup_target - start) * now / self.warmup_steps)
            now, start = now - self.warmup_steps, float(self.warmup_target)
        part = min(now, self.decay_steps) / self.decay_steps
        return start * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * part)) + self.alpha)


@declared(schedules)
class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine down to alpha, again and again: each t_mul times as long, m_mul times as high.

    Loshchilov and Hutter, arXiv:1608.03983.

    Args:
        initial_learning_rate: the rate of step 0.
        first_decay_steps: how many steps the first cosine takes.
        t_mul: how much longer each next one is.
        m_mul: how much higher each next one begins.
        alpha: the least rate as a part of the first.
    Raises:
        ConfigError: a setting is no fit number.
    """

    initial_learning_rate: float = setting(number)
    first_decay_steps: float = setting(positive)
    t_mul: float = setting(number, default=2.0)
    m_mul: float = setting(number, default=1.0)
    alpha: float = setting(number, default=0.0)
    name: str = setting(default="SGDRDecay")

    def __call__(self, step: Any) -> float:
        """Return the rate of a step."""
        done = float(step) / self.first_decay_steps
        if self.t_mul == 1:
            restarts = math.floor(done)
            part = done - restarts
        else:
            restarts = math.floor(math.log(1 - done * (1 - self.t_mul)) / math.log(self.t_mul))
            before = (1 - self.t_mul**restarts) / (1 - self.t_mul)
            part = (done - before) / self.t_mul**restarts
        height = 0.5 * self.m_mul**restarts * (1 + math.cos(math.pi * part))
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


def stage(schedule: ExponentialDecay | InverseTimeDecay, step: Any) -> float:
    """Return how many times `decay_steps` have passed, in whole stages where it is a staircase."""
    passed = float(step) / schedule.decay_steps
    return math.floor(passed) if schedule.staircase else passed


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return the configuration of a schedule in Keras' form."""
    return configuration(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a schedule from its configuration.

    Raises:
        ConfigError: a name in it is not known.
    """
    with custom_object_scope(custom_objects or {}):
        return schedules.get(config)

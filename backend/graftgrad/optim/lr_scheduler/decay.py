"""Rates that go from one value to another: in steps, on a line, by powers, along a cosine."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ...errors import ConfigError, expect
from ..optimizer import Group, Optimizer
from .base import LRScheduler


class StepLR(LRScheduler):
    """Multiply the rate by gamma every `step_size` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        expect(step_size > 0, "StepLR", "step_size must be positive", error=ConfigError,
               step_size=step_size)  # fmt: skip
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate, times gamma where a stage ends."""
        ends = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return float(group["lr"] * self.gamma if ends else group["lr"])


class MultiStepLR(LRScheduler):
    """Multiply the rate by gamma at each of the epochs in `milestones`."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Sequence[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate, times gamma for each time that the epoch is named."""
        return float(group["lr"] * self.gamma ** self.milestones[self.last_epoch])


class ConstantLR(LRScheduler):
    """`factor` of the initial rate for the first `total_iters` epochs, then all of it."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        expect(0 < factor <= 1, "ConstantLR", "factor must lie in (0, 1]", error=ConfigError,
               factor=factor)  # fmt: skip
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate, which changes in the first epoch and after the last of the stage."""
        if self.last_epoch == 0:
            return float(group["lr"] * self.factor)
        return float(group["lr"] / self.factor if self.last_epoch == self.total_iters
                     else group["lr"])  # fmt: skip


class LinearLR(LRScheduler):
    """On a line from `start_factor` of the initial rate to `end_factor` of it: a warm-up.

    It takes `total_iters` epochs; the rate stays where it is then.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        expect(0 < start_factor <= 1, "LinearLR", "start_factor must lie in (0, 1]",
               error=ConfigError, start_factor=start_factor)  # fmt: skip
        expect(0 <= end_factor <= 1, "LinearLR", "end_factor must lie in [0, 1]",
               error=ConfigError, end_factor=end_factor)  # fmt: skip
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return the part of the initial rate in an epoch."""
        return self.start_factor + (self.end_factor - self.start_factor) * epoch / self.total_iters

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate moved along the line, in proportion to what it is now."""
        if self.last_epoch == 0:
            return float(group["lr"] * self.start_factor)
        if self.last_epoch > self.total_iters:
            return float(group["lr"])
        return float(group["lr"] * self.factor(self.last_epoch) / self.factor(self.last_epoch - 1))


class PolynomialLR(LRScheduler):
    """lr = initial_lr · (1 − epoch / total_iters)^power, and 0 from then on."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate, times what is left of what was left an epoch before."""
        if self.last_epoch == 0 or self.last_epoch > self.total_iters:
            return float(group["lr"])
        left = self.total_iters - self.last_epoch
        return float(group["lr"] * (left / (left + 1)) ** self.power)


class ExponentialLR(LRScheduler):
    """Multiply the rate by gamma every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate times gamma."""
        return float(group["lr"] * self.gamma if self.last_epoch > 0 else group["lr"])


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial rate down to `eta_min` in `T_max` epochs, and up again.

    lr = eta_min + (initial_lr − eta_min)(1 + cos(π·epoch / T_max)) / 2. arXiv:1608.03983.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        expect(T_max > 0, "CosineAnnealingLR", "T_max must be positive", error=ConfigError,
               T_max=T_max)  # fmt: skip
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate moved along the cosine, in proportion to what it is now."""
        if self.last_epoch == 0:
            return float(group["lr"])
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        now = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:  # the lowest point: 0 / 0
            return float(self.eta_min + (group["initial_lr"] - self.eta_min) * now / 2)
        return float(self.eta_min + (group["lr"] - self.eta_min) * now / before)

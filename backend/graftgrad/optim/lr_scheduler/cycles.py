"""Rates that go up and down, and momenta that go the other way."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import ConfigError, expect, sentence
from ..optimizer import Group, Optimizer
from .base import LRScheduler, for_each_group


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the initial rate to `eta_min`, again and again.

    The first takes `T_0` epochs and each `T_mult` times as many as the one before. Loshchilov and
    Hutter, arXiv:1608.03983.

    Args:
        optimizer: whose groups are changed.
        T_0: epochs of the first descent.
        T_mult: how much longer the next is.
        eta_min: the least rate.
        last_epoch: −1 to begin.
    Raises:
        ConfigError: T_0 or T_mult is less than 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        for name, count in (("T_0", T_0), ("T_mult", T_mult)):
            expect(count >= 1, type(self).__name__, f"{name} must be at least 1",
                   error=ConfigError, T_0=T_0, T_mult=T_mult)  # fmt: skip
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def stage(self) -> tuple[int, int]:
        """Return how far the present descent is, and how long it takes."""
        passed, length = self.last_epoch, self.T_0
        if self.T_mult == 1:
            return passed % length, length
        while passed >= length:
            passed, length = passed - length, length * self.T_mult
        return passed, length

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate on the cosine."""
        passed, length = self.stage()
        part = (1 + math.cos(math.pi * passed / length)) / 2
        return float(self.eta_min + (self.base_lrs[index] - self.eta_min) * part)


class Cycled(LRScheduler):
    """What schedulers share that move a momentum against the rate: `momentum`, or the first beta.

    Raises:
        ConfigError: the optimizer has neither.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        cycle_momentum: bool,
        base_momentum: float | Sequence[float],
        max_momentum: float | Sequence[float],
        last_epoch: int,
    ) -> None:
        name, groups = type(self).__name__, len(optimizer.param_groups)
        known = "momentum" in optimizer.defaults or "betas" in optimizer.defaults
        expect(known or not cycle_momentum, name, "cycle_momentum needs momentum or betas",
               error=ConfigError, optimizer=optimizer.name,
               advice="Pass cycle_momentum=False.")  # fmt: skip
        self.cycle_momentum = cycle_momentum
        self.base_momentums = for_each_group(name, "base_momentum", base_momentum, groups)
        self.max_momentums = for_each_group(name, "max_momentum", max_momentum, groups)
        super().__init__(optimizer, last_epoch)

    def next_momentum(self, group: Group, index: int) -> float:
        """Return the momentum of a group in epoch `last_epoch`."""
        raise NotImplementedError

    def step(self) -> None:
        """Go on to the next step: rates, and momenta where they are cycled."""
        super().step()
        if not self.cycle_momentum:
            return
        for index, group in enumerate(self.optimizer.param_groups):
            momentum = self.next_momentum(group, index)
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class CyclicLR(Cycled):
    """Between two rates, up and down on lines; to be stepped after every batch.

    Smith, arXiv:1506.01186.

    Args:
        optimizer: whose groups are changed.
        base_lr: the lower rate, or one for each group.
        max_lr: the upper one.
        step_size_up: batches on the way up.
        step_size_down: batches on the way down; as many where it is not given.
        mode: "triangular": all cycles alike; "triangular2": each half as high as the one before;
            "exp_range": gamma^batches as high.
        gamma: of "exp_range".
        scale_fn: a mode of one's own: the height by the cycle, from 1 on.
        scale_mode: "iterations" to call scale_fn with the batch instead.
        cycle_momentum: move the momentum from the upper one down and up again.
        base_momentum: the lower momentum, or one for each group.
        max_momentum: the upper one.
        last_epoch: −1 to begin; the batches so far.
    Raises:
        ConfigError: the mode is unknown, or the optimizer has no momentum to cycle.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        modes = ("triangular", "triangular2", "exp_range")
        expect(mode in modes or scale_fn is not None, "CyclicLR", f"mode must be one of {modes}",
               error=ConfigError, mode=mode)  # fmt: skip
        groups = len(optimizer.param_groups)
        lower = for_each_group("CyclicLR", "base_lr", base_lr, groups)
        self.max_lrs = for_each_group("CyclicLR", "max_lr", max_lr, groups)
        self.size_up = step_size_up
        self.size = step_size_up + (step_size_up if step_size_down is None else step_size_down)
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.by_cycle = scale_mode == "cycle" if scale_fn is not None else mode != "exp_range"
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, lower, strict=True):
                group["lr"] = group["initial_lr"] = rate
        super().__init__(optimizer, cycle_momentum, base_momentum, max_momentum, last_epoch)

    def height(self) -> float:
        """Return where between the lower rate and the upper one the present step lies."""
        cycle, passed = divmod(self.last_epoch, self.size)
        up = passed <= self.size_up
        part = passed / self.size_up if up else (self.size - passed) / (self.size - self.size_up)
        return part * self._scale(cycle + 1 if self.by_cycle else self.last_epoch)

    def _scale(self, count: float) -> float:
        if self.scale_fn is not None:
            return float(self.scale_fn(count))
        if self.mode == "triangular":
            return 1.0
        return float(2.0 ** (1 - count) if self.mode == "triangular2" else self.gamma**count)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate at this height."""
        low = self.base_lrs[index]
        return float(low + (self.max_lrs[index] - low) * self.height())

    def next_momentum(self, group: Group, index: int) -> float:
        """Return the momentum, which falls while the rate rises."""
        high = self.max_momentums[index]
        return high - (high - self.base_momentums[index]) * self.height()

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer and functions."""
        return {key: value for key, value in super().state_dict().items() if key != "scale_fn"}


class OneCycleLR(Cycled):
    """Up to `max_lr` once and down to almost nothing; to be stepped after every batch.

    From max_lr / div_factor in `pct_start` of all steps, and then down to the
    `final_div_factor`-th part of where it began. Smith and Topin, arXiv:1708.07120.

    Args:
        optimizer: whose groups are changed.
        max_lr: the highest rate, or one for each group.
        total_steps: batches of the whole training.
        epochs: with steps_per_epoch in the place of total_steps.
        steps_per_epoch: batches of an epoch.
        pct_start: the part of the steps on the way up.
        anneal_strategy: "cos" for half cosines, "linear" for lines.
        cycle_momentum: move the momentum from the upper one down and up again.
        base_momentum: the lower momentum, or one for each group.
        max_momentum: the upper one.
        div_factor: max_lr by the first rate.
        final_div_factor: the first rate by the last one.
        three_phase: down as long as up, and then to the last rate.
        last_epoch: −1 to begin; the batches so far.
    Raises:
        ConfigError: the number of steps is not told or over, a setting is unfit, or the optimizer
            has no momentum to cycle.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None and epochs is not None and steps_per_epoch is not None:
            total_steps = epochs * steps_per_epoch
        if total_steps is None or total_steps <= 0:
            raise ConfigError(sentence("OneCycleLR",
                "total_steps, or epochs and steps_per_epoch, must be positive",
                {"total_steps": total_steps, "epochs": epochs,
                 "steps_per_epoch": steps_per_epoch}))  # fmt: skip
        expect(0 <= pct_start <= 1, "OneCycleLR", "pct_start must lie in [0, 1]",
               error=ConfigError, pct_start=pct_start)  # fmt: skip
        expect(anneal_strategy in ("cos", "linear"), "OneCycleLR",
               'anneal_strategy must be "cos" or "linear"', error=ConfigError,
               anneal_strategy=anneal_strategy)  # fmt: skip
        highest = for_each_group("OneCycleLR", "max_lr", max_lr, len(optimizer.param_groups))
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        first = pct_start * total_steps - 1
        # Where each phase ends, and between which rates it goes; momenta against them.
        rise, fall = ("initial_lr", "max_lr"), ("max_lr", "initial_lr")
        self.phases: list[tuple[float, tuple[str, str]]] = [(first, rise)]
        if three_phase:
            self.phases += [(2 * first, fall), (total_steps - 1, ("initial_lr", "min_lr"))]
        else:
            self.phases += [(total_steps - 1, ("max_lr", "min_lr"))]
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["max_lr"], group["initial_lr"] = rate, rate / div_factor
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, cycle_momentum, base_momentum, max_momentum, last_epoch)

    def phase(self) -> tuple[float, str, str]:
        """Return how far the present phase is, and between which rates it goes."""
        ends = [end for end, _ in self.phases]
        place = min(bisect_left(ends, self.last_epoch), len(ends) - 1)
        begin, end = ends[place - 1] if place else 0.0, ends[place]
        part = (self.last_epoch - begin) / (end - begin) if end > begin else 1.0
        return (part, *self.phases[place][1])

    def _between(self, start: float, stop: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (stop - start) * part
        return stop + (start - stop) / 2 * (1 + math.cos(math.pi * part))

    def step(self) -> None:
        """Go on to the next step.

        Raises:
            ConfigError: there were as many steps as there should be.
        """
        expect(self.last_epoch < self.total_steps, "OneCycleLR",
               "there must be no more steps than total_steps", error=ConfigError,
               step=self.last_epoch + 1, total_steps=self.total_steps)  # fmt: skip
        super().step()

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate of this phase."""
        part, start, stop = self.phase()
        return self._between(group[start], group[stop], part)

    def next_momentum(self, group: Group, index: int) -> float:
        """Return the momentum, which is low where the rate is high."""
        part, start, stop = self.phase()
        low, high = self.base_momentums[index], self.max_momentums[index]
        first, last = (low if name == "max_lr" else high for name in (start, stop))
        return self._between(first, last, part)

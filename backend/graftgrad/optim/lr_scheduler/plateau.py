"""A rate that falls when a measure stops getting better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError, expect
from ..optimizer import Optimizer
from .base import for_each_group


class ReduceLROnPlateau:
    """Multiply the rate by `factor` when a measure has not improved for `patience` epochs.

    Args:
        optimizer: whose groups are changed.
        mode: "min" if less is better, "max" if more is.
        factor: less than 1.
        patience: epochs without improvement that are borne.
        threshold: how much better is an improvement.
        threshold_mode: "rel": a part of the best measure; "abs": a difference.
        cooldown: epochs after a change that do not count.
        min_lr: the least rate, or one for each group.
        eps: smaller changes are not made.
    Raises:
        ConfigError: a setting is unfit.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        name = type(self).__name__
        expect(factor < 1, name, "factor must be less than 1", error=ConfigError, factor=factor)
        expect(mode in ("min", "max"), name, 'mode must be "min" or "max"', error=ConfigError,
               mode=mode)  # fmt: skip
        expect(threshold_mode in ("rel", "abs"), name, 'threshold_mode must be "rel" or "abs"',
               error=ConfigError, threshold_mode=threshold_mode)  # fmt: skip
        groups = len(optimizer.param_groups)
        least = for_each_group(name, "min_lr", min_lr, groups)
        self.optimizer = optimizer
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lrs, self.eps = cooldown, least, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def is_better(self, measure: float) -> bool:
        """Tell whether a measure is an improvement on the best."""
        sign = -1 if self.mode == "min" else 1
        margin = self.threshold * (self.best if self.threshold_mode == "rel" else 1) * sign
        bar = self.best if math.isinf(self.best) else self.best + margin
        return measure < bar if self.mode == "min" else measure > bar

    def step(self, metrics: Any) -> None:
        """Take note of an epoch's measure, and lower the rates if it is time."""
        self.last_epoch += 1
        if self.is_better(float(metrics)):
            self.best, self.num_bad_epochs = float(metrics), 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=False):
            rate = max(float(group["lr"]) * self.factor, least)
            if float(group["lr"]) - rate > self.eps:
                group["lr"] = rate

    def get_last_lr(self) -> list[float]:
        """Return the rates of all groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {key: value for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        vars(self).update({k: v for k, v in state_dict.items() if k != "optimizer"})

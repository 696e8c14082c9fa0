"""Learning rates that change while an optimizer of this package works, in PyTorch's vocabulary."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ConfigError, expect
from .optimizer import Group, Optimizer


class LRScheduler:
    """Changes the learning rate of every group; `step()` is called once per epoch, after training.

    What the user does to a rate in between stays: a new rate is made from the one before it.

    Args:
        optimizer: whose groups are changed.
        last_epoch: −1 to begin; the last epoch of an earlier training to go on with it.
    Raises:
        ConfigError: it is no optimizer, or the training that is to go on was not scheduled.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        expect(isinstance(optimizer, Optimizer), type(self).__name__,
               "optimizer must be one of graftgrad.optim", error=ConfigError,
               optimizer=type(optimizer).__name__)  # fmt: skip
        for group in optimizer.param_groups:
            expect(last_epoch == -1 or "initial_lr" in group, type(self).__name__,
                   "a training that goes on needs initial_lr in every group", error=ConfigError,
                   last_epoch=last_epoch)  # fmt: skip
            group.setdefault("initial_lr", group["lr"])
        self.optimizer = optimizer
        self.last_epoch = last_epoch
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.step()

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate of a group in epoch `last_epoch`."""
        raise NotImplementedError

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        for index, group in enumerate(self.optimizer.param_groups):
            group["lr"] = self.next_lr(group, index)

    def get_last_lr(self) -> list[float]:
        """Return the rates of all groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer and functions."""
        return {
            key: value
            for key, value in vars(self).items()
            if key not in ("optimizer", "lr_lambdas")
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        kept = {key: value for key, value in state_dict.items() if key in vars(self)}
        vars(self).update({k: v for k, v in kept.items() if k not in ("optimizer", "lr_lambdas")})


class LambdaLR(LRScheduler):
    """lr = initial_lr · lr_lambda(epoch).

    Args:
        optimizer: whose groups are changed.
        lr_lambda: a function of the epoch, or one for each group.
        last_epoch: −1 to begin.
    Raises:
        ConfigError: there are not as many functions as groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        several = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        expect(len(several) == groups, "LambdaLR", "there must be one function for each group",
               error=ConfigError, functions=len(several), groups=groups)  # fmt: skip
        self.lr_lambdas = several
        super().__init__(optimizer, last_epoch)

    def next_lr(self, group: Group, index: int) -> float:
        """Return the initial rate times what the function says."""
        return float(group["initial_lr"] * self.lr_lambdas[index](self.last_epoch))


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
        least = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * groups
        expect(len(least) == groups, name, "there must be one min_lr for each group",
               error=ConfigError, min_lr=min_lr, groups=groups)  # fmt: skip
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

"""What every scheduler is, and rates that follow a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import ConfigError, expect
from ..optimizer import Group, Optimizer


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

    def restart(self) -> None:
        """Begin again with the initial rates: where one scheduler takes over from another."""
        self.last_epoch = -1
        for group, rate in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = rate
        self.step()

    def undo(self) -> None:
        """Take the first step back; the rate it made is set by who asks for this."""
        self.last_epoch -= 1

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


def for_each_group(
    subject: str, setting: str, given: float | Sequence[float], groups: int
) -> list[float]:
    """Return one value for each group, of one for all or of a list.

    Raises:
        ConfigError: there are not as many values as groups.
    """
    several = list(given) if isinstance(given, Sequence) else [given] * groups
    expect(len(several) == groups, subject, f"there must be one {setting} for each group",
           error=ConfigError, given=given, groups=groups)  # fmt: skip
    return [float(one) for one in several]


class FunctionLR(LRScheduler):
    """What schedulers by a function of the epoch share.

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
        expect(len(several) == groups, type(self).__name__,
               "there must be one function for each group",
               error=ConfigError, functions=len(several), groups=groups)  # fmt: skip
        self.lr_lambdas = several
        super().__init__(optimizer, last_epoch)


class LambdaLR(FunctionLR):
    """lr = initial_lr · lr_lambda(epoch)."""

    def next_lr(self, group: Group, index: int) -> float:
        """Return the initial rate times what the function says."""
        return float(group["initial_lr"] * self.lr_lambdas[index](self.last_epoch))


class MultiplicativeLR(FunctionLR):
    """Multiply the rate by lr_lambda(epoch) in every epoch but the first."""

    def restart(self) -> None:
        """Go on from the rate that there is: the first epoch multiplies it, too."""
        self.last_epoch = 0
        for group, factor in zip(self.optimizer.param_groups, self.lr_lambdas, strict=True):
            group["lr"] = float(group["lr"] * factor(0))

    def next_lr(self, group: Group, index: int) -> float:
        """Return the rate times what the function says."""
        factor = self.lr_lambdas[index](self.last_epoch) if self.last_epoch > 0 else 1
        return float(group["lr"] * factor)

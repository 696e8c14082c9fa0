"""Several schedulers as one: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError, expect
from ..optimizer import Optimizer
from .base import LRScheduler


class Joined(LRScheduler):
    """What schedulers of schedulers share.

    Raises:
        ConfigError: there is none, one is no scheduler by epochs, or one belongs to another
            optimizer.
    """

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        self.schedulers = list(schedulers)
        expect(len(self.schedulers) > 0, name, "there must be at least one scheduler",
               error=ConfigError, schedulers=self.schedulers)  # fmt: skip
        for one in self.schedulers:
            expect(isinstance(one, LRScheduler), name,
                   "only schedulers that are stepped without a measure can be joined",
                   error=ConfigError, scheduler=type(one).__name__)  # fmt: skip
        self.optimizer = self.schedulers[0].optimizer if optimizer is None else optimizer
        for one in self.schedulers:
            expect(one.optimizer is self.optimizer, name,
                   "all schedulers must belong to the same optimizer", error=ConfigError,
                   scheduler=type(one).__name__)  # fmt: skip
        self.base_lrs = [group["initial_lr"] for group in self.optimizer.param_groups]

    def undo(self) -> None:
        """Take the first step of all schedulers back."""
        for one in self.schedulers:
            one.undo()

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, with the states of all schedulers."""
        kept = {key: value for key, value in super().state_dict().items() if key != "schedulers"}
        return kept | {"schedulers": [one.state_dict() for one in self.schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        states = state_dict["schedulers"]
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "schedulers"})
        for one, state in zip(self.schedulers, states, strict=True):
            one.load_state_dict(state)


class SequentialLR(Joined):
    """One scheduler after the other, each from the initial rate on: a warm-up and what follows.

    Args:
        optimizer: whose groups are changed.
        schedulers: in their order.
        milestones: the epochs in which the second, the third, … takes over.
    Raises:
        ConfigError: there is not one milestone fewer than there are schedulers, or these do not
            fit each other.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        super().__init__(optimizer, schedulers)
        self.milestones = list(milestones)
        expect(len(self.milestones) == len(self.schedulers) - 1, "SequentialLR",
               "there must be one milestone between each two schedulers", error=ConfigError,
               schedulers=len(self.schedulers), milestones=self.milestones)  # fmt: skip
        # Each scheduler has made its first step; only the first one's is to count.
        self.last_epoch = -1
        self.undo()
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.step()

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        place = bisect_right(self.milestones, self.last_epoch)
        if place > 0 and self.milestones[place - 1] == self.last_epoch:
            self.schedulers[place].restart()
        else:
            self.schedulers[place].step()


class ChainedScheduler(Joined):
    """All schedulers in every epoch, each changing the rate that the one before has made.

    Args:
        schedulers: in their order.
        optimizer: theirs.
    Raises:
        ConfigError: there is none, or they belong to several optimizers.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        super().__init__(optimizer, schedulers)
        self.last_epoch = 0

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        for one in self.schedulers:
            one.step()

    def restart(self) -> None:
        """Begin again with all of them."""
        self.last_epoch = 0
        for one in self.schedulers:
            one.restart()

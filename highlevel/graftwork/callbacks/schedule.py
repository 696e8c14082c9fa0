"""Learning rates that follow the epochs or the progress."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from graftgrad.errors import ConfigError, expect

from .callback import Callback, Logs
from .monitor import Monitor
from .terminal import write


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: a function of (epoch, learning rate), or of (epoch), that returns the new rate.
        verbose: 1 tells of every rate.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        expect(callable(schedule), "LearningRateScheduler", "schedule must be a function",
               error=ConfigError, schedule=schedule)  # fmt: skip
        self.schedule = schedule
        self.verbose = verbose
        self.takes_rate = len(inspect.signature(schedule).parameters) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Ask for the rate and set it."""
        now = float(self.model.optimizer.learning_rate)
        rate = self.schedule(epoch, now) if self.takes_rate else self.schedule(epoch)
        expect(hasattr(rate, "__float__"), "LearningRateScheduler", "schedule must return a number",
               error=ConfigError, returned=rate)  # fmt: skip
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            write(f"Epoch {epoch + 1}: learning rate {float(rate):.4g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the rate into the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(Monitor):
    """Lowers the learning rate when a watched value has not got better for some epochs.

    Args:
        monitor: its name in the logs.
        factor: what the rate is multiplied by; below 1.
        patience: how many epochs without progress are borne.
        verbose: 1 tells of every change.
        mode: "min", "max" or "auto".
        min_delta: what counts as better must be better by more than this.
        cooldown: how many epochs after a change do not count.
        min_lr: the rate never falls below this.

    Raises:
        ConfigError: factor is not below 1.
    """

    kept = ("best", "wait", "cooling")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **unknown: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        expect(not unknown, "ReduceLROnPlateau", "arguments must be known", error=ConfigError,
               unknown=list(unknown))  # fmt: skip
        expect(0 < factor < 1, "ReduceLROnPlateau", "factor must lie between 0 and 1",
               error=ConfigError, factor=factor)  # fmt: skip
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self.best = self.worst
        self.wait = 0
        self.cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare; lower the rate if patience is at its end."""
        now = float(self.model.optimizer.learning_rate)
        value = self.watched(logs)
        if logs is not None:
            logs["learning_rate"] = now
        if value is None:
            return
        if self.cooling > 0:
            self.cooling -= 1
            self.wait = 0
        if self.better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooling == 0:
            self.wait += 1
            if self.wait >= self.patience and now > self.min_lr:
                rate = max(now * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = rate
                self.cooling, self.wait = self.cooldown, 0
                if self.verbose:
                    write(f"Epoch {epoch + 1}: learning rate lowered to {rate:.4g}")

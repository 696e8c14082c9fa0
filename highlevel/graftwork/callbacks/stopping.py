"""When to stop: no more progress, or numbers that are none."""

from __future__ import annotations

import math
from typing import Any

from graftgrad.errors import DataError, expect

from .callback import Callback, Logs
from .monitor import Monitor
from .terminal import write


class EarlyStopping(Monitor):
    """Stops when a watched value has not got better for some epochs.

    Args:
        monitor: its name in the logs.
        min_delta: what counts as better must be better by more than this.
        patience: how many epochs without progress are borne.
        verbose: 1 tells when it stops.
        mode: "min", "max" or "auto".
        baseline: progress counts only beyond this value.
        restore_best_weights: go back to the weights of the best epoch, however the training ends.
        start_from_epoch: the first epoch that counts.
    """

    kept = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self.wait = 0
        self.stopped_epoch = 0
        self.best = self.worst
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare; stop if patience is at its end."""
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Go back to the best weights, whether this or something else ended the training."""
        if self.verbose and self.stopped_epoch:
            write(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                write(f"Restoring the weights of epoch {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stops when the loss is NaN or infinite; it is read after every batch.

    Args:
        raise_error: raise instead of stopping.

    Raises:
        DataError: the loss is NaN or infinite, and `raise_error` is true.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss of a batch."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(float(loss)):
            return
        expect(not self.raise_error, "TerminateOnNaN", "the loss must be finite", error=DataError,
               batch=batch, loss=loss)  # fmt: skip
        write(f"Batch {batch}: the loss is {float(loss)}; the training stops.")
        self.model.stop_training = True

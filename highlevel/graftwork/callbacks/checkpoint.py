"""The model, or its weights, written while it is trained."""

from __future__ import annotations

import os
from typing import Any

from graftgrad.errors import ConfigError, expect

from .callback import Logs
from .monitor import Monitor
from .terminal import write


class ModelCheckpoint(Monitor):
    """Writes the model after epochs, or after so many batches.

    Args:
        filepath: where to; may hold {epoch}, {batch} and names of the logs, for example
            "best-{epoch:02d}-{val_loss:.2f}.keras".
            It ends in ".keras", or in ".weights.h5" with `save_weights_only`.
        monitor: the value that decides which epoch is the best.
        verbose: 1 tells of every file.
        save_best_only: write only what is better than anything before.
        save_weights_only: write weights without the model.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what the first value must be better than.

    Raises:
        ConfigError: the ending of the path does not fit.
    """

    kept = ("best", "batches")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        weights = self.filepath.endswith(".weights.h5")
        fits = (
            weights
            if save_weights_only
            else self.filepath.endswith((".keras", ".h5")) and not weights
        )
        endings = '".weights.h5"' if save_weights_only else '".keras" (or ".h5", the older form)'
        expect(fits, "ModelCheckpoint", f"filepath must end in {endings}", error=ConfigError,
               filepath=self.filepath, save_weights_only=save_weights_only)  # fmt: skip
        fit = save_freq == "epoch" or (isinstance(save_freq, int) and save_freq > 0)
        expect(fit, "ModelCheckpoint", 'save_freq must be "epoch" or a number of batches',
               error=ConfigError, save_freq=save_freq)  # fmt: skip
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = self.worst if initial_value_threshold is None else initial_value_threshold
        self.epoch = 0
        self.batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Take note of the epoch."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write every so many batches."""
        if self.save_freq == "epoch":
            return
        self.batches += 1
        if self.batches % int(self.save_freq) == 0:
            self._write(self.epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write after the epoch."""
        if self.save_freq == "epoch":
            self._write(epoch, 0, logs)

    def _write(self, epoch: int, batch: int, logs: Logs | None) -> None:
        if self.save_best_only:
            value = self.watched(logs)
            if value is None or not self.better(value, self.best):
                return
            self.best = value
        path = self._path({"batch": batch + 1, **(logs or {}), "epoch": epoch + 1})
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            write(f"Epoch {epoch + 1}: saved to {path}")

    def _path(self, values: dict[str, Any]) -> str:
        try:
            return self.filepath.format(**values)
        except KeyError as error:
            raise ConfigError(
                f"ModelCheckpoint: filepath may name {', '.join(values)}; got {self.filepath!r}, "
                f"which names {error}."
            ) from error

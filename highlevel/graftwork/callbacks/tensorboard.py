"""Logs for TensorBoard, written by the library tensorboardX, the optional extra `tensorboard`."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any

from graftgrad.errors import ConfigError, LibraryError, expect

from .callback import Callback, Logs


class TensorBoard(Callback):
    """Writes what TensorBoard shows: values of epochs and batches, histograms of weights.

    Values of a training stand in `log_dir/train`, those of validations in `log_dir/validation`,
    under Keras' names: epoch_loss, batch_loss, epoch_learning_rate, evaluation_loss_vs_iterations.

    Args:
        log_dir: where to.
        histogram_freq: write histograms of all weights every so many epochs; 0 for none.
        write_graph: kept for Keras' signature; `model.summary()` and `plot_model` show the layers.
        write_images: kept for Keras' signature.
        write_steps_per_second: also write how many batches a second were trained.
        update_freq: "epoch", "batch", or after how many batches values of batches are written.
        profile_batch: must be 0; `model.plan_report()` tells where the time goes.
        embeddings_freq: must be 0.
        embeddings_metadata: kept for Keras' signature.
    Raises:
        ConfigError: a setting is unfit.
        LibraryError: tensorboardX is not installed.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        fits = update_freq in ("epoch", "batch") or (
            isinstance(update_freq, int) and update_freq > 0
        )
        expect(fits, "TensorBoard", 'update_freq must be "epoch", "batch" or a number of batches',
               error=ConfigError, update_freq=update_freq)  # fmt: skip
        expect(not profile_batch and not embeddings_freq, "TensorBoard",
               "profile_batch and embeddings_freq must be 0", error=ConfigError,
               profile_batch=profile_batch, embeddings_freq=embeddings_freq,
               advice="model.plan_report() tells where the time goes.")  # fmt: skip
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq: Any = 1 if update_freq == "batch" else update_freq
        self.writers: dict[str, Any] = {}
        self.batches = 0
        self.begun = 0.0
        self.training = False
        _library()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Count on from where the model is."""
        self.batches = int(self.model.optimizer.iterations)
        self.training = True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Take the time."""
        self.begun, self.first = time.perf_counter(), self.batches

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the values of a batch, if it is due."""
        self.batches += 1
        if self.update_freq != "epoch" and self.batches % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._scalar("train", f"batch_{name}", value, self.batches)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the values of an epoch."""
        for name, value in (logs or {}).items():
            where = "validation" if name.startswith("val_") else "train"
            self._scalar(where, f"epoch_{name.removeprefix('val_')}", value, epoch)
        rate = float(self.model.optimizer.learning_rate)
        self._scalar("train", "epoch_learning_rate", rate, epoch)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self.begun, 1e-9)
            speed = (self.batches - self.first) / seconds
            self._scalar("train", "epoch_steps_per_second", speed, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self._writer("train").add_histogram(weight.path, weight.numpy().ravel(), epoch)
        for writer in self.writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the values of an evaluation by the number of batches trained."""
        for name, value in (logs or {}).items():
            iterations = int(self.model.optimizer.iterations)
            self._scalar("validation", f"evaluation_{name}_vs_iterations", value, iterations)
        if not self.training:
            self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        self.training = False
        self._close()

    def _scalar(self, where: str, tag: str, value: Any, step: int) -> None:
        if hasattr(value, "__float__"):
            self._writer(where).add_scalar(tag, float(value), step)

    def _writer(self, where: str) -> Any:
        if where not in self.writers:
            self.writers[where] = _library().SummaryWriter(os.path.join(self.log_dir, where))
        return self.writers[where]

    def _close(self) -> None:
        for writer in self.writers.values():
            writer.close()
        self.writers = {}


def _library() -> Any:
    try:
        return importlib.import_module("tensorboardX")
    except ImportError as error:
        raise LibraryError(
            "TensorBoard: the library tensorboardX must be installed; got none. "
            "Install graftwork[tensorboard]."
        ) from error

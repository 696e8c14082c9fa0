"""What the terminal shows of a training: one bar per epoch, or one line."""

from __future__ import annotations

import time
from typing import Any

from tqdm.auto import tqdm

from .callback import Callback, Logs


class ProgressBar(Callback):
    """A tqdm bar per epoch with the means so far; `verbose=2` prints one line per epoch instead.

    Values are read from the device once per refresh of the bar, not once per batch.
    """

    refresh_seconds = 0.2

    def __init__(self, verbose: int = 1) -> None:
        super().__init__()
        self.verbose = verbose
        self.bar: Any = None
        self.begun = 0.0
        self.shown = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Open the bar of an epoch."""
        self.begun = time.perf_counter()
        self._open(f"Epoch {epoch + 1}/{self.params.get('epochs')}", self.params.get("steps"))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar on."""
        self._advance()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the values of the epoch and leave the bar as it is."""
        if self.verbose == 2:
            seconds = time.perf_counter() - self.begun
            told = ", ".join(f"{name}: {_shown(value)}" for name, value in (logs or {}).items())
            tqdm.write(f"Epoch {epoch + 1}/{self.params.get('epochs')} - {seconds:.1f}s - {told}")
        self._close(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close what an interruption left open."""
        self._close(None)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Open a bar, where this is no validation inside of an epoch."""
        if self.bar is None and not self.params.get("inside_fit"):
            self._open("Evaluate", self.params.get("steps"))

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar on."""
        if not self.params.get("inside_fit"):
            self._advance()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Show the values."""
        if not self.params.get("inside_fit"):
            self._close(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Open a bar."""
        self._open("Predict", self.params.get("steps"))

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar on."""
        self._advance()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Leave the bar as it is."""
        self._close(None)

    def _open(self, title: str, steps: int | None) -> None:
        if self.verbose == 1:
            self.bar = tqdm(total=steps, desc=title, unit="batch", dynamic_ncols=True)
            self.shown = 0.0

    def _advance(self) -> None:
        if self.bar is None:
            return
        now = time.perf_counter()
        if now - self.shown > self.refresh_seconds:
            self.shown = now
            if self.model is not None and getattr(self.model, "compiled", False):
                self.bar.set_postfix_str(_postfix(self.model.get_metrics_result()), refresh=False)
        self.bar.update(1)

    def _close(self, logs: Logs | None) -> None:
        if self.bar is None:
            return
        if logs:
            self.bar.set_postfix_str(_postfix(logs), refresh=False)
        if self.bar.total is None:
            self.bar.total = self.bar.n
        self.bar.refresh()
        self.bar.close()
        self.bar = None


def _postfix(logs: Logs) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.4f}" if 1e-3 <= abs(number) < 1e4 or number == 0 else f"{number:.3e}"

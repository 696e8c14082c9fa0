"""What the terminal shows of a training: one bar per epoch, or one line where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import Any

from .callback import Callback, Logs
from .lines import finish, told
from .terminal import opened_bar, write

RUNNING = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
UNKNOWN = (
    "{desc}: {n_fmt} batches [{elapsed}{postfix}]"  # where nobody knows how many there will be
)


class ProgressBar(Callback):
    """A bar per epoch with the means so far; in a log file, or with `verbose=2`, a line per epoch.

    A terminal in which the line would break gets a shorter one: without the bar, names shortened,
    then training and validation as 0.71/0.49.

    In a notebook the line takes the place of the bar, whose widget is not saved with the page. What
    is trained and what is frozen is told first. Values are read from the device when the bar is
    drawn anew, not after every batch.
    """

    redraw_seconds = 0.2

    def __init__(self, verbose: int = 1) -> None:
        super().__init__()
        self.live = verbose == 1 and watched()
        self.bar: Any = None
        self.title = ""
        self.batches = 0
        self.begun = 0.0
        self.drawn = 0.0
        self.means = ""
        self.in_epoch = False
        self.reported = False
        self.note = ""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Tell what is frozen, if all weights are made already, and what is kept of it."""
        self.reported, self.note = False, ""
        self._report(all(layer.built for layer in self.model.flattened()))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Open the bar of an epoch."""
        epochs = str(self.params.get("epochs"))
        self.in_epoch = True
        self._open(f"Epoch {epoch + 1:>{len(epochs)}}/{epochs}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar on."""
        self._report(True)
        self._advance(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the values of the epoch and leave the bar as it is."""
        self.in_epoch = False
        self.params["steps"] = self.params.get("steps") or self.batches
        self._close(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close what an interruption left open."""
        self.close_bar()

    def close_bar(self) -> None:
        """Leave the bar as it is, in a line of its own, if one is open."""
        if self.bar is not None:
            self._catch_up()
            self.bar.close()
            self.bar = None

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Open a bar, or show that an epoch is being validated."""
        if not self.in_epoch:
            self._open("Evaluate")
        elif self.bar is not None:
            self._catch_up()
            self.bar.set_postfix_str(f"{self.means}, validating")

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar on, or show how far the validation is."""
        if not self.in_epoch:
            self._advance(batch, logs)
        elif self._due():
            self.bar.set_postfix_str(f"{self.means}, validating batch {batch + 1}")

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Show the values."""
        if not self.in_epoch:
            self._close(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Open a bar."""
        self._open("Predict")

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar on."""
        self._advance(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Leave the bar as it is."""
        self._close(None)

    def _report(self, known: bool) -> None:
        if known and not self.reported:
            self.reported = True
            self._say(self.model.frozen_report())
        keeper = getattr(self.model, "feature_keeper", None)
        if self.reported and keeper is not None and keeper.note != self.note:
            self.note = keeper.note
            self._say(self.note)

    def _say(self, text: str) -> None:
        if self.live and not in_notebook():
            write(text, file=sys.stderr)
        else:
            print(text, flush=True)

    def _open(self, title: str) -> None:
        self.title, self.means, self.batches = title, "", 0
        self.begun, self.drawn = time.perf_counter(), 0.0
        if self.live:
            total = self.params.get("steps")
            form = RUNNING if total else UNKNOWN
            self.bar = opened_bar(
                total=total, desc=title, unit="batch", dynamic_ncols=True, bar_format=form,
                mininterval=0, miniters=1,  # when it is drawn is decided here
            )  # fmt: skip

    def _due(self) -> bool:
        now = time.perf_counter()
        if self.bar is None or now - self.drawn < self.redraw_seconds:
            return False
        self.drawn = now
        return True

    def _advance(self, batch: int, logs: Logs | None) -> None:
        if self.batches == 0 and self.bar is not None:
            together = getattr(self.model, "steps_per_execution", 1)
            self.bar.initial = max(0, batch + 1 - together)  # done before, in another process
        self.batches = batch + 1
        if not self._due():
            return
        if logs is not None:
            self.means = told(logs, "=", ", ")
            self.bar.set_postfix_str(self.means, refresh=False)
        self._catch_up()

    def _catch_up(self) -> None:
        """Let the bar count what has passed since it was drawn."""
        if self.batches > self.bar.n:
            self.bar.update(self.batches - self.bar.n)

    def _close(self, logs: Logs | None) -> None:
        if self.bar is not None and in_notebook():
            self._catch_up()
            self.bar.leave = False
            self.bar.close()
            self.bar = None
            self._line(logs)
        elif self.bar is not None:
            self._catch_up()
            finish(self.bar, logs or {})
            self.bar = None
        elif not self.live:
            self._line(logs)

    def _line(self, logs: Logs | None) -> None:
        """Write a line that stays."""
        if logs:
            seconds = time.perf_counter() - self.begun
            batches = f"{self.batches} batch{'es' if self.batches != 1 else ''}"
            self._say(f"{self.title} - {batches} - {seconds:.1f}s - {told(logs, ': ', ' - ')}")


def watched() -> bool:
    """Tell whether somebody watches, in a terminal or a notebook; log files shall hold no bars."""
    return in_notebook() or bool(getattr(sys.stderr, "isatty", lambda: False)())


def in_notebook() -> bool:
    """Tell whether a notebook shows what is printed."""
    return "ipykernel" in sys.modules

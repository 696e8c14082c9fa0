"""What can be told of a training while it runs: the events, in order, and who listens.

fit:  train_begin ( epoch_begin ( train_batch_begin train_batch_end )* [test] epoch_end )* train_end
test: test_begin ( test_batch_begin test_batch_end )* test_end
predict: predict_begin ( predict_batch_begin predict_batch_end )* predict_end
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from graftgrad.errors import ConfigError, LibraryError, expect

Logs = dict[str, Any]
Listener = Callable[..., None] | None


class Callback:
    """A listener; override the events you want to hear.

    `model` is the model that is being trained; `params` holds verbose, epochs and steps. Setting
    `model.stop_training = True` ends the training after the batch. `kept` names attributes that
    are plain values or host arrays, to be written and brought back by `BackupAndRestore`.
    """

    kept: ClassVar[tuple[str, ...]] = ()
    hears_last: ClassVar[bool] = False

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Hear which model it is."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Hear verbose, epochs and steps."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Hear that fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Hear that fit ends; `logs` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Hear that an epoch begins."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Hear that an epoch ends; `logs` hold loss and metrics, with `val_` of validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that a training batch begins."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that a training batch ends; `logs` hold the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that a training batch begins, under the older name."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that a training batch ends, under the older name."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Hear that an evaluation begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Hear that an evaluation ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that an evaluation batch begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that an evaluation batch ends."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Hear that a prediction begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Hear that a prediction ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that a prediction batch begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Hear that a prediction batch ends."""


class Listeners:
    """Tells every event to every listener, in order."""

    def __init__(
        self, callbacks: Iterable[Callback], model: Any = None, params: dict[str, Any] | None = None
    ) -> None:
        self.callbacks = sorted(callbacks, key=lambda one: one.hears_last)
        self.listening: dict[str, list[Callable[..., None]]] = {}
        for callback in self.callbacks:
            if model is not None:
                callback.set_model(model)
            if params is not None:
                callback.set_params(params)
            if hasattr(callback, "peers"):
                callback.peers = [one for one in self.callbacks if one is not callback]

    def listeners(self, event: str) -> list[Callable[..., None]]:
        """Return who overrides an event, under its name or the older one; looked up once."""
        found = self.listening.get(event)
        if found is None:
            names = (event, event.replace("_train_", "_"))
            found = [getattr(one, event) for one in self.callbacks if _overrides(one, names)]
            self.listening[event] = found
        return found

    def hears(self, event: str) -> bool:
        """Tell whether any listener overrides an event, under its name or the older one."""
        return bool(self.listeners(event))

    def tell(self, event: str, *args: Any) -> None:
        """Call one event of every listener that overrides it."""
        for listener in self.listeners(event):
            listener(*args)

    def __enter__(self) -> Listeners:
        return self

    def __exit__(self, *exception: object) -> None:
        """Let an interruption leave whole lines: bars that are still open are closed."""
        for one in self.callbacks:
            if hasattr(one, "close_bar"):
                one.close_bar()


def _overrides(callback: Callback, names: tuple[str, ...]) -> bool:
    return any(
        name in vars(callback)
        or getattr(type(callback), name, None) is not getattr(Callback, name, None)
        for name in names
    )


class History(Callback):
    """Keeps the logs of every epoch.

    Attributes:
        epoch: the numbers of the epochs.
        history: name -> one value per epoch.
    """

    kept = ("epoch", "history")

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" if isinstance(values[-1], float) else name
                         for name, values in self.history.items() if values)  # fmt: skip
        return f"<History of {len(self.epoch)} epochs{f'; last: {last}' if last else ''}>"

    def set_model(self, model: Any) -> None:
        """Keep nothing: the model holds its history, and a circle would keep both in memory."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Take note of one epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self, names: Iterable[str] | None = None) -> Any:
        """Draw the values over the epochs, one picture for each name, with those of validation.

        Args:
            names: which values, without `val_`; all if None.
        Returns:
            The figure of matplotlib; `figure.savefig(path)` writes it, a notebook shows it.

        Raises:
            ConfigError: there was no epoch, or there is no such value.
            LibraryError: matplotlib is not installed.
        """
        known = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        wanted = known if names is None else list(names)
        unknown = [name for name in wanted if name not in known]
        expect(bool(wanted) and not unknown, "History.plot", f"names must be among {known}",
               error=ConfigError, names=wanted)  # fmt: skip
        try:
            figures = importlib.import_module("matplotlib.figure")
        except ImportError as error:
            raise LibraryError(
                "History.plot: matplotlib must be installed; got none. pip install matplotlib."
            ) from error

        class Curves(figures.Figure):  # type: ignore[misc, name-defined]
            """A figure that a notebook shows, be pyplot imported there or not."""

            def _repr_png_(self) -> bytes:
                made = io.BytesIO()
                self.savefig(made, format="png")
                return made.getvalue()

        figure = Curves(figsize=(5 * len(wanted), 4), layout="constrained")
        for place, name in enumerate(wanted):
            axes = figure.add_subplot(1, len(wanted), place + 1, title=name, xlabel="epoch")
            for key, label in ((name, "training"), (f"val_{name}", "validation")):
                values = self.history.get(key, [])
                # behind the last epochs, since not every epoch has a validation before its first
                epochs = [epoch + 1 for epoch in self.epoch[len(self.epoch) - len(values) :]]
                if values:
                    axes.plot(epochs, values, label=label, marker="o" if len(values) == 1 else "")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend()
        return figure


class LambdaCallback(Callback):
    """Calls functions at events.

    Args:
        on_epoch_begin: called with (epoch, logs).
        on_epoch_end: called with (epoch, logs).
        on_train_begin: called with (logs).
        on_train_end: called with (logs).
        on_train_batch_begin: called with (batch, logs).
        on_train_batch_end: called with (batch, logs).
        more: any other event, by name.

    Raises:
        ConfigError: there is no such event.
    """

    def __init__(
        self,
        on_epoch_begin: Listener = None,
        on_epoch_end: Listener = None,
        on_train_begin: Listener = None,
        on_train_end: Listener = None,
        on_train_batch_begin: Listener = None,
        on_train_batch_end: Listener = None,
        **more: Listener,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
            **more,
        }  # fmt: skip
        for event, function in given.items():
            expect(event.startswith("on_") and hasattr(Callback, event), "LambdaCallback",
                   "every event must be one of Callback's",
                   error=ConfigError, event=event)  # fmt: skip
            if function is not None:
                setattr(self, event, function)

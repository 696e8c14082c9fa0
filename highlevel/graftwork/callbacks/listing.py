"""A list of listeners for a loop of the user's own, under Keras' name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .callback import Callback, History, Listeners, Logs
from .progbar import ProgbarLogger


class CallbackList(Listeners):
    """Tells the events of a loop to listeners: `on_epoch_end(epoch, logs)` and so on.

    Args:
        callbacks: one listener, or a list of them.
        add_history: keep the logs of every epoch, as `model.history`, unless a listener does.
        add_progbar: draw a bar, unless a listener does.
        model: the model that they hear of.
        params: verbose, epochs and steps, for their `params`.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        given = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        found: list[Callback] = [one for one in given if one is not None]
        if add_history and not any(isinstance(one, History) for one in found):
            found.append(History())
        if add_progbar and not any(isinstance(one, ProgbarLogger) for one in found):
            found.append(ProgbarLogger())
        super().__init__(found, model, params or None)
        self.params = params
        self.model = model
        for one in found:
            if isinstance(one, History) and model is not None:
                model.history = one

    def set_model(self, model: Any) -> None:
        """Let every listener hear which model it is."""
        self.model = model
        for one in self.callbacks:
            one.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Let every listener hear verbose, epochs and steps."""
        self.params = params
        for one in self.callbacks:
            one.set_params(params)


def _event(name: str) -> Callable[..., None]:
    """Return a method that tells an event: (logs), or (number, logs) for epochs and batches."""
    numbered = "epoch" in name or "batch" in name

    def told(self: CallbackList, *given: Any, logs: Logs | None = None) -> None:
        self.tell(name, *given[:numbered], next(iter(given[numbered:]), logs) or {})

    told.__name__, told.__doc__ = name, f"Tell every listener: {name}."
    return told


for _name in vars(Callback):
    if _name.startswith("on_"):
        setattr(CallbackList, _name, _event(_name))

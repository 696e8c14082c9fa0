"""What a step reports: values by name, read from the device only where somebody looks."""

from __future__ import annotations

import math
from collections import UserDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graftgrad import Tensor
from graftgrad.errors import sentence, warn


class LazyLogs(UserDict[str, Any]):
    """Values by name that are read at the first look; until then nobody waits for the device."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self.read = read
        self.found: dict[str, Any] | None = None

    @property
    def data(self) -> dict[str, Any]:  # type: ignore[override]
        """The values."""
        if self.found is None:
            self.found = numbers(self.read())
        return self.found

    def copy(self) -> dict[str, Any]:  # type: ignore[override]
        """Return the values as a dictionary of their own."""
        return dict(self.data)

    def __bool__(self) -> bool:
        return True  # whoever writes `logs or {}` has not looked yet


def numbers(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as Python numbers or host arrays; inner dictionaries are laid open."""
    found: dict[str, Any] = {}
    for name, value in logs.items():
        if isinstance(value, Mapping):
            found |= numbers(value)
        else:
            found[name] = number(value)
    return found


def warned_of(logs: Mapping[str, Any], epoch: int) -> bool:
    """Warn if the loss of an epoch is not a finite number; tell whether that was so."""
    loss = logs.get("loss")
    if not isinstance(loss, float) or math.isfinite(loss):
        return False
    advice = (
        "Look for NaN and infinity in the data, or take a lower learning rate and begin anew: "
        "weights may be NaN by now. callbacks.TerminateOnNaN() stops at once."
    )
    rule = "the loss must stay a finite number"
    told = sentence("fit", rule, {"loss": loss, "epoch": epoch + 1}, advice)
    warn(told, RuntimeWarning)
    return True


def number(value: Any) -> Any:
    """Return a tensor or array of one element as a Python number, of several as a host array."""
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return float(value.reshape(())) if value.size == 1 else value.copy()
    return float(value) if hasattr(value, "__float__") else value

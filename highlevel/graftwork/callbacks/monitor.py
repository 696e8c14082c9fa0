"""Which way a watched value gets better, and whether it did."""

from __future__ import annotations

import math
from typing import Any

from graftgrad.errors import ConfigError, expect, warn

from .callback import Callback, Logs

_LARGER = (
    "acc",
    "auc",
    "precision",
    "recall",
    "f1",
    "fmeasure",
    "r2",
    "iou",
    "similarity",
    "true_",
)


class Monitor(Callback):
    """Watches one value of the epoch's logs.

    Args:
        monitor: its name, for example "val_loss".
        mode: "min", "max", or "auto", which takes accuracies and their kin for better when larger.
        min_delta: what counts as better must be better by more than this.

    Raises:
        ConfigError: the mode is none of these.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        super().__init__()
        expect(mode in ("auto", "min", "max"), type(self).__name__,
               'mode must be "auto", "min" or "max"', error=ConfigError, mode=mode)  # fmt: skip
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.larger = mode == "max" or (mode == "auto" and any(one in monitor for one in _LARGER))

    @property
    def worst(self) -> float:
        """The value that everything is better than."""
        return -math.inf if self.larger else math.inf

    def better(self, value: float, best: float) -> bool:
        """Tell whether a value is better than the best so far."""
        return value - self.min_delta > best if self.larger else value + self.min_delta < best

    def watched(self, logs: Logs | None) -> float | None:
        """Return the watched value, or warn that the logs do not hold it."""
        value: Any = (logs or {}).get(self.monitor)
        if value is None:
            alone = self.monitor.startswith("val_") and not any(
                name.startswith("val_") for name in logs or {}
            )
            warn(
                f"{type(self).__name__}: must watch one of {sorted(logs or {})}; "
                f"got monitor={self.monitor!r}. Nothing is done."
                + (" Pass validation_data or validation_split to fit." if alone else "")
            )
            return None
        return float(value)

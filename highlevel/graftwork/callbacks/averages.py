"""Weights exchanged with their moving averages where a model is measured or saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import graftgrad
from graftgrad.errors import ConfigError, expect

from .callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Lets evaluations and predictions see the moving averages that an optimizer keeps.

    Args:
        swap_on_epoch: also exchange at the end of every epoch, for listeners behind this one such
            as `ModelCheckpoint`, and back before the next.
    Raises:
        ConfigError: the optimizer keeps no averages (`use_ema`).
    """

    kept = ("swapped",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self.swapped = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Bring the weights back."""
        if self.swap_on_epoch:
            self._exchange(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Bring the averages in; behind the last epoch they stay."""
        if self.swap_on_epoch:
            self._exchange(True)
            if epoch == self.params["epochs"] - 1:
                with graftgrad.no_grad():
                    for weight, average in self._pairs():
                        average.copy_(weight.detach())

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Bring the averages in."""
        self._exchange(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Bring the weights back."""
        self._exchange(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Bring the averages in."""
        self._exchange(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Bring the weights back."""
        self._exchange(False)

    def _exchange(self, wanted: bool) -> None:
        if self.swapped is wanted:
            return
        with graftgrad.no_grad():
            for weight, average in self._pairs():
                before = weight.numpy()
                weight.assign(average.detach())
                average.copy_(weight.like(before))
        self.swapped = wanted

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        outer = self.model.optimizer
        inner = getattr(outer, "inner_optimizer", outer)
        listed = [one for one in getattr(inner, "optimizers", [inner]) if one.use_ema]
        expect(len(listed) > 0, "SwapEMAWeights", "the optimizer must keep moving averages",
               error=ConfigError, use_ema=False, advice="Make it with use_ema=True.")  # fmt: skip
        for weight in self.model.trainable_weights:
            for one in listed:
                flat = one.flats.owner(weight)
                if flat is not None and flat.steps(weight) > 0:
                    yield weight, flat.view("average", weight)

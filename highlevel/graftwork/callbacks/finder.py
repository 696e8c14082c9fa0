"""Which learning rate to begin with: a trial in which the rate rises from batch to batch."""

from __future__ import annotations

import math
from typing import Any

from graftgrad.errors import ConfigError, expect

from .callback import Callback, Logs


class LearningRateFinder(Callback):
    """Trains for some batches with a rate that rises evenly in its logarithm, and looks on.

    rate(i) = start · (end / start)^(i / (steps − 1)). The loss falls while the rate is useful and
    explodes when it is too large; training stops there, and weights, optimizer and rate are as
    before. Smith, arXiv:1506.01186. Needs an optimizer whose rate is a number.

    Args:
        start: the first rate.
        end: the last one.
        steps: how many batches are tried.
        stop: end when the smoothed loss exceeds the lowest by this factor.
    Attributes:
        rates: those tried.
        losses: the smoothed losses.
        suggestion: the rate at which the loss fell most steeply.
    Raises:
        ConfigError: start, end and steps do not fit.
    """

    smoothing = 0.9

    def __init__(
        self, start: float = 1e-6, end: float = 1.0, steps: int = 100, stop: float = 4.0
    ) -> None:
        super().__init__()
        fits = 0 < start < end and isinstance(steps, int) and steps > 2
        expect(fits, "LearningRateFinder", "start must lie between 0 and end, steps beyond 2",
               error=ConfigError, start=start, end=end, steps=steps)  # fmt: skip
        self.start, self.end, self.steps, self.stop = start, end, steps, stop
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.mean = 0.0
        self.before: tuple[list[Any], dict[str, Any]] | None = None

    @property
    def suggestion(self) -> float:
        """The rate around which the loss fell most steeply over the logarithm of the rate."""
        reach = max(len(self.losses) // 10, 1)  # single batches are too different
        drops = [
            (self.losses[i + reach] - self.losses[i - reach], self.rates[i])
            for i in range(reach, len(self.losses) - reach)
        ]
        return min(drops, default=(0.0, self.start))[1]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Keep everything that is to be brought back."""
        self.rates, self.losses, self.mean = [], [], 0.0
        optimizer = self.model.optimizer
        expect(optimizer.schedule is None, "LearningRateFinder",
               "the optimizer's learning rate must be a number", error=ConfigError,
               learning_rate=optimizer.schedule)  # fmt: skip
        optimizer.build(self.model.trainable_weights)
        state = {name: one.numpy().copy() for name, one in optimizer.state().items()}
        self.before = [one.numpy() for one in self.model.variables], state

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Set the rate of a batch."""
        part = len(self.rates) / (self.steps - 1)
        rate = self.start * (self.end / self.start) ** part
        self.rates.append(rate)
        self.model.optimizer.learning_rate = rate
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Take note of the loss; stop if it explodes."""
        loss = float((logs or {})["loss"])
        self.mean = self.smoothing * self.mean + (1 - self.smoothing) * loss
        found = self.mean / (1 - self.smoothing ** len(self.rates))
        self.losses.append(found)
        lowest = min(self.losses)
        exploded = not math.isfinite(found) or (len(self.losses) > 5 and found > self.stop * lowest)
        if exploded or len(self.rates) >= self.steps:
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Bring weights and optimizer back."""
        if self.before is not None:
            weights, state = self.before
            self.model.optimizer.load_state(state, self.model.parameters())
            for weight, value in zip(self.model.variables, weights, strict=True):
                weight.assign(value)
            self.before = None

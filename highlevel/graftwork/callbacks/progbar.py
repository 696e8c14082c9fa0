"""Keras' names for what shows progress: a bar for loops of one's own, and a listener."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .lines import finish, told
from .progress import RUNNING, UNKNOWN, ProgressBar, watched
from .terminal import opened_bar, write


class Progbar:
    """A bar for a loop of one's own.

    Args:
        target: how many steps there will be; None if nobody knows.
        width: kept for Keras' signature; the bar is as wide as the terminal.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: least seconds between two drawings.
        stateful_metrics: names of values that are shown as they are; others are averaged over
            the steps, until the end shows the last.
        unit_name: what a step is called.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.stateful_metrics = set(stateful_metrics or ())
        self.unit_name = unit_name
        self.sums: dict[str, tuple[float, float]] = {}
        self.seen = 0
        self.bar: Any = None

    def update(
        self,
        current: int,
        values: Sequence[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that step `current` is done, with values as (name, value).

        Args:
            current: the number of steps that are done.
            values: of the steps since the last call.
            finalize: whether this is the end; if None, where `target` is reached.
        """
        steps = max(current - self.seen, 1)
        self.seen = current
        reached = self.target is not None and current >= self.target
        done = reached if finalize is None else finalize
        for name, value in values or ():
            total, count = self.sums.get(name, (0.0, 0.0))
            if done or name in self.stateful_metrics:
                total, count = 0.0, 0.0
            self.sums[name] = (total + float(value) * steps, count + steps)
        if self.verbose == 1 and watched():
            self._draw(bool(done))
        elif self.verbose and done:
            write(f"{current}/{self.target or current} - {told(self.means(), ': ', ' - ')}")

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self.seen + n, values)

    def means(self) -> dict[str, float]:
        """Return the values that are shown, by name."""
        return {name: total / count for name, (total, count) in self.sums.items()}

    def _draw(self, done: bool) -> None:
        if self.bar is None:
            self.bar = opened_bar(
                total=self.target, desc="Progress", unit=self.unit_name, dynamic_ncols=True,
                mininterval=self.interval, bar_format=RUNNING if self.target else UNKNOWN,
            )  # fmt: skip
        self.bar.set_postfix_str(told(self.means(), "=", ", "), refresh=False)
        self.bar.update(self.seen - self.bar.n)
        if done:
            finish(self.bar, self.means())
            self.bar = None


class ProgbarLogger(ProgressBar):
    """The bar that `fit` draws by itself, under Keras' name; `verbose` of `fit` says how."""

    def __init__(self) -> None:
        super().__init__(1)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hear verbose, epochs and steps."""
        super().set_params(params)
        self.live = params.get("verbose", 1) == 1 and watched()

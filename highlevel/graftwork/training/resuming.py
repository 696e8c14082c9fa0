"""Where an interrupted training goes on: in the middle of an epoch, or before its first batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .batch import Batch
from .data import IterableSource, NumberedSource, Source


@dataclass(frozen=True)
class Resumption:
    """Where to go on, and what brings everything back to how it was there.

    Attributes:
        epoch: the number of the epoch.
        batch: how many of its batches were trained.
        logs: what the last of them reported.
        restore: brings back weights, optimizers, metrics and generators. It is called when
            everybody has heard that the training begins, and once more when an epoch of which a
            part is done has begun, since listeners may have changed something.
    """

    epoch: int
    batch: int
    logs: dict[str, Any]
    restore: Callable[[], None]


def rest_of(source: Source, done: int, steps: int | None, passed: int) -> Iterator[Batch]:
    """Deliver what is left of an epoch of which `passed` batches were trained.

    `done` counts the batches since the beginning of the training. A generator is asked for what
    comes next.
    """
    if isinstance(source, NumberedSource):
        wanted = (steps or source.length) - passed
        return source.epoch(done, wanted) if wanted > 0 else iter(())
    if not isinstance(source, IterableSource):
        left = None if steps is None else steps - passed
        return source.epoch(done, left) if left != 0 else iter(())
    if steps is None:
        return islice(source.epoch(done, None), passed, None)
    ahead = done % source.steps if source.steps else passed
    return islice(source.epoch(0, ahead + steps - passed), ahead, None)

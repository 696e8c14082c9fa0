"""What holds while layers are called: training or inference, penalties, who stands in for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from .penalties import Penalties

if TYPE_CHECKING:
    from .layer import Layer


class Watcher(Protocol):
    """What stands in for the calls of layers: see `training.resume`."""

    number: int  # alike for those that do alike, so it may be part of the key of a recorded step

    def called(
        self, layer: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Return what a call of a layer returns; `layer._called` computes it."""


class _Phase(threading.local):
    training: bool = False
    told: bool = False  # whether anybody said so, or it only is the default
    within: bool = False  # whether a call of a layer is under way
    resumed: Watcher | None = None  # where a frozen part was computed before: its stand-in
    budget: int | None = None  # numbers that weights may still be made of, while a file is read

    def __init__(self) -> None:
        self.penalties = Penalties()


phase = _Phase()


@contextmanager
def collecting() -> Iterator[Penalties]:
    """Let the calls inside a `with` block add their penalties to a list of its own."""
    before, phase.penalties = phase.penalties, Penalties()
    try:
        yield phase.penalties
    finally:
        phase.penalties = before

"""What a workload is: a model described once per framework, and what its work amounts to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .flops import Work
from .peers import Peer


@dataclass
class Run:
    """A workload made ready in one process.

    Attributes:
        first: makes and compiles the model and does the first unit of work.
        repeat: does `units` units; returns seconds where it has measured them itself.
        units: how many units a repeat does.
        renew: called before every repeat, outside the time.
    """

    first: Callable[[], object]
    repeat: Callable[[], float | None]
    units: int = 1
    renew: Callable[[], object] | None = None


@dataclass(frozen=True)
class Workload:
    """A row of the table.

    Attributes:
        name: how `--only` calls it.
        title: what is done, in full.
        unit: what is timed: a step, a prediction, a training.
        target: the fastest peer's time / ours shall be at least this; None where seconds count.
        prepare: makes a Run for a peer; with `quick` one of fewer units, of which each is the same.
        work: what a unit must compute and move at least; None where that says nothing.
        families: the peers of which families are compared.
        forms: whether PyTorch's forms differ here; if not, only the ordinary one is measured.
        repeats: at most so many, where a single one takes minutes.
        memory_target: our peak memory / PyTorch's shall be at most this.
        seconds_target: our time shall be at most this.
    """

    name: str
    title: str
    unit: str
    target: float | None
    prepare: Callable[[Peer, bool], Run]
    work: Work | None = None
    families: tuple[str, ...] = ("graftwork", "torch", "keras")
    forms: bool = True
    repeats: int = 99
    memory_target: float | None = None
    seconds_target: float | None = None


def vocabulary(peer: Peer) -> Any:
    """Return the module that speaks Keras' vocabulary for a peer: graftwork, or keras itself."""
    if peer.family == "graftwork":
        import graftwork

        return graftwork
    import keras

    return keras


def fitted(
    peer: Peer, model: Callable[[Any], Any], x: Any, y: Any, batch: int, epochs: int = 1
) -> Run:
    """Return the Run of `model.fit` over arrays; a unit is a step.

    `model` receives graftwork or keras and returns a compiled model.
    """
    k = vocabulary(peer)
    made: list[Any] = []

    def first() -> None:
        made[:] = [model(k)]
        made[0].fit(x[:batch], y[:batch], batch_size=batch, verbose=0)

    def repeat() -> None:
        made[0].fit(x, y, batch_size=batch, epochs=epochs, verbose=0)

    return Run(first, repeat, epochs * -(-len(x) // batch))

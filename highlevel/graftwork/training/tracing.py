"""A model run once on a few samples under watch: which layer was called on what, in which order.

The tape at the one door says which value was computed from which, between the layers too; that a
body of Python is run, and not a list of layers, therefore makes no difference. What can be
concluded stands in `frontier`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graftgrad
from graftgrad import Tensor
from graftgrad.device.base import ends, owner_of
from graftgrad.modes import taped

from ..layers.layer import Layer
from ..layers.phase import collecting, phase
from ..layers.seed_generator import SeedGenerator
from ..layers.symbol import is_symbolic, leaves, mapped

HOUSE = __name__.partition(".")[0]


@dataclass(slots=True)
class Called:
    """One call of a layer: in which form a training step runs it, and what happened inside."""

    layer: Layer
    training: bool
    given: list[Tensor]
    inside: list[Any] = field(default_factory=list)  # launches and calls, in order
    output: Any = None
    penalties: int = 0


class Trace:
    """The calls and launches of one run of a model, without a graph.

    Parts that decide for themselves what training means are run in inference form, so nothing is
    drawn and no statistics move; parts that only call others are told the form of a training step.
    """

    number = -1

    def __init__(self, model: Layer, x: Any) -> None:
        self.top: Called | None = None
        self.open: list[Called] = []
        before, phase.resumed = phase.resumed, self
        try:
            with graftgrad.no_grad(), collecting() as penalties, taped(self):
                self.output = model(x)
            self.penalties = penalties.all()
        finally:
            phase.resumed = before

    def append(self, launch: Any) -> None:
        """Take note of a launch."""
        if self.open:
            self.open[-1].inside.append(launch)

    def called(
        self, layer: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Run a call of a layer and take note of it."""
        if is_symbolic(args, kwargs):
            return unwatched(layer, args, training, kwargs)
        around = self.open[-1].training if self.open else True
        wanted = around if training is None else bool(training)
        node = Called(layer, wanted and not layer.is_frozen(), tensors((args, kwargs)))
        if self.open:
            self.open[-1].inside.append(node)
        else:
            self.top = node
        before = len(phase.penalties)
        self.open.append(node)
        try:
            node.output = layer._called(args, node.training and passes_on(layer), kwargs)
            if not passes_on(layer) and (node.training or mixing(layer, node.given) is not None):
                # what hands its input on here may not do so in training: memory of its own shows it
                node.output = mapped(_cloned, node.output)
        finally:
            self.open.pop()
        node.penalties = len(phase.penalties) - before
        return node.output


def unwatched(
    layer: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
) -> Any:
    """Do what a call of a layer does, with nobody watching."""
    before, phase.resumed = phase.resumed, None
    try:
        return layer._called(args, training, kwargs)
    finally:
        phase.resumed = before


def _cloned(leaf: Any) -> Any:
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def tensors(tree: Any) -> list[Tensor]:
    """Return the tensors among the leaves of a structure."""
    return [one for one in leaves(tree) if isinstance(one, Tensor)]


def root(array: Any) -> int:
    """Return the identity of the memory behind an array; views share that of their base."""
    return id(owner_of(array))


def overlap(a: Any, b: Any) -> bool:
    """Tell whether two arrays may share memory: of weights in one buffer, each has its own part."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.may_share_memory(a, b)
    if a is b or root(a) != root(b):
        return a is b
    (low, high), (first, last) = ends(a), ends(b)
    return low < last and first < high


def passes_on(layer: Layer) -> bool:
    """Tell whether a layer only calls others, so that it can be entered and left half way.

    A layer whose `call` asks for `training` may draw or move something itself; of models it is
    known, and of what promises to be per sample, that they hand it on.
    """
    parts = [one for _, one in layer.children() if not isinstance(one, SeedGenerator)]
    if not parts or mixing(layer, ()) is not None:
        return False
    return not layer.asks_training() or hasattr(layer, "train_step") or bool(layer.per_sample)


def mixing(layer: Layer, given: Sequence[Tensor]) -> str | None:
    """Say why the output of a layer may depend on other samples of the batch, or None."""
    kind = type(layer)
    if layer.per_sample is False:
        return "is declared not to be per sample"
    if layer.per_sample is None and not _of_the_house(layer):
        return f"is of a class of your own, {kind.__name__}, which does not say per_sample = True"
    if layer.per_sample:
        return None
    if getattr(layer, "stateful", False):
        return "carries a state from batch to batch"
    for name in ("activation", "recurrent_activation"):
        if _foreign(getattr(layer, name, None)):
            return f"has an {name} of your own, which does not say per_sample = True"
    for name in ("axis", "axes"):
        axes = getattr(layer, name, None)
        listed = axes if isinstance(axes, (tuple, list)) else [axes]
        ranks = {one.ndim for one in given}
        if any(axis == 0 or -axis in ranks for axis in listed if isinstance(axis, int)):
            return "works along the axis of the samples"
    return None


def _of_the_house(layer: Layer) -> bool:
    kind = type(layer)
    if kind.__module__.partition(".")[0] == HOUSE:
        return kind.__name__ != "Lambda"
    bodies = (getattr(kind.call, "__module__", ""), getattr(kind.__call__, "__module__", ""))
    return hasattr(kind, "train_step") and all(body.partition(".")[0] == HOUSE for body in bodies)


def _foreign(function: Any) -> bool:
    if function is None or isinstance(function, Layer) or not callable(function):
        return False
    if getattr(function, "per_sample", False):
        return False
    home = getattr(function, "__module__", None) or type(function).__module__
    return home.partition(".")[0] not in (HOUSE, "graftgrad")

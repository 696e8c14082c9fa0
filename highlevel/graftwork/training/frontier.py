"""The longest part of a model, from its entrance on, that computes the same in every step.

A call of a layer belongs to it if nothing in the layer is trained, random, or in need of the other
samples of a batch, and if the same is true of everything that it is given. What is computed of such
calls and is needed beyond is the frontier: those tensors are kept. How a model goes on from there
stands in `resume`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graftgrad import Tensor

from ..layers.layer import Layer
from ..layers.masks import mask_of
from ..layers.regularization import Noisy
from ..layers.symbol import leaves
from .tracing import Called, Trace, mixing, overlap, passes_on, root, tensors

SKIPPED, VIEWED, ENTERED, RUN = "skipped", "viewed", "entered", "run"
Source = tuple[int, int]  # (a call, one of its outputs), or (−1, one of the model's inputs)


class NotFound(Exception):
    """There is nothing to keep; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A call that a step still sees: skipped, entered, run, or viewed: handing on what is given."""

    layer: Layer
    action: str
    output: Any  # of the traced samples


class Frontier:
    """What a trace says about the calls of a model.

    Attributes:
        entries: the calls that a step sees, in order.
        slots: the tensors that are kept, each an output of a skipped call or an input.
        frozen: the layers inside skipped calls.
        work: the bytes that skipped calls write.
        reason: why the first call that is not skipped is not.
    """

    def __init__(self, model: Layer, x: Any, trace: Trace) -> None:
        self.entries: list[Entry] = []
        self.slots: list[Source] = []
        self.frozen: list[Layer] = []
        self.work = 0
        self.reason = ""
        self.trained = [weight for weight in model.variables if weight.requires_grad]
        self.roots = {root(weight.array) for weight in self.trained}
        self.clean: dict[int, frozenset[Source]] = {}  # memory -> the kept values behind it
        self.dirty: set[int] = set()
        self.needed: set[Source] = set()
        for i, value in enumerate(tensors(x)):
            self.clean[root(value.array)] = frozenset([(-1, i)])
        self.output = trace.output
        if trace.top is not None:
            self._enter(trace.top)
        for value in (*tensors(trace.output), *trace.penalties):
            self._need(value.array)
        self.slots = sorted(self.needed)

    # -- one call ------------------------------------------------------------------------------

    def _enter(self, node: Called) -> None:
        for event in node.inside:
            if isinstance(event, Called):
                self._visit(event)
            else:
                self._launched(event)

    def _visit(self, node: Called) -> None:
        why = self._against(node)
        fresh = {root(one.array) for one in tensors(node.output)}
        old = {root(one.array) for one in node.given}
        if why is None and not fresh & old:
            number = len(self.entries)
            self.entries.append(Entry(node.layer, SKIPPED, node.output))
            self.frozen.extend(node.layer.flattened())
            self.work += written(node)
            for j, one in enumerate(tensors(node.output)):
                self.clean[root(one.array)] = frozenset([(number, j)])
            return
        if why is not None and not self.reason:
            self.reason = why
        view = why is None and fresh <= old  # it costs nothing, and memory shows where it belongs
        if (view or mixing(node.layer, node.given) is None) and passes_on(node.layer):
            self.entries.append(Entry(node.layer, ENTERED, node.output))
            self._enter(node)
            return
        self.entries.append(Entry(node.layer, VIEWED if view else RUN, node.output))
        if not view:
            self._absorb(node)

    def _absorb(self, node: Called) -> None:
        """Take a call as a whole: it needs what it is given and what it reaches otherwise."""
        for one in node.given:
            self._need(one.array)
        for event in node.inside:
            if isinstance(event, Called):
                self._absorb(event)
            else:
                for array in event.ins:
                    self._need(array)
                self.dirty.update(root(array) for array in event.outs)
        for one in tensors(node.output):
            if root(one.array) not in self.clean:
                self.dirty.add(root(one.array))

    def _launched(self, launch: Any) -> None:
        """Follow a launch between the layers."""
        outs = [root(array) for array in launch.outs]
        if self._trains(launch) or any(root(array) in self.dirty for array in launch.ins):
            for array in launch.ins:
                self._need(array)
            self.dirty.update(outs)
            return
        behind = frozenset[Source]().union(
            *[self.clean.get(root(array), frozenset()) for array in launch.ins]
        )
        for out in outs:
            self.clean[out] = behind

    def _need(self, array: Any) -> None:
        self.needed |= self.clean.get(root(array), frozenset())

    # -- what speaks against it ----------------------------------------------------------------

    def _against(self, node: Called) -> str | None:
        """Say why a call cannot be skipped, or None."""
        why = against(node)
        if why is None and any(root(one.array) in self.dirty for one in node.given):
            why = f"{_named(node.layer)} follows what is trained or random"
        if why is None and any(mask_of(one) is not None for one in tensors(node.output)):
            why = f"{_named(node.layer)} hands on a mask"
        if why is None and self._trained_inside(node):
            why = f"{_named(node.layer)} is trained"
        return why

    def _trained_inside(self, node: Called) -> bool:
        return any(
            self._trained_inside(one) if isinstance(one, Called) else self._trains(one)
            for one in node.inside
        )

    def _trains(self, launch: Any) -> bool:
        return any(
            overlap(array, weight.array)
            for array in launch.ins
            if root(array) in self.roots
            for weight in self.trained
        )


def against(node: Called) -> str | None:
    """Say what in a layer, or in those that it called, changes from step to step, or None."""
    layer = node.layer
    if any(weight.requires_grad for _, weight in layer.named_own_weights()):
        return f"{_named(layer)} is trained"
    why = mixing(layer, node.given)
    if why is not None:
        return f"{_named(layer)} {why}"
    if layer.activity_regularizer is not None or node.penalties:
        return f"{_named(layer)} adds a penalty to the loss"
    alike = layer.per_sample or not layer.asks_training() or passes_on(layer)
    if node.training and not alike:
        if not isinstance(layer, Noisy):
            return f"{_named(layer)} does something else in training"
        if layer.amount() > 0:
            return f"{_named(layer)} is random"
    for one in node.inside:
        if isinstance(one, Called) and (why := against(one)) is not None:
            return why
    return None


def written(node: Called) -> int:
    """Return how many bytes a call writes, steps in between included."""
    return sum(
        written(one) if isinstance(one, Called) else sum(array.nbytes for array in one.outs)
        for one in node.inside
    )


def sealed(model: Layer, x: Any) -> str | None:
    """Say why a model cannot be entered, and so not be left half way; None if it can."""
    why = mixing(model, tensors(x))
    if why is None and not passes_on(model):
        why = "has no layers of its own"
    return None if why is None else f"{_named(model)} {why}"


def frontier(model: Layer, x: Any) -> Frontier:
    """Return the frontier of a model, found on a few samples, (n, …).

    Raises:
        NotFound: nothing can be kept, or keeping would save nothing; the text says why.
    """
    trace = Trace(model, x)
    found = Frontier(model, x, trace)
    if not any(number >= 0 for number, _ in found.slots):
        raise NotFound(found.reason or "no layer lies before what is trained")
    samples = leaves(x)[0].shape[0]
    for number, j in found.slots:
        value = kept_value(found.entries, (number, j), x)
        if value.ndim == 0 or value.shape[0] != samples:
            named = "an input" if number < 0 else _named(found.entries[number].layer)
            raise NotFound(f"{named} does not have the samples along its first axis")
    return found


def kept_value(entries: list[Entry], slot: Source, x: Any) -> Tensor:
    """Return the traced value of a slot."""
    number, j = slot
    return tensors(x)[j] if number < 0 else tensors(entries[number].output)[j]


def _named(layer: Layer) -> str:
    return f'"{layer.name}" ({type(layer).__name__})'

"""What of a model is frozen: counted by layer, told in one line or in full."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..layers.layer import Layer
from ..registry import snake_case


@dataclass(frozen=True, slots=True)
class Share:
    """How many numbers of a layer are trained, frozen, or state that training never owns."""

    name: str
    kind: str
    trained: int
    frozen: int
    state: int

    @property
    def word(self) -> str:
        """Say it in a word: trained, frozen, half frozen, or nothing to train."""
        if self.trained and self.frozen:
            return "half frozen"
        return "trained" if self.trained else "frozen" if self.frozen else "no parameters"


def share(layer: Layer) -> Share:
    """Count the numbers of one layer and those below it."""
    trained = frozen = state = 0
    for weight in layer.weights:
        if weight.kind == "state":
            state += weight.size
        elif weight.requires_grad:
            trained += weight.size
        else:
            frozen += weight.size
    return Share(layer.name, type(layer).__name__, trained, frozen, state)


def shares(model: Layer) -> list[Share]:
    """Count the numbers of every layer one level below."""
    return [replace(share(child), name=label(path, child)) for path, child in model.children()]


def label(path: str, layer: Layer) -> str:
    """Return the name that was given to a layer, or the attribute that holds it if none was."""
    given = not re.fullmatch(rf"{snake_case(type(layer).__name__)}(_\d+)?", layer.name)
    return layer.name if given else path


def report(model: Layer) -> str:
    """Tell in one line what is trained and what is frozen."""
    whole = share(model)
    everything = whole.trained + whole.frozen
    if whole.frozen == 0:
        return f"Training all {everything:,} parameters."
    line = f"Training {whole.trained:,} of {everything:,} parameters."
    parts = shares(model)
    frozen = [f"{part.name} ({part.frozen:,})" for part in parts if part.word == "frozen"]
    half = [
        f"{part.name} ({part.frozen:,} of {part.trained + part.frozen:,})"
        for part in parts
        if part.word == "half frozen"
    ]
    if frozen:
        line += f" Frozen: {_listed(frozen)}."
    if half:
        line += f" Half frozen: {_listed(half)}."
    if whole.trained == 0:
        line += " Nothing will change: every parameter is frozen."
    return line


def _listed(names: list[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"

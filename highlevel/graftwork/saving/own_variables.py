"""Layers that keep their variables in their own way, by Keras' two methods.

`save_own_variables(store)` puts arrays into a dictionary, `load_own_variables(store)` gets it back.
In a file they lie where the weights of such a layer would lie: "layers/code/vars/<name>".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graftgrad.errors import ConfigError, expect, note

from ..layers.layer import Layer
from ..layers.stored import defines
from ..weight import Weight
from . import names
from .sources import Source


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """A layer that fills itself, and the path of its arrays in a file of Keras' layout."""

    layer: Layer
    variables: str

    def holds(self, name: str) -> bool:
        """Tell whether an array of a file is this layer's."""
        return name.startswith(f"{self.variables}/")

    def store(self, source: Source) -> dict[str, Any]:
        """Read the layer's arrays."""
        listed = {**source.entries, **source.kept}
        start = len(self.variables) + 1
        return {name[start:]: entry.read() for name, entry in listed.items() if self.holds(name)}


def loaders(model: Layer) -> list[Own]:
    """Return the layers of a model that define `load_own_variables`."""
    return [
        Own(group.layer, group.variables)
        for group in names.groups(model)
        if defines(group.layer, "load_own_variables")
    ]


def arrays_of(group: names.Group) -> dict[str, Any]:
    """Return the arrays that a layer keeps, by their names in its group.

    Raises:
        ConfigError: a name is no text or has a "/", or a value is no array of numbers.
    """
    if not defines(group.layer, "save_own_variables"):
        return {str(i): weight.numpy() for i, weight in enumerate(group.weights)}
    store: dict[str, Any] = {}
    group.layer.save_own_variables(store)
    return {name: _checked(group.layer, name, value) for name, value in store.items()}


def _checked(layer: Layer, name: Any, value: Any) -> Any:
    sound = isinstance(name, str) and name not in ("", ".", "..") and "/" not in name
    subject = f'layer "{layer.name}"'
    expect(sound, subject, "save_own_variables must name arrays by text without '/'",
           error=ConfigError, name=name)  # fmt: skip
    array = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
    expect(array.dtype.kind in "biufc", subject,
           f"save_own_variables must store numbers as {name!r}", error=ConfigError,
           value=type(value).__name__, dtype=str(array.dtype))  # fmt: skip
    return array


def fill(own: list[Own], source: Source, lenient: bool) -> list[Own]:
    """Let each layer fill itself; return those that could not, which only `lenient` lets pass.

    Raises:
        Exception: whatever a layer raises; the weights of all of them are as before.
    """
    stores = [one.store(source) for one in own]
    before = {one: _values(one.layer) for one in own}
    failed = []
    for one, store in zip(own, stores, strict=True):
        try:
            one.layer.load_own_variables(store)
        except Exception as error:
            for other in [one] if lenient else own:
                for weight, value in before[other]:
                    weight.assign(value)
            if not lenient:
                told = f'while layer "{one.layer.name}" took its variables from {source.subject}'
                note(error, told)
                raise
            failed.append(one)
    return failed


def _values(layer: Layer) -> list[tuple[Weight, Any]]:
    return [(weight, weight.numpy().copy()) for weight in layer.stored_weights()]


def without(own: list[Own], source: Source) -> Source:
    """Return a file without the arrays that such layers read themselves."""
    rest = {
        name: entry for name, entry in source.entries.items()
        if not any(one.holds(name) for one in own)
    }  # fmt: skip
    return replace(source, entries=rest) if own else source

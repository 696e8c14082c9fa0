"""What keeps its variables in its own way, by Keras' two methods: layers, metrics, optimizers.

`save_own_variables(store)` puts arrays into a dictionary, `load_own_variables(store)` gets it back.
In a file they lie where the weights of such a layer would lie: "layers/code/vars/<name>". A metric
has no place in a file but by these methods; it lies where the attribute that holds it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graftgrad.errors import ConfigError, expect, note

from ..layers.layer import Layer
from ..layers.stored import defines
from ..metrics.metric import Metric
from ..optimizers.own_rule import OwnRule
from ..weight import Weight
from . import names
from .sources import Source


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """A layer or metric that fills itself, and the path of its arrays in Keras' layout."""

    layer: Any
    variables: str

    @property
    def subject(self) -> str:
        """What messages call it."""
        return f'{"metric" if isinstance(self.layer, Metric) else "layer"} "{self.layer.name}"'

    @property
    def weights(self) -> list[Weight]:
        """What is its own, and as before if it cannot be filled."""
        one = self.layer
        return one.variables if isinstance(one, Metric) else one.stored_weights()

    def holds(self, name: str) -> bool:
        """Tell whether an array of a file is this layer's."""
        return name.startswith(f"{self.variables}/")

    def store(self, source: Source) -> dict[str, Any]:
        """Read the layer's arrays."""
        listed = {**source.entries, **source.kept}
        start = len(self.variables) + 1
        return {name[start:]: entry.read() for name, entry in listed.items() if self.holds(name)}


def loaders(model: Layer) -> list[Own]:
    """Return the layers and metrics of a model that define `load_own_variables`."""
    filling = [
        Own(group.layer, group.variables)
        for group in names.groups(model)
        if defines(group.layer, "load_own_variables")
    ]
    return filling + [one for one in metrics(model) if hasattr(one.layer, "load_own_variables")]


def metrics(model: Layer) -> Iterator[Own]:
    """Yield the metrics that a model or one of its layers holds as an attribute."""
    for group in names.groups(model):
        for key, value in vars(group.layer).items():
            if isinstance(value, Metric) and key not in ("mean_loss", "compiled_metrics"):
                yield Own(value, f"{group.path}/{key}/vars".lstrip("/"))


def arrays_of(group: names.Group) -> dict[str, Any]:
    """Return the arrays that a layer keeps, by their names in its group.

    Raises:
        ConfigError: a name is no text or has a "/", or a value is no array of numbers.
    """
    if not defines(group.layer, "save_own_variables"):
        return {str(i): group.array(weight) for i, weight in enumerate(group.weights)}
    return stored(group.layer, f'layer "{group.layer.name}"')


def stored(one: Any, subject: str) -> dict[str, Any]:
    """Return what `save_own_variables` of a layer, a metric or an optimizer stores, checked.

    Raises:
        ConfigError: a name is no text or has a "/", or a value is no array of numbers.
    """
    store: dict[str, Any] = {}
    one.save_own_variables(store)
    return {name: _checked(subject, name, value) for name, value in store.items()}


def _checked(subject: str, name: Any, value: Any) -> Any:
    sound = isinstance(name, str) and name not in ("", ".", "..") and "/" not in name
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
    before = {one: _values(one.weights) for one in own}
    failed = []
    for one, store in zip(own, stores, strict=True):
        try:
            one.layer.load_own_variables(store)
        except Exception as error:
            for other in [one] if lenient else own:
                for weight, value in before[other]:
                    weight.assign(value)
            if not lenient:
                told = f"while {one.subject} took its variables from {source.subject}"
                note(error, told)
                raise
            failed.append(one)
    return failed


def _values(weights: list[Weight]) -> list[tuple[Weight, Any]]:
    return [(weight, weight.numpy().copy()) for weight in weights]


def without(own: list[Own], source: Source) -> Source:
    """Return a file without the arrays that such layers and metrics read themselves."""
    rest = {
        name: entry for name, entry in source.entries.items()
        if not any(one.holds(name) for one in own)
    }  # fmt: skip
    return replace(source, entries=rest) if own else source


def replaced(optimizer: Any, method: str) -> bool:
    """Tell whether the class of an optimizer has a method of this name in place of the one here."""
    return getattr(type(optimizer), method) is not getattr(OwnRule, method)

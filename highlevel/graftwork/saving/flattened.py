"""Weights behind a flattened map, which PyTorch flattens channels first and we channels last.

A map (H, W, C) becomes a vector of H · W · C numbers; PyTorch's is of C · H · W. What multiplies or
scales that vector has its numbers in another order in a file of PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..layers.layer import Layer
from ..registry import layers
from .axes import Axes

# Layers that keep the order of a vector, and what they own.
_KEEPING = ("Dropout", "GaussianNoise", "GaussianDropout", "Activation", "ReLU", "LeakyReLU", "ELU",
            "BatchNormalization", "LayerNormalization")  # fmt: skip
_FLATTENING = ("Flatten", "Reshape")


@dataclass(frozen=True, slots=True)
class Flattened(Axes):
    """The order of one axis that a map was flattened into.

    Attributes:
        map: the map's rows, columns, … and channels.
    """

    map: tuple[int, ...] = ()

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether our shape begins with the flattened map."""
        return bool(shape) and shape[0] == math.prod(self.map)

    def outside(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the file: other axes come first there."""
        return (*shape[1:], shape[0])

    def accepts(self, shape: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
        """Tell whether an array of the file fits: flat, or as a filter as large as the map."""
        whole = (*shape[1:], self.map[-1], *self.map[:-1])
        return theirs in (self.outside(shape), whole)

    def inward(self, array: Any, shape: tuple[int, ...]) -> Any:
        """Bring a host array from channels first into channels last, the axis to the front."""
        rest, rank = len(shape) - 1, len(self.map)
        spread = array.reshape((*shape[1:], self.map[-1], *self.map[:-1]))
        order = (*range(rest + 1, rest + rank), rest, *range(rest))
        return spread.transpose(order).reshape(shape)

    def outward(self, array: Any) -> Any:
        """Bring a host array from channels last into channels first, the axis to the end."""
        rest, rank = array.ndim - 1, len(self.map)
        spread = array.reshape((*self.map, *array.shape[1:]))
        order = (*range(rank, rank + rest), rank - 1, *range(rank - 1))
        return spread.transpose(order).reshape(self.outside(array.shape))


def flattened(model: Layer) -> dict[int, tuple[int, ...]]:
    """Return, by the identity of a layer, the map that was flattened into its vectors."""
    found: dict[int, tuple[int, ...]] = {}
    for layer in model.flattened():
        for one, before in _chains(layer):
            flat = next((each for each in before if _is(each, _FLATTENING)), None)
            if flat is not None:
                sizes = _map(flat, one)
                if len(sizes) > 1 and math.prod(sizes[:-1]) > 1:
                    found[id(one)] = sizes
    return found


def _map(flat: Layer, one: Layer) -> tuple[int, ...]:
    """Return the sizes of the map that a layer flattens; none where they are not known."""
    shape = getattr(flat, "built_shape", None)
    if not isinstance(shape, tuple) or len(shape) < 3:
        return ()
    if getattr(flat, "data_format", None) == "channels_first":
        shape = (shape[0], *shape[2:], shape[1])
    target = getattr(flat, "target_shape", (-1,))
    fixed = all(isinstance(size, int) for size in shape[1:])
    return tuple(shape[1:]) if fixed and len(target) == 1 else ()


def _is(layer: Layer, kinds: tuple[str, ...]) -> bool:
    return type(layer).__name__ in kinds


def _chains(model: Layer) -> Iterator[tuple[Layer, list[Layer]]]:
    """Yield layers of a model with what comes before each, as far as the order of a vector lasts.

    Of what is neither a Sequential nor a functional model nobody knows the order of the layers.
    """
    sequential = layers.known.get("Sequential")
    if sequential is not None and isinstance(model, sequential):
        listed: list[Layer] = model.layers
        for i, one in enumerate(listed):
            yield one, list(_before(listed[:i]))
        return
    for step in getattr(model, "steps", None) or ():
        yield step.layer, list(_before(_history(step)))


def _before(listed: list[Layer]) -> Iterator[Layer]:
    """Yield the layers before from the last on, up to the first that changes the order."""
    for one in reversed(listed):
        if _is(one, _FLATTENING):
            yield one
        if not _is(one, _KEEPING):
            return


def _history(step: Any) -> list[Layer]:
    """Return the layers before a call, as long as each has one operand."""
    found: list[Layer] = []
    while len(step.inputs) == 1 and step.inputs[0].origin is not None:
        step = step.inputs[0].origin
        found.append(step.layer)
        if not _is(step.layer, _KEEPING):
            break
    return found[::-1]

"""Several cells as one, and what is asked of a cell: its states and the size of its output."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect

from ..registry import declared, encoded, layers, setting
from .layer import Layer


@declared(layers)
class StackedRNNCells(Layer):
    """Several cells as one: each receives what the one below put out.

    Args:
        cells: the cells, from the input upward.
    Raises:
        ConfigError: something in the list has no `call` or no `state_size`.
    """

    cells: Any = setting()

    def prepare(self) -> None:
        """Check the cells."""
        self.prepare_layer()
        for cell in self.cells:
            expect(hasattr(cell, "call") and hasattr(cell, "state_size"), "StackedRNNCells",
                   "every cell must have call and state_size", error=ConfigError,
                   cell=cell)  # fmt: skip

    @property
    def state_size(self) -> list[Any]:
        """The state size of every cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The output size of the last cell."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return the first states of every cell."""
        return [first_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        """Build the cells one after the other."""
        for cell in self.cells:
            if isinstance(cell, Layer):
                cell.build_for(tuple(input_shape))
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Take one step with every cell."""
        new: list[Any] = []
        for cell, before in zip(self.cells, states, strict=True):
            listed = isinstance(before, (list, tuple))
            given = list(before) if listed else [before]
            inputs, after = cell(inputs, given, training=training)
            new.append(after[0] if isinstance(after, (list, tuple)) and not listed else after)
        return inputs, new

    def get_config(self) -> dict[str, Any]:
        """Return the settings and the configurations of the cells."""
        return super().get_config() | {"cells": [encoded(cell) for cell in self.cells]}


def output_size(cell: Any) -> int:
    """Return how many numbers a cell puts out: its output_size, or the size of its first state."""
    found = getattr(cell, "output_size", None)
    while found is None or isinstance(found, (list, tuple)):
        found = cell.state_size if found is None else found[0]
    return int(found)


def first_state(cell: Any, batch_size: int | None, dtype: Any) -> Any:
    """Return the state a cell begins with: its own, or zeros of its state sizes."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    sizes = cell.state_size
    if isinstance(sizes, int):
        return graftgrad.zeros((batch_size or 0, sizes), dtype=dtype)
    return [graftgrad.zeros((batch_size or 0, n), dtype=dtype) for n in sizes]

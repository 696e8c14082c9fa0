"""Walking over sequences with a cell: what every recurrent layer does.

The layers with cells of their own stand in `recurrent`, the cells in `recurrent_cells`.
"""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import update

from ..registry import declared, layers, regularizers, setting, snake_case
from ..rules import named
from ..weight import Weight
from .input_spec import InputSpec
from .layer import Layer
from .stacked_cells import StackedRNNCells, first_state
from .symbol import leaves, mapped

Walked = tuple[Tensor, Any, Any]  # the last output, all outputs, the last states


class Recurrent(Layer):
    """What recurrent layers share: states, masks, and the walk over the steps.

    The output is the last one, or all of them with `return_sequences`; with `return_state` the last
    states follow. A step that the mask is false for changes no state; its output is the one before
    it, or 0 with `zero_output_for_mask`.
    """

    cell: Any
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    zero_output_for_mask: bool = False

    supports_masking = True
    states: Any = None

    def walks_with(self, cell: Any) -> None:
        """Take a cell.

        Raises:
            ConfigError: it has no `call` or no `state_size`.
        """
        expect(hasattr(cell, "call") and hasattr(cell, "state_size"), type(self).__name__,
               "the cell must have call and state_size", error=ConfigError, cell=cell)  # fmt: skip
        self.cell = cell
        sizes = cell.state_size
        self.state_size = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]

    def build(self, input_shape: Any) -> None:
        """Build the cell for one step; with `stateful`, make the states.

        Raises:
            ShapeError: `stateful` is true and the batch is not fixed.
        """
        if isinstance(self.cell, Layer):
            self.cell.build_for((input_shape[0], *input_shape[2:]))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return the states that a walk begins with, 0 everywhere unless the cell has its own."""
        found = first_state(self.cell, batch_size, self.compute_dtype)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def reset_state(self) -> None:
        """Begin anew: set the states that `stateful` keeps between batches to 0."""
        for one in leaves(self.states or []):
            one.assign(ops.full_like(one.detach(), 0))

    reset_states = reset_state

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output: that of the input where all steps come out."""
        mask = next(iter(leaves(previous_mask)), None)
        kept = mask if self.return_sequences else None
        return [kept, *[None] * len(self.state_size)] if self.return_state else kept

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """Walk over the steps.

        Shapes: sequences (N, T, …), mask (N, T), initial_state as many (N, U) as there are states.

        Raises:
            ShapeError: with `stateful`, the batch is another than before.
        """
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        states = self._begin(sequences, initial_state)
        for name in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
            getattr(self.cell, name, _nothing)()
        if mask is not None and mask.dtype.kind != "b":
            mask = ops.cast(mask, "bool")
        last, outputs, states = self.inner_loop(sequences, states, mask, training)
        if self.stateful:
            self._keep(states)
        y = outputs if self.return_sequences else last
        return (y, *states) if self.return_state else y

    def _begin(self, sequences: Tensor, initial_state: Any) -> list[Any]:
        batch = sequences.shape[0]
        if self.stateful and sequences.device.computes:
            if self.states is None:
                zeros = self.get_initial_state(batch)
                self.states = mapped(lambda x: Weight(x, "rnn_state", "state"), zeros)
            known = leaves(self.states)[0].shape[0]
            expect(known == batch, f'layer "{self.name}"',
                   "with stateful=True every batch must be as large as the first",
                   first=known, batch=batch)  # fmt: skip
        if initial_state is not None:
            given = list(initial_state) if isinstance(initial_state, (list, tuple)) else None
            states = [initial_state] if given is None else given
            expect(len(states) == len(self.state_size), f'layer "{self.name}"',
                   f"there must be {len(self.state_size)} initial states",
                   given=len(states))  # fmt: skip
            return states
        if self.stateful and self.states is not None:
            return list(mapped(lambda x: x.detach().clone(), self.states))
        zeros = self.get_initial_state(batch)
        if sequences.device.computes:
            return zeros
        return list(mapped(lambda x: graftgrad.empty(x.shape, dtype=x.dtype, device="meta"), zeros))

    def _keep(self, states: Any) -> None:
        if self.states is None:
            return
        with graftgrad.no_grad():
            for kept, new in zip(leaves(self.states), leaves(states), strict=True):
                update.assign(kept, new.detach())

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Any], mask: Any, training: bool = False
    ) -> Walked:
        """Return the last output, all outputs in the order of the walk, and the last states."""
        states: Any = initial_state
        outputs: list[Tensor] = []
        count = sequences.shape[1]
        for t in range(count)[:: -1 if self.go_backwards else 1]:
            y, new = self.step(sequences[:, t], states, training)
            if mask is not None:
                counts = mask[:, t]
                before = outputs[-1] if outputs else _first_output(y, states)
                shown = ops.full_like(y.detach(), 0) if self.zero_output_for_mask else before
                y, new = _chosen(counts, y, shown), _chosen_all(counts, new, states)
            states = new
            outputs.append(y)
        return outputs[-1], ops.stack(outputs, 1), states

    def step(self, x: Tensor, states: Any, training: bool) -> tuple[Tensor, Any]:
        """Take one step with the cell."""
        y, new = self.cell(x, states, training=training)
        return y, list(new) if isinstance(new, (list, tuple)) else [new]

    def shown(self, y: Tensor, mask: Any) -> Tensor:
        """Set outputs of steps that do not count to 0, with `zero_output_for_mask`."""
        if mask is None or not self.zero_output_for_mask:
            return y
        return ops.where(ops.expand_dims(mask, -1), y, 0.0)


@declared(layers)
class RNN(Recurrent):
    """A layer that walks over sequences with a cell.

    Shapes: (N, T, …) -> (N, U), or (N, T, U) with `return_sequences`; with `return_state` the last
    states follow.

    Args:
        cell: a layer with `call(x, states) -> (output, states)` and `state_size`; or a list of
            them, which are stacked.
        return_sequences: whether the outputs of all steps come out, or the last alone.
        return_state: whether the last states come out too.
        go_backwards: walk from the last step to the first; outputs come in this order.
        stateful: begin each batch with the states that the last one ended with.
        unroll: kept for Keras' signature.
        zero_output_for_mask: put 0 out where the mask is false, not the output before it.
    Raises:
        ConfigError: the cell has no `call` or no `state_size`.
    """

    cell: Any = setting()
    return_sequences: bool = setting(default=False)
    return_state: bool = setting(default=False)
    go_backwards: bool = setting(default=False)
    stateful: bool = setting(default=False)
    unroll: bool = setting(default=False)
    zero_output_for_mask: bool = setting(default=False)
    activity_regularizer: Any = setting(named(regularizers), default=None, kw_only=True)

    def prepare(self) -> None:
        """Stack the cells of a list."""
        self.prepare_layer()
        given = self.cell
        self.walks_with(StackedRNNCells(given) if isinstance(given, list) else given)


class Sequence(Recurrent):
    """What the layers with a cell of their own share."""

    cell_class = ""
    input_spec = InputSpec(ndim=3)

    def make_cell(self, *names: str) -> None:
        """Make the cell from this layer's own settings of these names."""
        self.prepare_layer()
        kind = layers.find(self.cell_class)
        given = {name: getattr(self, name) for name in names}
        named_as = snake_case(self.cell_class)
        self.walks_with(
            kind(**given, dtype=self.dtype_policy, trainable=self._trainable, name=named_as)
        )

    def is_plain(self, training: bool) -> bool:
        """Tell whether no dropout stands in the way of one function for the whole walk."""
        cell = self.cell
        return not training or (cell.recurrent_dropout == 0 and not (cell.dropout and cell.splits))

    def fed(self, sequences: Tensor, training: bool) -> Tensor:
        """Return the sequences with inputs dropped while training, the same at every step."""
        cell = self.cell
        if not training or cell.dropout <= 0:
            return sequences
        (mask,) = cell.dropped("input", sequences[:, 0] * 0 + 1, cell.dropout, True)
        return sequences * ops.expand_dims(mask.detach(), 1)

    def turned(self, y: Tensor) -> Tensor:
        """Return outputs in the order of the walk."""
        return ops.flip(y, 1) if self.go_backwards and self.return_sequences else y

    def ended(self, y: Tensor, h: Tensor, mask: Any) -> tuple[Tensor, Tensor]:
        """Return the last output and all outputs in the order of the walk."""
        if mask is None or not self.zero_output_for_mask:
            return h, self.turned(y)
        y = self.shown(y, mask)
        return y[:, 0 if self.go_backwards else -1], self.turned(y)


def _chosen(counts: Tensor, new: Tensor, old: Tensor) -> Tensor:
    wide = ops.reshape(counts, (counts.shape[0], *[1] * (new.ndim - 1)))
    return ops.where(wide, new, old)


def _chosen_all(counts: Tensor, new: Any, old: Any) -> Any:
    if isinstance(new, Tensor):
        return _chosen(counts, new, old[0] if isinstance(old, (list, tuple)) else old)
    return [_chosen_all(counts, a, b) for a, b in zip(new, old, strict=True)]


def _first_output(y: Tensor, states: Any) -> Tensor:
    """Return what stands for the output before the first step: the first state of the last cell."""
    state: Any = states[-1][0] if isinstance(states[-1], (list, tuple)) else states[0]
    return state if state.shape == y.shape else ops.full_like(y.detach(), 0)


def _nothing() -> None:
    pass

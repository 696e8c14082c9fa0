"""Recurrent layers with cells of their own: the plain one, gated units, long short-term memory.

With the usual activations a whole sequence is one function of `graftgrad.ops`; with others, and
with dropout of states, the cell takes step after step.
"""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..registry import (
    activations,
    constraints,
    declared,
    initializers,
    layers,
    regularizers,
    setting,
)
from ..rules import named, positive_integer
from ..seeds import any_seed
from .recurrent_cells import without
from .rnn import Sequence, Walked
from .rules import activated, within_zero_and_one

_SHARED = (
    "units", "activation", "use_bias", "kernel_initializer", "recurrent_initializer",
    "bias_initializer", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
    "kernel_constraint", "recurrent_constraint", "bias_constraint", "dropout",
    "recurrent_dropout", "seed",
)  # fmt: skip


@declared(layers)
class SimpleRNN(Sequence):
    """A plain recurrent layer. Elman 1990.

    hₜ = activation(xₜ · kernel + hₜ₋₁ · recurrent_kernel + bias)

    Shapes: (N, T, D) -> (N, units), or (N, T, units) with `return_sequences`; with `return_state`
    the last state follows.

    Args:
        units: the number of outputs.
        activation: of the state; "tanh" and "relu" are computed as one function.
        use_bias: whether a bias is added.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        return_sequences: whether the outputs of all steps come out, or the last alone.
        return_state: whether the last state comes out too.
        go_backwards: walk from the last step to the first; outputs come in this order.
        stateful: begin each batch with the state that the last one ended with.
        unroll: kept for Keras' signature.
        seed: a number that makes the drawing repeatable.
    Raises:
        ShapeError: the input has not 3 axes, or another number of features than when built.
    """

    units: int = setting(positive_integer)
    activation: Any = setting(activated, default="tanh")
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    recurrent_initializer: Any = setting(named(initializers), default="orthogonal")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    recurrent_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    recurrent_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    recurrent_dropout: float = setting(within_zero_and_one, default=0.0)
    return_sequences: bool = setting(default=False)
    return_state: bool = setting(default=False)
    go_backwards: bool = setting(default=False)
    stateful: bool = setting(default=False)
    unroll: bool = setting(default=False)
    seed: Any = setting(any_seed, default=None)
    zero_output_for_mask: bool = setting(default=False, kw_only=True)

    cell_class = "SimpleRNNCell"

    def prepare(self) -> None:
        """Make the cell."""
        self.make_cell(*_SHARED)

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Any], mask: Any, training: bool = False
    ) -> Walked:
        """Compute the whole walk at once where the activation allows it."""
        name = getattr(self.activation, "__name__", "")
        known = self.activation in (activations.find("tanh"), activations.find("relu"))
        if not known or not self.is_plain(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        y, h = ops.simple_rnn(
            self.fed(sequences, training), cell.kernel, cell.recurrent_kernel, cell.bias,
            initial_state[0], mask=mask, reverse=self.go_backwards, activation=name,
        )  # fmt: skip
        return (*self.ended(y, h, mask), [h])


@declared(layers)
class GRU(Sequence):
    """A layer of gated recurrent units. Cho et al. 2014.

    hₜ = z · hₜ₋₁ + (1 − z) · activation(xₜ · kernel + r · (hₜ₋₁ · recurrent_kernel)), z and r being
    recurrent_activation of like sums, each with its third of the kernels.

    Shapes: (N, T, D) -> (N, units), or (N, T, units) with `return_sequences`; with `return_state`
    the last state follows.

    Args:
        units: the number of outputs.
        activation: of the new state; "tanh" is computed as one function.
        recurrent_activation: of the gates; "sigmoid" is computed as one function.
        use_bias: whether biases are added.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        seed: a number that makes the drawing repeatable.
        return_sequences: whether the outputs of all steps come out, or the last alone.
        return_state: whether the last state comes out too.
        go_backwards: walk from the last step to the first; outputs come in this order.
        stateful: begin each batch with the state that the last one ended with.
        unroll: kept for Keras' signature.
        reset_after: where the reset gate is applied: behind the product with the recurrent kernel,
            or before it, as in the paper.
        use_cudnn: kept for Keras' signature.
        implementation: 1 for dropout of each gate by itself, 2 for all together.
    Raises:
        ShapeError: the input has not 3 axes, or another number of features than when built.
    """

    units: int = setting(positive_integer)
    activation: Any = setting(activated, default="tanh")
    recurrent_activation: Any = setting(activated, default="sigmoid")
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    recurrent_initializer: Any = setting(named(initializers), default="orthogonal")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    recurrent_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    recurrent_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    recurrent_dropout: float = setting(within_zero_and_one, default=0.0)
    seed: Any = setting(any_seed, default=None)
    return_sequences: bool = setting(default=False)
    return_state: bool = setting(default=False)
    go_backwards: bool = setting(default=False)
    stateful: bool = setting(default=False)
    unroll: bool = setting(default=False)
    reset_after: bool = setting(default=True)
    use_cudnn: Any = setting(default="auto")
    implementation: int = setting(default=2, kw_only=True)
    zero_output_for_mask: bool = setting(default=False, kw_only=True)

    cell_class = "GRUCell"

    def prepare(self) -> None:
        """Make the cell."""
        self.make_cell(*_SHARED, "recurrent_activation", "reset_after", "implementation")

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Any], mask: Any, training: bool = False
    ) -> Walked:
        """Compute the whole walk at once where the activations allow it."""
        if not usual(self) or not self.is_plain(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        y, h = ops.gru(
            self.fed(sequences, training), cell.kernel, cell.recurrent_kernel, cell.bias,
            initial_state[0], mask=mask, reverse=self.go_backwards, reset_after=self.reset_after,
        )  # fmt: skip
        return (*self.ended(y, h, mask), [h])

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        return without(super().get_config(), "implementation", "use_cudnn")


@declared(layers)
class LSTM(Sequence):
    """A layer of long short-term memory. Hochreiter and Schmidhuber 1997.

    cₜ = f · cₜ₋₁ + i · activation(…); hₜ = o · activation(cₜ), the gates i, f, o being
    recurrent_activation of xₜ · kernel + hₜ₋₁ · recurrent_kernel + bias, each with its quarter.

    Shapes: (N, T, D) -> (N, units), or (N, T, units) with `return_sequences`; with `return_state`
    the last h and c follow.

    Args:
        units: the number of outputs.
        activation: of the new cell and of the output; "tanh" is computed as one function.
        recurrent_activation: of the gates; "sigmoid" is computed as one function.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the bias of the forget gate begins at 1.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        seed: a number that makes the drawing repeatable.
        return_sequences: whether the outputs of all steps come out, or the last alone.
        return_state: whether the last states come out too.
        go_backwards: walk from the last step to the first; outputs come in this order.
        stateful: begin each batch with the states that the last one ended with.
        unroll: kept for Keras' signature.
        use_cudnn: kept for Keras' signature.
        implementation: 1 for dropout of each gate by itself, 2 for all together.
    Raises:
        ShapeError: the input has not 3 axes, or another number of features than when built.
    """

    units: int = setting(positive_integer)
    activation: Any = setting(activated, default="tanh")
    recurrent_activation: Any = setting(activated, default="sigmoid")
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    recurrent_initializer: Any = setting(named(initializers), default="orthogonal")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    unit_forget_bias: bool = setting(default=True)
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    recurrent_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    recurrent_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    recurrent_dropout: float = setting(within_zero_and_one, default=0.0)
    seed: Any = setting(any_seed, default=None)
    return_sequences: bool = setting(default=False)
    return_state: bool = setting(default=False)
    go_backwards: bool = setting(default=False)
    stateful: bool = setting(default=False)
    unroll: bool = setting(default=False)
    use_cudnn: Any = setting(default="auto")
    implementation: int = setting(default=2, kw_only=True)
    zero_output_for_mask: bool = setting(default=False, kw_only=True)

    cell_class = "LSTMCell"

    def prepare(self) -> None:
        """Make the cell."""
        self.make_cell(*_SHARED, "recurrent_activation", "unit_forget_bias", "implementation")

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Any], mask: Any, training: bool = False
    ) -> Walked:
        """Compute the whole walk at once where the activations allow it."""
        if not usual(self) or not self.is_plain(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        y, h, c = ops.lstm(
            self.fed(sequences, training), cell.kernel, cell.recurrent_kernel, cell.bias,
            *initial_state, mask=mask, reverse=self.go_backwards,
        )  # fmt: skip
        return (*self.ended(y, h, mask), [h, c])

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        return without(super().get_config(), "implementation", "use_cudnn")


def usual(layer: Any) -> bool:
    """Tell whether the gates are sigmoids and the states hyperbolic tangents."""
    return layer.activation is activations.find(
        "tanh"
    ) and layer.recurrent_activation is activations.find("sigmoid")

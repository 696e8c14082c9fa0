"""Cells: one step of a recurrent layer. What walks over sequences with them stands in `rnn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import expect
from graftgrad.ops import random

from ..registry import (
    constraints,
    declared,
    initializers,
    layers,
    regularizers,
    setting,
)
from ..rules import named, positive_integer
from ..seeds import any_seed
from .layer import Layer
from .rules import activated, within_zero_and_one
from .seed_generator import generator_for


class RecurrentCell(Layer):
    """What the cells share: their weights, and masks of dropout that all steps share."""

    units: int
    use_bias: bool
    dropout: float
    recurrent_dropout: float
    seed: Any
    activation: Any
    kernel_initializer: Any
    recurrent_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    recurrent_regularizer: Any
    bias_regularizer: Any
    kernel_constraint: Any
    recurrent_constraint: Any
    bias_constraint: Any

    accepts_integers = False
    gates = 1
    implementation = 2

    def prepare(self) -> None:
        """Make the source of random states."""
        self.prepare_layer()
        self.seed_generator = generator_for(self.seed)
        self.drawn: dict[str, Any] = {}

    @property
    def state_size(self) -> Any:
        """The size of the state, or a list of sizes."""
        return self.units

    @property
    def output_size(self) -> int:
        """The number of units."""
        return self.units

    @property
    def splits(self) -> bool:
        """Whether each gate has a dropout of its own, Keras' `implementation=1`."""
        return self.gates > 1 and (self.implementation == 1 or self.recurrent_dropout > 0)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (D, G · U), recurrent_kernel (U, G · U) and bias."""
        expect(input_shape[-1] is not None, f'layer "{self.name}"',
               "the last axis of the input must have a known size", input=input_shape)  # fmt: skip
        width = self.gates * self.units
        self.kernel = self.add_weight(
            (input_shape[-1] or 0, width), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            (self.units, width), self.recurrent_initializer, name="recurrent_kernel",
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint,
        )  # fmt: skip
        self.bias = (
            self.add_weight(
                self.bias_shape(), self.first_bias(), name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )
            if self.use_bias
            else None
        )  # fmt: skip

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of the bias."""
        return (self.gates * self.units,)

    def first_bias(self) -> Any:
        """Return the initializer of the bias."""
        return self.bias_initializer

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Return zeros, (N, U) for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [graftgrad.zeros((batch_size or 0, n), dtype=self.compute_dtype) for n in sizes]

    # -- dropout -------------------------------------------------------------------------------

    def dropped(self, name: str, x: Tensor, rate: float, training: bool) -> list[Tensor]:
        """Return x for each gate; while training, parts of it set to 0, the same at every step."""
        count = self.gates if self.splits else 1
        if not training or rate <= 0:
            return [x] * count
        if name not in self.drawn:
            ones = ops.full_like(x.detach(), 1)
            states = [self.seed_generator.next() for _ in range(count)]
            self.drawn[name] = [random.dropout(ones, state, rate) for state in states]
        return [x * mask for mask in self.drawn[name]]

    def reset_dropout_mask(self) -> None:
        """Forget which inputs are dropped; a layer does so before every batch."""
        self.drawn.pop("input", None)

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget which states are dropped; a layer does so before every batch."""
        self.drawn.pop("state", None)

    # -- products ------------------------------------------------------------------------------

    def products(self, xs: Sequence[Tensor], kernel: Tensor, bias: Tensor | None) -> list[Tensor]:
        """Return x · kernel + bias of every gate, (N, U) each."""
        if len(xs) == 1:
            y = ops.linear(xs[0], kernel, bias)
            return ops.split(y, self.gates, 1) if self.gates > 1 else [y]
        kernels = ops.split(kernel, self.gates, 1)
        biases = ops.split(bias, self.gates, 0) if bias is not None else [None] * self.gates
        return [ops.linear(x, w, b) for x, w, b in zip(xs, kernels, biases, strict=True)]

    def bent(self, x: Tensor, activation: Any = None) -> Tensor:
        """Apply the activation."""
        function = self.activation if activation is None else activation
        y: Tensor = function(x)
        return y


@declared(layers)
class SimpleRNNCell(RecurrentCell):
    """One step of a plain recurrent network: h = activation(x · kernel + h · recurrent_kernel + b).

    Shapes: x (N, D), states [(N, units)] -> (N, units) and the new states.

    Args:
        units: the number of outputs.
        activation: of the state.
        use_bias: whether a bias is added.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        seed: a number that makes the drawing repeatable.
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
    kernel_constraint: Any = setting(named(constraints), default=None)
    recurrent_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    recurrent_dropout: float = setting(within_zero_and_one, default=0.0)
    seed: Any = setting(any_seed, default=None)

    def call(self, sequence: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Take one step."""
        listed = isinstance(states, (list, tuple))
        (x,) = self.dropped("input", sequence, self.dropout, training)
        before = states[0] if listed else states
        (h,) = self.dropped("state", before, self.recurrent_dropout, training)
        y = self.bent(ops.linear(x, self.kernel, self.bias) + ops.matmul(h, self.recurrent_kernel))
        return y, [y] if listed else y


@declared(layers)
class GRUCell(RecurrentCell):
    """One step of gated recurrent units. Cho et al. 2014.

    h = z · h + (1 − z) · activation(x · kernel + r · (h · recurrent_kernel)), z and r being
    recurrent_activation of like sums, each with its third of the kernels.

    Shapes: x (N, D), states [(N, units)] -> (N, units) and the new states.

    Args:
        units: the number of outputs.
        activation: of the new state.
        recurrent_activation: of the gates.
        use_bias: whether biases are added.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        reset_after: where the reset gate is applied: behind the product with the recurrent kernel,
            or before it, as in the paper.
        seed: a number that makes the drawing repeatable.
        implementation: 1 for dropout of each gate by itself, 2 for all together.
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
    kernel_constraint: Any = setting(named(constraints), default=None)
    recurrent_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    recurrent_dropout: float = setting(within_zero_and_one, default=0.0)
    reset_after: bool = setting(default=True)
    seed: Any = setting(any_seed, default=None)
    implementation: int = setting(default=2, kw_only=True)

    gates = 3

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of the bias: two rows where the second acts on the state."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Take one step."""
        listed = isinstance(states, (list, tuple))
        before = states[0] if listed else states
        own: Tensor | None = self.bias
        second: Tensor | None = None
        if self.bias is not None and self.reset_after:
            own, second = self.bias[0], self.bias[1]
        xs = self.dropped("input", inputs, self.dropout, training)
        hs = self.dropped("state", before, self.recurrent_dropout, training)
        z, r, new = self.products(xs, self.kernel, own)
        if self.reset_after:
            of_z, of_r, inner = self.products(hs, self.recurrent_kernel, second)
        else:
            of_z, of_r, _ = self.products(hs, self.recurrent_kernel, None)
        z = self.bent(z + of_z, self.recurrent_activation)
        r = self.bent(r + of_r, self.recurrent_activation)
        if self.reset_after:
            inner = r * inner
        else:
            inner = ops.matmul(r * hs[-1], self.recurrent_kernel[:, 2 * self.units :])
        h = z * before + (1 - z) * self.bent(new + inner)
        return h, [h] if listed else h

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        return without(super().get_config(), "implementation")


@declared(layers)
class LSTMCell(RecurrentCell):
    """One step of long short-term memory. Hochreiter and Schmidhuber 1997.

    c = f · c + i · activation(…); h = o · activation(c), the gates i, f, o being
    recurrent_activation of x · kernel + h · recurrent_kernel + bias, each with its quarter.

    Shapes: x (N, D), states [h, c], (N, units) each -> (N, units) and the new states.

    Args:
        units: the number of outputs.
        activation: of the new cell and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the bias of the forget gate begins at 1.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        seed: a number that makes the drawing repeatable.
        implementation: 1 for dropout of each gate by itself, 2 for all together.
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
    kernel_constraint: Any = setting(named(constraints), default=None)
    recurrent_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    recurrent_dropout: float = setting(within_zero_and_one, default=0.0)
    seed: Any = setting(any_seed, default=None)
    implementation: int = setting(default=2, kw_only=True)

    gates = 4

    @property
    def state_size(self) -> Any:
        """The sizes of h and c."""
        return [self.units, self.units]

    def first_bias(self) -> Any:
        """Return the initializer of the bias, which begins at 1 for the forget gate if wished."""
        return remembering(self.bias_initializer, self.units, self.unit_forget_bias)

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Take one step."""
        xs = self.dropped("input", inputs, self.dropout, training)
        hs = self.dropped("state", states[0], self.recurrent_dropout, training)
        of_x = self.products(xs, self.kernel, self.bias)
        of_h = self.products(hs, self.recurrent_kernel, None)
        i, f, g, o = (a + b for a, b in zip(of_x, of_h, strict=True))
        gate = self.recurrent_activation
        c = self.bent(f, gate) * states[1] + self.bent(i, gate) * self.bent(g)
        h = self.bent(o, gate) * self.bent(c)
        return h, [h, c]

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        return without(super().get_config(), "implementation")


def remembering(rest: Any, units: int, unit_forget_bias: bool) -> Any:
    """Return an initializer of biases that begins at 1 for the second of four gates, if wished."""
    if not unit_forget_bias:
        return rest

    def begin(shape: Any, dtype: Any = None) -> Tensor:
        parts = [rest((units,), dtype=dtype), graftgrad.ones((units,), dtype=dtype),
                 rest((2 * units,), dtype=dtype)]  # fmt: skip
        return ops.concatenate([graftgrad.as_tensor(one, dtype) for one in parts], 0)

    return begin


def without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    """Leave settings out that Keras does not write."""
    return {key: value for key, value in config.items() if key not in names}

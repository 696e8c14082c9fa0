"""Long short-term memory whose products are convolutions: states are images. Shi et al. 2015."""

from __future__ import annotations

from typing import Any, ClassVar

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..rules import named, one_of, positive_integer
from ..seeds import any_seed
from .input_spec import InputSpec
from .recurrent_cells import RecurrentCell, remembering
from .rnn import Recurrent, Walked
from .rules import activated, channel_order, sizes, within_zero_and_one
from .spatial import brought_first, brought_last

GATES = 4
CELL_SETTINGS = (
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "activation",
    "recurrent_activation",
    "use_bias",
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "unit_forget_bias",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "seed",
)
CONVOLVE = {1: ops.conv1d, 2: ops.conv2d, 3: ops.conv3d}


@declared(layers)
class ConvLSTMCell(RecurrentCell):
    """One step of a convolutional long short-term memory.

    i, f, g, o = kernel ∗ x + recurrent_kernel ∗ h + bias, each of `filters` channels;
    c = f · c + i · activation(g), h = o · activation(c), the gates bent by recurrent_activation.

    Args:
        rank: the axes between batch and channels, 1 to 3.
        filters: the number of channels of output and states.
        kernel_size: the size of the window.
        strides: places of the input from one window to the next.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: places from one element of the window to the next.
        activation: of the new state and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the bias of the forget gate begins at 1.
        dropout: the share of inputs that is dropped while training, the same at every step.
        recurrent_dropout: the share of states that is dropped while training.
        seed: a number that makes the drawing repeatable.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
    """

    rank: int = setting(positive_integer)
    filters: int = setting(positive_integer)
    kernel_size: Any = setting()
    strides: Any = setting(default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(default=1)
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

    gates = GATES
    implementation = 1  # each gate drops for itself
    output_shape: Any = None

    def prepare(self) -> None:
        """Check the windows.

        Raises:
            ConfigError: they are both spread apart and moved in strides.
        """
        super().prepare()
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, sizes(self.rank)(type(self).__name__, name, getattr(self, name)))
        expect(max(self.strides) == 1 or max(self.dilation_rate) == 1, type(self).__name__,
               "strides and dilation_rate must not both exceed 1", error=ConfigError,
               strides=self.strides, dilation_rate=self.dilation_rate)  # fmt: skip

    @property
    def state_size(self) -> Any:
        """The channels of both states."""
        return [self.filters, self.filters]

    @property
    def output_size(self) -> int:
        """The number of channels."""
        return self.filters

    def first_bias(self) -> Any:
        """Return the initializer of the bias, which begins at 1 for the forget gate if wished."""
        return remembering(self.bias_initializer, self.filters, self.unit_forget_bias)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (*kernel_size, C, 4 · filters), recurrent_kernel and bias (4 · filters,).

        Raises:
            ShapeError: a size of the input other than the batch is unknown.
        """
        expect(None not in input_shape[1:] and len(input_shape) == self.rank + 2,
               f'layer "{self.name}"',
               f"the input of a step must have {self.rank + 2} axes of known sizes",
               input=tuple(input_shape))  # fmt: skip
        known = [n or 0 for n in input_shape[1:]]
        places = known[1:] if self.data_format == "channels_first" else known[:-1]
        channels = known[0] if self.data_format == "channels_first" else known[-1]
        width = GATES * self.filters
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, width), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            (*self.kernel_size, self.filters, width), self.recurrent_initializer,
            name="recurrent_kernel", regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )  # fmt: skip
        self.bias = (
            self.add_weight(
                (width,), self.first_bias(), name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )
            if self.use_bias
            else None
        )  # fmt: skip
        x = graftgrad.empty((1, *places, channels), device="meta")
        w = graftgrad.empty((*self.kernel_size, channels, self.filters), device="meta")
        made = CONVOLVE[self.rank](x, w, strides=self.strides, padding=self.padding,
                                   dilation=self.dilation_rate).shape  # fmt: skip
        first = self.data_format == "channels_first"
        self.output_shape = (made[-1], *made[1:-1]) if first else tuple(made[1:])

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Return zeros, in the shape of the output, for both states."""
        shape = (batch_size or 0, *self.output_shape)
        return [graftgrad.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        """Take one step."""
        first = self.data_format == "channels_first"
        h, c = (brought_last(one) for one in states) if first else states
        h, c = self.advance(self.fed(brought_last(inputs) if first else inputs, training), h, c,
                            training)  # fmt: skip
        if first:
            h, c = brought_first(h), brought_first(c)
        return h, [h, c]

    def fed(self, x: Tensor, training: bool, repeats: int = 1) -> Tensor:
        """Return what inputs (N, …, C), channels last, add to the gates: (N, …, 4 · filters).

        What is dropped is drawn for the first of every `repeats` samples and the same for all.
        """
        where = {"strides": self.strides, "padding": self.padding, "dilation": self.dilation_rate}
        convolve = CONVOLVE[self.rank]
        if not training or self.dropout <= 0:
            return convolve(x, self.kernel, self.bias, **where)
        steps = ops.reshape(x, (-1, repeats, *x.shape[1:]))
        self.dropped("input", steps[:, 0], self.dropout, training)
        kernels = ops.split(self.kernel, GATES, -1)
        biases = [None] * GATES if self.bias is None else ops.split(self.bias, GATES, 0)
        parts = [
            convolve(ops.reshape(steps * ops.expand_dims(mask, 1), x.shape), kernel, bias, **where)
            for mask, kernel, bias in zip(self.drawn["input"], kernels, biases, strict=True)
        ]
        return ops.concatenate(parts, -1)

    def advance(self, gates: Tensor, h: Tensor, c: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """Return the new states, channels last, for what the inputs add to the gates."""
        convolve = CONVOLVE[self.rank]
        if training and self.recurrent_dropout > 0:
            seen = self.dropped("state", h, self.recurrent_dropout, training)
            kernels = ops.split(self.recurrent_kernel, GATES, -1)
            parts = [convolve(a, w, padding="same") for a, w in zip(seen, kernels, strict=True)]
            gates = gates + ops.concatenate(parts, -1)
        else:
            gates = gates + convolve(h, self.recurrent_kernel, padding="same")
        i, f, g, o = ops.split(gates, GATES, -1)
        bent = self.recurrent_activation
        c = self.bent(f, bent) * c + self.bent(i, bent) * self.bent(g)
        return self.bent(o, bent) * self.bent(c), c


class ConvLSTM(Recurrent):
    """What the convolutional layers share: a cell of their own, and all inputs fed at once."""

    data_format: Any
    rank: ClassVar[int]

    def prepare(self) -> None:
        """Make the cell."""
        self.prepare_layer()
        given = {name: getattr(self, name) for name in CELL_SETTINGS}
        cell = ConvLSTMCell(self.rank, **given, dtype=self.dtype_policy, trainable=self._trainable,
                            name="conv_lstm_cell")  # fmt: skip
        self.walks_with(cell)
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, getattr(cell, name))

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Any], mask: Any, training: bool = False
    ) -> Walked:
        """Feed all inputs in one convolution, then walk with the channels last."""
        first = self.data_format == "channels_first"
        x = ops.moveaxis(sequences, 2, -1) if first else sequences
        states = [brought_last(one) for one in initial_state] if first else initial_state
        n, t = x.shape[:2]
        fed = self.cell.fed(ops.reshape(x, (n * t, *x.shape[2:])), training, repeats=t)
        gates = ops.reshape(fed, (n, t, *fed.shape[1:]))
        last, outputs, states = super().inner_loop(gates, states, mask, training)
        if not first:
            return last, outputs, states
        return (brought_first(last), ops.moveaxis(outputs, -1, 2),
                [brought_first(one) for one in states])  # fmt: skip

    def step(self, x: Tensor, states: Any, training: bool) -> tuple[Tensor, Any]:
        """Take one step with what the inputs add to the gates."""
        h, c = self.cell.advance(x, *states, training)
        return h, [h, c]


@declared(layers)
class ConvLSTM1D(ConvLSTM):
    """Long short-term memory over sequences of lines, with convolutions for products.

    Shapes: (N, T, W, C) -> (N, W, filters), or (N, T, W, filters) with
    `return_sequences`; with `return_state` both last states follow.

    Args:
        filters: the number of channels that come out.
        kernel_size: the length of the window.
        strides: places of the input from one window to the next.
        padding: "valid" or "same"; convolutions of states are always "same".
        data_format: "channels_last", (N, T, W, C), or "channels_first",
            (N, T, C, W).
        dilation_rate: places from one element of the window to the next.
        activation: of the new state and of the output.
        recurrent_activation: of the gates.
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
        zero_output_for_mask: put 0 out where the mask is false, not the output before it.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is none of sequences of lines of known sizes.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(1))
    strides: Any = setting(sizes(1), default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(1), default=1)
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
    unroll: bool = setting(default=False, kw_only=True)
    zero_output_for_mask: bool = setting(default=False, kw_only=True)

    rank = 1
    input_spec = InputSpec(ndim=4)


@declared(layers)
class ConvLSTM2D(ConvLSTM):
    """Long short-term memory over sequences of images, with convolutions for products.

    Shapes: (N, T, H, W, C) -> (N, H, W, filters), or (N, T, H, W, filters) with
    `return_sequences`; with `return_state` both last states follow.

    Args:
        filters: the number of channels that come out.
        kernel_size: rows and columns of the window.
        strides: places of the input from one window to the next.
        padding: "valid" or "same"; convolutions of states are always "same".
        data_format: "channels_last", (N, T, H, W, C), or "channels_first",
            (N, T, C, H, W).
        dilation_rate: places from one element of the window to the next.
        activation: of the new state and of the output.
        recurrent_activation: of the gates.
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
        zero_output_for_mask: put 0 out where the mask is false, not the output before it.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is none of sequences of images of known sizes.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(2))
    strides: Any = setting(sizes(2), default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(2), default=1)
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
    unroll: bool = setting(default=False, kw_only=True)
    zero_output_for_mask: bool = setting(default=False, kw_only=True)

    rank = 2
    input_spec = InputSpec(ndim=5)


@declared(layers)
class ConvLSTM3D(ConvLSTM):
    """Long short-term memory over sequences of volumes, with convolutions for products.

    Shapes: (N, T, D, H, W, C) -> (N, D, H, W, filters), or (N, T, D, H, W, filters) with
    `return_sequences`; with `return_state` both last states follow.

    Args:
        filters: the number of channels that come out.
        kernel_size: frames, rows and columns of the window.
        strides: places of the input from one window to the next.
        padding: "valid" or "same"; convolutions of states are always "same".
        data_format: "channels_last", (N, T, D, H, W, C), or "channels_first",
            (N, T, C, D, H, W).
        dilation_rate: places from one element of the window to the next.
        activation: of the new state and of the output.
        recurrent_activation: of the gates.
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
        zero_output_for_mask: put 0 out where the mask is false, not the output before it.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is none of sequences of volumes of known sizes.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(3))
    strides: Any = setting(sizes(3), default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(3), default=1)
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
    unroll: bool = setting(default=False, kw_only=True)
    zero_output_for_mask: bool = setting(default=False, kw_only=True)

    rank = 3
    input_spec = InputSpec(ndim=6)

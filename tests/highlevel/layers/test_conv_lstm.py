"""Convolutional long short-term memory against itself step by step, and what it promises.

Keras' own values are compared in `tests/parity`.
"""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, ShapeError
from graftwork.layers import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, Input
from support.layer_checks import check_layer, normal


def test_every_promise() -> None:
    check_layer(lambda: ConvLSTM1D(3, 2, padding="same"), (2, 3, 5, 2))
    check_layer(lambda: ConvLSTM2D(2, 2, return_sequences=True), (2, 3, 4, 3, 2))


def convolved(x: Any, w: Any) -> Any:
    """A "same" convolution of images, naively."""
    before = [(n - 1) // 2 for n in w.shape[:2]]
    wide = np.pad(x, ((0, 0), *((b, n - 1 - b) for b, n in zip(before, w.shape, strict=False)),
                      (0, 0)))  # fmt: skip
    y = np.zeros((*x.shape[:3], w.shape[3]))
    for a, b in np.ndindex(*w.shape[:2]):
        y += wide[:, a : a + x.shape[1], b : b + x.shape[2]] @ w[a, b]
    return y


def test_steps_as_written_out() -> None:
    layer = ConvLSTM2D(3, (3, 2), padding="same", return_sequences=True, return_state=True,
                       dtype="float64")  # fmt: skip
    x = normal(2, 4, 5, 4, 2)
    layer.build_for(x.shape)
    kernel, recurrent, bias = (normal(*w.shape) for w in layer.weights)
    layer.set_weights([kernel, recurrent, bias])
    outputs, h, c = (y.detach().numpy() for y in layer(x))
    state, memory = np.zeros((2, 5, 4, 3)), np.zeros((2, 5, 4, 3))
    for t in range(4):
        gates = convolved(x[:, t], kernel) + bias + convolved(state, recurrent)
        i, f, g, o = np.split(gates, 4, -1)
        memory = memory / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        state = np.tanh(memory) / (1 + np.exp(-o))
        np.testing.assert_allclose(outputs[:, t], state, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(h, state, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(c, memory, rtol=1e-10, atol=1e-12)


def test_both_orders_of_channels_compute_the_same() -> None:
    last = ConvLSTM1D(3, 2, strides=2, return_sequences=True, return_state=True)
    first = ConvLSTM1D(3, 2, strides=2, return_sequences=True, return_state=True,
                       data_format="channels_first")  # fmt: skip
    x = normal(2, 3, 6, 2).astype("float32")
    found = last(x)
    first.build_for((2, 3, 2, 6))
    first.set_weights(last.get_weights())
    turned = first(np.moveaxis(x, -1, 2).copy())
    for a, b, axis in zip(found, turned, (2, 1, 1), strict=True):
        np.testing.assert_allclose(np.moveaxis(b.detach().numpy(), axis, -1), a.detach().numpy(),
                                   rtol=1e-6)  # fmt: skip


def test_dropped_inputs_are_the_same_at_every_step() -> None:
    layer = ConvLSTM1D(2, 1, dropout=0.5, recurrent_dropout=0.5, return_sequences=True, seed=3)
    x = np.ones((1, 2, 5, 3), "float32")
    layer(x)
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([kernel, recurrent * 0, bias * 0 - 100])  # every gate is shut
    trained = layer(x, training=True)
    assert not np.array_equal(layer.cell.drawn["input"][0].numpy(),
                              layer.cell.drawn["input"][1].numpy())  # fmt: skip
    assert trained.shape == (1, 2, 5, 2)
    layer.set_weights([kernel, recurrent, bias])
    (gates,) = (layer.cell.fed(graftgrad.tensor(x.reshape(2, 5, 3)), True, repeats=2),)
    np.testing.assert_array_equal(gates.detach().numpy()[0], gates.detach().numpy()[1])


def test_states_are_kept_between_batches() -> None:
    layer = ConvLSTM1D(2, 2, padding="same", stateful=True)
    x = normal(2, 3, 4, 2).astype("float32")
    first = layer(x).detach().numpy().copy()
    assert not np.array_equal(layer(x).detach().numpy(), first)
    layer.reset_state()
    np.testing.assert_array_equal(layer(x).detach().numpy(), first)


def test_shapes_of_weights_and_outputs() -> None:
    layer = ConvLSTM3D(4, 2, strides=2, return_sequences=True)
    assert layer(Input((3, 6, 5, 4, 2))).shape == (None, 3, 3, 2, 2, 4)
    assert [w.shape for w in layer.weights] == [(2, 2, 2, 2, 16), (2, 2, 2, 4, 16), (16,)]
    np.testing.assert_array_equal(layer.weights[2].numpy(), [0] * 4 + [1] * 4 + [0] * 8)


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="strides and dilation_rate must not both exceed 1"):
        ConvLSTM2D(4, 3, strides=2, dilation_rate=2)
    with pytest.raises(ConfigError, match="padding must be one of 'valid', 'same'"):
        ConvLSTM1D(4, 3, padding="causal")
    with pytest.raises(ShapeError, match="the input of a step must have 3 axes of known sizes"):
        ConvLSTM1D(4, 3)(Input((3, None, 2)))

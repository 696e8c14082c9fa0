"""Recurrent layers against Keras' values, and what holds for states, dropout and masks."""

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from support.golden import GoldenCase, cases
from support.layer_checks import check_layer
from support.sequence_checks import check_sequence

NAMES = ("SimpleRNN", "GRU", "LSTM", "RNN", "Bidirectional", "TimeDistributed")
X = np.random.default_rng(3).normal(size=(4, 5, 3)).astype("float32")


@pytest.mark.parametrize("case", cases("sequences", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_sequence(case)


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_every_promise(kind: type[layers.Layer]) -> None:
    check_layer(lambda: kind(3), (2, 4, 3))
    check_layer(lambda: kind(3, return_sequences=True, use_bias=False), (2, 4, 3))
    check_layer(lambda: kind(3, activation="softsign", go_backwards=True), (2, 3, 3))


def test_every_promise_of_wrappers() -> None:
    check_layer(lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="sum"), (2, 4, 3))
    check_layer(lambda: layers.Bidirectional(layers.GRU(2, return_sequences=True)), (2, 3, 3))
    check_layer(lambda: layers.TimeDistributed(layers.Dense(2)), (2, 3, 4))
    check_layer(lambda: layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)]), (2, 3, 4))
    check_layer(
        lambda: layers.TimeDistributed(layers.BatchNormalization()), (3, 2, 4), stateful=True
    )


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_one_function_and_step_after_step_agree(kind: str) -> None:
    layer = getattr(layers, kind)(3, return_sequences=True, return_state=True, dtype="float64")
    mask = np.random.default_rng(0).random((4, 5)) < 0.5
    whole = layer(X, mask=mask)
    walker = layers.RNN(layer.cell, return_sequences=True, return_state=True, dtype="float64")
    for a, b in zip(whole, walker(X, mask=mask), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)


def test_states_are_kept_between_batches() -> None:
    layer = layers.LSTM(3, stateful=True, return_sequences=True)
    both = layers.LSTM(3, return_sequences=True)
    layer(X)
    both(X)
    both.set_weights(layer.get_weights())
    layer.reset_state()
    first, second = layer(X[:, :2]), layer(X[:, 2:])
    whole = both(X).detach().numpy()
    np.testing.assert_allclose(first.detach().numpy(), whole[:, :2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second.detach().numpy(), whole[:, 2:], rtol=1e-5, atol=1e-6)
    layer.reset_state()
    np.testing.assert_array_equal(layer(X[:, :2]).detach().numpy(), first.detach().numpy())
    assert len(layer.weights) == 3
    with pytest.raises(ShapeError, match="every batch must be as large as the first"):
        layer(X[:2])


def test_a_stateful_layer_trains_batch_after_batch() -> None:
    model = gw.Sequential([layers.GRU(3, stateful=True), layers.Dense(1)])
    model.compile("sgd", "mse")
    losses = model.fit(X, np.ones((4, 1), "float32"), batch_size=4, epochs=5, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}])
@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_dropout_is_the_same_at_every_step_and_new_for_every_batch(kind, settings) -> None:
    layer = getattr(layers, kind)(8, seed=1, return_sequences=True, **settings)
    quiet = layer(X).detach().numpy()
    np.testing.assert_array_equal(layer(X).detach().numpy(), quiet)
    noisy = layer(X, training=True).detach().numpy()
    assert not np.allclose(noisy, quiet)
    assert not np.allclose(layer(X, training=True).detach().numpy(), noisy)


def test_dropped_inputs_are_dropped_at_every_step() -> None:
    layer = layers.SimpleRNN(6, dropout=0.5, activation=None, use_bias=False, seed=2,
                             recurrent_initializer="zeros", return_sequences=True)  # fmt: skip
    x = np.ones((1, 7, 6), "float32")
    y = layer(x, training=True).detach().numpy()
    np.testing.assert_allclose(y, np.broadcast_to(y[:, :1], y.shape))
    assert not np.allclose(y[0, 0], layer(x).detach().numpy()[0, 0])


def test_gates_have_a_dropout_of_their_own_if_wished() -> None:
    both = [layers.LSTM(4, dropout=0.5, implementation=n, seed=3) for n in (1, 2)]
    one, two = (layer(X, training=True) for layer in both)
    assert one.shape == two.shape == (4, 4)
    assert both[0].cell.splits
    assert not both[1].cell.splits
    assert "implementation" not in both[0].get_config()


def test_the_mask_of_an_embedding_reaches_the_layer() -> None:
    table, layer = layers.Embedding(9, 3, mask_zero=True), layers.LSTM(4)
    padded = layer(table(np.array([[4, 2, 0, 0]])))
    short = layer(table(np.array([[4, 2]])))
    np.testing.assert_allclose(padded.detach().numpy(), short.detach().numpy(), rtol=1e-6)
    unmasked = layer(table(np.array([[4, 2, 0, 0]])).detach().clone())
    assert not np.allclose(padded.detach().numpy(), unmasked.detach().numpy())


def test_masks_travel_through_every_kind_of_model() -> None:
    stack = [layers.Embedding(9, 3, mask_zero=True), layers.Dropout(0.5),
             layers.GRU(4, return_sequences=True), layers.LSTM(4)]  # fmt: skip
    sequential = gw.Sequential(stack)
    x = np.array([[4, 2, 0, 0], [1, 0, 0, 0]])
    wanted = sequential(x).detach().numpy()
    short = sequential(x[:, :2]).detach().numpy()
    np.testing.assert_allclose(wanted, short, rtol=1e-5, atol=1e-7)
    inputs = gw.Input((None,), dtype="int32")
    y = inputs
    for layer in stack:
        y = layer(y)
    assert stack[2].output._keras_mask.shape == (None, None)
    found = gw.Model(inputs, y)(x).detach().numpy()
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(gw.Sequential([sequential, layers.Dense(2)]).layers[0](x)
                                  .detach().numpy(), wanted)  # fmt: skip


def test_a_cell_of_ones_own() -> None:
    class Counter(layers.Layer):
        state_size = 1

        def call(self, x, states):
            total = states[0] + x.sum(-1, keepdims=True)
            return total, [total]

    y = layers.RNN(Counter(), return_sequences=True)(X)
    wanted = np.cumsum(X.sum(-1), 1)[..., None]
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="units must be a positive integer"):
        layers.LSTM(0)
    with pytest.raises(ShapeError, match="must have 3 axes"):
        layers.GRU(2)(np.zeros((3, 4), "float32"))
    with pytest.raises(ConfigError, match="the cell must have call and state_size"):
        layers.RNN(layers.Dense(2))
    with pytest.raises(ConfigError, match="every cell must have call and state_size"):
        layers.StackedRNNCells([layers.Dense(2)])
    with pytest.raises(ConfigError, match="layer must be a layer"):
        layers.Bidirectional("lstm")
    with pytest.raises(ConfigError, match="the two layers must walk opposite ways"):
        layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2))
    with pytest.raises(ConfigError, match="both layers must agree in return_state"):
        layers.Bidirectional(
            layers.LSTM(2), backward_layer=layers.LSTM(2, return_state=True, go_backwards=True)
        )
    with pytest.raises(ShapeError, match="at least 3 axes"):
        layers.TimeDistributed(layers.Dense(2))(np.zeros((3, 4), "float32"))
    with pytest.raises(ShapeError, match="there must be 2 initial states"):
        layers.LSTM(2)(X, initial_state=[graftgrad.zeros((4, 2))])

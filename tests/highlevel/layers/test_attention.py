"""Attention against Keras' values, and what holds for masks, dropout and shapes."""

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from support.golden import GoldenCase, cases
from support.layer_checks import check_layer
from support.sequence_checks import check_sequence

NAMES = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention",
         "EinsumDense", "RMSNormalization")  # fmt: skip
X = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")


@pytest.mark.parametrize("case", cases("sequences", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_sequence(case)


class Itself(layers.Layer):
    """A layer of one input around attention to itself."""

    def __init__(self, make):
        super().__init__()
        self.inner = make()

    def call(self, x, training=False):
        return self.inner(x, x, training=training, use_causal_mask=True)


def test_every_promise() -> None:
    check_layer(lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"), (2, 4, 5))
    check_layer(lambda: layers.RMSNormalization(), (2, 4, 5))
    check_layer(lambda: layers.Attention(use_scale=True), (2, 3, 4), (2, 5, 4))
    check_layer(lambda: layers.AdditiveAttention(), (2, 3, 4), (2, 5, 4))


@pytest.mark.parametrize(
    "make",
    [lambda: layers.MultiHeadAttention(2, 3), lambda: layers.GroupQueryAttention(3, 4, 2)],
)
def test_a_model_of_attention_trains_and_is_saved(make, tmp_path) -> None:
    inputs = gw.Input((5, 6))
    y = make()(inputs, inputs, use_causal_mask=True)
    model = gw.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(y)))
    model.compile("adam", "mse")
    wanted = np.array([[1.0], [-1.0]], "float32")
    losses = model.fit(X, wanted, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "attention.keras")
    again = gw.models.load_model(tmp_path / "attention.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_no_query_sees_what_comes_after_it() -> None:
    layer = Itself(lambda: layers.MultiHeadAttention(2, 3))
    before = layer(X).detach().numpy()
    changed = X.copy()
    changed[:, 3:] = 0
    after = layer(changed).detach().numpy()
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=1e-5, atol=1e-6)
    assert not np.allclose(after[:, 3:], before[:, 3:])


def test_padding_changes_nothing() -> None:
    table = layers.Embedding(9, 6, mask_zero=True)
    layer = layers.MultiHeadAttention(2, 3)
    x = table(np.array([[4, 2, 7, 0, 0]]))
    padded = layer(x, x)
    short = table(np.array([[4, 2, 7]]))
    np.testing.assert_allclose(padded.detach().numpy()[:, :3], layer(short, short).detach().numpy(),
                               rtol=1e-5, atol=1e-6)  # fmt: skip
    np.testing.assert_array_equal(padded._keras_mask.numpy(), [[True, True, True, False, False]])
    np.testing.assert_array_equal(x._keras_mask.numpy(), padded._keras_mask.numpy())


def test_weights_are_dropped_while_training_alone() -> None:
    layer = layers.MultiHeadAttention(2, 3, dropout=0.5, seed=1)
    quiet = layer(X, X).detach().numpy()
    np.testing.assert_array_equal(layer(X, X).detach().numpy(), quiet)
    assert not np.allclose(layer(X, X, training=True).detach().numpy(), quiet)
    y, weights = layer(X, X, return_attention_scores=True)
    np.testing.assert_allclose(y.detach().numpy(), quiet, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(weights.detach().numpy().sum(-1), 1.0, rtol=1e-5)
    assert weights.shape == (2, 2, 5, 5)
    plain = layers.Attention(dropout=0.5)
    assert not np.allclose(plain([X, X], training=True).numpy(), plain([X, X]).numpy())


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="num_heads must be a positive integer"):
        layers.MultiHeadAttention(0, 2)
    with pytest.raises(ConfigError, match="num_key_value_heads must divide num_query_heads"):
        layers.GroupQueryAttention(2, 3, 2)
    with pytest.raises(ShapeError, match="must have the same steps"):
        layers.MultiHeadAttention(2, 3)(X, X, graftgrad.zeros((2, 4, 6)))
    with pytest.raises(ShapeError, match=r"\[query, value\] or \[query, value, key\]"):
        layers.Attention()(X)
    with pytest.raises(ConfigError, match="the equation must name input, kernel and output"):
        layers.EinsumDense("ab,bc", (3,))(X)
    with pytest.raises(ShapeError, match="must have the axes of the equation"):
        layers.EinsumDense("ab,bc->ac", (3,))(X)
    with pytest.raises(ConfigError, match="bias_axes must be letters of the output"):
        layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="c")(X)
    with pytest.raises(ConfigError, match="every letter of the kernel"):
        layers.EinsumDense("abc,zd->abd", (None, 3))(X)
    with pytest.raises(ConfigError, match="output_shape must have the axes"):
        layers.EinsumDense("abc,cd->abd", (3,))(X)

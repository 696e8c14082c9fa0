"""A kernel kept at stretch 1."""

import numpy as np
import pytest

from graftgrad.errors import ConfigError
from graftwork import set_random_seed
from graftwork.layers import Conv2D, Dense, Embedding, ReLU, SpectralNormalization
from support.layer_checks import configuration_survives_json, normal


def test_training_brings_the_largest_singular_value_to_one() -> None:
    set_random_seed(0)  # two values of one size would take longer
    layer = SpectralNormalization(Conv2D(3, 2), power_iterations=50)
    x = normal(2, 4, 4, 2).astype("float32")
    layer(x)
    kernel = layer.layer.kernel.numpy()
    layer(x, training=True)
    found = layer.layer.kernel.numpy()
    largest = np.linalg.svd(kernel.reshape(-1, 3), compute_uv=False)[0]
    np.testing.assert_allclose(found, kernel / largest, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(layer.vector_u.numpy()), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(layer(x).detach().numpy(), layer.layer(x).detach().numpy())


def test_one_step_of_power_iteration() -> None:
    layer = SpectralNormalization(Dense(3))
    x = normal(2, 4).astype("float32")
    layer(x)
    w, u = layer.layer.kernel.numpy().astype(float), layer.vector_u.numpy().astype(float)
    v = u @ w.T / np.linalg.norm(u @ w.T)
    u = v @ w / np.linalg.norm(v @ w)
    layer(x, training=True)
    np.testing.assert_allclose(layer.vector_u.numpy(), u, rtol=1e-5)
    np.testing.assert_allclose(layer.layer.kernel.numpy(), w / (v @ w @ u.T), rtol=1e-5)


def test_nothing_moves_otherwise() -> None:
    layer = SpectralNormalization(Dense(3))
    x = normal(2, 4).astype("float32")
    layer(x)
    before = [w.numpy() for w in layer.weights]
    layer(x)
    layer.trainable = False
    layer(x, training=True)
    for weight, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_a_kernel_of_zeros_stays() -> None:
    layer = SpectralNormalization(Dense(3, kernel_initializer="zeros"))
    layer(np.ones((2, 4), "float32"), training=True)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), np.zeros((4, 3)))
    assert np.isfinite(layer.vector_u.numpy()).all()


def test_tables_and_configurations() -> None:
    table = SpectralNormalization(Embedding(5, 3))
    table(np.array([[1, 2]]), training=True)
    stretch = np.linalg.svd(table.layer.embeddings.numpy(), compute_uv=False)[0]
    assert stretch >= 1 - 1e-6  # one step of the iteration finds no more than there is
    configuration_survives_json(SpectralNormalization(Dense(3)), [normal(2, 4).astype("float32")])


def test_what_cannot_be_wrapped() -> None:
    with pytest.raises(ConfigError, match="the layer inside must have kernel or embeddings"):
        SpectralNormalization(ReLU())(np.ones((2, 3), "float32"))
    with pytest.raises(ConfigError, match="power_iterations must be a positive integer"):
        SpectralNormalization(Dense(3), power_iterations=0)
    with pytest.raises(ConfigError, match="layer must be a layer"):
        SpectralNormalization("dense")

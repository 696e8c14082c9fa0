"""Activation functions under Keras' names; their values are held against Keras with the layers."""

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError
from graftwork import Input, Model, activations, registry
from graftwork.layers import Dense, LeakyReLU
from support.golden import cases

OF_KERAS = {case.settings["activation"] for case in cases("layers", "Activation")}


def test_every_name_of_keras_is_there() -> None:
    assert len(OF_KERAS) > 25
    for name in OF_KERAS | {"threshold"}:
        assert activations.get(name) is getattr(activations, name)
        assert registry.activations.find(name) is activations.get(name)


def test_names_go_out_and_come_in() -> None:
    for name in OF_KERAS - {"swish", "hard_swish"}:
        assert activations.serialize(activations.get(name)) == name
        assert activations.deserialize(name) is activations.get(name)
    assert activations.get(None) is activations.linear
    assert activations.swish is activations.silu
    assert activations.hard_swish is activations.hard_silu


def test_arguments_of_keras_are_taken() -> None:
    x = graftgrad.tensor([-2.0, -0.5, 0.5, 8.0])
    relu = activations.relu(x, negative_slope=0.1, max_value=6.0, threshold=1.0)
    np.testing.assert_allclose(relu.numpy(), [-0.3, -0.15, -0.05, 6.0], rtol=1e-6)
    np.testing.assert_allclose(activations.leaky_relu(x).numpy()[0], -0.4, rtol=1e-6)
    np.testing.assert_allclose(
        activations.elu(x, alpha=2.0).numpy()[0], 2 * np.expm1(-2), rtol=1e-6
    )
    np.testing.assert_array_equal(activations.threshold(x, 1.0, -9.0).numpy(), [-9, -9, -9, 8])
    assert activations.softmax(x.reshape(2, 2), axis=0).shape == (2, 2)
    assert activations.glu(x, axis=-1).shape == (2,)


def test_a_function_or_a_layer_may_serve() -> None:
    def doubled(x: graftgrad.Tensor) -> graftgrad.Tensor:
        return x * 2

    assert activations.get(doubled) is doubled
    x = np.array([[-1.0, 1.0]], "float32")
    layer = Dense(2, activation=LeakyReLU(0.5), kernel_initializer="identity")
    np.testing.assert_array_equal(layer(x).detach().numpy(), [[-0.5, 1.0]])
    told = layer.get_config()["activation"]
    assert told["class_name"] == "LeakyReLU"
    again = Dense.from_config(layer.get_config())
    assert isinstance(again.activation, LeakyReLU)


def test_what_is_not_known() -> None:
    with pytest.raises(ConfigError, match=r"activation: must be a known name; got 'sigmoyd'"):
        activations.get("sigmoyd")
    with pytest.raises(ConfigError, match="must be a known name or a function; got activation=3"):
        activations.get(3)


def test_symbols_and_host_arrays() -> None:
    """What is no tensor is taken as well, as in Keras; a layer is left behind in a model."""
    x = np.array([[-1.0, 2.0, 8.0]], "float32")
    np.testing.assert_array_equal(activations.relu(x, max_value=6.0).numpy(), [[0, 2, 6]])
    np.testing.assert_allclose(
        activations.gelu(x).numpy(), activations.gelu(graftgrad.tensor(x)).numpy()
    )
    assert activations.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]
    given = Input((3,))
    y = activations.mish(activations.relu(given, negative_slope=0.5, max_value=6.0))
    model = Model(given, activations.exponential(y * 0.0))
    np.testing.assert_array_equal(model(x).detach().numpy(), [[1, 1, 1]])
    again = Model.from_config(model.get_config())
    assert "ReLU" in [type(layer).__name__ for layer in again.operations]
    np.testing.assert_array_equal(again(x).detach().numpy(), [[1, 1, 1]])


def test_public_functions_are_told_by_name() -> None:
    assert Dense(2, activation=activations.relu).get_config()["activation"] == "relu"
    assert activations.get("swish") is activations.silu

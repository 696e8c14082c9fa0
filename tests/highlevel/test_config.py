"""What holds for the whole library: element type, order of channels, limits; names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from graftwork import backend, config, saving


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")
    config.set_max_epochs(None)


def test_the_element_type_of_numbers_and_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graftwork.policy._current", None)  # no policy was set by the program
    assert backend.floatx() == "float32"
    config.set_floatx("float64")
    assert str(gw.ops.zeros(2).dtype) == "float64"
    assert str(gw.ops.convert_to_tensor(1.5).dtype) == "float64"
    assert gw.layers.Dense(2).dtype == "float64"
    with pytest.raises(ConfigError, match="must be one of"):
        config.set_floatx("int8")


def test_the_order_of_channels() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 5)).astype("float32")
    last = gw.ops.max_pool(x.transpose(0, 2, 3, 1), 2).numpy()
    config.set_image_data_format("channels_first")
    assert gw.layers.Conv2D(2, 3).data_format == "channels_first"
    np.testing.assert_array_equal(gw.ops.max_pool(x, 2).numpy(), last.transpose(0, 3, 1, 2))
    with pytest.raises(ConfigError, match="must be one of"):
        config.set_image_data_format("first")


def test_limits_and_small_numbers() -> None:
    config.set_max_epochs(2)
    model = gw.Sequential([gw.Input((1,)), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=9, verbose=0)
    assert len(history.history["loss"]) == 2
    config.set_epsilon(0.5)
    assert gw.ops.normalize(np.float32([0.1, 0.0])).tolist() == pytest.approx([0.2, 0.0])
    for wrong in (lambda: config.set_max_epochs(0), lambda: config.set_epsilon("small"),
                  lambda: config.set_backend("jax")):  # fmt: skip
        with pytest.raises(ConfigError, match="must be"):
            wrong()
    config.set_backend(config.backend())
    assert not config.is_nnx_enabled()
    config.disable_flash_attention()
    assert not config.is_flash_attention_enabled()
    config.enable_flash_attention()


def test_what_the_backend_is_asked() -> None:
    assert backend.standardize_dtype(float) == "float32"
    assert backend.standardize_dtype(np.int16) == "int16"
    assert backend.is_float_dtype("bfloat16")
    assert backend.is_int_dtype("uint8")
    assert backend.result_type("int32", "float16") == "float16"
    assert backend.result_type(int, float) == "float32"
    assert backend.is_keras_tensor(gw.Input((2,)))
    assert (backend.get_uid("thing"), backend.get_uid("thing")) == (1, 2)
    backend.clear_session()
    assert backend.get_uid("thing") == 1
    with pytest.raises(DTypeError, match="prefix must be text"):
        backend.get_uid(3)
    assert gw.version() == gw.__version__


def test_registered_names() -> None:
    @saving.register_keras_serializable("mine", "Odd")
    class Odd(gw.layers.Layer):
        """A layer."""

    assert saving.get_registered_name(Odd) == "mine>Odd"
    assert saving.get_registered_object("mine>Odd") is Odd
    assert saving.get_custom_objects()["Odd"] is Odd
    assert saving.get_registered_object("nobody") is None
    with saving.CustomObjectScope({"nobody": Odd}):
        assert saving.get_registered_object("nobody") is Odd
    told = saving.serialize_keras_object(gw.layers.Dense(3, name="d"))
    assert saving.deserialize_keras_object(told).units == 3
    assert gw.dtype_policies.get("mixed_bfloat16").compute_dtype == "bfloat16"
    policy = gw.dtype_policies.serialize(gw.FloatDTypePolicy("float16"))
    assert gw.dtype_policies.deserialize(policy).name == "float16"


def test_variables() -> None:
    v = gw.Variable([1.0, 2.0], name="v")
    (v * v).sum().backward()
    assert v.grad.tolist() == [2, 4]
    v.assign_add([1.0, 1.0])
    assert v.numpy().tolist() == [2, 3]
    assert gw.Variable("ones", shape=(2,), trainable=False).kind == "state"
    assert str(gw.Variable(np.float64([1])).dtype) == "float64"
    assert str(gw.Variable(3, dtype="int32", trainable=False).dtype) == "int32"
    with pytest.raises(ConfigError, match="shape must be given"):
        gw.Variable("ones")
    with pytest.raises(ConfigError, match="without '/'"):
        gw.Variable(1.0, name="a/b")


def test_what_is_computed_again() -> None:
    calls = []

    @gw.remat
    def squared(x: gw.Variable) -> gw.Variable:
        calls.append(1)
        return gw.ops.square(gw.ops.tanh(gw.ops.exp(x)))

    v = gw.Variable([0.0])
    squared(v).sum().backward()
    y = np.tanh(1.0)
    np.testing.assert_allclose(v.grad.numpy(), [2 * y * (1 - y * y)], rtol=1e-5)
    assert len(calls) == 2


def test_angles_between_rows_are_penalized() -> None:
    x = np.float32([[1, 0], [1, 1]])
    rows = gw.regularizers.OrthogonalRegularizer(1.0)(gw.ops.array(x)).item()
    assert rows == pytest.approx(0.5**0.5)
    assert gw.regularizers.orthogonal_regularizer(1.0, "columns")(gw.ops.array(x)).item() == rows
    with pytest.raises(ShapeError, match="must be given a matrix"):
        gw.regularizers.OrthogonalRegularizer()(gw.ops.ones(3))

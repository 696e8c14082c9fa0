"""Copies of models: of the same layers, of what a function makes of them, on other symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, MissingAttributeError
from graftwork import layers, ops
from graftwork.models import clone_model

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def stack() -> Any:
    return gw.Sequential(
        [gw.Input((3,)), layers.Dense(4, name="a"), layers.Dense(1, name="b")], name="stack"
    )


def branched() -> Any:
    x = gw.Input((3,), name="x")
    shared = layers.Dense(3, name="shared")
    y = shared(ops.relu(shared(x)))
    return gw.Model(x, [stack()(y), layers.Dense(2, name="out")(y)], name="branched")


def renamed(layer: Any) -> Any:
    config = layer.get_config()
    if isinstance(layer, layers.Dense):
        config |= {"name": f"{layer.name}_new", "use_bias": False}
    return type(layer).from_config(config)


def test_a_function_makes_the_layers() -> None:
    made = clone_model(stack(), clone_function=renamed)
    assert [one.name for one in made.layers] == ["a_new", "b_new"] and made.name == "stack"
    assert len(made.weights) == 2 and made.output_shape == (None, 1)
    seen: list[str] = []

    def noted(layer: Any) -> Any:
        seen.append(layer.name)
        return renamed(layer)

    model = branched()
    copy = clone_model(model, clone_function=noted)
    assert sorted(seen) == ["out", "shared", "stack"]  # the function relu is none
    assert [one.name for one in copy.layers] == ["x", "shared_new", "stack", "out_new"]
    kernel = copy.get_layer("shared_new").kernel.numpy()
    hidden = np.maximum(X @ kernel, 0) @ kernel
    wanted = hidden @ copy.get_layer("out_new").kernel.numpy()
    np.testing.assert_allclose(copy(X)[1].detach().numpy(), wanted, rtol=1e-4, atol=1e-6)
    assert copy.get_layer("stack") is not model.get_layer("stack")
    inner = clone_model(model, clone_function=renamed, recursive=True).get_layer("stack")
    assert [one.name for one in inner.layers] == ["a_new", "b_new"]


def test_calls_and_symbols() -> None:
    model = gw.Model(x := gw.Input((3,)), layers.Dense(2, name="d")(x))
    made = clone_model(model, call_function=lambda layer, *args: ops.relu(layer(*args)))
    assert float(made(X).detach().min()) >= 0 and made.get_layer("d") is not model.get_layer("d")
    other = gw.Input((3,), name="other")
    assert clone_model(model, input_tensors=other).inputs[0] is other
    assert clone_model(stack(), input_tensors=[gw.Input((3,))]).output_shape == (None, 1)
    with pytest.raises(ConfigError, match="call_function is for functional models"):
        clone_model(stack(), call_function=lambda layer, x: layer(x))


class Own(gw.Model):
    def __init__(self, units: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.d = units, layers.Dense(units)

    def call(self, x: Any) -> Any:
        return self.d(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def test_a_subclass_is_made_from_its_configuration() -> None:
    made = clone_model(Own(3))
    assert isinstance(made, Own) and made(X).shape == (5, 3)
    with pytest.raises(ConfigError, match="for Sequential and functional models; got model='Own'"):
        clone_model(Own(), clone_function=renamed)


def test_a_copy_is_compiled_as_the_model_was() -> None:
    model = stack()
    model.compile(
        gw.optimizers.SGD(0.25, momentum=0.5), "mse", metrics=[gw.metrics.MeanAbsoluteError()]
    )
    model.fit(X, X[:, :1], verbose=0)
    made = clone_model(model)
    assert made.optimizer is not model.optimizer and float(made.optimizer.learning_rate) == 0.25
    assert int(made.optimizer.iterations) == 0
    assert set(made.fit(X, X[:, :1], verbose=0).history) == {"loss", "mean_absolute_error"}
    assert not clone_model(stack()).compiled


# -- what models tell of themselves ------------------------------------------------------------


def test_shapes_and_names_of_inputs_and_outputs() -> None:
    model = branched()
    assert (model.input_shape, model.output_shape) == ((None, 3), [(None, 1), (None, 2)])
    assert model.output_names == ["stack", "out"]
    late = gw.Sequential([layers.Dense(2)])
    with pytest.raises(MissingAttributeError, match="the shape of the output must be known"):
        _ = late.output_shape
    assert not hasattr(late, "input_shape")
    late.build((None, 3))
    assert (late.input_shape, late.output_shape) == ((None, 3), (None, 2))
    outer = gw.Sequential([stack(), layers.Dense(5)])
    assert outer.output_shape == (None, 5)


def test_dictionaries_are_numbered_by_their_keys() -> None:
    a, b = gw.Input((1,), name="a"), gw.Input((2,), name="b")
    p, q = layers.Dense(1, name="p")(a), layers.Dense(1, name="q")(b)
    model = gw.Model({"b": b, "a": a}, {"y": p, "x": q})
    assert [one.name for one in model.inputs] == ["a", "b"]
    assert (model.input_shape, model.output_names) == ([(None, 1), (None, 2)], ["q", "p"])
    found = model({"a": X[:, :1], "b": X[:, 1:]})
    kernel = model.get_layer("p").kernel.numpy()
    np.testing.assert_allclose(found["y"].detach().numpy(), X[:, :1] @ kernel, rtol=1e-5)


def test_a_constructor_may_hand_inputs_and_outputs_on(tmp_path: Any) -> None:
    @gw.register_keras_serializable("cloning")
    class Built(gw.Model):
        def __init__(self, units: int = 2, **kwargs: Any) -> None:
            x = gw.Input((3,))
            super().__init__(inputs=x, outputs=layers.Dense(units, name="d")(x), **kwargs)
            self.units = units

        def get_config(self) -> dict[str, Any]:
            return {"units": self.units}

    model = Built(4)
    assert isinstance(model, Built) and isinstance(model, gw.models.Functional)
    assert (model.output_shape, len(model.layers), model.units) == ((None, 4), 2, 4)
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((5, 4)), verbose=0)
    model.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras")
    assert isinstance(found, Built) and found.units == 4
    wanted = model.predict(X, verbose=0)
    np.testing.assert_array_equal(found.predict(X, verbose=0), wanted)
    assert Built.from_config(model.get_config()).output_shape == (None, 4)

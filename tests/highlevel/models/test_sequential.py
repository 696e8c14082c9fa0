"""Layers one after the other: built, called, changed, told as a configuration."""

import json
from typing import Any

import numpy as np
import pytest

from graftgrad.errors import ConfigError, GraftError, ShapeError
from graftwork.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    InputLayer,
    Layer,
    Rescaling,
)  # fmt: skip
from graftwork.models.functional import Functional
from graftwork.models.model import Model
from graftwork.models.sequential import Sequential
from graftwork.registry import configuration, decoded, layers

X = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")


def two() -> Sequential:
    return Sequential([Input((5,)), Dense(3, activation="relu"), Dense(2)])


def test_built_at_once_where_the_input_is_known() -> None:
    for first in (Input((5,)), InputLayer((5,))):
        model = Sequential([first, Dense(3), Dense(2)])
        assert model.built
        assert [w.shape for w in model.weights] == [(5, 3), (3,), (3, 2), (2,)]
        assert [type(one).__name__ for one in model.layers] == ["Dense", "Dense"]
    assert Sequential([Dense(3, input_shape=(5,))]).built
    assert model.inputs[0].shape == (None, 5)


def test_built_at_first_sight_otherwise() -> None:
    model = Sequential([Dense(3), Dense(2)])
    assert not model.built
    assert model.weights == []
    assert model(X).shape == (4, 2)
    assert model.built_shape == (None, 5)
    other = Sequential([Dense(3)])
    other.build((None, 5))
    assert other.layers[0].kernel.shape == (5, 3)


def test_it_computes_what_its_layers_compute() -> None:
    model = two()
    x: Any = X
    for layer in model.layers:
        x = layer(x)
    np.testing.assert_array_equal(model(X).detach().numpy(), x.detach().numpy())


def test_growing_and_shrinking() -> None:
    model = Sequential(name="stack")
    model.add(Input((5,)))
    model.add(Dense(3))
    assert model.layers[0].built
    model.add(Dense(2, name="last"))
    assert model(X).shape == (4, 2)
    assert model.pop().name == "last"
    assert model(X).shape == (4, 3)
    model.pop()
    with pytest.raises(ConfigError, match='model "stack": there must be a layer to take away'):
        model.pop()


def test_a_model_in_a_model() -> None:
    base = Sequential([Input((5,)), Dense(3), BatchNormalization()], name="base")
    base.trainable = False
    model = Sequential([base, Dense(2)])
    assert model.built
    assert model.layers[0] is base
    assert [w.shape for w in model.trainable_weights] == [(3, 2), (2,)]
    before = [w.numpy() for w in base.weights]
    y = model(X, training=True)
    (y * y).sum().backward()
    assert all(w.grad is None for w in base.weights)
    for weight, old in zip(base.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_frozen_from_the_start() -> None:
    model = Sequential([Input((5,)), Dense(3)], trainable=False)
    assert model.trainable_weights == []
    model.trainable = True
    assert len(model.trainable_weights) == 2


def test_an_attribute_names_a_layer_to_be_replaced() -> None:
    class Net(Model):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = Dense(4), Dense(10)

        def call(self, x: Any) -> Any:
            return self.head(self.body(x))

    model = Net()
    assert model(X).shape == (4, 10)
    model.head = Dense(2)
    assert model(X).shape == (4, 2)
    assert [layer.name for layer in model.layers] == [model.body.name, model.head.name]


def test_symbols_flow_through() -> None:
    model = Sequential([Rescaling(2.0), Dense(3)])
    x = Input((5,))
    whole = Functional(x, model(x))
    np.testing.assert_array_equal(whole(X).detach().numpy(), model(X).detach().numpy())


def test_layers_are_found_by_name_and_place() -> None:
    model = two()
    assert model.get_layer(index=-1) is model.layers[1]
    assert model.get_layer(model.layers[0].name) is model.layers[0]
    with pytest.raises(ConfigError, match=r"got name='none'\. Its layers: dense"):
        model.get_layer("none")
    with pytest.raises(ConfigError, match="index must lie below 2; got index=2"):
        model.get_layer(index=2)


@pytest.mark.parametrize("known", [True, False])
def test_configuration(known: bool) -> None:
    model = Sequential(
        [*([Input((6, 6, 1))] if known else []), Conv2D(2, 3), Flatten(), Dropout(0.5), Dense(2)],
        name="net",
    )
    told = json.loads(json.dumps(configuration(model)))
    assert told["class_name"] == "Sequential"
    again = decoded(told, layers)
    assert isinstance(again, Sequential)
    assert (again.name, again.built) == ("net", known)
    assert [one.name for one in again.layers] == [one.name for one in model.layers]
    images = np.zeros((1, 6, 6, 1), "float32")
    again(images), model(images)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(images).detach().numpy(), model(images).detach().numpy())


def test_an_empty_model_hands_its_input_on() -> None:
    assert Sequential()(X).shape == (4, 5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sequential([3]), "every entry must be a layer; got entry=3"),
        (lambda: Sequential([Dense(1), Input((3,))]), "an Input must come first"),
        (
            lambda: Sequential([Dense(1, name="a"), Dense(1, name="a")]),
            "name of its own; got name='a'",
        ),
        (lambda: two().add("dense"), "every entry must be a layer"),
        (lambda: Sequential([Dense]), "every entry must be a layer"),
    ],
)
def test_what_cannot_be_made(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="must have 4 axes"):
        Sequential([Input((5,)), Conv2D(2, 3)])
    model = two()
    with pytest.raises(ShapeError, match="must have size 5"):
        model(X[:, :4])
    with pytest.raises(ConfigError, match="input_shape must be given"):
        Sequential([Dense(1)]).build()


def test_a_failed_addition_leaves_the_model_as_it_was() -> None:
    model = two()
    with pytest.raises(GraftError):
        model.add(Conv2D(2, 3))
    assert len(model.layers) == 2
    assert model(X).shape == (4, 2)


def test_a_model_of_ones_own_needs_call() -> None:
    class Empty(Model):
        pass

    with pytest.raises(NotImplementedError, match="must define call"):
        Empty()(X)
    with pytest.raises(ConfigError, match="takes inputs in call"):
        Empty(Layer())


def test_the_layers_of_a_sequential_model_can_be_cut_out_and_built_upon() -> None:
    model = Sequential([Input((4,)), Dense(5, name="feature"), Dense(2, name="head")])
    features = Model(model.inputs, model.get_layer("feature").output)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    expected = model.layers[0](x).detach().numpy()
    assert np.array_equal(features.predict(x, verbose=0), expected)
    assert model.output.shape == (None, 2) and model.input.shape == (None, 4)
    model.pop()
    assert model.output.shape == (None, 5)
    model.add(Dense(7, name="new"))
    assert Model(model.input, model.output)(x).shape == (3, 7)


def test_layers_stand_in_a_list_and_are_objects() -> None:
    with pytest.raises(ConfigError, match=r"Put brackets around them: Sequential\(\[…\]\)"):
        Sequential(Input((4,)), Dense(2))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"every entry must be a layer; .* of it: Dense\(…\)"):
        Sequential([Dense])


def test_pictures_with_their_channels_first_are_told_apart() -> None:
    model = Sequential([Input((8, 8, 3)), Conv2D(2, 3)])
    told = r"must have size 3, .*these seem to come first: x.transpose\(0, 2, 3, 1\)"
    with pytest.raises(ShapeError, match=told):
        model(np.zeros((1, 3, 8, 8), "float32"))
    with pytest.raises(ShapeError) as caught:
        model(np.zeros((1, 8, 8, 4), "float32"))
    assert "transpose" not in str(caught.value)

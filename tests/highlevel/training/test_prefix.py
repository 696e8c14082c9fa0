"""Which part of a model is computed once, and how a step goes on from there."""

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import ops
from graftgrad.errors import ConfigError
from graftgrad.modes import taped
from graftwork import layers
from graftwork.applications.cifar_resnet import ResNet20
from graftwork.applications.resnet import ResNet18
from graftwork.training.frontier import NotFound
from graftwork.training.prefix import Prefix
from support.frozen import (
    DRAWN,
    Own,
    X,
    Y,
    base,
    compiled,
    held_against,
    names,
    network,
    own,
    watched,
)  # fmt: skip

# -- which part it is -------------------------------------------------------------------------


def test_random_layers_end_the_prefix_and_frozen_ones_do_not() -> None:
    assert names(network()) == ["base"]
    assert names(network(lambda: base(layers.Dropout(0.5)))) == ["base"]
    above = network(head=[lambda: layers.GaussianNoise(0.1), lambda: layers.Dense(5)])
    assert names(above) == ["base"]
    assert names(network(head=[lambda: layers.Dropout(0.0), lambda: layers.Rescaling(2.0)])) == [
        "rescaling"
    ]
    off = network(head=[lambda: layers.Dropout(0.5, trainable=False)])
    assert names(off) == ["base"]  # frozen, it hands the kept values on
    assert Prefix(off, graftgrad.as_tensor(X[:2])).entries[1].action == "viewed"
    part = network(lambda: base(layers.Dropout(0.5)))
    part.layers[0].layers[-1].trainable = True  # dropout in a part that is trained is on
    assert names(part) == ["batch_normalization"]


def test_a_dropout_below_leaves_nothing_to_keep() -> None:
    model = network(before=[lambda: layers.Dropout(0.2)])
    watch = watched(model)
    assert watch.names == [None] * 6
    assert re.fullmatch(
        r'The frozen part is computed in every step: "dropout\w*" \(Dropout\) is random.',
        watch.notes[0],
    )
    with pytest.raises(ConfigError, match="is random"):
        model.fit(X, Y, epochs=2, verbose=0, cache_frozen=True)


def test_a_trained_normalization_ends_the_prefix() -> None:
    model = network()
    model.layers[0].layers[1].trainable = True
    assert names(model) == ["dense"]
    held_against(lambda: _thawed(1), X, Y)


def _thawed(place: int) -> Any:
    model = network()
    model.layers[0].layers[place].trainable = True
    return model


class Mine(layers.Layer):
    """A layer of a user's own: each sample less its largest entry."""

    def call(self, x: Any) -> Any:
        return x - ops.max(x, axis=-1, keepdims=True)


class Declared(Mine):
    """The same, with a promise."""

    per_sample = True


def test_a_layer_of_ones_own_ends_the_prefix_unless_it_says_per_sample() -> None:
    assert names(network(head=[Mine])) == ["base"]
    assert names(network(head=[Declared])) == ["declared"]
    square = layers.Lambda(lambda x: x * x)
    assert names(network(head=[lambda: square])) == ["base"]
    square.per_sample = True
    held = network(head=[lambda: square])
    assert names(held) == ["lambda"]

    def largest(x: Any) -> Any:
        return x / ops.max(x)

    own = network(head=[lambda: layers.Activation(largest)])
    assert names(own) == ["base"]
    with pytest.raises(ConfigError, match="per_sample = True"):
        network(before=[Mine]).fit(X, Y, epochs=2, verbose=0, cache_frozen=True)


def test_a_mask_ends_the_prefix_and_stays_in_force() -> None:
    words = np.concatenate([DRAWN.integers(1, 9, (20, 3)), np.zeros((20, 2), int)], axis=1)

    def make() -> Any:
        gw.set_random_seed(6)
        table = layers.Embedding(9, 4, mask_zero=True, trainable=False)
        model = gw.Sequential(
            [layers.Input((5,)), table, layers.LSTM(3), layers.Dense(3, activation="softmax")]
        )
        compiled(model)
        return model

    with pytest.raises(ConfigError, match="hands on a mask"):
        make().fit(words, Y[:20], epochs=2, verbose=0, cache_frozen=True)
    held_against(make, words, Y[:20], exact=True, keep="auto")

    def below() -> Any:
        gw.set_random_seed(6)
        inner = gw.Sequential(
            [layers.Input((5,)), layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3)],
            name="inner",
        )
        inner.trainable = False
        model = gw.Sequential([inner, layers.Dense(3, activation="softmax")])
        compiled(model)
        return model

    assert names(below(), words) == ["inner"]
    held_against(below, words, Y[:20])


def test_a_layer_along_the_samples_ends_the_prefix() -> None:
    assert names(network(head=[lambda: layers.Softmax(axis=0)])) == ["base"]
    assert names(network(head=[lambda: layers.Softmax(axis=-2)])) == ["base"]
    assert names(network(head=[lambda: layers.Softmax(axis=1)])) == ["softmax"]


class Penalty(Declared):
    """Adds to the loss what it hands on."""

    def call(self, x: Any) -> Any:
        self.add_loss(ops.mean(x * x))
        return x * 1.0


@pytest.mark.parametrize(
    "make",
    [
        Penalty,
        lambda: layers.ActivityRegularization(l2=0.1),
        lambda: layers.Dense(5, activity_regularizer="l1", trainable=False),
    ],
)
def test_penalties_of_frozen_layers_stay_in_the_loss(make: Any) -> None:
    held_against(lambda: network(head=[make]), X, Y)


def test_a_body_of_ones_own_is_entered_where_it_says_per_sample() -> None:
    held_against(own, X, Y, validation_split=0.2)
    assert watched(own(), validation_split=0.2).names == [["base"]] * 3
    silent = type("Silent", (Own,), {"per_sample": None})
    with pytest.raises(ConfigError, match="Silent, which does not say per_sample"):
        own(silent).fit(X, Y, epochs=2, verbose=0, cache_frozen=True)


class Looks(Own):
    """A body that looks at values inside its frozen part."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = layers.Dense(8, trainable=False)

    def call(self, x: Any, training: bool = False) -> Any:
        y = self.below(x)
        return self.head(self.below.layers[-1](self.wide(y)) * float(y.sum()))


def test_a_body_that_looks_at_values_is_refused() -> None:
    with pytest.raises(ConfigError, match="depends on values"):
        own(Looks).fit(X, Y, epochs=2, verbose=0, cache_frozen=True)
    held_against(lambda: own(Looks), X, Y, keep="auto")


def test_the_layer_in_two_places_is_kept_at_the_frozen_one() -> None:
    def make() -> Any:
        gw.set_random_seed(8)
        entrance, shared = layers.Input((6,)), layers.Dense(6, activation="tanh", trainable=False)
        middle = layers.Dense(6)(shared(entrance))
        model = gw.Model(entrance, layers.Dense(3, activation="softmax")(shared(middle)))
        compiled(model)
        return model

    held_against(make, X, Y)


PICTURES = DRAWN.normal(size=(6, 32, 32, 3)).astype("float32")
KINDS = DRAWN.integers(0, 2, 6)


def resnet(part: str = "linear") -> Any:
    gw.set_random_seed(9)
    model = ResNet20()
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.linear = layers.Dense(2)
    for path, parameter in model.named_parameters():
        parameter.requires_grad = path.startswith((part, "linear"))
    model.compile("sgd", gw.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def on_top(make: Callable[[], Any]) -> Any:
    gw.set_random_seed(9)
    below = make()
    below.trainable = False
    model = gw.Sequential(
        [below, layers.Flatten(), layers.Dropout(0.2), layers.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


NETWORKS: dict[str, Any] = {
    "head": (resnet, ["avgpool"]),
    "block": (lambda: resnet("layer3/2"), ["layer3/1"]),
    "inside a block": (lambda: resnet("layer3/2/conv2"), ["layer3/1", "bn1"]),
    "mobilenet": (
        lambda: on_top(
            lambda: gw.applications.MobileNet(
                (32, 32, 3), 0.25, include_top=False, weights=None, pooling="max", name="mobilenet"
            )
        ),
        ["flatten"],
    ),
    "resnet20": (
        lambda: on_top(lambda: ResNet20(include_top=False)),
        ["flatten"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_parts_of_the_applications_networks(name: str) -> None:
    make, expected = NETWORKS[name]
    pictures = PICTURES
    model = make()
    assert names(model, pictures) == expected
    held_against(make, pictures, KINDS, epochs=2, batch_size=4)


def test_the_head_of_resnet18_is_all_that_is_computed_again() -> None:
    model = ResNet18(input_shape=(32, 32, 3))
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = layers.Dense(2)
    found = Prefix(model, graftgrad.as_tensor(PICTURES[:2]))
    assert [spec.shape for spec in found.features] == [(2, 512)]
    assert [one.layer.name for one in found.entries if one.action == "run"] == [model.fc.name]
    features = found.compute(graftgrad.as_tensor(PICTURES))
    launches: list[Any] = []
    with taped(launches), found.resuming():
        y = model(features, training=True)
    alone: list[Any] = []
    with taped(alone):
        model.fc(features[0], training=True)
    assert [one.call for one in launches] == [one.call for one in alone]
    assert np.array_equal(y.detach().numpy(), model(PICTURES, training=True).detach().numpy())


# -- models drawn at random -------------------------------------------------------------------


def drawn(source: random.Random, depth: int = 0) -> Any:
    """A functional model of layers in a random graph, models among them."""
    entrance = layers.Input((6,))
    found = [entrance]
    for _ in range(source.randint(2, 7)):
        x, any_before = source.choice(found[-3:]), source.choice(found)
        makers: list[Callable[[], Any]] = [
            lambda x=x: layers.Dense(6, activation="tanh")(x),
            lambda x=x: layers.Dense(6)(x),
            lambda x=x: layers.BatchNormalization()(x),
            lambda x=x: layers.Dropout(0.3)(x),
            lambda x=x: layers.Flatten()(x),
            lambda x=x, other=any_before: layers.Add()([x, other]),
            lambda x=x, other=any_before: layers.Dense(6)(layers.Concatenate()([x, other])),
            lambda x=x: (drawn(source, depth + 1) if depth < 2 else layers.Rescaling(0.5))(x),
        ]
        found.append(source.choice(makers)())
    return gw.Model(entrance, found[-1])


def everything(model: Any) -> list[Any]:
    return [np.array(one.numpy()) for one in model.variables]


@pytest.mark.parametrize("seed", range(24))
def test_a_training_step_from_features_equals_one_from_samples_bit_for_bit(seed: int) -> None:
    source = random.Random(seed)
    gw.set_random_seed(seed)
    model = gw.Sequential([drawn(source), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for layer in model.flattened():
        if not isinstance(layer, gw.Model) and source.random() < 0.75:
            layer.trainable = False
    model.layers[-1].trainable = True
    before = everything(model)
    try:
        found = Prefix(model, graftgrad.as_tensor(X[:2]))
    except NotFound as error:
        assert re.search("is trained|is random", str(error))
        found = None
    features = None if found is None else found.compute(graftgrad.as_tensor(X))
    assert all(np.array_equal(a, b) for a, b in zip(before, everything(model), strict=True))
    if found is None:
        return

    def step(x: Any) -> list[Any]:
        for weight, value in zip(model.variables, before, strict=True):
            weight.assign(value)
        prediction = model(x, training=True)
        model.zero_grad()
        model.compute_loss(x, graftgrad.as_tensor(Y), prediction).backward()
        gradients = [w.grad.numpy() for w in model.trainable_weights if w.grad is not None]
        return [prediction.detach().numpy(), *gradients, *everything(model)]

    whole = step(graftgrad.as_tensor(X))
    with found.resuming():
        rest = step(features)
    assert len(whole) == len(rest)
    assert all(np.array_equal(a, b) for a, b in zip(whole, rest, strict=True))

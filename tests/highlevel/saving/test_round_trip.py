"""Saved and loaded: the same predictions, bit for bit, and training as if never interrupted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork.losses
import graftwork.metrics
from graftgrad.errors import ConfigError
from graftwork import layers, optimizers
from graftwork.models import (
    Functional,
    Model,
    Sequential,
    clone_model,
    load_model,
    model_from_json,
    save_model,
)
from graftwork.optimizers import schedules
from graftwork.registry import register_keras_serializable
from graftwork.seeds import set_random_seed

RANDOM = np.random.default_rng(3)


def draw(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype("float32")


PICTURES, LABELS = draw(12, 8, 8, 2), RANDOM.integers(0, 3, 12)


def small(dropout: float = 0.4) -> Sequential:
    return Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="stem"),
            layers.BatchNormalization(name="stem_bn"),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(dropout),
            layers.Dense(5, activation="relu", kernel_regularizer="l2"),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )


def compiled(model: Any, optimizer: Any) -> Any:
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model: Any, begin: int, end: int) -> list[float]:
    found = model.fit(
        PICTURES, LABELS, batch_size=4, epochs=end, initial_epoch=begin, verbose=0
    ).history["loss"]
    return list(found)


def numbers(model: Any) -> dict[str, Any]:
    return {path: weight.numpy() for path, weight in model.named_weights()}


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: optimizers.Adam(0.0123),
    "amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True, clipnorm=1.0),
    "adamw": lambda: optimizers.AdamW(
        schedules.ExponentialDecay(0.01, 3, 0.9), global_clipnorm=0.5
    ),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "averaged": lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9),
    "accumulated": lambda: optimizers.SGD(0.05, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_training_equals_training_without_a_break(name: str, tmp_path: Path) -> None:
    set_random_seed(4)
    model = compiled(small(), OPTIMIZERS[name]())
    fit(model, 0, 2)
    model.save(tmp_path / "half.keras")
    again = load_model(tmp_path / "half.keras")
    assert_equal(numbers(again), numbers(model))
    assert again.seed == model.seed
    assert fit(again, 2, 4) == fit(model, 2, 4)
    assert_equal(numbers(again), numbers(model))
    for found, expected in zip(
        again.optimizer.variables_of(again.trainable_weights),
        model.optimizer.variables_of(model.trainable_weights),
        strict=True,
    ):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    np.testing.assert_array_equal(
        again.predict(PICTURES, verbose=0), model.predict(PICTURES, verbose=0)
    )


@pytest.mark.parametrize("thawed", ["stem", "stem_bn"])
def test_weights_thawed_late_keep_their_own_count_of_steps(thawed: str, tmp_path: Path) -> None:
    set_random_seed(5)
    model = compiled(small(), optimizers.Adam(0.01))
    for layer in model.layers[:3]:
        layer.trainable = False
    fit(model, 0, 1)
    model.get_layer(thawed).trainable = True
    model.get_layer("head").trainable = False  # frozen now, but its slots are kept
    fit(model, 1, 2)
    model.save(tmp_path / "half.keras")
    again = load_model(tmp_path / "half.keras")
    for one in (model, again):
        one.get_layer("head").trainable = True
    assert fit(again, 2, 4) == fit(model, 2, 4)
    assert_equal(numbers(again), numbers(model))


def test_a_half_frozen_layer_comes_back_half_frozen(tmp_path: Path) -> None:
    model = compiled(small(), "adam")
    model.get_layer("stem_bn").gamma.requires_grad = False
    model.get_layer("head").bias.requires_grad = False
    model.get_layer("stem").trainable = False
    model.save(tmp_path / "half.keras")
    again = load_model(tmp_path / "half.keras")
    bits = {path: weight.requires_grad for path, weight in model.named_weights()}
    assert {path: weight.requires_grad for path, weight in again.named_weights()} == bits
    assert not bits["head/bias"] and bits["head/kernel"] and not bits["stem/kernel"]
    cloned = clone_model(model)
    assert {path: weight.requires_grad for path, weight in cloned.named_weights()} == bits


def branched() -> Functional:
    picture, number = layers.Input((8, 8, 2), name="picture"), layers.Input((4,), name="number")
    shared = layers.Dense(4, activation="tanh", name="shared")
    inside = layers.Input((4,))
    inner = Model(
        inside,
        layers.Dropout(0.5)(layers.BatchNormalization()(layers.Dense(4)(inside))),
        name="inner",
    )
    trunk = layers.Conv2D(4, 3, padding="same", name="trunk")(picture)
    joined = layers.Add()([trunk, layers.Conv2D(4, 1)(picture)]) * 0.5 + trunk
    pooled = layers.GlobalAveragePooling2D()(joined)
    both = layers.Concatenate()(
        [
            pooled,
            shared(number),
            shared(shared(number)),
            inner(number),
            inner(pooled, training=False),
        ]
    )
    outputs = {
        "kind": layers.Dense(3, name="kind")(both),
        "size": layers.Dense(1, name="size")(both),
    }
    return Functional({"picture": picture, "number": number}, outputs)


def test_branches_shared_layers_and_nested_models(tmp_path: Path) -> None:
    set_random_seed(6)
    model = branched()
    model.compile(
        "adam",
        {"kind": graftwork.losses.SparseCategoricalCrossentropy(from_logits=True), "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.25},
        metrics={"kind": ["accuracy"]},
    )
    x = {"picture": PICTURES, "number": draw(12, 4)}
    y = {"kind": LABELS, "size": draw(12, 1)}
    model.fit(x, y, batch_size=6, epochs=2, verbose=0)
    model.save(tmp_path / "branches.keras")
    again = load_model(tmp_path / "branches.keras")
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    before, after = model.predict(x, verbose=0), again.predict(x, verbose=0)
    for name in ("kind", "size"):
        np.testing.assert_array_equal(after[name], before[name])
    losses = [
        one.fit(x, y, batch_size=6, epochs=3, initial_epoch=2, verbose=0) for one in (model, again)
    ]
    assert losses[0].history == losses[1].history
    assert_equal(numbers(again), numbers(model))


def test_a_call_that_asked_for_inference_form_keeps_it(tmp_path: Path) -> None:
    inputs = layers.Input((6,))
    drop = layers.Dropout(0.5)
    off, on, plain = drop(inputs, training=False), drop(inputs, training=True), drop(inputs)
    model = Model(inputs, [off, on, plain])
    model.save(tmp_path / "calls.keras")
    again = load_model(tmp_path / "calls.keras")
    x = np.ones((4, 6), "float32")
    for one in (model, again):
        training = [y.numpy() for y in one(x, training=True)]
        inference = [y.numpy() for y in one(x, training=False)]
        assert [bool((y == x).all()) for y in training] == [True, False, False]
        assert [bool((y == x).all()) for y in inference] == [True, False, True]


@register_keras_serializable("tests")
class Scale(layers.Layer):
    """A layer of the user's own, with a constructor of its own."""

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight((input_shape[-1],), "ones", name="gain")

    def call(self, x: Any) -> Any:
        return x * self.gain * self.factor


@register_keras_serializable("tests")
class Block(layers.Layer):
    """A layer that holds layers: as attributes, in a list, in a dictionary."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.first = layers.Dense(width)
        self.rest = [layers.Dense(width), Scale(2.0), layers.Dense(width)]
        self.named = {"last": layers.Dense(width)}

    def call(self, x: Any) -> Any:
        for one in (self.first, *self.rest, self.named["last"]):
            x = one(x)
        return x


@register_keras_serializable("tests")
class Net(Model):
    """A model of the user's own."""

    def __init__(self, width: int, name: str | None = None) -> None:
        super().__init__(name=name)
        self.width = width
        self.blocks = [Block(width), Block(width)]
        self.head = layers.Dense(2)

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_a_model_of_the_users_own(tmp_path: Path) -> None:
    model = Net(3, name="mine")
    x = draw(5, 4)
    expected = model.predict(x, verbose=0)
    model.blocks[0].first.trainable = False
    compiled(model, "sgd").save(tmp_path / "net.keras")
    again = load_model(tmp_path / "net.keras")
    assert type(again) is Net and again.name == "mine"
    np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
    assert again.blocks[0].first.is_frozen() and not again.blocks[1].first.is_frozen()


def test_custom_objects_name_a_class_that_is_not_registered(tmp_path: Path) -> None:
    class Shift(layers.Layer):
        def __init__(self, by: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.by = by

        def call(self, x: Any) -> Any:
            return x + self.by

    def gentle(y_true: Any, y_pred: Any) -> Any:
        return ((y_true - y_pred) * 0.1) ** 2

    model = Sequential([layers.Input((3,)), Shift(2.0), layers.Dense(1)])
    model.compile("sgd", gentle)
    model.save(tmp_path / "shift.keras")
    known = {"Shift": Shift, "gentle": gentle}
    again = load_model(tmp_path / "shift.keras", custom_objects=known)
    assert again.layers[0].by == 2.0 and again.loss is gentle
    with pytest.raises(ConfigError, match="Shift"):
        load_model(tmp_path / "shift.keras")
    with pytest.raises(ConfigError, match="gentle"):
        load_model(tmp_path / "shift.keras", custom_objects={"Shift": Shift})
    load_model(tmp_path / "shift.keras", custom_objects={"Shift": Shift}, compile=False)


def test_a_layer_that_two_models_share_is_made_once(tmp_path: Path) -> None:
    entrance = layers.Input((3,))
    shared = layers.Dense(3, name="shared")
    inner = Model(entrance, shared(entrance), name="inner")
    outer = layers.Input((3,))
    model = Model(outer, layers.Add()([inner(outer), shared(outer)]))
    model.save(tmp_path / "shared.keras")
    again = load_model(tmp_path / "shared.keras")
    assert len(again.weights) == len(model.weights) == 2
    assert again.get_layer("inner").get_layer("shared") is again.get_layer("shared")
    x = draw(4, 3)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_json_and_configurations_make_equal_models() -> None:
    model = branched()
    again = model_from_json(model.to_json())
    assert [path for path, _ in again.named_weights()] == [
        path for path, _ in model.named_weights()
    ]
    assert again.to_json() == model.to_json()
    by_config = Functional.from_config(model.get_config())
    assert by_config.to_json() == model.to_json()
    plain = small()
    assert model_from_json(plain.to_json()).to_json() == plain.to_json()
    assert Sequential.from_config(plain.get_config()).to_json() == plain.to_json()


def test_a_clone_has_weights_of_its_own() -> None:
    model = small()
    again = clone_model(model)
    assert not set(map(id, again.weights)) & set(map(id, model.weights))
    assert (again.get_layer("stem").kernel.numpy() != model.get_layer("stem").kernel.numpy()).any()


def test_the_older_h5_holds_plain_models(tmp_path: Path) -> None:
    set_random_seed(7)
    model = compiled(small(0.0), optimizers.Adam(0.01))
    fit(model, 0, 1)
    model.save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    for found, expected in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    again.seed = model.seed
    assert fit(again, 1, 2) == fit(model, 1, 2)
    net = Net(3)
    net.predict(draw(2, 4), verbose=0)
    with pytest.raises(ConfigError, match=r"\.keras"):
        net.save(tmp_path / "net.h5")
    assert not (tmp_path / "net.h5").exists()


def test_without_the_optimizer(tmp_path: Path) -> None:
    model = compiled(small(), "adam")
    fit(model, 0, 1)
    save_model(model, tmp_path / "model.keras", include_optimizer=False)
    again = load_model(tmp_path / "model.keras")
    assert again.compiled and int(again.optimizer.iterations) == 0
    assert int(model.optimizer.iterations) == 3


def test_what_cannot_be_saved_says_so_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"before")
    inputs = layers.Input((3,))
    cases = {
        "registered": Model(inputs, layers.Lambda(lambda x: x)(inputs)),
        "built": Sequential([layers.Dense(2)]),
    }
    for word, model in cases.items():
        with pytest.raises(ConfigError, match=word):
            model.save(path)
    model = small()
    model.compile("sgd", lambda a, b: a)
    with pytest.raises(ConfigError, match="def"):
        model.save(path)
    with pytest.raises(ConfigError, match="overwrite"):
        small().save(path, overwrite=False)
    with pytest.raises(ConfigError, match=r"\.keras"):
        small().save(tmp_path / "model.zip")
    with pytest.raises(ConfigError, match="path"):
        save_model(small(), 3)  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["model.keras"]

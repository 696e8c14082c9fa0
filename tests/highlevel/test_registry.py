"""Names, settings, configurations: what every declared class can do."""

import json
from typing import Any

import pytest

import graftwork.layers
from graftgrad.errors import ConfigError
from graftwork import registry
from graftwork.initializers import Constant, Identity, VarianceScaling
from graftwork.layers import Activation, Conv2D, Dense
from graftwork.registry import (
    Configured,
    Registry,
    configuration,
    custom_object_scope,
    declared,
    decoded,
    encoded,
    layers,
    register_keras_serializable,
    setting,
    snake_case,
    unique_name,
)
from graftwork.rules import (  # fmt: skip
    fraction,
    integers,
    number,
    one_of,
    optional,
    positive_integer,
    positive_pair,
)

shapes = Registry("shape", "tests.shapes")


@declared(shapes, "box")
class Box(Configured):
    """A box."""

    rows: int = setting(positive_integer)
    columns: int = setting(positive_integer, default=2)
    word: str = setting(one_of("a", "b"), default="a", kw_only=True)


@declared(shapes)
class TallBox(Box):
    """A box with a height."""

    height: int = setting(positive_integer)


def test_fields_are_constructor_checks_and_repr() -> None:
    box = Box(3)
    assert (box.rows, box.columns, box.word) == (3, 2, "a")
    assert repr(box) == "Box(rows=3)"
    assert repr(Box(3, 4, word="B")) == "Box(rows=3, columns=4, word='b')"
    assert TallBox(5, 1, 2).height == 5  # the fields of a class come before those it inherits
    with pytest.raises(ConfigError, match=r"Box\(rows, columns=2, \*, word='a'\)"):
        Box()
    with pytest.raises(ConfigError, match="positive integer; got rows=0"):
        Box(0)
    with pytest.raises(ConfigError, match="'a', 'b'; got word='c'"):
        Box(1, word="c")


def test_an_object_comes_back_from_its_configuration() -> None:
    told = json.loads(json.dumps(configuration(Box(3, word="b"))))
    assert told == {
        "module": "tests.shapes",
        "class_name": "Box",
        "config": {"rows": 3, "columns": 2, "word": "b"},
        "registered_name": None,
    }
    assert repr(shapes.get(told)) == "Box(rows=3, word='b')"
    with pytest.raises(ConfigError, match="setting='depth'"):
        Box.from_config({"rows": 1, "depth": 2})


def test_names_are_found_and_near_ones_offered() -> None:
    assert shapes.find("box") is Box
    with pytest.raises(
        ConfigError, match=r"shape: must be a known name; got 'Boxx'.*Did you mean Box"
    ):
        shapes.find("Boxx")


def test_a_module_decides_between_things_of_one_name() -> None:
    told = configuration(Identity(2.0))
    assert told["module"] == "keras.initializers"
    assert isinstance(decoded(told, None), Identity)
    assert isinstance(decoded(told | {"module": "keras.layers", "config": {}}, None),
                      graftwork.layers.Identity)  # fmt: skip
    dense = Dense(2, kernel_initializer=Identity())
    assert isinstance(decoded(configuration(dense), layers).kernel_initializer, Identity)


def test_nested_settings_come_back() -> None:
    layer = Conv2D(
        2, 3, kernel_initializer=VarianceScaling(2.0), bias_initializer=Constant(0.5),
        kernel_regularizer="l2", bias_constraint="non_neg", activation="relu",
    )  # fmt: skip
    told = json.loads(json.dumps(configuration(layer)))
    again = decoded(told, layers)
    assert configuration(again) == configuration(layer)
    assert again.kernel_initializer.scale == 2.0
    assert again.bias_initializer.value == 0.5
    assert again.kernel_regularizer.l2 == 0.01
    assert again.activation is layer.activation


def test_classes_and_functions_of_ones_own() -> None:
    @register_keras_serializable("tests")
    class Doubled(graftwork.layers.Layer):
        """Twice the input."""

        def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

    told = configuration(Doubled(3.0, name="mine"))
    assert told["registered_name"] == "tests>Doubled"
    assert told["config"] == {"factor": 3.0, "name": "mine"} or told["config"]["factor"] == 3.0
    again = decoded(json.loads(json.dumps(told)), layers)
    assert (type(again), again.factor, again.name) == (Doubled, 3.0, "mine")


def test_custom_objects_are_known_inside_their_scope() -> None:
    def halved(x: Any) -> Any:
        return x / 2

    with custom_object_scope({"halved_in_scope": halved}):
        assert Activation("halved_in_scope").activation is halved
    with pytest.raises(ConfigError, match="halved_in_scope"):
        Activation("halved_in_scope")


def test_a_built_in_name_cannot_be_taken() -> None:
    with pytest.raises(ConfigError, match="must not be that of a built-in layer; got name='Dense'"):
        register_keras_serializable()(type("Dense", (), {}))


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(ConfigError, match="a function must be registered to be told by name"):
        encoded(lambda x: x)
    with pytest.raises(ConfigError, match="numbers, strings, lists and registered objects"):
        encoded(object())
    assert encoded({"a": (1, None, 2.5)}) == {"a": [1, None, 2.5]}


@pytest.mark.parametrize(
    "bent",
    [
        {"class_name": "os.system", "config": {"command": "true"}},
        {"class_name": 3},
        {"class_name": "Dense", "config": [1]},
        {"class_name": "Dense", "config": {"units": 2, "spin": 1}},
        {"class_name": "Dense", "config": {"units": 2}, "registered_name": "pkg>Other"},
        {"class_name": "Dense", "config": {"units": 2, "activation": {"class_name": "eval"}}},
    ],
)
def test_bent_configurations(bent: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        decoded(bent, layers)


@pytest.mark.parametrize(
    ("rule", "good", "stored", "bad"),
    [
        (positive_integer, 3.0, 3, [0, -1, 2.5, True, "3", None]),
        (fraction, 1, 1.0, [-0.1, 1.5, "x", None]),
        (number, 2, 2.0, [float("nan"), float("inf"), True, "x", None]),
        (positive_pair, [2, 3], (2, 3), [0, (1, 2, 3), "ab", (1, 0)]),
        (optional(number), None, None, ["x"]),
        (integers, [1, -2], (1, -2), [3, "ab", [1.5]]),
        (one_of("a", "b"), "A", "a", ["c", 3, None]),
    ],
)
def test_rules(rule: registry.Rule, good: Any, stored: Any, bad: list[Any]) -> None:
    assert rule("Subject", "name", good) == stored
    for value in bad:
        with pytest.raises(ConfigError, match=r"Subject: .*name="):
            rule("Subject", "name", value)


def test_names_as_keras_forms_them() -> None:
    for name, wanted in {
        "Conv2D": "conv2d", "Conv2DTranspose": "conv2d_transpose", "ReLU": "re_lu",
        "PReLU": "p_re_lu", "MaxPooling2D": "max_pooling2d", "ELU": "elu",
        "LeakyReLU": "leaky_re_lu",
        "GlobalAveragePooling2D": "global_average_pooling2d", "UpSampling2D": "up_sampling2d",
        "BatchNormalization": "batch_normalization", "DepthwiseConv2D": "depthwise_conv2d",
    }.items():  # fmt: skip
        assert snake_case(name) == wanted
    registry.clear_names()
    assert [unique_name("x") for _ in range(3)] == ["x", "x_1", "x_2"]


def test_a_number_names_nothing() -> None:
    with pytest.raises(ConfigError, match=r"initializer: must be told by a name.*identifier=3\.5"):
        registry.initializers.identified(3.5)

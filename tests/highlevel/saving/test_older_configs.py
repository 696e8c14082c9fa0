"""Configurations of Keras 2 and of other versions of Keras 3: read as they were meant."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from graftgrad.errors import ConfigError
from graftwork import layers
from graftwork.models import Model, load_model
from graftwork.saving import model_from_config

Config = dict[str, Any]


def made(*inside: Config, **config: Any) -> Any:
    return model_from_config(
        {"class_name": "Sequential", "config": {"layers": list(inside), **config}}
    )


def test_a_plain_list_of_layers_as_keras_2_0_wrote_it() -> None:
    dense = {"name": "d", "units": 3, "batch_input_shape": [None, 4], "dtype": "float32"}
    model = model_from_config(
        {
            "class_name": "Sequential",
            "config": [
                {"class_name": "Dense", "config": dense},
                {"class_name": "Dropout", "config": {"p": 0.5}},
            ],
        }
    )
    assert model.predict(np.ones((2, 4), "f4"), verbose=0).shape == (2, 3)
    assert model.layers[1].rate == 0.5


def test_fields_of_keras_2_have_their_names_of_today() -> None:
    model = made(
        {
            "class_name": "InputLayer",
            "config": {
                "batch_input_shape": [None, 8, 8, 2],
                "ragged": False,
                "dtype": "float32",
                "sparse": False,
                "name": "in",
            },
        },
        {
            "class_name": "DepthwiseConv2D",
            "config": {
                "name": "dw",
                "kernel_size": [3, 3],
                "groups": 1,
                "data_format": "channels_last",
                "depthwise_initializer": {
                    "class_name": "VarianceScaling",
                    "config": {
                        "scale": 1.0,
                        "mode": "fan_avg",
                        "distribution": "normal",
                        "seed": None,
                    },
                },
                "kernel_initializer": {"class_name": "Zeros", "config": {}},
                "activation": "linear",
            },
        },
        {
            "class_name": "BatchNormalization",
            "config": {
                "name": "bn",
                "axis": [3],
                "fused": True,
                "renorm": False,
                "virtual_batch_size": None,
            },
        },
        {"class_name": "LeakyReLU", "config": {"name": "act", "alpha": 0.2}},
        {
            "class_name": "SeparableConv2D",
            "config": {
                "name": "sep",
                "filters": 2,
                "kernel_size": [1, 1],
                "groups": 1,
                "kernel_initializer": {"class_name": "Zeros", "config": {}},
                "kernel_regularizer": None,
                "pointwise_initializer": {"class_name": "Ones", "config": {}},
            },
        },
    )
    assert model.inputs[0].shape == (None, 8, 8, 2)
    depthwise, normal, act, separable = model.layers
    assert depthwise.depthwise_initializer.distribution == "truncated_normal"
    assert normal.axis == 3 or normal.axis == -1
    assert act.negative_slope == 0.2
    assert type(separable.pointwise_initializer).__name__ == "Ones"


def test_an_initializer_named_like_a_layer_is_an_initializer() -> None:
    for module in ("keras.initializers", None):
        dense = {
            "units": 3,
            "batch_input_shape": [None, 3],
            "use_bias": False,
            "kernel_initializer": {
                "module": module,
                "class_name": "Identity",
                "config": {"gain": 2.0},
            },
        }
        model = made({"class_name": "Dense", "config": dense})
        np.testing.assert_array_equal(model.weights[0].numpy(), 2 * np.eye(3))


def test_calls_in_the_form_of_keras_2() -> None:
    def layer(name: str, kind: str, nodes: Any, **config: Any) -> Config:
        return {
            "class_name": kind,
            "name": name,
            "config": {"name": name, **config},
            "inbound_nodes": nodes,
        }

    inner = {
        "name": "inner",
        "layers": [
            layer("i", "InputLayer", [], batch_input_shape=[None, 3]),
            layer("d", "Dense", [[["i", 0, 0, {}]]], units=3),
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["d", 0, 0]],
    }
    config = {
        "name": "outer",
        "layers": [
            layer("sum", "Add", [[["inner", 2, 0, {}], ["inner", 1, 0, {}]]]),  # in any order
            layer("in", "InputLayer", [], batch_input_shape=[None, 3]),
            {
                "class_name": "Model",
                "name": "inner",
                "config": inner,
                "inbound_nodes": [[["in", 0, 0, {}]], [["inner", 1, 0, {}]]],
            },
            layer("off", "Dropout", [[["sum", 0, 0, {"training": False}]]], rate=0.5),
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["off", 0, 0]],
    }
    model = model_from_config({"class_name": "Model", "config": config})
    x = np.ones((2, 3), "f4")
    inside = model.get_layer("inner")
    once = inside.predict(x, verbose=0)
    twice = inside.predict(once, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), once + twice, rtol=1e-6)


def test_shapes_may_come_from_any_of_four_places() -> None:
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
    entry = {"class_name": "Sequential", "config": {"layers": [dense]}}
    forms = [
        entry | {"build_config": {"input_shape": [None, 5]}},
        {"class_name": "Sequential", "config": {"layers": [dense], "build_input_shape": [None, 5]}},
        {
            "class_name": "Sequential",
            "config": {"layers": [dense | {"build_config": {"input_shape": [None, 5]}}]},
        },
        {
            "class_name": "Sequential",
            "config": {
                "layers": [
                    {"class_name": "InputLayer", "config": {"batch_shape": [None, 5]}},
                    dense,
                ]
            },
        },
    ]
    for form in forms:
        assert model_from_config(form).layers[0].kernel.shape == (5, 2)


@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        {"class_name": "Policy", "config": {"name": "float32"}},
        {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "float32"},
            "registered_name": None,
            "shared_object_id": 7,
        },
    ],
)
def test_element_types_in_every_form(dtype: Any) -> None:
    model = made(
        {
            "class_name": "Dense",
            "config": {"units": 2, "batch_input_shape": [None, 3], "dtype": dtype},
        },
        dtype=dtype,
    )
    assert model.layers[0].dtype == "float32"


def test_a_field_of_newer_keras_is_refused_only_where_it_says_something() -> None:
    def dense(value: Any) -> Config:
        return {
            "class_name": "Dense",
            "config": {"units": 2, "batch_input_shape": [None, 3], "future": value},
        }

    made(dense(None))
    with pytest.raises(ConfigError, match="future"):
        made(dense("something"))


def write_legacy(path: Path, model: Any, training: Config, names: list[str], values: Any) -> None:
    """Rewrite an .h5 file as Keras 2 would have: its optimizer slots one after the other."""
    model.save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["training_config"] = json.dumps(training)
        if "optimizer_weights" in file:
            del file["optimizer_weights"]
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, value in zip(names, values, strict=True):
            group[name] = value


@pytest.mark.parametrize("named", [True, False])
def test_the_optimizer_of_keras_2_is_understood(named: bool, tmp_path: Path) -> None:
    inputs = layers.Input((2,))
    model = Model(inputs, layers.Dense(1, name="b")(layers.Dense(3, name="a")(inputs)))
    weights = ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    shapes = [weight.shape for weight in model.weights]
    training = {
        "loss": "mse",
        "metrics": [
            [
                {
                    "class_name": "MeanMetricWrapper",
                    "config": {
                        "name": "mean_absolute_error",
                        "dtype": "float32",
                        "fn": "mean_absolute_error",
                    },
                }
            ]
        ],
        "optimizer_config": {
            "class_name": "Adam",
            "config": {"lr": 0.5, "decay": 0.25, "beta_1": 0.9, "epsilon": 1e-8},
        },
    }
    values = [np.int64(9)] + [np.full(s, i, "f4") for i, s in enumerate(shapes)]
    values += [np.full(s, 10 + i, "f4") for i, s in enumerate(shapes)]
    if named:
        names = ["Adam/iter:0"] + [f"Adam/{w}/{slot}:0" for slot in "mv" for w in weights]
    else:  # the first versions of Keras 2 sorted by name and told none
        order = sorted(range(4), key=lambda i: weights[i])
        values = [values[0], *(values[1 + i] for i in order), *(values[5 + i] for i in order)]
        names = ["iterations:0"] + [f"Variable_{i}:0" for i in range(8)]
    write_legacy(tmp_path / "m.h5", model, training, names, values)
    again = load_model(tmp_path / "m.h5")
    assert again.compile_settings["metrics"] == ["mean_absolute_error"]
    assert int(again.optimizer.iterations) == 9
    assert again.optimizer.current_rate() == pytest.approx(0.5 / (1 + 0.25 * 9))
    slots = {v.path.split("/")[-1]: v.numpy() for v in again.optimizer.variables[1:]}
    for i, name in enumerate(weights):
        path = name.replace("/", "_")
        assert (slots[f"{path}_momentum"] == i).all() and (
            slots[f"{path}_velocity"] == 10 + i
        ).all()

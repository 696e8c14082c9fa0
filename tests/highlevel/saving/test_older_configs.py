"""Configurations of Keras 2 and of other versions of Keras 3: read as they were meant."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from graftgrad.errors import ConfigError
from graftwork import layers, optimizers, registry
from graftwork.models import Model, load_model
from graftwork.saving import dialects, model_from_config

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


# -- Keras 1 -------------------------------------------------------------------------------------


def of_keras_1() -> Config:
    """What Keras 1.2 wrote of a network of its time."""
    convolution = {
        "name": "c", "nb_filter": 3, "nb_row": 3, "nb_col": 2, "init": "glorot_uniform",
        "border_mode": "same", "subsample": [2, 1], "dim_ordering": "tf", "bias": True,
        "activation": "relu", "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
        "b_regularizer": None, "activity_regularizer": None, "W_constraint": None,
        "b_constraint": None, "batch_input_shape": [None, 6, 6, 2], "input_dtype": "float32",
        "trainable": True,
    }  # fmt: skip
    normal = {"name": "b", "mode": 0, "axis": -1, "epsilon": 1e-3, "momentum": 0.99,
              "beta_init": "zero", "gamma_init": "one", "gamma_regularizer": None,
              "beta_regularizer": None}  # fmt: skip
    pooling = {"name": "p", "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid",
               "dim_ordering": "tf"}  # fmt: skip
    dense = {"name": "d", "output_dim": 2, "init": "uniform", "activation": "linear",
             "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None,
             "W_constraint": None, "b_constraint": None, "bias": False,
             "input_dim": None}  # fmt: skip
    return {
        "class_name": "Sequential", "keras_version": "1.2.2",
        "config": [
            {"class_name": "Convolution2D", "config": convolution},
            {"class_name": "BatchNormalization", "config": normal},
            {"class_name": "MaxPooling2D", "config": pooling},
            {"class_name": "Dropout", "config": {"name": "o", "p": 0.25}},
            {"class_name": "Flatten", "config": {"name": "f"}},
            {"class_name": "Dense", "config": dense},
        ],
    }  # fmt: skip


def test_a_network_of_keras_1() -> None:
    model = model_from_config(of_keras_1())
    convolution, normal, pooling, dropout, _, dense = model.layers
    assert convolution.kernel.shape == (3, 2, 2, 3) and convolution.padding == "same"
    assert tuple(convolution.strides) == (2, 1) and convolution.use_bias
    assert float(convolution.kernel_regularizer.l2) == 0.5
    assert normal.epsilon == 1e-3 and tuple(pooling.pool_size) == (2, 2)
    assert dropout.rate == 0.25 and dense.units == 2 and not dense.use_bias
    assert model.predict(np.ones((1, 6, 6, 2), "f4"), verbose=0).shape == (1, 2)


@pytest.mark.parametrize(
    ("mode", "kind"), [("sum", "Add"), ("concat", "Concatenate"), ("ave", "Average")]
)
def test_merging_of_keras_1_is_a_layer_of_its_mode(mode: str, kind: str) -> None:
    dense = {"output_dim": 2, "init": "normal", "bias": True}
    listed = [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
         "config": {"name": "x", "batch_input_shape": [None, 3], "input_dtype": "float32"}},
        *({"class_name": "Dense", "name": one, "config": {"name": one, **dense},
           "inbound_nodes": [[["x", 0, 0]]]} for one in "ab"),
        {"class_name": "Merge", "name": "m", "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]],
         "config": {"name": "m", "mode": mode, "mode_type": "raw", "concat_axis": 1,
                    "dot_axes": -1, "output_shape": None}},
    ]  # fmt: skip
    model = model_from_config({
        "class_name": "Model", "keras_version": "1.1.0",
        "config": {"name": "n", "layers": listed, "input_layers": [["x", 0, 0]],
                   "output_layers": [["m", 0, 0]]},
    })  # fmt: skip
    assert type(model.layers[-1]).__name__ == kind


def test_a_mode_that_carries_code_stays_refused() -> None:
    merge = {"class_name": "Merge", "config": {"name": "m", "mode": "lambda"}}
    with pytest.raises(ConfigError, match="must be a known name; got 'Merge'"):
        made(merge)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_weights_of_keras_1_are_joined(kind: str, tmp_path: Path) -> None:
    told = {"name": "r", "output_dim": 2, "init": "glorot_uniform", "inner_init": "orthogonal",
            "activation": "tanh", "inner_activation": "hard_sigmoid", "return_sequences": False,
            "go_backwards": False, "stateful": False, "unroll": False, "consume_less": "cpu",
            "input_dim": 3, "input_length": None, "W_regularizer": None, "U_regularizer": None,
            "b_regularizer": None, "dropout_W": 0.0, "dropout_U": 0.0,
            "batch_input_shape": [None, 4, 3]}  # fmt: skip
    if kind == "LSTM":
        told["forget_bias_init"] = "one"
    gates = "icfo" if kind == "LSTM" else "zrh"  # in the order of Keras 1's files
    random = np.random.default_rng(1)
    parts = {f"{what}_{gate}": random.standard_normal(shape).astype("f4")
             for gate in gates
             for what, shape in (("W", (3, 2)), ("U", (2, 2)), ("b", (2,)))}  # fmt: skip
    config = {"class_name": "Sequential", "config": [{"class_name": kind, "config": told}]}
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = "1.2.2"
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"r"]
        inner = group.create_group("r")
        inner.attrs["weight_names"] = [f"r_{name}".encode() for name in parts]
        for name, value in parts.items():
            inner[f"r_{name}"] = value
    model = load_model(tmp_path / "m.h5")
    x = random.standard_normal((5, 4, 3)).astype("f4")

    def gate(name: str, x: Any, h: Any) -> Any:
        return x @ parts[f"W_{name}"] + h @ parts[f"U_{name}"] + parts[f"b_{name}"]

    def hard(x: Any) -> Any:
        return np.clip(x * 0.2 + 0.5, 0, 1)

    h = c = np.zeros((5, 2), "f4")
    for t in range(4):
        if kind == "LSTM":
            i, f, o = (hard(gate(name, x[:, t], h)) for name in "ifo")
            c = f * c + i * np.tanh(gate("c", x[:, t], h))
            h = o * np.tanh(c)
        else:
            z, r = (hard(gate(name, x[:, t], h)) for name in "zr")
            h = z * h + (1 - z) * np.tanh(gate("h", x[:, t], r * h))
    np.testing.assert_allclose(model.predict(x, verbose=0), h, rtol=1e-5, atol=1e-6)


def test_a_rectifier_with_a_threshold_is_todays() -> None:
    told = dialects.read(
        {"class_name": "ThresholdedReLU", "config": {"name": "t", "theta": 0.5}}, registry.layers
    )
    layer = registry.layers.get(told)
    x = np.array([[-1.0, 0.25, 0.75]], "f4")
    np.testing.assert_array_equal(layer(x).detach(), np.where(x > 0.5, x, 0))


def test_the_scale_of_losses_of_keras_2_is_read() -> None:
    inner = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.01}}
    config = {"inner_optimizer": inner, "dynamic": True, "initial_scale": 512.0,
              "dynamic_growth_steps": 7}  # fmt: skip
    for name in ("LossScaleOptimizerV3", "LossScaleOptimizer"):
        told = dialects.read({"class_name": name, "config": config}, registry.optimizers)
        made = registry.optimizers.get(told)
        assert type(made.inner_optimizer) is optimizers.Adam
        assert (made.initial_scale, made.dynamic_growth_steps) == (512.0, 7)

"""Whole models that Keras 2 wrote (see `golden/make_keras_2.py`): outputs, further training."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad.errors import ConfigError
from graftwork.models import load_model, model_from_json
from graftwork.saving import model_from_config

GOLDEN = Path(__file__).parent / "golden" / "keras_2.zip"
MADE = ("functions", "recurrent", "moving_pictures", "attention", "tables", "names_with_slashes")
TRAINED = ("adam", "adamw", "rmsprop", "sgd", "momentum", "huber")


def arrays(name: str) -> list[Any]:
    with zipfile.ZipFile(GOLDEN) as archive, np.load(io.BytesIO(archive.read(name))) as file:
        return list(file.values())


def opened(name: str, folder: Path) -> Any:
    with zipfile.ZipFile(GOLDEN) as archive:
        path = folder / name
        path.write_bytes(archive.read(name))
    return load_model(path)


def predicted(model: Any, inputs: list[Any]) -> list[Any]:
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", [*MADE, *TRAINED])
def test_outputs_are_keras_2s(name: str, ending: str, tmp_path: Path) -> None:
    model = opened(f"{name}.{ending}", tmp_path)
    inputs, outputs = arrays(f"{name}.in.npz"), arrays(f"{name}.out.npz")
    found = predicted(model, inputs)
    assert len(found) == len(outputs)
    for one, two in zip(found, outputs, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "again.keras")
    for one, two in zip(
        predicted(load_model(tmp_path / "again.keras"), inputs), found, strict=True
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", TRAINED)
def test_training_goes_on_where_keras_2_stopped(name: str, ending: str, tmp_path: Path) -> None:
    model = opened(f"{name}.{ending}", tmp_path)
    assert int(model.optimizer.iterations) == 2
    model.fit(*arrays("training.npz"), batch_size=4, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), arrays(f"{name}.after.npz"), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def function(name: str, nodes: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": "TFOpLambda", "name": "f", "inbound_nodes": nodes,
            "config": {"name": "f", "function": name, **config}}  # fmt: skip


def around(layer: dict[str, Any]) -> dict[str, Any]:
    entrance = {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
                "config": {"name": "x", "batch_input_shape": [None, 3]}}  # fmt: skip
    config = {"name": "m", "layers": [entrance, layer], "input_layers": [["x", 0, 0]],
              "output_layers": [["f", 0, 0]]}  # fmt: skip
    return {"class_name": "Functional", "config": config}


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (function("io.read_file", [["x", 0, 0, {}]]), "known here; got function='io.read_file'"),
        (function("nn.relu", [["x", 0, 0, {}], ["x", 0, 0, {}]]), "called once; got calls=2"),
        (function("nn.relu", []), "called once; got calls=0"),
        (function("nn.relu", [7]), "must list its operands"),
        (function("nn.relu", [["x", 0]]), "must name layer, call and output"),
        (function("nn.relu", [["x", 0, 0, 5]]), "must be a dictionary"),
        (function("nn.relu", [["x", 0, 0, {"limit": 3}]]), "arguments known here.*'limit': 3"),
        ({**function("nn.relu", [["x", 0, 0, {}]]), "config": []}, "known here"),
    ],
)  # fmt: skip
def test_functions_that_are_not_known_are_refused(layer: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        model_from_config(around(layer))


def test_numbers_may_come_first() -> None:
    model = model_from_config(
        around(function("math.subtract", [["_CONSTANT_VALUE", -1, 3.0, {"y": ["x", 0, 0]}]]))
    )
    x = np.arange(6, dtype="f4").reshape(2, 3)
    np.testing.assert_array_equal(predicted(model, [x])[0], 3 - x)


@pytest.mark.parametrize("turned", [(), ("a",), ("b",), ("a", "b")])
def test_operands_of_products_may_be_turned(turned: tuple[str, ...], tmp_path: Path) -> None:
    told = {"b": ["x", 0, 0], **{f"transpose_{one}": one in turned for one in "ab"}}
    config = around(function("linalg.matmul", [["x", 0, 0, told]]))
    config["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 3, 3]
    model = model_from_config(config)
    x = np.random.default_rng(0).standard_normal((2, 3, 3)).astype("f4")
    first, second = (x.swapaxes(1, 2) if one in turned else x for one in "ab")
    for _ in range(2):
        np.testing.assert_allclose(predicted(model, [x])[0], first @ second, rtol=1e-4, atol=1e-6)
        model.save(tmp_path / "again.keras")
        model = load_model(tmp_path / "again.keras")


@pytest.mark.parametrize("name", ["../../x", "/x", "a/../b", "a//b", "a/.hidden", "./a"])
def test_names_that_lead_elsewhere_stay_refused(name: str) -> None:
    layer = {"class_name": "Dense", "config": {"name": name, "units": 2}, "name": name,
             "inbound_nodes": [[["x", 0, 0, {}]]]}  # fmt: skip
    told = around(layer)
    told["config"]["output_layers"] = [[name, 0, 0]]
    with pytest.raises(ConfigError, match="name must be a non-empty string without '/'"):
        model_from_config(told)


@pytest.mark.parametrize(("version", "middle"), [("2.4.0", 0.7), ("3.5.0", 1 / 6 + 0.5)])
def test_hard_sigmoid_is_that_of_the_version(version: str, middle: float) -> None:
    layer = {"class_name": "Activation", "config": {
        "name": "a", "activation": "hard_sigmoid", "batch_input_shape": [None, 1]}}  # fmt: skip
    text = json.dumps({"class_name": "Sequential", "keras_version": version,
                       "config": {"layers": [layer]}})  # fmt: skip
    found = model_from_json(text).predict(np.ones((1, 1), "f4"), verbose=0)
    np.testing.assert_allclose(found, middle, rtol=1e-6)

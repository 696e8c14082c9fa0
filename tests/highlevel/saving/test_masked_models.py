"""Functional models of Keras' into which it wrote the computation of masks."""

import copy
import json
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers

X = np.array([[3, 5, 0, 0], [1, 2, 4, 0]])


def tensor(layer: str, shape: list[Any], dtype: str) -> dict[str, Any]:
    config = {"shape": shape, "dtype": dtype, "keras_history": [layer, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


@pytest.fixture
def model() -> gw.Model:
    inputs = gw.Input((4,), dtype="int32", name="numbers")
    y = layers.Embedding(9, 3, mask_zero=True, name="table")(inputs)
    return gw.Model(inputs, layers.LSTM(2, name="lstm")(y))


def as_keras_writes(model: gw.Model) -> dict[str, Any]:
    """The configuration with the op that computes the mask, and the argument it feeds."""
    told = copy.deepcopy(json.loads(model.to_json()))
    listed = told["config"]["layers"]
    node = {"args": [tensor("numbers", [None, 4], "int32"), 0], "kwargs": {}}
    op = {"module": "keras.src.ops.numpy", "class_name": "NotEqual", "name": "not_equal",
          "config": {"name": "not_equal"}, "registered_name": "NotEqual",
          "inbound_nodes": [node]}  # fmt: skip
    lstm = next(one for one in listed if one["name"] == "lstm")
    mask = tensor("not_equal", [None, 4], "bool")
    lstm["inbound_nodes"][0]["kwargs"] = {"mask": mask}
    listed.insert(2, op)
    return told


def test_the_computation_of_masks_is_left_out_and_masks_travel(model: gw.Model) -> None:
    again = gw.models.model_from_json(json.dumps(as_keras_writes(model)))
    assert [one.name for one in again.layers] == ["numbers", "table", "lstm"]
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_an_op_that_feeds_something_else_is_part_of_the_model(model: gw.Model) -> None:
    told = as_keras_writes(model)
    told["config"]["output_layers"] = [["lstm", 0, 0], ["not_equal", 0, 0]]
    again = gw.models.model_from_json(json.dumps(told))
    again.set_weights(model.get_weights())
    y, counts = again.predict(X, verbose=0)
    np.testing.assert_array_equal(counts, X != 0)
    np.testing.assert_array_equal(y, model.predict(X, verbose=0))


def test_an_op_that_there_is_not_is_refused_by_name(model: gw.Model) -> None:
    told = as_keras_writes(model)
    told["config"]["output_layers"] = [["lstm", 0, 0], ["not_equal", 0, 0]]
    told["config"]["layers"][2]["class_name"] = "System"
    with pytest.raises(ConfigError, match="System"):
        gw.models.model_from_json(json.dumps(told))

"""Functions and operators of symbols: models of them are built, trained, written and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import ops

A, B = (np.random.default_rng(i).standard_normal((5, 4)).astype("float32") for i in (0, 1))


def branched(a: Any, b: Any) -> Any:
    """Every way in which a function meets symbols: operators, keys, lists, constants."""
    y = (a * 2 + b / 3 - 1) % 5
    y = ops.concatenate([y, ops.maximum(a, 0.1)], axis=-1)[:, 1:7]
    y = ops.reshape(y, (-1, 2, 3)) @ ops.convert_to_tensor(np.ones((3, 2), "float32") / 4)
    first, second = ops.split(y, 2, axis=-1)
    y = ops.where(first > second, first, abs(second))[..., 0, :]
    y = ops.clip(ops.softmax(ops.stack([y, -y], axis=1), axis=1), 0.05, 0.95)
    return ops.einsum("nij,nij->n", y, y)[:, None] ** 2


def test_a_model_of_functions_computes_what_they_compute() -> None:
    a, b = gw.Input((4,)), gw.Input((4,))
    model = gw.Model([a, b], branched(a, b))
    assert model.output.shape == (None, 1)
    wanted = branched(ops.convert_to_tensor(A), ops.convert_to_tensor(B)).numpy()
    np.testing.assert_allclose(model.predict([A, B], verbose=0), wanted, rtol=1e-6)


def test_it_is_written_and_read(tmp_path: Path) -> None:
    a, b = gw.Input((4,)), gw.Input((4,))
    model = gw.Model([a, b], branched(gw.layers.Dense(4)(a), b))
    wanted = model.predict([A, B], verbose=0)
    model.save(tmp_path / "m.keras")
    again = gw.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict([A, B], verbose=0), wanted)
    copy = gw.models.clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict([A, B], verbose=0), wanted)


def test_it_is_told_as_keras_tells_it() -> None:
    x = gw.Input((4,), name="x")
    told = json.loads(gw.Model(x, ops.mean(x[:, 1:], axis=1, keepdims=True)).to_json())
    key, mean = told["config"]["layers"][1:]
    assert (key["module"], key["class_name"]) == ("keras.src.ops.numpy", "GetItem")
    assert key["inbound_nodes"][0]["args"][1][1] == {
        "class_name": "__slice__", "config": {"start": 1, "stop": None, "step": None},
    }  # fmt: skip
    assert mean["registered_name"] == "Mean"
    config = {key: one for key, one in mean["config"].items() if key != "name"}
    assert config == {"axis": 1, "keepdims": True}


def test_it_is_trained() -> None:
    x = gw.Input((4,))
    hidden = gw.layers.Dense(8)(x)
    model = gw.Model(x, gw.layers.Dense(1)(ops.relu(hidden) + ops.tanh(hidden) * 0.5))
    model.compile(gw.optimizers.Adam(0.05), "mse")
    y = A.sum(1, keepdims=True)
    history = model.fit(A, y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]


def test_functions_are_no_layers() -> None:
    x = gw.Input((4,))
    model = gw.Model(x, gw.layers.Dense(2)(x * 2))
    assert [type(one).__name__ for one in model.layers] == ["InputLayer", "Dense"]
    assert [type(one).__name__ for one in model.operations] == ["InputLayer", "Multiply", "Dense"]
    assert isinstance(model.operations[1], gw.Operation)


def test_operations_of_ones_own() -> None:
    class Halved(gw.Operation):
        def call(self, x: Any) -> Any:
            return x / 2

    x = gw.Input((4,))
    y = Halved(name="half")(x)
    assert y.shape == (None, 4)
    assert Halved().compute_output_spec(x).shape == (None, 4)
    np.testing.assert_array_equal(gw.Model(x, y).predict(A, verbose=0), A / 2)
    assert np.all(Halved()(A).numpy() == A / 2)


def test_frozen_functions_that_keep_samples_apart_are_known() -> None:
    x, y = gw.Input((4,)), gw.Input((4,))
    for symbol, apart in (
        (x * 2, True), (x + y, True), (x + np.ones(4, "float32"), True),
        (ops.softmax(x), True), (x[:, 1], True), (x[0], False), (ops.mean(x), False),
        (ops.reshape(x, (-1, 2)), False), (x * np.ones((1, 4), "float32"), False),
    ):  # fmt: skip
        assert (symbol.origin.layer.per_sample is None) is apart


def test_symbols_stand_for_operands_alone() -> None:
    x = gw.Input((4,))
    with pytest.raises(ConfigError, match=r"ops\.mean: only x may be symbols"):
        ops.mean(A, axis=x)
    with pytest.raises(TypeError, match="cannot be walked along"):
        list(x)
    with pytest.raises(ConfigError, match="settings must be among"):
        type(ops.exp(x).origin.layer)(axis=1)

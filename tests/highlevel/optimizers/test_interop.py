"""A hundred steps beside Keras' own optimizers, every option switched on in turn."""

import os
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftwork import optimizers
from graftwork.weight import Weight
from support.optimizer_options import OPTIONS, SHAPES, STEPS

os.environ.setdefault("KERAS_BACKEND", "torch")  # what the extra `interop` brings
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]

RULES: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"learning_rate": 0.01, "momentum": 0.5, "centered": True},
    "Adam": {"learning_rate": 0.01, "amsgrad": True},
    "AdamW": {"learning_rate": 0.01},
    "Adadelta": {"learning_rate": 1.0},
    "Adagrad": {"learning_rate": 0.05},
    "Adamax": {"learning_rate": 0.01},
    "Adafactor": {"learning_rate": 0.05},
    "Nadam": {"learning_rate": 0.01},
    "Ftrl": {"learning_rate": 0.05, "l1_regularization_strength": 0.01},
    "Lion": {"learning_rate": 0.01},
    "Lamb": {"learning_rate": 0.01},
    "Muon": {"learning_rate": 0.01},
    "ScheduleFreeAdamW": {"learning_rate": 0.01, "warmup_steps": 20},
}


def drawn(name: str, *seed: int) -> Any:
    values = np.random.default_rng([len(name), *seed]).standard_normal(SHAPES[name])
    return values.astype("float32")


def made(module: Any, rule: str, settings: dict[str, Any]) -> Any:
    return getattr(module, rule)(**{**RULES[rule], **settings})


def ours(optimizer: Any) -> dict[str, Any]:
    weights = {}
    for name in SHAPES:
        weights[name] = Weight(graftgrad.tensor(drawn(name)), name)
        weights[name].path = name
    for step in range(STEPS):
        gradients = [graftgrad.tensor(drawn(name, 1, step)) for name in SHAPES]
        optimizer.apply(gradients, list(weights.values()))
    optimizer.finalize_variable_values(weights.values())
    return {name: one.numpy() for name, one in weights.items()}


def theirs(keras: Any, optimizer: Any) -> dict[str, Any]:
    weights = {name: keras.Variable(drawn(name), name=name) for name in SHAPES}
    for step in range(STEPS):
        gradients = [keras.ops.convert_to_tensor(drawn(name, 1, step)) for name in SHAPES]
        optimizer.apply(gradients, list(weights.values()))
    optimizer.finalize_variable_values(list(weights.values()))
    return {name: keras.ops.convert_to_numpy(one.value) for name, one in weights.items()}


def close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, values in expected.items():
        scale = float(np.abs(values).max())
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("option", ["plain", *OPTIONS])
@pytest.mark.parametrize("rule", RULES)
def test_a_hundred_steps_are_those_of_keras(rule: str, option: str) -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    if rule == "ScheduleFreeAdamW" and keras.backend.backend() == "torch":
        pytest.skip("on torch Keras overwrites the point from which it finds its average")
    settings = OPTIONS.get(option, {})
    expected = theirs(keras, made(keras.optimizers, rule, settings))
    close(ours(made(optimizers, rule, settings)), expected)


def test_a_map_of_optimizers_is_that_of_keras() -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")

    def mapped(module: Any) -> Any:
        told = {"bias": module.Adam(0.01), "fil.*": module.Lion(0.01)}
        return module.MultiOptimizer(module.OptimizerMap(module.SGD(0.05), told))

    close(ours(mapped(optimizers)), theirs(keras, mapped(keras.optimizers)))

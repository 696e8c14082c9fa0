"""Every EfficientNet and ConvNeXt beside Keras' own: arguments, parameters, layers, weights."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

from graftwork import applications
from support.networks import order
from support.scaled_networks import filled, listed, pixels

from .keras_jax import keras

pytestmark = pytest.mark.interop
NAMES = [
    *(f"EfficientNetB{i}" for i in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
]
# Keras builds the others in half a minute each: `pytest -m slow tests/parity` compares them.
QUICK = ("EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny")


def marked(name: str) -> Any:
    return pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_keras(name: str) -> None:
    def told(function: Any) -> list[tuple[str, Any]]:
        return [
            (one.name, one.default)
            for one in inspect.signature(function).parameters.values()
            if one.name != "variant"  # ours alone
        ]

    assert told(getattr(applications, name)) == told(getattr(keras.applications, name))


@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_parameters_and_layers_are_keras(name: str) -> None:
    mine = getattr(applications, name)(weights=None)
    theirs = getattr(keras.applications, name)(weights=None)
    assert mine.count_params() == theirs.count_params()
    assert mine.outputs[0].shape == theirs.output_shape
    assert order(listed((path, one.shape) for path, one in mine.named_weights())) == order(
        listed((one.path, one.shape) for one in theirs.weights)
    )
    # What has no name of its own is numbered by how many came before it.
    named = {re.sub(r"_\d+$", "", one.name) for one in mine.layers}
    assert {re.sub(r"_\d+$", "", one.name) for one in theirs.layers} <= named


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_keras(name: str) -> None:
    settings: Any = {
        "weights": None, "input_shape": (64, 64, 3), "classifier_activation": None, "classes": 50,
    }  # fmt: skip
    mine = getattr(applications, name)(**settings)
    theirs = getattr(keras.applications, name)(**settings)
    weights = filled(listed((path, one.shape) for path, one in mine.named_weights()))
    mine.set_weights(weights)
    held = [one for one in theirs.weights if "seed_generator" not in one.path]
    for one, value in zip(held, weights, strict=True):
        one.assign(value)
    wanted = keras.ops.convert_to_numpy(theirs(pixels(), training=False))
    found = mine.predict(pixels(), verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * float(abs(wanted).max()))

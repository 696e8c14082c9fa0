"""Files that Keras saved: they open, predict what Keras predicted, and train on as Keras did."""

from typing import Any

import numpy as np
import pytest

from graftwork.models import clone_model, load_model
from support import golden

CASES = golden.family("saved")
FILES = [(case, file) for case in CASES for file in case.facts["files"]]
WHOLE = [(case, file) for case, file in FILES if not file.endswith(".weights.h5")]
RESUMED = [(case, file) for case, file in WHOLE if "resumed/0" in case]


def listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def alone(values: list[Any]) -> Any:
    return values if len(values) > 1 else values[0]


def predictions(model: Any, case: golden.GoldenCase) -> list[Any]:
    return listed(model.predict(alone(case.series("input")), verbose=0))


@pytest.mark.parametrize(("case", "file"), WHOLE, ids=lambda one: str(one))
def test_a_model_saved_by_keras_predicts_the_same(case: golden.GoldenCase, file: str) -> None:
    model = load_model(golden.FOLDER / file)
    for found, expected in zip(predictions(model, case), case.series("output"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    for weight, expected in zip(model.weights, case.series("weight"), strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected)


@pytest.mark.parametrize(("case", "file"), WHOLE, ids=lambda one: str(one))
def test_the_state_of_keras_optimizer_comes_along(case: golden.GoldenCase, file: str) -> None:
    model = load_model(golden.FOLDER / file)
    names = [path.split("/")[-1] for path in case.facts["trainable"]]
    assert [weight.name for weight in model.trainable_weights] == names
    slots = model.optimizer.variables_of(model.trainable_weights)
    for slot, expected in zip(slots, case.series("optimizer"), strict=True):
        np.testing.assert_allclose(slot.numpy(), expected, rtol=1e-7)


@pytest.mark.parametrize(("case", "file"), RESUMED, ids=lambda one: str(one))
def test_one_more_step_is_keras_next_step(case: golden.GoldenCase, file: str) -> None:
    model = load_model(golden.FOLDER / file)
    xs = [case[name] for name in case.arrays if name.startswith("train/x")]
    ys = [case[name] for name in case.arrays if name.startswith("train/y")]
    model.train_on_batch(alone(xs), alone(ys))
    for found, expected in zip(predictions(model, case), case.series("resumed"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("case", "file"), FILES, ids=lambda one: str(one))
def test_weights_alone_go_into_a_fresh_model(case: golden.GoldenCase, file: str) -> None:
    model = clone_model(load_model(golden.FOLDER / f"{case.name}.keras"))
    report = model.load_weights(golden.FOLDER / file)
    assert not report.missing and not report.unexpected and not report.mismatched
    assert len(report.loaded) == len(case.facts["weights"])
    for weight, expected in zip(model.weights, case.series("weight"), strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected)


def test_what_was_compiled_comes_back() -> None:
    model = load_model(golden.FOLDER / "cnn.keras")
    assert type(model.optimizer).__name__ == "Adam"
    assert model.loss.label_smoothing == 0.1
    assert model.compile_settings["metrics"][0] == "accuracy"
    assert load_model(golden.FOLDER / "cnn.keras", compile=False).compiled is False


def test_frozen_layers_of_keras_are_frozen() -> None:
    model = load_model(golden.FOLDER / "nested.keras")
    assert [weight.path for weight in model.trainable_weights] == ["head/kernel", "head/bias"]
    assert model.get_layer("base").is_frozen()

"""Behind a flattened map PyTorch's numbers stand channels first; ours channels last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftwork import layers
from graftwork.models import Functional, Model, Sequential

RANDOM = np.random.default_rng(5)
ROWS, COLUMNS, CHANNELS, CLASSES = 2, 3, 4, 5
SIZE = ROWS * COLUMNS * CHANNELS
X = RANDOM.standard_normal((6, ROWS, COLUMNS, CHANNELS)).astype("f4")


def stack(flat: Any) -> list[Any]:
    return [
        flat,
        layers.Dropout(0.5, name="drop"),
        layers.BatchNormalization(epsilon=1e-5, name="bn"),
        layers.ReLU(name="relu"),
        layers.Dense(CLASSES, name="fc"),
        layers.Dense(2, name="last"),
    ]


def sequential(flat: Any) -> Any:
    return Sequential([layers.Input((ROWS, COLUMNS, CHANNELS)), *stack(flat)])


def functional(flat: Any) -> Any:
    x = inputs = layers.Input((ROWS, COLUMNS, CHANNELS))
    for one in stack(flat):
        x = one(x)
    return Functional(inputs, x)


NAMES = {"bn": "b", "fc": "f", "last": "l"}
STATE = {
    "b.weight": RANDOM.uniform(0.5, 1, SIZE), "b.bias": RANDOM.standard_normal(SIZE),
    "b.running_mean": RANDOM.standard_normal(SIZE), "b.running_var": RANDOM.uniform(0.5, 1, SIZE),
    "f.weight": RANDOM.standard_normal((CLASSES, SIZE)), "f.bias": RANDOM.standard_normal(CLASSES),
    "l.weight": RANDOM.standard_normal((2, CLASSES)), "l.bias": RANDOM.standard_normal(2),
}  # fmt: skip
STATE = {name: array.astype("f4") for name, array in STATE.items()}


def torchs(x: Any) -> Any:
    """What a network of PyTorch with these weights computes, as its documentation has it."""
    v = x.transpose(0, 3, 1, 2).reshape(len(x), SIZE)
    v = (v - STATE["b.running_mean"]) / np.sqrt(STATE["b.running_var"] + np.float32(1e-5))
    v = np.maximum(v * STATE["b.weight"] + STATE["b.bias"], 0)
    return (v @ STATE["f.weight"].T + STATE["f.bias"]) @ STATE["l.weight"].T + STATE["l.bias"]


@pytest.mark.parametrize("make", [sequential, functional])
@pytest.mark.parametrize("flat", [layers.Flatten, lambda: layers.Reshape((-1,))])
def test_what_follows_a_flattened_map_is_turned(make: Any, flat: Any, tmp_path: Path) -> None:
    path = tmp_path / "network.pth"
    formats.write_torch(path, STATE)
    model = make(flat())
    model.name_rules = {theirs: ours for ours, theirs in NAMES.items()}
    report = model.load_weights(path)
    assert {"bn/gamma", "bn/moving_variance", "fc/kernel", "last/kernel"} <= {*report.transposed}
    found = model.predict(X, verbose=0)
    np.testing.assert_allclose(found, torchs(X), rtol=1e-4, atol=1e-4)
    model.save_weights(tmp_path / "again.pth")
    with formats.open_weights(tmp_path / "again.pth") as archive:
        assert set(archive) == set(STATE)
        for name, array in STATE.items():
            np.testing.assert_array_equal(archive[name], array)


def test_filters_as_large_as_the_map_are_dense_weights(tmp_path: Path) -> None:
    shape = (CLASSES, CHANNELS, ROWS, COLUMNS)
    turned = {**STATE, "f.weight": STATE["f.weight"].reshape(shape),
              "l.weight": STATE["l.weight"].reshape(2, CLASSES, 1, 1)}  # fmt: skip
    formats.write_torch(tmp_path / "network.pth", turned)
    model = sequential(layers.Flatten())
    model.name_rules = {theirs: ours for ours, theirs in NAMES.items()}
    model.load_weights(tmp_path / "network.pth")
    np.testing.assert_allclose(model.predict(X, verbose=0), torchs(X), rtol=1e-4, atol=1e-4)


def test_other_files_are_not_turned(tmp_path: Path) -> None:
    model, other = sequential(layers.Flatten()), sequential(layers.Flatten())
    for ending in ("safetensors", "weights.h5", "npz"):
        model.save_weights(tmp_path / f"w.{ending}")
        other.load_weights(tmp_path / f"w.{ending}")
        np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_nothing_is_turned_where_no_map_is_flattened(tmp_path: Path) -> None:
    class Own(Model):
        """Whose order of layers nobody knows."""

        def __init__(self) -> None:
            super().__init__()
            self.flat, self.f = layers.Flatten(), layers.Dense(CLASSES)

        def call(self, x: Any) -> Any:
            return self.f(self.flat(x))

    flat = {name: one for name, one in STATE.items() if name.startswith("f.")}
    formats.write_torch(tmp_path / "network.pth", flat)
    pooled = Sequential([
        layers.Input((ROWS, COLUMNS, SIZE)), layers.GlobalAveragePooling2D(keepdims=True),
        layers.Flatten(), layers.Dense(CLASSES, name="f"),
    ])  # fmt: skip
    pooled.name_rules = {"f": "f"}
    own = Own()
    own(X)
    for model, kernel in ((pooled, pooled.layers[-1].kernel), (own, own.f.kernel)):
        model.load_weights(tmp_path / "network.pth")
        np.testing.assert_array_equal(kernel.detach().numpy(), STATE["f.weight"].T)

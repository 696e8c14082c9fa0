"""Layers that keep their variables in their own way: files of each side, read by the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork

from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")


def kind_of(library: Any) -> Any:
    """Make one class for either library."""

    class Kept(library.layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.inner = units, library.layers.Dense(units)

        def build(self, input_shape: Any, start: str = "random_normal") -> None:
            self.start = start
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units), initializer=start, name="kernel"
            )
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="n")
            self.inner.build((None, self.units))

        def call(self, x: Any) -> Any:
            return self.inner(library.ops.matmul(x, self.kernel)) + self.count

        def get_config(self) -> dict[str, Any]:
            return dict(units=self.units, **super().get_config())

        def get_build_config(self) -> dict[str, Any]:
            return {"input_shape": (None, 4), "start": self.start}

        def build_from_config(self, config: Any) -> None:
            self.build(config["input_shape"], config["start"])

        def save_own_variables(self, store: Any) -> None:
            super().save_own_variables(store)
            store["half"] = library.ops.convert_to_numpy(self.kernel) / 2

        def load_own_variables(self, store: Any) -> None:
            self.kernel.assign(np.asarray(store["half"]) * 2)
            self.count.assign(np.asarray(store["1"]))

    return Kept


def model_of(library: Any) -> Any:
    """Make a model of such a layer."""
    kept = kind_of(library)(name="kept")
    kept.build((None, 4), start="ones")
    model = library.Sequential(
        [library.layers.Input((4,)), kept, library.layers.Dense(2, name="last")]
    )
    kept.kernel.assign(np.linspace(-1, 1, 12).reshape(4, 3))
    kept.count.assign(7.0)
    return model


@pytest.mark.parametrize("writer", [graftwork, keras], ids=["ours", "theirs"])
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_files_go_both_ways(writer: Any, ending: str, tmp_path: Path) -> None:
    reader = keras if writer is graftwork else graftwork
    made = model_of(writer)
    path = str(tmp_path / f"m{ending}")
    if ending == ".keras":
        made.save(path)
        found = reader.saving.load_model(path, custom_objects={"Kept": kind_of(reader)})
        assert found.layers[0].start == "ones"
    else:
        made.save_weights(path)
        found = model_of(reader)
        found.layers[0].kernel.assign(np.zeros((4, 3)))
        found.load_weights(path)
    np.testing.assert_allclose(
        found.predict(X, verbose=0), made.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )

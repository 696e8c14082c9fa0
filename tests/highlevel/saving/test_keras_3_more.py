"""Models of Keras 3 with more than plain layers (see `golden/make_keras_3_more.py`)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork.models import load_model
from graftwork.saving import reduced

GOLDEN = Path(__file__).parent / "golden" / "keras_3_more.zip"
# Of every model: how far our outputs may be from Keras', which rounds activations where it computes
# in 8 bits, and what is said of it.
CASES = {
    "outputs": (1e-6, ""),
    "functions": (1e-6, ""),
    "dense": (0.02, r"was quantized \(int8\): it computes in float32 here"),
    "table": (1e-5, r"was quantized \(int8\)"),  # its inputs, rows of the table, are whole already
    "float8": (0.1, r"was quantized \(float8\)"),
    "lora": (1e-6, ""),
}


def written(name: str, ending: str, folder: Path) -> tuple[Path, Any, list[Any]]:
    """A file of Keras, what goes in, and what Keras computes of it."""
    path = folder / f"{name}.{ending}"
    with zipfile.ZipFile(GOLDEN) as archive:
        path.write_bytes(archive.read(path.name))
        with np.load(io.BytesIO(archive.read(f"{name}.npz"))) as file:
            given = {key: file[key] for key in file if not key.startswith("arr_")}
            wanted = [file[key] for key in file if key.startswith("arr_")]
    return path, given.get("x", given), wanted


def check(model: Any, x: Any, wanted: list[Any], most: float) -> None:
    found = [np.asarray(one.detach()) for one in gw.tree.flatten(model(x, training=False))]
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, atol=most * float(np.abs(two).max()), rtol=0)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", CASES)
def test_whole_models_give_the_numbers_of_keras(name: str, ending: str, tmp_path: Path) -> None:
    most, said = CASES[name]
    path, x, wanted = written(name, ending, tmp_path)
    if said:
        with pytest.warns(UserWarning, match=f"layer '[a-z_0-9]*' {said}"):
            model = load_model(path)
    else:
        model = load_model(path)
    check(model, x, wanted, most)
    model.save(tmp_path / "ours.keras")  # and again from our own file, without a word
    check(load_model(tmp_path / "ours.keras"), x, wanted, most)
    other, _, _ = written(name, "weights.h5", tmp_path)
    for weight in model.weights:
        weight.assign(weight * 0)
    report = model.load_weights(other)
    assert not report.missing and (name == "lora" or len(report.loaded) == len(model.weights))
    check(model, x, wanted, most)


def test_packed_numbers_are_refused(tmp_path: Path) -> None:
    path, _, _ = written("int4", "keras", tmp_path)
    with pytest.raises(ConfigError, match=r"whole numbers of 8 bits.*int4.*before quantize\(\)"):
        load_model(path)


def test_kernels_whose_scales_do_not_lie_on_their_last_axes_are_refused() -> None:
    policy = {"class_name": "QuantizedDTypePolicy",
              "config": {"mode": "int8", "source_name": "float32"}}  # fmt: skip
    told: Any = {"class_name": "EinsumDense", "config": {
        "name": "turned", "equation": "abc,dc->abd", "output_shape": [None, 5], "dtype": policy,
    }}  # fmt: skip
    with pytest.raises(ConfigError, match=r"one scale for each output; got layer='turned'"):
        reduced.plain(told["config"], "model")

"""Training that Keras 2 began goes on here (see `golden/make_keras_2_optimizers.py`)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad import formats
from graftgrad.errors import ConfigError
from graftwork import optimizers
from graftwork.models import load_model
from graftwork.optimizers.adagrad import Keras2RMSprop
from graftwork.optimizers.adam import Keras2Nadam
from graftwork.saving import older_fields, optimizer_state

GOLDEN = Path(__file__).parent / "golden" / "keras_2_optimizers.zip"


def arrays(archive: zipfile.ZipFile, name: str) -> list[Any]:
    with np.load(io.BytesIO(archive.read(name))) as file:
        return list(file.values())


def files() -> list[str]:
    with zipfile.ZipFile(GOLDEN) as archive:
        return [name for name in archive.namelist() if not name.endswith(".npz")]


@pytest.mark.parametrize("name", files())
def test_three_more_steps_are_those_of_keras_2(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDEN) as archive:
        (tmp_path / name).write_bytes(archive.read(name))
        x, y = arrays(archive, "training.npz")
        wanted = arrays(archive, f"{name.rpartition('.')[0]}.after.npz")
    model = load_model(tmp_path / name)
    assert int(model.optimizer.iterations) == 3
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for found, one in zip(model.get_weights(), wanted, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-5, atol=1e-5)


def test_the_older_nadam_is_kept_apart_and_saved(tmp_path: Path) -> None:
    """Its momentum grows so slowly that today's steps would be others."""
    with zipfile.ZipFile(GOLDEN) as archive:
        (tmp_path / "old.h5").write_bytes(archive.read("old_nadam_decay.h5"))
        x, y = arrays(archive, "training.npz")
    model = load_model(tmp_path / "old.h5")
    assert type(model.optimizer) is Keras2Nadam and model.optimizer.schedule_decay == 0.02
    model.save(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.keras")
    for one in (model, again):
        one.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for found, one in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, one)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize(("kind", "nearest"), [
    (lambda: Keras2Nadam(0.05, schedule_decay=0.02), "Nadam"),
    (lambda: Keras2RMSprop(0.05, centered=True), "RMSprop"),
])  # fmt: skip
def test_files_name_what_keras_3_has(kind: Any, nearest: str, ending: str, tmp_path: Path) -> None:
    """And beside it what we go on with."""
    model = gw.Sequential([gw.Input((4,)), gw.layers.Dense(1)])
    model.compile(kind(), "mse")
    x, y = np.ones((8, 4), "f4"), np.ones((8, 1), "f4")
    model.fit(x, y, verbose=0)
    path = tmp_path / f"model.{ending}"
    model.save(path)
    if ending == "keras":
        told = formats.read_keras(path).config["compile_config"]["optimizer"]
    else:
        with formats.Hdf5File(path) as file:
            told = (formats.training_config(file) or {})["optimizer_config"]
    assert told["class_name"] == nearest and "schedule_decay" not in told["config"]
    again = load_model(path)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert type(again.optimizer) is type(model.optimizer)
    for one in (model, again):
        one.fit(x, y, batch_size=3, shuffle=False, verbose=0)
    for found, one in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, one)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"decay": 0.0, "momentum": 0.0}, "Keras2RMSprop"),
        ({"lr": 1, "decay": 0}, "Keras2RMSprop"),
        ({"decay": 0.0, "momentum": 0.9}, "RMSprop"), ({"weight_decay": None}, "RMSprop"),
        ({"rho": 0.9}, "RMSprop"),
    ],
)  # fmt: skip
def test_which_rmsprop_a_configuration_means(config: dict[str, Any], kind: str) -> None:
    assert older_fields.replaced("RMSprop", config)[0] == kind


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"schedule_decay": 0.01}, "Keras2Nadam"), ({"decay": 0.004}, "Keras2Nadam"),
        ({"decay": 0.0}, "Nadam"), ({"weight_decay": None}, "Nadam"), ({"decay": "x"}, "Nadam"),
    ],
)  # fmt: skip
def test_which_nadam_a_configuration_means(config: dict[str, Any], kind: str) -> None:
    assert older_fields.replaced("Nadam", config)[0] == kind


def test_the_schedule_must_go_on() -> None:
    with pytest.raises(ConfigError, match=r"Keras2Nadam: schedule_decay must be greater than 0"):
        optimizers.get({"class_name": "Keras2Nadam", "config": {"schedule_decay": 0.0}})


def test_averages_beside_gathered_gradients_are_put_in_order() -> None:
    """Keras 3.8 wrote both of a weight, then both of the next."""
    model = gw.Sequential([gw.Input((4,)), gw.layers.Dense(2), gw.layers.Dense(3)])
    model.compile(gw.optimizers.Adam(use_ema=True, gradient_accumulation_steps=2), "mse")
    model.fit(np.ones((6, 4), "f4"), np.ones((6, 3), "f4"), batch_size=2, verbose=0)
    listed = model.optimizer.variables_of(model.trainable_weights)
    wanted = [(one.name, formats.Entry(one.shape, one.dtype, one.numpy)) for one in listed]
    side_by_side = [one for pair in zip(wanted[2:6], wanted[6:10], strict=True) for one in pair]
    older = [*wanted[:2], *side_by_side, *wanted[10:]]
    for given in (older, wanted):
        found = optimizer_state.today(model.optimizer, model.trainable_weights, given)
        assert [name for name, _ in found] == [name for name, _ in wanted]

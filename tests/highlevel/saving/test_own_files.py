"""Layers of a user's own that keep files in the archive, by Keras' two methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers


class Words(layers.Layer):
    def __init__(self, words: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words

    def call(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}

    def save_assets(self, folder: str) -> None:
        Path(folder, "words.txt").write_text(self.words)
        Path(folder, "more").mkdir()
        Path(folder, "more", "numbers.bin").write_bytes(bytes(range(9)))

    def load_assets(self, folder: str) -> None:
        self.words = Path(folder, "words.txt").read_text()
        self.numbers = Path(folder, "more", "numbers.bin").read_bytes()


def model(words: Words) -> Any:
    return gw.Sequential([gw.Input((3,)), layers.Dense(3), words])


def test_files_come_back(tmp_path: Path) -> None:
    made = model(Words("one two"))
    made.save(tmp_path / "m.keras")
    found = gw.models.load_model(tmp_path / "m.keras", custom_objects={"Words": Words})
    assert (found.layers[-1].words, found.layers[-1].numbers) == ("one two", bytes(range(9)))
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(found.predict(x, verbose=0), made.predict(x, verbose=0))


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    class Failing(Words):
        def save_assets(self, folder: str) -> None:
            raise OSError("no space")

    path = tmp_path / "m.keras"
    model(Words("kept")).save(path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="no space"):
        model(Failing()).save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_arguments_are_called_as_in_keras(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    gw.saving.save_model(model=model, filepath=tmp_path / "m.keras", overwrite=True, zipped=True)
    again = gw.saving.load_model(filepath=tmp_path / "m.keras", compile=False, safe_mode=True)
    gw.saving.save_weights(model, filepath=tmp_path / "m.weights.h5")
    gw.saving.load_weights(again, filepath=tmp_path / "m.weights.h5")
    with pytest.raises(ConfigError, match="save: a model must be one file; got zipped=False"):
        gw.saving.save_model(model, tmp_path / "m.keras", zipped=False)

"""Weights in several files beside an index, and indexes that reach elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError

ARRAYS = {"a.w": np.arange(6.0).reshape(2, 3), "a.b": np.ones(3, "f4"), "c": np.zeros(2, "i4")}
ENDINGS: dict[str, tuple[str, Callable[..., None]]] = {
    "safetensors": (".safetensors", formats.write_safetensors),
    "torch": (".bin", formats.write_torch),
}


def written(folder: Path, kind: str) -> Path:
    """Write two files and their index as Hugging Face does."""
    ending, write = ENDINGS[kind]
    first, second = f"model-00001-of-00002{ending}", f"model-00002-of-00002{ending}"
    write(folder / first, {"a.w": ARRAYS["a.w"]})
    write(folder / second, {"a.b": ARRAYS["a.b"], "c": ARRAYS["c"]})
    return index(folder, {"a.w": first, "a.b": second, "c": second})


def index(folder: Path, told: Any) -> Path:
    path = folder / "model.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 68}, "weight_map": told}))
    return path


@pytest.mark.parametrize("kind", ENDINGS)
def test_several_files_are_one(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind)
    assert formats.sniff(path) == kind
    assert formats.is_index(path)
    with formats.open_weights(path) as archive:
        assert list(archive) == list(ARRAYS)
        assert archive.metadata == {"files": "2"}
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(archive[name], array)


def test_variables_of_keras_lie_over_several_files(tmp_path: Path) -> None:
    """As Keras splits a group: `vars/0` in one file, `vars/1` in the next."""
    formats.write_tree(tmp_path / "m_00000.weights.h5", {"layers/dense/vars/0": ARRAYS["a.w"]})
    formats.write_tree(tmp_path / "m_00001.weights.h5", {"layers/dense/vars/1": ARRAYS["a.b"]})
    path = index(tmp_path, {"/layers/dense/vars": ["m_00000.weights.h5", "m_00001.weights.h5"]})
    with formats.open_weights(path) as archive:
        assert sorted(archive) == ["layers/dense/vars/0", "layers/dense/vars/1"]
        np.testing.assert_array_equal(archive["layers/dense/vars/1"], ARRAYS["a.b"])


PART = "model-00001-of-00002.safetensors"
LIES: dict[str, tuple[Any, str]] = {
    "climbs": ({"w": "../x.safetensors"}, "must name files in its own folder"),
    "absolute": ({"w": "/etc/passwd"}, "must name files in its own folder"),
    "backslash": ({"w": "..\\x"}, "must name files in its own folder"),
    "no text": ({"w": 3}, "must name files in its own folder"),
    "a folder": ({"w": ".."}, "must name files in its own folder"),
    "not there": ({"w": "gone.safetensors"}, "every file of an index must be there"),
    "half a character": ({"w": "\ud800"}, "every file of an index must be there; got missing="),
    "link": ({"w": "link.safetensors"}, "must be files, not links"),
    "other weight": ({"w": PART}, "every weight must lie in one file"),
    "twice": ({"a.w": [PART, "copy.safetensors"]}, "every weight must lie in one file"),
    "itself": ({"w": "model.index.json"}, "a file of an index must hold weights itself"),
    "empty": ({}, "an index must hold a weight_map"),
    "a list": ([PART], "an index must hold a weight_map"),
    "two formats": ({"a.w": PART, "b": "x.pth"}, "files must be of one format"),
    "wrong format": ({"b": "x.npz"}, "files must be one of"),
    "many": ({str(i): f"{i}.bin" for i in range(10_001)}, "at most 10000 files"),
}


@pytest.mark.parametrize("name", LIES)
def test_lies_are_refused(name: str, tmp_path: Path) -> None:
    written(tmp_path, "safetensors")
    (tmp_path / "copy.safetensors").write_bytes((tmp_path / PART).read_bytes())
    (tmp_path / "link.safetensors").symlink_to(tmp_path / PART)
    formats.write_torch(tmp_path / "x.pth", {"b": ARRAYS["c"]})
    formats.write_npz(tmp_path / "x.npz", {"b": ARRAYS["c"]})
    told, words = LIES[name]
    path = index(tmp_path, told)
    with pytest.raises(FormatError) as error:
        formats.open_weights(path)
    assert words in str(error.value)
    assert str(path.parent) in str(error.value)

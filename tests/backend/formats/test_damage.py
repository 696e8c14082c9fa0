"""Damaged files of every format: only FormatError may come out, and it comes out soon."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import tree_bytes

GOLDEN = Path(__file__).parent / "golden"
ARRAYS = {"a/w": np.arange(6.0).reshape(2, 3), "a/b": np.zeros(100, "i4")}


def keras_file(path: Path) -> None:
    parts = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": tree_bytes(ARRAYS)}
    formats.write_keras(path, parts)


MAKERS: dict[str, Callable[[Path], None]] = {
    "torch": lambda path: formats.write_torch(path, ARRAYS),
    "torch golden": lambda path: copy(path, "checkpoint_zip.pth"),
    "torch old": lambda path: copy(path, "checkpoint_old.pth"),
    "safetensors": lambda path: formats.write_safetensors(path, ARRAYS),
    "npz": lambda path: formats.write_npz(path, ARRAYS),
    "npz compressed": lambda path: formats.write_npz(path, ARRAYS, compress=True),
    "keras": keras_file,
    "hdf5": lambda path: formats.write_tree(path, ARRAYS),
    "hdf5 old": lambda path: copy(path, "outer.h5"),
    "onnx": lambda path: copy(path, "variety.onnx"),
}


def copy(path: Path, name: str) -> None:
    path.write_bytes((GOLDEN / name).read_bytes())


def read_all(path: Path) -> dict[str, np.ndarray]:
    with formats.open_weights(path) as archive:
        return {name: np.array(archive[name]) for name in archive}


def offsets(size: int) -> list[int]:
    """Every offset of a small file; of a large one the ends and about 300 between."""
    step = max(1, size // 300)
    return sorted({*range(0, size, step), *range(min(size, 64)), *range(max(0, size - 64), size)})


@pytest.mark.parametrize("kind", MAKERS)
def test_truncated_anywhere(kind: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    MAKERS[kind](whole)
    read_all(whole)
    content = whole.read_bytes()
    for size in offsets(len(content)):
        cut.write_bytes(content[:size])
        with pytest.raises(FormatError) as caught:
            read_all(cut)
        assert str(cut) in str(caught.value), f"{size} bytes: {caught.value}"


# A flipped bit inside an HDF5 file reaches the C library, for which nobody here can vouch; in a
# .keras archive the checksum stands before it.
FLIPPED = [kind for kind in MAKERS if not kind.startswith("hdf5")]
SIZES = (0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)


@pytest.mark.parametrize("kind", FLIPPED)
def test_spoiled_anywhere(kind: str, tmp_path: Path) -> None:
    whole, spoiled = tmp_path / "whole", tmp_path / "spoiled"
    MAKERS[kind](whole)
    content = whole.read_bytes()
    chance = random.Random(7)
    refused = 0
    for _ in range(600):
        data = bytearray(content)
        at = chance.randrange(len(data) - 8)
        if chance.random() < 0.5:
            data[at] ^= 1 << chance.randrange(8)
        else:
            width = chance.choice((2, 4, 8))
            data[at : at + width] = chance.choice(SIZES).to_bytes(8, "little")[:width]
        spoiled.write_bytes(data)
        try:
            read_all(spoiled)
        except FormatError:
            refused += 1
    # Every byte but some of the values themselves and of the padding is held against another.
    assert refused > 100


def test_bytes_appended(tmp_path: Path) -> None:
    for kind, make in MAKERS.items():
        if kind.startswith("hdf5"):
            continue  # HDF5 states its end; what follows is never looked at
        path = tmp_path / "file"
        make(path)
        path.write_bytes(path.read_bytes() + b"more")
        with pytest.raises(FormatError):
            read_all(path)


def test_checksum_of_a_lazily_read_tensor(tmp_path: Path) -> None:
    """The archive opens, the array that is damaged refuses, the other is read."""
    path = tmp_path / "x.pt"
    formats.write_torch(path, {"good": np.full(4, 2.0), "bad": np.full(4, 3.0)})
    data = bytearray(path.read_bytes())
    data[data.index(np.float64(3).tobytes())] ^= 1
    path.write_bytes(data)
    with formats.open_weights(path) as archive:
        np.testing.assert_array_equal(archive["good"], np.full(4, 2.0))
        with pytest.raises(FormatError, match="checksum"):
            archive["bad"]

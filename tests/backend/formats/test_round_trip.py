"""What is written is read back alike: every format, random names, shapes and element types."""

import os
from pathlib import Path

import h5py
import hypothesis.extra.numpy as numpy_strategies
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import torch_objects

PLAIN = [
    *("float16", "float32", "float64", "int8", "int16", "int32", "int64", "bool"),
    *("uint8", "uint16", "uint32", "uint64"),
]
EXTRA = [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, "complex64"]
DTYPES = {
    "npz": [*PLAIN, "complex64", "complex128", ">f4", ">i8"],
    "hdf5": [*PLAIN, ml_dtypes.bfloat16, ">f4", ">i8"],
    "safetensors": [*PLAIN, *EXTRA, ">f4", ">i8"],
    "torch": [*PLAIN, *EXTRA, "complex128", ">f4", ">i8"],
}
WRITERS = {
    "npz": formats.write_npz,
    "compressed npz": lambda path, arrays: formats.write_npz(path, arrays, compress=True),
    "hdf5": formats.write_tree,
    "safetensors": formats.write_safetensors,
    "torch": formats.write_torch,
}
NAMES = st.text("abcxyz_0123456789.é", min_size=1, max_size=8).filter(lambda n: set(n) != {"."})


@st.composite
def arrays_of(draw, kind):
    def array(dtype):
        shape = draw(numpy_strategies.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
        raw = draw(st.binary(min_size=0, max_size=16)) + bytes(range(1, 9))
        count = int(np.prod(shape))
        values = np.resize(np.frombuffer(raw, np.int8), count).reshape(shape).astype(dtype)
        if draw(st.booleans()) and values.ndim > 1:
            return values.T
        return values[..., ::2] if draw(st.booleans()) and values.ndim else values

    names = draw(st.lists(NAMES, unique=True, max_size=5))
    return {f"{kind}/{name}": array(draw(st.sampled_from(DTYPES[kind]))) for name in names}


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_round_trip(writer: str, data: st.DataObject, tmp_path: Path) -> None:
    kind = writer.split()[-1]
    arrays = data.draw(arrays_of(kind))
    if not arrays:
        arrays = {"one": np.zeros(1, "f4")}
    path = tmp_path / "file"
    WRITERS[writer](path, arrays)
    first = path.read_bytes()
    with formats.open_weights(path) as archive:
        assert set(archive) == set(arrays) and archive.format == kind
        for name, expected in arrays.items():
            native = expected.dtype.newbyteorder("=") if expected.dtype.byteorder == ">" else None
            expected = expected.astype(native) if native else expected
            assert archive.shape(name) == expected.shape
            assert archive.dtype(name) == expected.dtype
            got = archive[name]
            assert got.dtype == expected.dtype and got.shape == expected.shape
            assert got.tobytes() == np.ascontiguousarray(expected).tobytes()
    WRITERS[writer](path, arrays)
    assert path.read_bytes() == first


def test_numpy_reads_what_is_written(tmp_path: Path) -> None:
    arrays = {"a/b": np.arange(6.0).reshape(2, 3), "c": np.asfortranarray(np.eye(3, dtype="f4"))}
    formats.write_npz(tmp_path / "x.npz", arrays)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as read:
        assert {name: read[name].tolist() for name in read} == {
            name: array.tolist() for name, array in arrays.items()
        }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(save, tmp_path: Path) -> None:
    arrays = {
        "a/b": np.arange(6.0).reshape(2, 3),
        "c": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "d": np.float16(2),
        "zeros": np.zeros((300, 300)),
        "big": np.arange(3, dtype=">i4"),
    }
    save(tmp_path / "x.npz", **arrays)
    with formats.open_npz(tmp_path / "x.npz") as archive:
        for name, expected in arrays.items():
            np.testing.assert_array_equal(archive[name], expected)
            assert archive[name].dtype.isnative


def test_safetensors_metadata(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    formats.write_safetensors(path, {"w": np.ones(2)}, {"format": "pt", "ümlaut": "ß"})
    assert formats.open_weights(path).metadata == {"format": "pt", "ümlaut": "ß"}


def test_safetensors_are_laid_out_aligned_whatever_the_order_given(tmp_path: Path) -> None:
    arrays = {"b": np.ones(3, "i1"), "z": np.ones(3), "a": np.ones(3), "h": np.ones(3, "f2")}
    formats.write_safetensors(tmp_path / "x", arrays)
    formats.write_safetensors(tmp_path / "y", dict(reversed(arrays.items())))
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    assert list(formats.open_weights(tmp_path / "x")) == ["a", "z", "h", "b"]


def test_torch_storages_are_aligned_for_mapping(tmp_path: Path) -> None:
    formats.write_torch(tmp_path / "x.pt", {f"w{n}": np.full(n, 7, "u1") for n in range(1, 9)})
    content = (tmp_path / "x.pt").read_bytes()
    for n in range(1, 9):
        start = content.index(f"archive/data/{n - 1}".encode())
        start = content.index(bytes([7]) * n, start)
        assert start % 64 == 0


def test_arrays_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    for write in (formats.write_torch, formats.write_safetensors, formats.write_npz):
        write(tmp_path / "x", {"w": np.arange(4.0)})
        with formats.open_weights(tmp_path / "x") as archive:
            first, second = archive["w"], archive["w"]
        assert np.shares_memory(first, second) and not first.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            first[0] = 1
        # The view outlives the archive.
        np.testing.assert_array_equal(first, np.arange(4.0))


def test_a_closed_archive_says_so(tmp_path: Path) -> None:
    for write in (formats.write_torch, formats.write_tree):
        write(tmp_path / "x", {"w": np.arange(4.0)})
        archive = formats.open_weights(tmp_path / "x")
        archive.close()
        archive.close()
        with pytest.raises(FormatError, match="the archive must be open; got name='w'"):
            archive["w"]


def test_missing_names_are_key_errors(tmp_path: Path) -> None:
    formats.write_npz(tmp_path / "x", {"w": np.arange(4.0)})
    archive = formats.open_weights(tmp_path / "x")
    with pytest.raises(KeyError):
        archive["v"]
    assert "v" not in archive and archive.get("v") is None and "w" in archive


REFUSED = [
    (formats.write_npz, {"w": np.array([object()])}, "numbers"),
    (formats.write_npz, {"w": np.ones(2, ml_dtypes.bfloat16)}, "safetensors"),
    (formats.write_safetensors, {"w": np.array(["text"])}, "dtypes"),
    (formats.write_safetensors, {"__metadata__": np.ones(1)}, "names"),
    (formats.write_torch, {"w": np.array([object()])}, "dtypes"),
    (formats.write_torch, {1: np.ones(1)}, "names"),
    (formats.write_tree, {"w": np.array(["text"])}, "numbers"),
    (formats.write_tree, {"a/../w": np.ones(1)}, "paths"),
    (formats.write_tree, {"/w": np.ones(1)}, "paths"),
    (formats.write_tree, {"a": np.ones(1), "a/w": np.ones(1)}, "not both"),
    (formats.write_keras, {"config.json": b"{}"}, "needs"),
]


@pytest.mark.parametrize(("write", "content", "says"), REFUSED)
def test_what_cannot_be_written_leaves_the_old_file(write, content, says, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FormatError, match=says):
        write(path, content)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_every_torch_storage_has_a_dtype_name() -> None:
    assert set(torch_objects.STORAGES.values()) <= set(torch_objects.DTYPES.values())


def test_tree_with_attributes(tmp_path: Path) -> None:
    arrays = {"layers/dense/vars/0": np.ones((2, 3), "f4"), "optimizer/vars/10": np.int64(3)}
    notes = {
        "layers/dense/vars": {"name": "head"},
        "layers/relu/vars": {"name": "relu"},
        "": {"n": 3},
    }
    formats.write_tree(tmp_path / "x.h5", arrays, notes)
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["layers/relu/vars"].attrs["name"] == "relu" and file.attrs["n"] == 3
    with formats.Hdf5File(tmp_path / "x.h5") as file:
        assert formats.layer_labels(file) == {"layers/dense": "head", "layers/relu": "relu"}
        assert file.attributes() == {"n": 3}
        assert list(formats.keras3_weights(file)) == ["layers/dense/vars/0"]
        assert len(formats.keras3_weights(file, optimizer=True)) == 2
        assert file.groups["layers"] == ["dense", "relu"]
    with formats.Hdf5File(formats.tree_bytes(arrays, notes)) as file:
        np.testing.assert_array_equal(file.datasets["optimizer/vars/10"].read(), 3)

"""Trees, attributes and layouts of HDF5 files, in every form h5py writes them."""

import io

import h5py
import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError


def written(fill, **options) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def notes(file: h5py.File) -> None:
    group = file.create_group("g/vars")
    for index in range(4):
        group.attrs[f"a{index}"] = "x" * index
    group.attrs["names"] = ["a", "", "ccc"]
    group.attrs["fixed"] = np.array([b"a", b"bb"])
    group.attrs["bytes"] = b"raw"
    file.attrs["count"], file.attrs["rate"], file.attrs["flag"] = 3, 0.5, True
    file.attrs["none"] = []
    file["w"] = np.ones(3)
    file["w"].attrs["ü"] = "ß"


@pytest.mark.parametrize("version", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("ordered", [False, True])
def test_attributes(version: str, ordered: bool) -> None:
    content = written(notes, libver=version, track_order=ordered)
    with formats.Hdf5File(content) as file:
        found = file.attributes("g/vars")
        assert [found[f"a{index}"] for index in range(4)] == ["", "x", "xx", "xxx"]
        assert found["names"] == ["a", "", "ccc"] and found["fixed"] == ["a", "bb"]
        assert file.text("g/vars", "bytes") == "raw" and file.text("w", "ü") == "ß"
        assert file.attribute("", "count") == 3 and file.attribute("", "rate") == 0.5
        assert file.attribute("", "flag") is True and file.attribute("", "nothing") is None
        assert file.names("", "none") == [] and file.names("", "nothing") is None
        with pytest.raises(FormatError, match="must be text"):
            file.text("", "count")
        with pytest.raises(FormatError, match="such a group"):
            file.attributes("nowhere")


def test_names_split_for_their_length() -> None:
    def fill(file: h5py.File) -> None:
        for index in range(3):
            file.attrs[f"layer_names{index}"] = np.array([f"l{index}{n}".encode() for n in "ab"])
        for index in range(3):
            for n in "ab":
                group = file.create_group(f"l{index}{n}")
                group.attrs["weight_names0"] = np.array([b"w:0"])
                group["w:0"] = np.full(2, index)
        own = file.create_group("top_level_model_weights")
        own.attrs["weight_names"] = np.array([b"scale:0"])
        own["scale:0"] = 7.0

    with formats.Hdf5File(written(fill)) as file:
        layers = formats.legacy_layers(file)
        names = ["l0a", "l0b", "l1a", "l1b", "l2a", "l2b", "top_level_model_weights"]
        assert [layer for layer, _ in layers] == names
        assert layers[4][1][0][0] == "w:0" and layers[4][1][0][1].read().tolist() == [2, 2]
        assert layers[-1][1][0][1].read() == 7


def test_older_layout_is_asked_of_another_file() -> None:
    with formats.Hdf5File(written(lambda file: file.create_group("a"))) as file:
        assert formats.layout(file) == "plain" and formats.model_config(file) is None
        with pytest.raises(FormatError, match="layer_names"):
            formats.legacy_layers(file)


def test_filters_chunks_and_byte_order() -> None:
    values = np.arange(600.0).reshape(20, 30)

    def fill(file: h5py.File) -> None:
        file.create_dataset("packed", data=values, compression="gzip", shuffle=True)
        file.create_dataset("checked", data=values, chunks=(7, 7), fletcher32=True)
        file.create_dataset("big", data=values.astype(">f4"))
        file.create_dataset("zeros", data=np.zeros(10**5), compression="gzip")
        file.create_dataset("flags", data=values > 3)
        file.create_dataset("empty", data=np.zeros((0, 3)))
        file.create_dataset("scalar", data=np.int64(-5))

    with formats.Hdf5File(written(fill)) as file:
        read = {path: entry.read() for path, entry in file.datasets.items()}
        for path in ("packed", "checked", "big"):
            np.testing.assert_array_equal(read[path], values)
            assert read[path].dtype.isnative
        assert read["zeros"].shape == (10**5,) and not read["zeros"].any()
        assert read["flags"].dtype == bool and read["empty"].shape == (0, 3)
        assert read["scalar"] == -5 and read["scalar"].shape == ()


def test_variables_are_counted_not_spelled() -> None:
    arrays = {f"layers/dense/vars/{index}": np.array(index) for index in range(12)}
    with formats.Hdf5File(formats.tree_bytes(arrays)) as file:
        found = formats.keras3_weights(file)
        assert [int(entry.read()) for entry in found.values()] == list(range(12))

"""The door for all formats: the content decides, and what is no weight file is told apart."""

import errno
import io
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError, MissingFileError

ARRAYS = {"w": np.arange(6.0).reshape(2, 3)}
PARTS = {"config.json": b"{}", "metadata.json": b"{}"}


def write(kind: str, path: Path) -> None:
    if kind == "keras":
        formats.write_keras(path, {**PARTS, "model.weights.h5": formats.tree_bytes(ARRAYS)})
    elif kind == "onnx":
        value = formats.OnnxValue("w", ARRAYS["w"].dtype, (2, 3))
        node = formats.OnnxNode("Identity", ("w",), ("y",))
        formats.write_onnx(path, formats.OnnxModel("g", 21, [node], [], [value], ARRAYS))
    else:
        {"torch": formats.write_torch, "safetensors": formats.write_safetensors,
         "hdf5": formats.write_tree, "npz": formats.write_npz}[kind](path, ARRAYS)  # fmt: skip


@pytest.mark.parametrize("kind", formats.FORMATS)
@pytest.mark.parametrize("name", ["x.pt", "x.h5", "x.safetensors", "x.npz", "no extension", "x.ä"])
def test_the_name_does_not_matter(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(kind, path)
    assert formats.sniff(path) == kind
    for given in (path, str(path)):
        with formats.open_weights(given) as archive:
            assert archive.format == kind
            np.testing.assert_array_equal(archive["w"], ARRAYS["w"])


def test_npz_inside_keras(tmp_path: Path) -> None:
    formats.write_npz(tmp_path / "w.npz", ARRAYS)
    members = {**PARTS, "model.weights.npz": (tmp_path / "w.npz").read_bytes()}
    formats.write_keras(tmp_path / "x.keras", members)
    archive = formats.open_weights(tmp_path / "x.keras")
    assert archive.format == "keras"
    np.testing.assert_array_equal(archive["w"], ARRAYS["w"])


FOREIGN = {
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
    "web page": (b"\n<!DOCTYPE html><html>", "web page"),
    "gzip": (b"\x1f\x8b\x08", "Unpack"),
    "array": (b"\x93NUMPY\x01\x00", "numpy.savez"),
    "pickle": (b"\x80\x04\x95", "torch.save"),
    "zip": (b"PK\5\6" + bytes(18), "empty ZIP"),
    "json": (b'{"a": 1}', "JSON"),
    "lite": (b"\x1c\0\0\0TFL3" + bytes(8), "TensorFlow Lite"),
    "table": (bytes(40) + bytes.fromhex("57fb808b247547db"), "TensorFlow checkpoint"),
    "gguf": (b"GGUF\3\0\0\0", "GGUF"),
    "text": (b"hello, world", "begins=b'hello, w'"),
    "one byte": (b"x", "begins=b'x'"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign(kind: str, tmp_path: Path) -> None:
    content, says = FOREIGN[kind]
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    for ask in (formats.open_weights, formats.sniff):
        with pytest.raises(FormatError, match=r"one of PyTorch .*npz") as caught:
            ask(path)
        assert says in str(caught.value) and str(path) in str(caught.value)


def test_the_extension_is_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"what?")
    with pytest.raises(FormatError, match="suggests safetensors"):
        formats.open_weights(path)


READERS = {
    "open_weights": formats.open_weights, "sniff": formats.sniff, "open_torch": formats.open_torch,
    "read_checkpoint": formats.read_checkpoint, "open_npz": formats.open_npz,
    "open_onnx": formats.open_onnx,
    "open_safetensors": formats.open_safetensors, "open_hdf5": formats.open_hdf5,
    "Hdf5File": formats.Hdf5File, "read_keras": formats.read_keras,
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file(name: str, tmp_path: Path) -> None:
    read = READERS[name]
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for place, says in {
        "nowhere": "must exist", "nowhere/x": "must exist", "": "directory", "empty": "empty",
        "pipe": "regular",
    }.items():  # fmt: skip
        with pytest.raises(FormatError, match=says) as caught:
            read(tmp_path / place)
        assert str(tmp_path / place) in str(caught.value)
    for wrong in (3, None, "", "a\0b"):
        with pytest.raises(FormatError, match="path"):
            read(wrong)


def test_one_reader_does_not_read_for_another(tmp_path: Path) -> None:
    for kind in formats.FORMATS:
        write(kind, tmp_path / kind)
    readers = {"torch": "open_torch", "safetensors": "open_safetensors", "hdf5": "open_hdf5",
               "keras": "read_keras", "npz": "open_npz"}  # fmt: skip
    for kind, name in readers.items():
        READERS[name](tmp_path / kind)
        for other in set(readers) - {kind}:
            with pytest.raises(FormatError):
                READERS[name](tmp_path / other)


class Interrupted(Exception):
    pass


def test_replacing_is_whole_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fails(file) -> None:
        file.write(b"half")
        raise Interrupted

    with pytest.raises(Interrupted):
        formats.write_atomically(path, fails)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]
    formats.write_atomically(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["x"]


def test_replacing_keeps_mode_and_link(tmp_path: Path) -> None:
    path, link = tmp_path / "x", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    formats.write_npz(link, ARRAYS)
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert formats.sniff(path) == "npz"


def test_a_new_file_has_ordinary_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    formats.write_npz(tmp_path / "x", ARRAYS)
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    def full(file) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(FormatError, match="No space left"):
        formats.write_atomically(tmp_path / "x", full)
    assert os.listdir(tmp_path) == []


def test_what_is_missing_is_told_as_python_tells_it(tmp_path: Path) -> None:
    for ask in (
        lambda: formats.open_weights(tmp_path / "absent"),
        lambda: formats.write_npz(tmp_path / "no" / "x", ARRAYS),
    ):
        with pytest.raises(FileNotFoundError, match="must exist") as caught:
            ask()
        assert isinstance(caught.value, MissingFileError)
        assert caught.value.errno == errno.ENOENT


def test_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="folder must exist"):
        formats.write_npz(tmp_path / "no" / "x", ARRAYS)
    with pytest.raises(FormatError, match="directory"):
        formats.write_npz(tmp_path, ARRAYS)


def test_a_mapped_file_may_be_replaced_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "x"
    formats.write_safetensors(path, ARRAYS)
    with formats.open_weights(path) as archive:
        formats.write_safetensors(path, {"w": archive["w"], "v": archive["w"] + 1})
        np.testing.assert_array_equal(archive["w"], ARRAYS["w"])
    np.testing.assert_array_equal(formats.open_weights(path)["v"], ARRAYS["w"] + 1)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"2")
    return buffer.getvalue()


ARCHIVES = {
    "torch.export": (("m/models/model.json", "m/archive_format", "m/byteorder"), r"torch\.export"),
    "cut short": (("m/version", "m/byteorder", "m/.data/serialization_id"), "broken off"),
    "SavedModel": (("m/saved_model.pb", "m/variables/variables.index"), "SavedModel"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_that_are_no_weight_files_are_told_apart(kind: str, tmp_path: Path) -> None:
    names, says = ARCHIVES[kind]
    (tmp_path / "x.pt").write_bytes(zipped(*names))
    with pytest.raises(FormatError, match=says):
        formats.open_weights(tmp_path / "x.pt")


FOLDERS = {
    "SavedModel": (("saved_model.pb", "keras_metadata.pb"), "SavedModel of TensorFlow"),
    "distributed": ((".metadata", "__0_0.distcp"), "dcp_to_torch_save"),
    "Hugging Face": (("config.json", "model.safetensors"), "Name a file in it, as 'model.saf"),
    "sharded": (("a.safetensors", "a.safetensors.index.json"), "as 'a.safetensors.index.json'"),
    "nothing": (("README.md",), "kind='directory'.$"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_in_the_place_of_a_file(kind: str, tmp_path: Path) -> None:
    names, says = FOLDERS[kind]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(FormatError, match=says):
        formats.open_weights(tmp_path)


def test_a_misspelt_path_is_answered_with_its_neighbours(tmp_path: Path) -> None:
    write("npz", tmp_path / "weights.npz")
    with pytest.raises(MissingFileError, match=r"must exist; got .* Did you mean weights.npz\?$"):
        formats.open_weights(tmp_path / "wieghts.npz")
    with pytest.raises(MissingFileError, match=r"Its folder cannot be read, or does not exist.$"):
        formats.open_weights(tmp_path / "nowhere" / "weights.npz")
    with pytest.raises(MissingFileError, match=r"quite_other'.$"):
        formats.open_weights(tmp_path / "quite_other")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("saved_model.pb", b"\x08\x01\x12\xf6", "A SavedModel of TensorFlow is not read"),
        ("ck-1.data-00000-of-00001", bytes(64), "A checkpoint of TensorFlow: load it there"),
        ("checkpoint", b'model_checkpoint_path: "ck-1"', "A checkpoint of TensorFlow"),
    ],
)  # fmt: skip
def test_parts_of_tensorflows_folders(
    name: str, content: bytes, says: str, tmp_path: Path
) -> None:  # fmt: skip
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=says):
        formats.open_weights(tmp_path / name)

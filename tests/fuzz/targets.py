"""Every reader with the valid files it is fuzzed from.

A target reads bytes. Where a checksum stands before the part that matters, the bytes are that part
alone, and the target puts a sound container around them.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import warnings
import wave
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graftgrad import formats
from graftgrad.errors import DataError, FormatError, GraftError
from graftwork import layers
from graftwork.data.sound_files import decode_wav
from graftwork.data.unpacking import unpack
from graftwork.models import Model, Sequential, load_model, model_from_json

GOLDEN = Path(__file__).resolve().parents[1] / "backend" / "formats" / "golden"
ARRAYS = {"a/kernel": np.arange(6.0, dtype="f4").reshape(2, 3), "a/bias": np.zeros(3, "i8")}


@dataclass(frozen=True)
class Target:
    """A reader and what it is fuzzed from.

    Attributes:
        seeds: valid inputs.
        read: takes bytes; may raise `refuses` and nothing else.
        refuses: the errors that are answers.
        library: whether the bytes reach a C library, which may crash the process.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    refuses: type[GraftError] = FormatError
    library: bool = False


@contextmanager
def as_file(content: bytes) -> Iterator[Path]:
    """Lay bytes down as a file, for as long as it is read."""
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        yield path


def made(write: Callable[[Path], object]) -> bytes:
    """Return the bytes of a file that `write` makes."""
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()


def read_weights(content: bytes) -> object:
    """Open the arrays and read each."""
    with as_file(content) as path, formats.open_weights(path) as archive:
        return {name: np.array(archive[name]) for name in archive}


def read_external(content: bytes) -> object:
    """Open the arrays of a model with numbers beside it, and read each."""
    with as_file(content) as path:
        (path.parent / "external.data").write_bytes(golden("external.data"))
        with formats.open_weights(path) as archive:
            return {name: np.array(archive[name]) for name in archive}


def read_torch(content: bytes) -> object:
    """Decode the whole checkpoint, then the part of it that is the network."""
    with as_file(content) as path:
        formats.read_checkpoint(path)
    return read_weights(content)


def read_hdf5(content: bytes) -> object:
    """Visit every dataset and attribute, then the weights as Keras names them."""
    with as_file(content) as path:
        with formats.Hdf5File(path) as file:
            for place in (*file.groups, *file.datasets):
                file.attributes(place)
            for entry in file.datasets.values():
                entry.read()
            formats.model_config(file)
            formats.training_config(file)
        return read_weights(content)


def read_model(content: bytes, name: str = "m.keras") -> object:
    """Make the whole model."""
    with as_file(content) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optimizer's state that fits no more is told
        return load_model(path.rename(path.with_name(name)))


def read_into(content: bytes) -> object:
    """Load the weights into a model that is there."""
    with as_file(content) as path:
        return one_layer().load_weights(path, strict=False, skip_mismatch=True)


def one_layer() -> Any:
    """The least model."""
    return Sequential([layers.Input((2,)), layers.Dense(3, name="a")])


def saved_weights(ending: str) -> bytes:
    """The weights of the least model, in the format of an ending."""
    return made(lambda path: (one_layer().save_weights(path.with_suffix(ending)),
                              path.with_suffix(ending).rename(path)))  # fmt: skip


# what the mutated part is put into


def inside(whole: bytes, member: str, read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Read a ZIP archive one of whose members is the input."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def rewrapped(content: bytes) -> object:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, raw in members.items():
                archive.writestr(name, content if name == member else raw)
        return read(buffer.getvalue())

    return rewrapped


def member(whole: bytes, name: str) -> bytes:
    """Take one member out."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return archive.read(name)


def headed(text: bytes) -> object:
    """Read a safetensors file whose header is the input."""
    size = sum(array.nbytes for array in ARRAYS.values())
    return read_weights(len(text).to_bytes(8, "little") + text + bytes(size))


# valid files


def golden(name: str) -> bytes:
    """Return a file that another program wrote."""
    return (GOLDEN / name).read_bytes()


@cache
def torch_zip() -> bytes:
    """A state dict of ours."""
    return made(lambda path: formats.write_torch(path, ARRAYS))


@cache
def safetensors() -> bytes:
    """Two arrays and metadata."""
    return made(lambda path: formats.write_safetensors(path, ARRAYS, {"format": "pt"}))


@cache
def npz(compress: bool = False) -> bytes:
    """Two arrays."""
    return made(lambda path: formats.write_npz(path, ARRAYS, compress=compress))


@cache
def keras() -> bytes:
    """A compiled model with branches."""
    model = small()
    model.compile("adam", "mse", metrics=["mae"])
    return made(lambda path: (model.save(path.with_suffix(".keras")),
                              path.with_suffix(".keras").rename(path)))  # fmt: skip


@cache
def whole_hdf5() -> bytes:
    """The same kind of model in Keras' older form."""
    model = small()
    model.compile("sgd", "mse")
    return made(lambda path: (model.save(path.with_suffix(".h5")),
                              path.with_suffix(".h5").rename(path)))  # fmt: skip


def small() -> Any:
    """A model with two branches and a nested one."""
    entrance = layers.Input((4,))
    inner = Sequential([layers.Input((3,)), layers.Dense(2, activation="relu")], name="inner")
    left = layers.Dense(3, name="left", kernel_regularizer="l2")(entrance)
    right = layers.Dense(3, name="right")(entrance)
    return Model(entrance, inner(layers.Add()([left, right])), name="net")


@cache
def deflated_hdf5() -> bytes:
    """Chunks, gzip, shuffle and checksums."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("w", data=np.arange(400.0), chunks=(100,), compression="gzip",
                            shuffle=True, fletcher32=True)  # fmt: skip
        file.attrs["names"] = ["a", "b"]
        file.attrs["text"] = "short"
    return buffer.getvalue()


@cache
def exported() -> bytes:
    """A model for inference."""
    return made(lambda path: (small().export(path.with_suffix(".onnx"), format="onnx"),
                              path.with_suffix(".onnx").rename(path)))  # fmt: skip


@cache
def feature_space() -> bytes:
    """A space of features that Keras wrote."""
    return (Path(__file__).resolve().parents[1] / "golden" / "feature_space.keras").read_bytes()


@cache
def sound(width: int) -> bytes:
    """Sixty samples of two channels, of so many bytes each."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(bytes(range(60 * width)) * 2)
    return buffer.getvalue()


def json_of(name: str = "config.json") -> bytes:
    """A member of the model file, as text."""
    return member(keras(), name)


def _torch_targets() -> dict[str, Target]:
    ours, theirs = torch_zip(), golden("checkpoint_zip.pth")
    odd, training = golden("module_zip.pt"), golden("module_training.pt")
    script, frozen = golden("program_script.pt"), golden("program_frozen.pt")
    export = golden("program_export.pt2")
    pickle = {whole: _pickle(whole) for whole in (ours, theirs, odd, training, script)}
    code, constants = "program_script/code/__torch__.py", "program_frozen/constants.pkl"
    told = "program_export/data/weights/model_weights_config.json"
    return {
        "torch": Target(lambda: [ours, theirs], read_torch),
        "torch pickle": Target(
            lambda: [member(theirs, pickle[theirs])], inside(theirs, pickle[theirs], read_torch)
        ),
        "torch pickle of ours": Target(
            lambda: [member(ours, pickle[ours])], inside(ours, pickle[ours], read_torch)
        ),
        "torch module": Target(
            lambda: [member(odd, pickle[odd])], inside(odd, pickle[odd], read_torch)
        ),
        "torch training": Target(
            lambda: [member(training, pickle[training])],
            inside(training, pickle[training], read_torch),
        ),
        "torch module old": Target(lambda: [golden("module_old.pt")], read_torch),
        "torch script": Target(
            lambda: [member(script, pickle[script])], inside(script, pickle[script], read_torch)
        ),
        "torch script code": Target(
            lambda: [member(script, code)], inside(script, code, read_torch)
        ),
        "torch frozen": Target(
            lambda: [member(frozen, constants)], inside(frozen, constants, read_torch)
        ),
        "torch export": Target(lambda: [export], read_torch),
        "torch export weights": Target(
            lambda: [member(export, told)], inside(export, told, read_torch)
        ),
        "torch old": Target(lambda: [golden("checkpoint_old.pth")], read_torch),
    }


def _pickle(whole: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return next(name for name in archive.namelist() if name.endswith("data.pkl"))


@cache
def archives() -> list[bytes]:
    """Archives of every kind that is unpacked."""
    found = []
    for mode in ("w", "w:gz", "w:bz2", "w:xz", "zip"):
        buffer = io.BytesIO()
        if mode == "zip":
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as whole:
                whole.writestr("a/b", b"text" * 50)
        else:
            tar: Any = tarfile.open(fileobj=buffer, mode=mode)  # type: ignore[call-overload]
            with tar:
                member = tarfile.TarInfo("a/b")
                member.size = 200
                tar.addfile(member, io.BytesIO(b"text" * 50))
        found.append(buffer.getvalue())
    return found


def unpacked(content: bytes) -> object:
    """Unpack an archive into a folder."""
    with as_file(content) as path:
        unpack(path, path.parent / "place")
        return sorted(one.name for one in (path.parent / "place").rglob("*"))


def every() -> dict[str, Target]:
    """Return the targets by name."""
    first = "a/kernel.npy"
    return {
        **_torch_targets(),
        "safetensors": Target(lambda: [safetensors()], read_weights),
        "safetensors header": Target(
            lambda: [safetensors()[8 : 8 + int.from_bytes(safetensors()[:8], "little")]], headed
        ),
        "npz": Target(lambda: [npz(), npz(True)], read_weights),
        "npy": Target(lambda: [member(npz(), first)], inside(npz(), first, read_weights)),
        "keras": Target(lambda: [keras()], read_model, GraftError),
        "keras config": Target(
            lambda: [json_of()], inside(keras(), "config.json", read_model), GraftError
        ),
        "keras metadata": Target(
            lambda: [json_of("metadata.json")], inside(keras(), "metadata.json", read_model),
            GraftError,
        ),
        "json": Target(
            lambda: [json_of()],
            lambda content: model_from_json(content.decode("utf-8", "replace")), GraftError,
        ),
        "weights": Target(
            lambda: [saved_weights(".safetensors"), saved_weights(".pth")], read_into, GraftError
        ),
        "onnx": Target(lambda: [golden("variety.onnx"), exported()], read_weights),
        "onnx external": Target(lambda: [golden("external.onnx")], read_external),
        "archive": Target(archives, unpacked),
        "hdf5": Target(
            lambda: [golden("outer.h5"), deflated_hdf5(), member(keras(), "model.weights.h5")],
            read_hdf5, library=True,
        ),
        "keras hdf5": Target(
            lambda: [member(keras(), "model.weights.h5")],
            inside(keras(), "model.weights.h5", read_model), GraftError, library=True,
        ),
        "wav": Target(lambda: [sound(2), sound(3)], decode_wav, DataError),
        "feature space": Target(
            lambda: [member(feature_space(), "config.json")],
            inside(feature_space(), "config.json", read_model), GraftError,
        ),
        "whole hdf5": Target(
            lambda: [whole_hdf5()], lambda content: read_model(content, "m.h5"), GraftError,
            library=True,
        ),
    }  # fmt: skip

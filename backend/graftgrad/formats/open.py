"""One door for weight files: the content decides the format, never the name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from . import hdf5, keras_layout, keras_zip, npz, onnx, safetensors, shards, torch
from .base import DEFAULT_LIMITS, Archive, Limits, check, refuse
from .file import PathLike, as_path, map_file
from .zip import ZipArchive

FORMATS = ("torch", "safetensors", "hdf5", "keras", "npz", "onnx")
_KNOWN = (
    "PyTorch (.pt, .pth, .bin), safetensors, Keras HDF5 (.h5, .hdf5, .weights.h5), .keras, "
    "NumPy (.npz), ONNX (.onnx)"
)
_EXTENSIONS = {
    ".pt": "torch", ".pth": "torch", ".bin": "torch", ".th": "torch", ".ckpt": "torch",
    ".safetensors": "safetensors", ".h5": "hdf5", ".hdf5": "hdf5", ".keras": "keras",
    ".npz": "npz", ".onnx": "onnx",
}  # fmt: skip

_TABLE = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # ends the sorted tables of LevelDB

# Files that are often met in the place of weights, by how they begin, and what to do about each.
_FOREIGN = (
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the file itself with git lfs pull."),
    (b"<", "a web page", "The download went wrong: fetch the file itself."),
    (b"\x1f\x8b", "a gzip file", "Unpack it first."),
    (b"BZh", "a bzip2 file", "Unpack it first."),
    (b"\x93NUMPY", "a single NumPy array", "Save named arrays with numpy.savez."),
    (b"\x80", "a bare pickle", "Only files written by torch.save are read."),
    (b"PK\5\6", "an empty ZIP archive", ""),
    (b"GGUF", "a GGUF file", "Convert it to safetensors."),
    (b"{", "a JSON text", ""),
)
# The same for ZIP archives, by a member.
_ARCHIVES = (
    (
        "archive_format",
        "A program of torch.export without its weights: save the state_dict() of its module "
        "instead.",
    ),
    ("byteorder", "It has no data.pkl: torch.save was broken off. Save it again."),
    ("saved_model.pb", "A SavedModel of TensorFlow: save the model as .keras or .h5."),
)


def open_weights(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open the named arrays of a weight file of any known format.

    Args:
        path: the file.
        limits: what it may ask for.

    Returns:
        a mapping from names to host arrays, each read when asked for; `shape` and `dtype` tell
        without reading. What belongs to an optimizer is left out.

    Raises:
        FormatError: no such file, a directory, empty, truncated, damaged, of no known format, or
            it holds more than plain arrays.
    """
    data = map_file(path)
    subject = os.fspath(path)
    if bytes(data[:4]) == b"PK\3\4":
        return _open_zip(ZipArchive(data, subject, limits), limits)
    if hdf5.sniff(data):
        return keras_layout.open_hdf5(path, limits)
    if torch.sniff_legacy(data):
        return torch.archive(torch.decode_legacy(data, subject, limits))
    if torch.sniff_tar(data):
        torch.refuse_tar(subject)
    if safetensors.sniff(data):
        return safetensors.from_bytes(data, subject, limits)
    if onnx.sniff(data):
        return onnx.from_bytes(data, path, limits)
    if shards.sniff(data):
        return shards.open_shards(path, _open_part, limits)
    _refuse_unknown(data, path)


def is_index(path: PathLike) -> bool:
    """Tell whether a file is an index of several files with weights."""
    return shards.sniff(map_file(path))


def _open_part(path: Path, limits: Limits) -> Archive:
    """Open one file of several; an index within an index is none."""
    check(
        not is_index(path),
        str(path),
        "a file of an index must hold weights itself",
        kind="another index",
    )
    return open_weights(path, limits)


def sniff(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> str:
    """Name the format of a file by its content: one of FORMATS.

    Raises:
        FormatError: it is of no known format.
    """
    data = map_file(path)
    if bytes(data[:4]) == b"PK\3\4":
        return _zip_kind(ZipArchive(data, os.fspath(path), limits))
    if hdf5.sniff(data):
        return "hdf5"
    if torch.sniff_legacy(data):
        return "torch"
    if safetensors.sniff(data):
        return "safetensors"
    if onnx.sniff(data):
        return "onnx"
    if shards.sniff(data):
        with shards.open_shards(path, _open_part, limits) as archive:
            return archive.format
    _refuse_unknown(data, path)


def _zip_kind(archive: ZipArchive) -> str:
    # What decides is asked first: a .keras archive has its config, whatever else lies beside it.
    if keras_zip.sniff(archive):
        return "keras"
    if torch.sniff_zip(archive):
        return "torch"
    if npz.sniff(archive):
        return "npz"
    advice = next(
        (told for ending, told in _ARCHIVES if any(one.endswith(ending) for one in archive.names)),
        "",
    )
    refuse(archive.subject, f"a ZIP archive must be one of {_KNOWN}", advice,
           members=archive.names[:8])  # fmt: skip


def _open_zip(archive: ZipArchive, limits: Limits) -> Archive:
    kind = _zip_kind(archive)
    if kind == "keras":
        return keras_zip.KerasFile(archive, limits).open_weights()
    if kind == "torch":
        return torch.archive(torch.decode_zip(archive))
    return npz.from_zip(archive, limits)


def _refuse_unknown(data: memoryview, path: PathLike) -> NoReturn:
    head = bytes(data[:64])
    for begin, kind, advice in _FOREIGN:
        if head.lstrip().startswith(begin) or head.startswith(begin):
            refuse(os.fspath(path), f"must be one of {_KNOWN}", advice, kind=kind)
    if head[4:8] == b"TFL3":
        refuse(os.fspath(path), f"must be one of {_KNOWN}",
               "Use the Keras model it was made from.", kind="a TensorFlow Lite model")  # fmt: skip
    if bytes(data[-8:]) == _TABLE:
        refuse(os.fspath(path), f"must be one of {_KNOWN}",
               "Load it with TensorFlow and save the model as .weights.h5.",
               kind="the index of a TensorFlow checkpoint")  # fmt: skip
    place = as_path(path)
    expected = _EXTENSIONS.get(place.suffix.lower())
    hint = f"Its name suggests {expected}: the file may be truncated." if expected else ""
    if place.name == "saved_model.pb":
        hint = "A SavedModel of TensorFlow is not read: save the model as .keras or .h5."
    if ".data-0" in place.name or head.startswith(b"model_checkpoint_path"):
        hint = "A checkpoint of TensorFlow: load it there and save the model as .weights.h5."
    refuse(os.fspath(path), f"must be one of {_KNOWN}", hint, begins=head[:8])

"""Writing trees of arrays into HDF5 files, in the layout Keras 3 reads."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from . import hdf5_library as h5py
from .base import BFLOAT16, Array, check
from .file import PathLike, write_atomically

Attributes = Mapping[str, Mapping[str, str | int | float | bool]]


def write_tree(
    target: PathLike | BinaryIO, arrays: Mapping[str, Any], attributes: Attributes | None = None
) -> None:
    """Write arrays as datasets at their paths, and attributes of groups.

    A file named by a path appears whole or not at all; equal input gives equal bytes.

    Args:
        target: a path, or a seekable binary file open for reading and writing.
        arrays: datasets by path, for example "layers/dense/vars/0"; bfloat16 is marked as Keras
            marks it.
        attributes: by path of a group, its attributes by name; groups that hold no dataset (a
            layer without weights) are made, too.
    """
    ready = {path: np.asanyarray(value) for path, value in arrays.items()}
    subject = str(target) if isinstance(target, (str, os.PathLike)) else "hdf5"
    _check(subject, ready, attributes or {})
    if isinstance(target, (str, os.PathLike)):
        # In memory first: HDF5 cannot close a file that a full disk refused to take.
        buffer = io.BytesIO()
        _write(buffer, ready, attributes or {})
        write_atomically(target, lambda file: _all(file, buffer.getbuffer()))
    else:
        _write(target, ready, attributes or {})


def _all(file: BinaryIO, content: memoryview) -> None:
    file.write(content)


def tree_bytes(arrays: Mapping[str, Any], attributes: Attributes | None = None) -> bytes:
    """Write the same into memory, for a member of an archive."""
    buffer = io.BytesIO()
    write_tree(buffer, arrays, attributes)
    return buffer.getvalue()


def _check(subject: str, arrays: Mapping[str, Array], attributes: Attributes) -> None:
    """Find everything h5py would stumble over before the file is touched."""
    for path in (*arrays, *(path for path in attributes if path)):
        parts = path.split("/") if isinstance(path, str) else [""]
        plain = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
        check(plain, subject, "paths must be names joined by /", path=path)
    for path, array in arrays.items():
        numbers = array.dtype.kind in "iufb" and array.dtype.isbuiltin != 2
        check(numbers or array.dtype == BFLOAT16, subject, f"dataset {path!r} must hold numbers",
              dtype=str(array.dtype))  # fmt: skip
    groups = {path.rsplit("/", 1)[0] for path in arrays if "/" in path} | set(attributes)
    for group in groups:
        above = [group[:at] for at in range(len(group)) if group[at] == "/"]
        clash = [place for place in (group, *above) if place in arrays]
        check(not clash, subject, "a path is a group or a dataset, not both", paths=clash)


def _write(target: Any, arrays: Mapping[str, Array], attributes: Attributes) -> None:
    with h5py.File(target, "w") as file:
        for path, notes in attributes.items():
            group = file.require_group(path) if path else file
            for name, value in notes.items():
                group.attrs[name] = value
        for path, array in arrays.items():
            dataset = file.create_dataset(path, data=array)
            if array.dtype == BFLOAT16:
                dataset.attrs["dtype"] = "bfloat16"

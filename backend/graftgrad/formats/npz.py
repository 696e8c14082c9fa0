"""NumPy's .npz archives: named .npy files in a ZIP, their headers parsed strictly, no pickles."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from .base import (
    DEFAULT_LIMITS,
    Archive,
    Array,
    DType,
    Entry,
    Limits,
    Shape,
    array_bytes,
    check,
    check_total,
    refuse,
    view,
)  # fmt: skip
from .file import PathLike, map_file, write_atomically
from .zip import ZipArchive, write_zip

_MAGIC = b"\x93NUMPY"
# Exactly what numpy writes: three keys in this order, spaces, one line feed.
_HEADER = re.compile(
    r"\{'descr': '([<>|=][a-zA-Z][0-9]{1,2})', 'fortran_order': (True|False), "
    r"'shape': \(((?:[0-9]{1,19}, ?)*(?:[0-9]{1,19})?)\), \} *\n"
)
_KINDS = "biufc"
_LONGEST_HEADER = 4096  # magic and all; a plain array's has 128 bytes


def sniff(archive: ZipArchive) -> bool:
    """Tell whether a ZIP archive holds nothing but .npy files."""
    return bool(archive.names) and all(name.endswith(".npy") for name in archive.names)


def open_npz(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open an .npz file; arrays are read when asked for.

    Raises:
        FormatError: not an .npz file, damaged, or an array of Python objects or records.
    """
    return from_zip(ZipArchive(map_file(path), str(path), limits), limits)


def from_zip(archive: ZipArchive, limits: Limits) -> Archive:
    """Read the headers of all .npy members."""
    subject = archive.subject
    check(sniff(archive), subject, "every member must be a .npy file", members=archive.names[:8])
    entries = {name.removesuffix(".npy"): _entry(archive, name, limits) for name in archive.names}
    total = sum(entry.nbytes for entry in entries.values())
    check_total(subject, len(entries), total, len(archive.data), limits)
    return Archive("npz", subject, entries)


def _entry(archive: ZipArchive, name: str, limits: Limits) -> Entry:
    subject = f"{archive.subject}: member {name!r}"
    shape, dtype, order, start = _parse_header(archive.head(name, _LONGEST_HEADER), subject)
    size = array_bytes(subject, shape, dtype, limits)
    present = archive.size(name) - start
    check(present == size, subject, "must hold as many bytes as its shape says",
          shape=shape, dtype=str(dtype), bytes=present)  # fmt: skip
    return Entry(
        shape, dtype.newbyteorder("="), partial(_read, archive, name, start, shape, dtype, order)
    )


def _read(
    archive: ZipArchive, name: str, start: int, shape: Shape, dtype: DType, order: str
) -> Array:
    array = view(archive.read(name)[start:], shape, dtype, order)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _parse_header(data: bytes, subject: str) -> tuple[Shape, DType, str, int]:
    """Return shape, dtype, order ("C" or "F") and where the values begin."""
    check(data[:6] == _MAGIC and len(data) >= 12, subject, "must be a .npy file",
          begins=data[:6])  # fmt: skip
    version = data[6]
    check(version in (1, 2, 3) and data[7] == 0, subject, "must be .npy version 1, 2 or 3",
          version=version)  # fmt: skip
    form = "<H" if version == 1 else "<I"
    start = 8 + struct.calcsize(form)
    (length,) = struct.unpack_from(form, data, 8)
    check(length <= len(data) - start, subject,
          f"a header of at most {_LONGEST_HEADER} bytes inside the member",
          length=length)  # fmt: skip
    text = data[start : start + length].decode("latin-1")
    found = _HEADER.fullmatch(text)
    if found is None:
        refuse(subject, "must hold a plain array of numbers",
               "Arrays of objects or records are not read.", header=text[:80])  # fmt: skip
    shape = tuple(int(size) for size in found[3].replace(",", " ").split())
    return shape, _dtype(found[1], subject), "F" if found[2] == "True" else "C", start + length


def _dtype(text: str, subject: str) -> DType:
    advice = "Element types that numpy does not know itself belong in a .safetensors file."
    check(text[1] in _KINDS, subject, "elements must be numbers", advice, descr=text)
    try:
        return np.dtype(text)
    except TypeError:
        refuse(subject, "elements must be numbers", advice, descr=text)


def write_npz(path: PathLike, arrays: Mapping[str, Any], *, compress: bool = False) -> None:
    """Write arrays into an .npz file that numpy reads, whole or not at all.

    Args:
        path: the file; one that is there is replaced at the end.
        arrays: what to write, by name; bfloat16 is refused, for numpy would forget what it is.
        compress: deflate the arrays.
    """
    ready = {name: np.asanyarray(value) for name, value in arrays.items()}
    for name, array in ready.items():
        _check_writable(str(path), name, array)
    members = partial(_members, ready)
    write_atomically(path, lambda file: write_zip(file, members(), compress=compress, align=64))


def _check_writable(path: str, name: str, array: Array) -> None:
    check(isinstance(name, str) and name != "", path, "array names must be text", name=name)
    check(
        array.dtype.kind in _KINDS and array.dtype.isbuiltin != 2, path,
        f"array {name!r} must hold numbers numpy knows itself", "Write .safetensors instead.",
        dtype=str(array.dtype),
    )  # fmt: skip


def _members(arrays: Mapping[str, Array]) -> Iterator[tuple[str, bytes]]:
    save: Callable[..., None] = np.lib.format.write_array
    for name, array in arrays.items():
        buffer = io.BytesIO()
        save(buffer, array, version=(1, 0), allow_pickle=False)
        yield f"{name}.npy", buffer.getvalue()

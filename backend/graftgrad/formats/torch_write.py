"""Writing arrays as a PyTorch checkpoint: the ZIP container and the few pickle bytes it needs."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .base import Array, DType, check, check_metadata
from .file import PathLike, write_atomically
from .torch_objects import DTYPES, STORAGES
from .zip import write_zip

_FOLDER = "archive/"
METADATA = ".graftwork/metadata.json"  # in that folder; PyTorch passes over it
_ALIGNMENT = 64  # as PyTorch aligns them, for mapping
_STORAGES = {dtype: name for name, dtype in STORAGES.items()}
_DTYPES = {dtype: name for name, dtype in DTYPES.items()}
_EMPTY_ORDERED = b"ccollections\nOrderedDict\n)R"


def write_torch(
    path: PathLike, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a flat dict of arrays that `torch.load(path, weights_only=True)` reads as tensors.

    The file appears whole or not at all; equal input gives equal bytes.

    Args:
        path: the file; one that is there is replaced at the end.
        arrays: what to write, by name.
        metadata: text by name, which PyTorch does not see and `open_weights` returns.
    """
    subject = str(path)
    ready = {name: np.asanyarray(value) for name, value in arrays.items()}
    for name, array in ready.items():
        check(isinstance(name, str) and name != "", subject, "array names must be text", name=name)
        check(_little(array.dtype) in _DTYPES, subject,
              f"array {name!r} must have one of the dtypes {[*DTYPES]}",
              dtype=str(array.dtype))  # fmt: skip
    notes = dict(metadata or {})
    check_metadata(subject, notes)
    write_atomically(path, lambda file: write_zip(file, _members(ready, notes), align=_ALIGNMENT))


def _little(dtype: DType) -> DType:
    return dtype.newbyteorder("<") if dtype.byteorder == ">" else dtype


def _members(
    arrays: Mapping[str, Array], notes: dict[str, str]
) -> Iterator[tuple[str, bytes | memoryview]]:
    yield _FOLDER + "data.pkl", _pickle(arrays)
    yield _FOLDER + "byteorder", b"little"
    for index, array in enumerate(arrays.values()):
        plain = np.ascontiguousarray(array, _little(array.dtype))
        yield f"{_FOLDER}data/{index}", plain.reshape(-1).view(np.uint8).data
    yield _FOLDER + "version", b"3\n"
    if notes:
        yield _FOLDER + METADATA, json.dumps(notes, sort_keys=True).encode()


def _pickle(arrays: Mapping[str, Array]) -> bytes:
    """A pickle of protocol 2: one dict, a tensor with a storage of its own for each array."""
    items = (_text(name) + _tensor(index, a) for index, (name, a) in enumerate(arrays.items()))
    return b"\x80\x02}(" + b"".join(items) + b"u."


def _tensor(index: int, array: Array) -> bytes:
    dtype = _little(array.dtype)
    typed = dtype in _STORAGES
    kind = f"ctorch\n{_STORAGES[dtype]}\n" if typed else "ctorch.storage\nUntypedStorage\n"
    count = array.size if typed else array.nbytes
    storage = _tuple(_text("storage"), kind.encode(), _text(str(index)), _text("cpu"), _int(count))
    strides = [int(np.prod(array.shape[axis + 1 :], dtype=np.int64)) for axis in range(array.ndim)]
    described = (
        storage + b"Q", _int(0), _tuple(*map(_int, array.shape)), _tuple(*map(_int, strides)),
        b"\x89", _EMPTY_ORDERED,
    )  # fmt: skip
    if typed:
        return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(*described) + b"R"
    element = f"ctorch\n{_DTYPES[dtype]}\n".encode()
    return b"ctorch._utils\n_rebuild_tensor_v3\n" + _tuple(*described, element) + b"R"


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def _int(value: int) -> bytes:
    if 0 <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw

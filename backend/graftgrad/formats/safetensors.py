"""safetensors files: a JSON header, then all bytes; read mapped, written in a fixed order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from .base import (
    BFLOAT16,
    DEFAULT_LIMITS,
    Archive,
    DType,
    Entry,
    Limits,
    array_bytes,
    check,
    check_metadata,
    check_total,
    view,
)  # fmt: skip
from .file import PathLike, map_file, write_atomically
from .strict_json import parse_object, texts

DTYPES: dict[str, DType] = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"), "U16": np.dtype("<u2"), "U32": np.dtype("<u4"), "U64": np.dtype("<u8"),
    "I8": np.dtype("i1"), "I16": np.dtype("<i2"), "I32": np.dtype("<i4"), "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "BF16": BFLOAT16,
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn), "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu), "C64": np.dtype("<c8"),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_METADATA = "__metadata__"
_FIELDS = {"dtype", "shape", "data_offsets"}
_LONGEST_HEADER = 100_000_000  # the format's own limit


def sniff(data: memoryview) -> bool:
    """Tell whether the file begins with the length of a JSON object that fits."""
    length = int.from_bytes(data[:8], "little")
    return len(data) > 9 and data[8] == ord("{") and 2 <= length <= len(data) - 8


def open_safetensors(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open a safetensors file; arrays are views of the mapped file.

    Raises:
        FormatError: the header is not one, or does not describe the bytes that follow exactly.
    """
    return from_bytes(map_file(path), str(path), limits)


def from_bytes(data: memoryview, subject: str, limits: Limits) -> Archive:
    """Check the header as a whole, before any array is looked at."""
    header, start = _read_header(data, subject, limits)
    metadata = texts(header.pop(_METADATA, {}), subject)
    check_total(subject, len(header), len(data) - start, len(data), limits)
    spans: list[tuple[int, int]] = []
    entries: dict[str, Entry] = {}
    for name, fields in header.items():
        dtype, shape, begin, end = _parse_fields(fields, f"{subject}: tensor {name!r}", limits)
        spans.append((begin, end))
        entries[name] = Entry(
            shape, dtype, partial(view, data[start + begin : start + end], shape, dtype)
        )
    _check_cover(spans, len(data) - start, subject)
    return Archive("safetensors", subject, entries, metadata)


def _read_header(data: memoryview, subject: str, limits: Limits) -> tuple[dict[str, Any], int]:
    check(len(data) >= 10, subject, "must hold a header", "The file is truncated.", bytes=len(data))
    length = int.from_bytes(data[:8], "little")
    most = min(limits.max_header, _LONGEST_HEADER)
    check(length <= most, subject, f"a header of at most max_header={most} bytes", length=length)
    check(length <= len(data) - 8, subject, "the header must lie inside the file",
          "The file is truncated.", length=length, bytes=len(data))  # fmt: skip
    check(data[8] == ord("{"), subject, "the header must begin with {", begins=bytes(data[8:9]))
    return parse_object(data[8 : 8 + length], f"{subject}: header", limits), 8 + length


def _parse_fields(
    fields: Any, subject: str, limits: Limits
) -> tuple[DType, tuple[int, ...], int, int]:
    check(isinstance(fields, dict) and set(fields) == _FIELDS, subject,
          "must state dtype, shape and data_offsets",
          stated=[*fields] if isinstance(fields, dict) else type(fields).__name__)  # fmt: skip
    name, sizes, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    check(isinstance(name, str) and name in DTYPES, subject, f"dtype must be one of {[*DTYPES]}",
          dtype=name if isinstance(name, str) else type(name).__name__)  # fmt: skip
    check(_counts(sizes), subject, "shape must be a list of sizes", shape=sizes)
    check(
        _counts(offsets) and len(offsets) == 2,
        subject,
        "data_offsets must be two positions",
        data_offsets=offsets,
    )
    begin, end = offsets
    size = array_bytes(subject, tuple(sizes), DTYPES[name], limits)
    check(end - begin == size, subject, "must hold as many bytes as its shape says",
          shape=tuple(sizes), dtype=name, bytes=end - begin)  # fmt: skip
    return DTYPES[name], tuple(sizes), begin, end


def _counts(values: Any) -> bool:
    """Tell whether this is a list of integers that are not negative (and no booleans)."""
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 63 for v in values)


def _check_cover(spans: list[tuple[int, int]], total: int, subject: str) -> None:
    """The arrays must cover the data exactly: no overlap, no gap, nothing left over."""
    position = 0
    for begin, end in sorted(spans):
        check(begin == position, subject, "tensors must follow each other without gap or overlap",
              expected=position, begin=begin)  # fmt: skip
        position = end
    check(position == total, subject, "tensors must cover the data exactly",
          "The file is truncated or has bytes appended.",
          covered=position, bytes=total)  # fmt: skip


def write_safetensors(
    path: PathLike, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays into a safetensors file, whole or not at all; equal input gives equal bytes.

    Arrays stand in the order the reference writer uses: wide elements first, then by name, so that
    each lies at a multiple of its element size.

    Args:
        path: the file; one that is there is replaced at the end.
        arrays: what to write, by name.
        metadata: text by name.
    """
    subject = str(path)
    ready = {name: np.asanyarray(value) for name, value in arrays.items()}
    notes = dict(metadata or {})
    check_metadata(subject, notes)
    for name, array in ready.items():
        check(isinstance(name, str) and name != _METADATA, subject, "array names must be text",
              name=name)  # fmt: skip
        check(_little(array.dtype) in _NAMES, subject,
              f"array {name!r} must have one of the dtypes {[*DTYPES]}",
              dtype=str(array.dtype))  # fmt: skip
    order = sorted(ready, key=lambda name: (-ready[name].dtype.itemsize, name))
    header = _header({name: ready[name] for name in order}, notes)

    def write(file: BinaryIO) -> None:
        file.write(header)
        for content in _contents(ready[name] for name in order):
            file.write(content)

    write_atomically(path, write)


def _little(dtype: DType) -> DType:
    return dtype.newbyteorder("<") if dtype.byteorder == ">" else dtype


def _header(arrays: Mapping[str, Any], notes: dict[str, str]) -> bytes:
    fields: dict[str, Any] = {_METADATA: dict(sorted(notes.items()))} if notes else {}
    position = 0
    for name, array in arrays.items():
        end = position + array.nbytes
        dtype = _NAMES[_little(array.dtype)]
        fields[name] = {"dtype": dtype, "shape": [*array.shape], "data_offsets": [position, end]}
        position = end
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _contents(arrays: Iterator[Any]) -> Iterator[memoryview]:
    for array in arrays:
        plain = np.ascontiguousarray(array, _little(array.dtype))
        # Element types numpy does not know itself have no buffer; their bytes do.
        yield plain.reshape(-1).view(np.uint8).data

"""The weights of an ONNX file: the initialisers of its graph, read without running anything.

ONNX, "Open Neural Network Exchange IR": a message ModelProto with a GraphProto in field 7, whose
field 5 holds one TensorProto for each initialiser. Where numbers lie in a file beside it is told in
`onnx_external.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import ml_dtypes
import numpy as np

from .base import (
    BFLOAT16,
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
from .file import PathLike, as_path, map_file
from .onnx_external import ExternalFiles
from .protobuf import BYTES, FIXED32, FIXED64, VARINT, Value, fields, numbers

DTYPES: dict[int, DType] = {
    1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1"), 4: np.dtype("<u2"),
    5: np.dtype("<i2"), 6: np.dtype("<i4"), 7: np.dtype("<i8"), 9: np.dtype("?"),
    10: np.dtype("<f2"), 11: np.dtype("<f8"), 12: np.dtype("<u4"), 13: np.dtype("<u8"),
    14: np.dtype("<c8"), 15: np.dtype("<c16"), 16: BFLOAT16,
    17: np.dtype(ml_dtypes.float8_e4m3fn), 18: np.dtype(ml_dtypes.float8_e4m3fnuz),
    19: np.dtype(ml_dtypes.float8_e5m2), 20: np.dtype(ml_dtypes.float8_e5m2fnuz),
}  # fmt: skip
# Fields of the messages.
_MODEL = {"ir_version": 1, "opset": 8, "graph": 7}
_NODES, _INITIALISERS, _SPARSE = 1, 5, 15  # of a graph
_DIMS, _TYPE, _SEGMENT, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 3, 8, 9, 13, 14  # of a tensor
_INPUT, _OUTPUT, _OPERATOR = 1, 2, 4  # of a node
_LONGEST_NAME = 4096
_HERE, _BESIDE = 0, 1  # values of a tensor's location
# Where a tensor keeps its numbers unless they are raw: field -> element type as it is stored.
_TYPED: dict[int, DType] = {4: np.dtype("<f4"), 10: np.dtype("<f8")}
_WHOLE = (5, 7, 11)
_TEXT = 6


def sniff(data: memoryview) -> bool:
    """Tell whether the bytes are a model: small fields first, and a graph among the fields."""
    if len(data) < 4 or data[0] != _MODEL["ir_version"] << 3 or data[1] > 0x7F:
        return False
    try:
        found = {field for field, kind, _ in fields(data, "") if kind in (VARINT, BYTES)}
    except ValueError:
        return False
    return _MODEL["graph"] in found


def open_onnx(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open the initialisers of an ONNX model; raw ones are views of the mapped file.

    Raises:
        FormatError: not a model, damaged, or an initialiser is sparse or lies in a file that is not
            the model's own: of a name with folders in it, a link, or one that is not there.
    """
    return from_bytes(map_file(path), path, limits)


def from_bytes(data: memoryview, path: PathLike, limits: Limits) -> Archive:
    """Check all initialisers before any array is looked at."""
    subject = str(path)
    external = ExternalFiles(as_path(path).parent, subject)
    parts = list(_blocks(data, subject, limits))
    check(any(field == _MODEL["opset"] for field, _ in parts), subject,
          "an ONNX model must say which operators it uses", "The file is truncated.",
          fields=len(parts))  # fmt: skip
    graphs = [value for field, value in parts if field == _MODEL["graph"]]
    check(len(graphs) == 1, subject, "an ONNX model must hold one graph", graphs=len(graphs))
    entries: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    nodes = 0
    for field, value in _blocks(graphs[0], subject, limits):
        check(field != _SPARSE, subject, "initialisers must not be sparse", field=field)
        if field == _NODES:
            nodes += 1
            aliases.update(_alias(value, subject))
        elif field == _INITIALISERS:
            name, entry = _tensor(value, subject, limits, external)
            check(name not in entries, subject, "every initialiser must have a name of its own",
                  name=name)  # fmt: skip
            entries[name] = entry
            check(len(entries) <= limits.max_tensors, subject,
                  f"at most max_tensors={limits.max_tensors}", tensors=len(entries))  # fmt: skip
    total = sum(entry.nbytes for entry in entries.values())
    for name, same in aliases.items():
        if same in entries and name not in entries:
            entries[name] = entries[same]
    check_total(subject, len(entries), total, len(data) + external.stored, limits)
    return Archive("onnx", subject, entries, {"nodes": str(nodes)})


def _alias(node: memoryview, subject: str) -> dict[str, str]:
    """Return the name that a node gives a value anew: exporters write equal weights once."""
    told: dict[int, bytes] = {}
    for field, _, value in fields(node, subject):
        if field in (_INPUT, _OUTPUT, _OPERATOR) and isinstance(value, memoryview):
            if field in told:
                return {}
            told[field] = bytes(value[:_LONGEST_NAME])
    if told.get(_OPERATOR) != b"Identity" or len(told) != 3:
        return {}
    new, old = (told[one].decode("utf-8", "replace") for one in (_OUTPUT, _INPUT))
    return {new: old}


def _blocks(data: memoryview, subject: str, limits: Limits) -> Iterator[tuple[int, memoryview]]:
    for count, (field, _, value) in enumerate(fields(data, subject)):
        check(count < limits.max_objects, subject,
              f"at most max_objects={limits.max_objects} fields of a message",
              "Raise Limits.max_objects if the file is honest.", fields=count + 1)  # fmt: skip
        if isinstance(value, memoryview):
            yield field, value


def _tensor(
    data: memoryview, subject: str, limits: Limits, external: ExternalFiles
) -> tuple[str, Entry]:
    """Read one TensorProto: its name, and where and what its numbers are."""
    shape: list[int] = []
    name, kind, raw, stored = "", 0, None, list[tuple[int, int, Value]]()
    location, told = 0, list[memoryview]()
    for field, wire, value in fields(data, subject):
        if field == _DIMS:
            for size in numbers(wire, value, subject):
                check(
                    len(shape) < limits.max_axes,
                    subject,
                    f"at most {limits.max_axes} axes",
                    axes=len(shape) + 1,
                )
                shape.append(size)
        elif field == _TYPE and isinstance(value, int):
            kind = value
        elif field == _NAME and isinstance(value, memoryview):
            name = bytes(value[: limits.max_header]).decode("utf-8", "replace")
        elif field == _RAW and isinstance(value, memoryview):
            raw = value
        elif field in _TYPED or field in _WHOLE:
            check(len(stored) < limits.max_objects, subject,
                  f"at most max_objects={limits.max_objects} fields of a tensor",
                  fields=len(stored) + 1)  # fmt: skip
            stored.append((field, wire, value))
        elif field == _LOCATION and isinstance(value, int):
            location = value
        elif field == _EXTERNAL and isinstance(value, memoryview):
            told.append(value)
        elif field in (_EXTERNAL, _LOCATION, _SEGMENT, _TEXT):
            refuse(f"{subject}: initialiser {name!r}", "must hold plain numbers", field=field)
    what = f"{subject}: initialiser {name!r}"
    check(kind in DTYPES, what, f"its element type must be one of {[*DTYPES]}", type=kind)
    dtype, sizes = DTYPES[kind], tuple(shape)
    size = array_bytes(what, sizes, dtype, limits)
    if told or location != _HERE:
        check(location == _BESIDE and raw is None and not stored, what,
              "numbers must lie either in the model or beside it", location=location)  # fmt: skip
        find = external.place(told, size, what)
        return name, Entry(sizes, dtype, lambda: view(find(), sizes, dtype))
    if raw is not None:
        check(len(raw) == size and not stored, what, "must hold as many bytes as its shape says",
              shape=sizes, dtype=str(dtype), bytes=len(raw))  # fmt: skip
        return name, Entry(sizes, dtype, partial(view, raw, sizes, dtype))
    held = sum(len(value) if isinstance(value, memoryview) else 1 for _, _, value in stored)
    count = size // dtype.itemsize
    check(count <= held, what, "must hold as many numbers as its shape says", shape=sizes,
          bytes=held)  # fmt: skip
    return name, Entry(sizes, dtype, partial(_listed, stored, sizes, dtype, what))


def _listed(
    stored: list[tuple[int, int, Value]], shape: Shape, dtype: DType, subject: str
) -> Array:
    """Read numbers that stand in a list; those of 16 bits and less as whole numbers."""
    parts = [_part(*one, subject) for one in stored]
    kinds = {one.dtype.kind for one in parts}
    check(len(kinds) <= 1, subject, "its numbers must stand in one list", lists=len(parts))
    flat = np.concatenate(parts) if parts else np.zeros(0, dtype)
    if dtype.kind == "c":
        check(
            flat.dtype.kind == "f" and len(flat) % 2 == 0,
            subject,
            "must hold pairs of numbers",
            numbers=len(flat),
        )
        flat = flat.astype(np.dtype(f"<f{dtype.itemsize // 2}")).view(dtype)
    elif flat.dtype.kind == "i" and dtype.kind not in "iub":  # the bits of a short float
        check(
            dtype.itemsize <= 2,
            subject,
            "its numbers must stand in the list of its type",
            dtype=str(dtype),
        )
        flat = flat.astype(f"<u{dtype.itemsize}").view(dtype)
    else:
        check(flat.dtype.kind != "f" or dtype.kind == "f" or len(flat) == 0, subject,
              "its numbers must stand in the list of its type", dtype=str(dtype))  # fmt: skip
        flat = flat.astype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    check(len(flat) == count, subject, "must hold as many numbers as its shape says", shape=shape,
          numbers=len(flat))  # fmt: skip
    array: Array = flat.reshape(shape)
    array.flags.writeable = False
    return array


def _part(field: int, wire: int, value: Value, subject: str) -> Array:
    if field in _WHOLE:
        return np.fromiter(numbers(wire, value, subject), np.int64)
    dtype = _TYPED[field]
    sound = isinstance(value, memoryview) and len(value) % dtype.itemsize == 0
    check(
        sound and wire in (BYTES, FIXED32, FIXED64),
        subject,
        "must hold whole numbers of bytes",
        field=field,
        kind=wire,
    )
    assert isinstance(value, memoryview)
    return np.frombuffer(value, dtype)

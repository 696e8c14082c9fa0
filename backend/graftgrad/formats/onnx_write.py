"""Writing ONNX models: nodes, tensors and the descriptions of what goes in and out, as messages.

What a node computes, nobody here knows. ONNX, "Open Neural Network Exchange IR", version 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from .base import Array, DType, check, refuse
from .file import PathLike, write_atomically
from .onnx import DTYPES
from .protobuf import BYTES, block, packed, real, text, varint, whole

IR_VERSION = 10
_CODES = {dtype: code for code, dtype in DTYPES.items()}
_MOST = (1 << 31) - 1  # bytes of a message
_FLOAT, _INT, _STRING, _TENSOR, _FLOATS, _INTS, _STRINGS = (
    1,
    2,
    3,
    4,
    6,
    7,
    8,
)  # kinds of attributes


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operator: its name in ONNX, the values that go in and out, and its settings."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OnnxValue:
    """What goes in or out: its name, element type, and sizes; text where one is not known."""

    name: str
    dtype: DType
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A graph of operators with its constants."""

    name: str
    opset: int
    nodes: Sequence[OnnxNode]
    inputs: Sequence[OnnxValue]
    outputs: Sequence[OnnxValue]
    constants: Mapping[str, Array]
    producer: str = "graftwork"


def write_onnx(path: PathLike, model: OnnxModel) -> None:
    """Write a model, whole or not at all.

    Raises:
        FormatError: it takes 2 GiB or more, or an element type has no place in ONNX.
    """
    subject = str(path)
    size = sum(array.nbytes for array in model.constants.values())
    check(size < _MOST, subject, "an ONNX file must be smaller than 2 GiB", bytes=size)
    parts = list(_graph(model, subject))
    length = sum(len(one) for one in parts)
    check(length < _MOST, subject, "an ONNX file must be smaller than 2 GiB", bytes=length)
    opset = block(8, text(1, "") + whole(2, model.opset))
    head = whole(1, IR_VERSION) + text(2, model.producer) + opset
    head += varint(7 << 3 | BYTES) + varint(length)

    def write(file: BinaryIO) -> None:
        file.write(head)
        for one in parts:
            file.write(one)

    write_atomically(path, write)


def _graph(model: OnnxModel, subject: str) -> Iterator[bytes | memoryview]:
    for node in model.nodes:
        yield block(1, _node(node, subject))
    yield text(2, model.name)
    for name, array in model.constants.items():
        yield from _tensor(5, name, array, subject)
    for one in model.inputs:
        yield block(11, _value(one, subject))
    for one in model.outputs:
        yield block(12, _value(one, subject))


def _node(node: OnnxNode, subject: str) -> bytes:
    found = b"".join(text(1, name) for name in node.inputs)
    found += b"".join(text(2, name) for name in node.outputs)
    found += text(3, node.outputs[0]) + text(4, node.operator)
    return found + b"".join(
        block(5, text(1, name) + _setting(name, value, subject))
        for name, value in node.settings.items()
    )


def _setting(name: str, value: Any, subject: str) -> bytes:
    if isinstance(value, np.dtype):
        return whole(3, _code(value, subject, name)) + whole(20, _INT)
    if isinstance(value, (bool, int)):
        return whole(3, int(value)) + whole(20, _INT)
    if isinstance(value, float):
        return real(2, value) + whole(20, _FLOAT)
    if isinstance(value, str):
        return block(4, value.encode()) + whole(20, _STRING)
    if isinstance(value, np.ndarray):
        tensor = b"".join(_tensor(5, "", value, subject))
        return tensor + whole(20, _TENSOR)
    if isinstance(value, (tuple, list)) and all(isinstance(one, str) for one in value):
        return b"".join(text(9, one) for one in value) + whole(20, _STRINGS)
    if isinstance(value, (tuple, list)) and all(isinstance(one, int) for one in value):
        return b"".join(whole(8, one) for one in value) + whole(20, _INTS)
    if isinstance(value, (tuple, list)) and all(isinstance(one, float) for one in value):
        return b"".join(real(7, one) for one in value) + whole(20, _FLOATS)
    refuse(subject, "settings must be numbers, text or lists of numbers", setting=name,
           type=type(value).__name__)  # fmt: skip


def _tensor(number: int, name: str, array: Array, subject: str) -> Iterator[bytes | memoryview]:
    """Write a tensor with its bytes as they are; the large part is not copied."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    head = packed(1, iter(array.shape)) if array.ndim else b""
    head += whole(2, _code(array.dtype, subject, name))
    head += text(8, name) if name else b""
    head += varint(9 << 3 | BYTES) + varint(array.nbytes)
    yield varint(number << 3 | BYTES) + varint(len(head) + array.nbytes) + head
    yield plain.reshape(-1).view(np.uint8).data


def _value(one: OnnxValue, subject: str) -> bytes:
    sizes: Iterable[bytes] = (
        block(1, text(2, size) if isinstance(size, str) else whole(1, size)) for size in one.shape
    )
    tensor = whole(1, _code(one.dtype, subject, one.name)) + block(2, b"".join(sizes))
    return text(1, one.name) + block(2, block(1, tensor))


def _code(dtype: DType, subject: str, name: str) -> int:
    little = dtype.newbyteorder("<")
    check(little in _CODES, subject, "element types must be ONNX's", value=name, dtype=str(dtype))
    return _CODES[little]

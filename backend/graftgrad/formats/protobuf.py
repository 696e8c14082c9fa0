"""The wire format of protocol buffers: fields as numbers and values, written and read with bounds.

Google, "Protocol Buffers: Encoding". What a field means, nobody here knows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .base import check, refuse

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_LONGEST = 10  # bytes of a number of 64 bits
Value = int | memoryview


def varint(value: int) -> bytes:
    """Write a whole number in groups of 7 bits; what is negative as 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def whole(field: int, value: int) -> bytes:
    """Write a field that is a whole number."""
    return varint(field << 3 | VARINT) + varint(value)


def real(field: int, value: float) -> bytes:
    """Write a field that is a float32."""
    return varint(field << 3 | FIXED32) + struct.pack("<f", value)


def block(field: int, content: bytes | bytearray | memoryview) -> bytes:
    """Write a field that is bytes, or another message."""
    return varint(field << 3 | BYTES) + varint(len(content)) + bytes(content)


def text(field: int, content: str) -> bytes:
    """Write a field that is text."""
    return block(field, content.encode())


def packed(field: int, values: Iterator[int]) -> bytes:
    """Write a field that is a list of whole numbers."""
    return block(field, b"".join(varint(value) for value in values))


def fields(data: memoryview, subject: str) -> Iterator[tuple[int, int, Value]]:
    """Yield (field, kind, value) of a message: numbers as they are, everything else as bytes.

    Raises:
        FormatError: a number or a block goes beyond the end, or the kind is not one of the four.
    """
    position, end = 0, len(data)
    while position < end:
        key, position = _number(data, position, subject)
        field, kind = key >> 3, key & 7
        check(
            field > 0, subject, "fields must be counted from 1", "The file is damaged.", field=field
        )
        if kind == VARINT:
            value, position = _number(data, position, subject)
            yield field, kind, value
            continue
        if kind == BYTES:
            size, position = _number(data, position, subject)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            refuse(subject, "fields must be numbers, bytes or messages", "The file is damaged.",
                   field=field, kind=kind)  # fmt: skip
        check(size <= end - position, subject, "a field must lie inside its message",
              "The file is damaged or truncated.", field=field, bytes=size)  # fmt: skip
        yield field, kind, data[position : position + size]
        position += size


def numbers(kind: int, value: Value, subject: str) -> Iterator[int]:
    """Yield a field that is a list of whole numbers, packed or one at a time; signed."""
    if kind == VARINT and isinstance(value, int):
        yield signed(value)
        return
    check(kind == BYTES and isinstance(value, memoryview), subject,
          "a list must hold whole numbers", "The file is damaged.", kind=kind)  # fmt: skip
    assert isinstance(value, memoryview)
    position = 0
    while position < len(value):
        one, position = _number(value, position, subject)
        yield signed(one)


def signed(value: int) -> int:
    """Read 64 bits as a number that may be negative."""
    return value - (1 << 64) if value >> 63 else value


def _number(data: memoryview, position: int, subject: str) -> tuple[int, int]:
    found = shift = 0
    for count in range(_LONGEST):
        check(position + count < len(data), subject, "a number must lie inside its message",
              "The file is damaged or truncated.", position=position)  # fmt: skip
        byte = data[position + count]
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            check(
                found < 1 << 64,
                subject,
                "numbers must have 64 bits",
                "The file is damaged.",
                bits=found.bit_length(),
            )
            return found, position + count + 1
        shift += 7
    refuse(subject, f"numbers must end within {_LONGEST} bytes", "The file is damaged.",
           position=position)  # fmt: skip

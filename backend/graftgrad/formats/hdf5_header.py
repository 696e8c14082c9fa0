"""How long the texts of an HDF5 attribute say they are, read from the file's own bytes.

A text of free length is kept apart from its attribute, which only states a length and a place. The
C library makes room for that length before it looks at the place, so that a damaged file of a few
kilobytes takes gigabytes. This file reads the stated lengths first; everything else is h5py's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .base import refuse

_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_SHARED = 0x02
_MOST_BLOCKS = 1000
# One text: its length, the address of a heap and an index into it.
_TEXT = struct.Struct("<IQI")


def text_lengths(data: memoryview, address: int, name: str, count: int, subject: str) -> list[int]:
    """Find the stated lengths of an attribute's texts.

    Args:
        data: the whole file.
        address: where the header of the group or dataset begins.
        name: the attribute's.
        count: how many texts it has.
        subject: who speaks in errors.

    Raises:
        FormatError: the attribute does not stand in the header, or the header is damaged.
    """
    try:
        for body in _attributes(data, address):
            found, values = _split(body)
            if found == name.encode():
                return [_TEXT.unpack_from(values, _TEXT.size * index)[0] for index in range(count)]
    except (struct.error, IndexError):
        refuse(subject, "the header must be sound", "The file is damaged.", address=address)
    refuse(subject, "texts of free length must be stated in the header", address=address)


def _attributes(data: memoryview, address: int) -> Iterator[memoryview]:
    """Yield the attribute messages of a header and of the blocks that continue it."""
    new = bytes(data[address : address + 4]) == b"OHDR"
    flags = data[address + 5] if new else 0
    blocks = [_first_new(data, address, flags) if new else _first_old(data, address)]
    for at, block in enumerate(blocks):
        for kind, shared, body in _messages(block, new, flags):
            if kind == _CONTINUATION and at < _MOST_BLOCKS:
                start, length = struct.unpack_from("<2Q", body)
                # In the newer form a block has a signature before and a checksum after it.
                blocks.append(
                    data[start + 4 : start + length - 4] if new else data[start:][:length]
                )
            elif kind == _ATTRIBUTE and not shared:
                yield body


def _first_old(data: memoryview, address: int) -> memoryview:
    (size,) = struct.unpack_from("<I", data, address + 8)
    return data[address + 16 : address + 16 + size]


def _first_new(data: memoryview, address: int, flags: int) -> memoryview:
    start = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(data[start : start + width], "little")
    return data[start + width : start + width + size]


def _messages(block: memoryview, new: bool, flags: int) -> Iterator[tuple[int, bool, memoryview]]:
    """Yield kind, whether it stands elsewhere, and body of each message."""
    form = struct.Struct("<BHB" if new else "<HHB3x")
    start = form.size + (2 if new and flags & 4 else 0)
    while len(block) >= start:
        kind, size, marks = form.unpack_from(block)
        yield kind, bool(marks & _SHARED), block[start : start + size]
        block = block[start + size :]


def _split(body: memoryview) -> tuple[bytes, memoryview]:
    """Take an attribute message apart: its name, and its values."""
    version, _, *sizes = struct.unpack_from("<BB3H", body)
    start = 9 if version == 3 else 8
    if version == 1:
        # The oldest form fills each part up to eight bytes.
        padded = [size + -size % 8 for size in sizes]
    else:
        padded = sizes
    name = bytes(body[start : start + sizes[0]]).rstrip(b"\0")
    return name, body[start + sum(padded) :]

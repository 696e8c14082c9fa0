"""The texts of an HDF5 attribute, read from the file's own bytes.

A text of free length is kept apart from its attribute, which only states a length, a heap and a
place in it. The C library makes room for that length before it looks at the place, and walks a
damaged heap for ever: a file of a few kilobytes takes gigabytes, or never ends. Both are checked
here; everything else is h5py's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .base import check, refuse

_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_SHARED = 0x02
_MOST_BLOCKS = 1000
# One text: its length, the address of a heap and an index into it.
_TEXT = struct.Struct("<IQI")
_HEAP = struct.Struct("<4sB3xQ")
# One object of a heap: its index, how often it is referred to, its length.
_OBJECT = struct.Struct("<HH4xQ")


def texts(
    data: memoryview, address: int, name: str, count: int, most: int, subject: str
) -> list[bytes]:
    """Read the texts of an attribute.

    Args:
        data: the whole file.
        address: where the header of the group or dataset begins.
        name: the attribute's.
        count: how many texts it has.
        most: bytes of all of them together.
        subject: who speaks in errors.

    Raises:
        FormatError: the attribute does not stand in the header, the texts are too long, or the
            header or the heap is damaged.
    """
    try:
        places = _places(data, address, name, count, subject)
        size = sum(length for length, _, _ in places)
        check(size <= min(most, len(data) * count), subject,
              f"texts of at most max_header={most} bytes, inside the file", bytes=size)  # fmt: skip
        heaps: dict[int, dict[int, memoryview]] = {}
        return [_text(data, place, heaps, subject) for place in places]
    except (struct.error, IndexError):
        refuse(subject, "the header must be sound", "The file is damaged.", address=address)


def _places(
    data: memoryview, address: int, name: str, count: int, subject: str
) -> list[tuple[int, int, int]]:
    for body in _attributes(data, address):
        found, values = _split(body)
        if found == name.encode():
            return [_TEXT.unpack_from(values, _TEXT.size * index) for index in range(count)]
    refuse(subject, "texts of free length must be stated in the header", address=address)


def _text(
    data: memoryview,
    place: tuple[int, int, int],
    heaps: dict[int, dict[int, memoryview]],
    subject: str,
) -> bytes:
    length, address, index = place
    if length == 0:
        return b""
    if address not in heaps:
        heaps[address] = dict(_objects(data, address, subject))
    content = heaps[address].get(index, data[:0])
    check(length <= len(content), subject, "a text must lie in its heap", "The file is damaged.",
          length=length, heap=address, index=index)  # fmt: skip
    return bytes(content[:length]).split(b"\0")[0]


def _objects(data: memoryview, address: int, subject: str) -> Iterator[tuple[int, memoryview]]:
    """Yield the objects of a heap by index; the free rest of it has index 0."""
    signature, version, size = _HEAP.unpack_from(data[address:])
    sound = signature == b"GCOL" and version == 1 and size <= len(data) - address
    check(sound, subject, "a heap of texts must lie in the file", "The file is damaged.",
          heap=address)  # fmt: skip
    heap = data[address + _HEAP.size : address + size]
    while len(heap) >= _OBJECT.size:
        index, _, length = _OBJECT.unpack_from(heap)
        if index == 0:
            return
        yield index, heap[_OBJECT.size : _OBJECT.size + length]
        heap = heap[_OBJECT.size + length + -length % 8 :]


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

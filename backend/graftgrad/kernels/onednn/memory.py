"""Memory as oneDNN sees it: descriptions of plain channels-last arrays, and bound addresses.

oneDNN counts axes as N, C, H, W and groups, out, in, rows, columns; strides say where they lie.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...spec import Spec
from .library import Library, library

FLOAT32 = 3
UINT8 = 6
ANY = 1
LINE = 64  # bytes of a cache line


class Handle:
    """A pointer to something of the library, which is given back with it."""

    def __init__(self, owner: Library, pointer: Any, destroy: str) -> None:
        self.pointer = pointer
        self.destroy = owner.functions[destroy]

    def __del__(self) -> None:
        self.destroy(self.pointer)


class Description(Handle):
    """Sizes, element type and layout of an array."""

    def __init__(self, pointer: Any) -> None:
        owner = library()
        super().__init__(owner, pointer, "memory_desc_destroy")
        self.bytes = int(owner.size(pointer))

    def equals(self, other: Description) -> bool:
        """Tell whether the arrays are laid out alike."""
        return bool(library().equal(self.pointer, other.pointer))


class Memory(Handle):
    """A described array whose address is set from run to run."""

    def __init__(self, description: Description) -> None:
        owner = library()
        made = owner.create("memory_create", description.pointer, owner.engine, None)
        super().__init__(owner, made, "memory_destroy")
        self.place = owner.functions["memory_set_data_handle"]
        self.description = description

    def at(self, address: int) -> None:
        """Set where the array lies."""
        self.place(self.pointer, address)


class Space:
    """Working space that all runs share, one after the other; it grows to the largest need."""

    def __init__(self) -> None:
        self.buffer = np.empty(0, np.uint8)

    def address(self, size: int) -> int:
        """Return where at least `size` bytes begin, on a cache line."""
        if self.buffer.size < size + LINE:
            self.buffer = np.empty(size + LINE, np.uint8)
        return -(-address_of(self.buffer) // LINE) * LINE


def address_of(array: Any) -> int:
    """Return where an array's first element lies."""
    address: int = array.__array_interface__["data"][0]
    return address


def numbers(values: Sequence[int]) -> Any:
    """Return integers as the library takes them."""
    return (ctypes.c_int64 * len(values))(*values)


def strided(sizes: Sequence[int], strides: Sequence[int], kind: int = FLOAT32) -> Description:
    """Describe an array by its strides in elements."""
    made = library().create(
        "memory_desc_create_with_strides", len(sizes), numbers(sizes), kind, numbers(strides)
    )
    return Description(made)


def anyhow(sizes: Sequence[int]) -> Description:
    """Describe an array whose layout the library may choose."""
    return Description(
        library().create("memory_desc_create_with_tag", len(sizes), numbers(sizes), FLOAT32, ANY)
    )


def images(spec: Spec, kind: int = FLOAT32) -> Description:
    """Describe images (N, H, W, C)."""
    n, h, w, c = spec.shape
    return strided((n, c, h, w), (h * w * c, 1, w * c, c), kind)


def filter_sizes(spec: Spec, groups: int) -> tuple[int, ...]:
    """Return the sizes of filters (A, B, C / G, O) in the library's order, G first if not 1."""
    a, b, c, o = spec.shape
    return (o, c, a, b) if groups == 1 else (groups, o // groups, c, a, b)


def filters(spec: Spec, groups: int) -> Description:
    """Describe filters (A, B, C / G, O)."""
    _, b, c, o = spec.shape
    strides = (1, o, b * c * o, c * o)
    return strided(filter_sizes(spec, groups), strides if groups == 1 else (o // groups, *strides))

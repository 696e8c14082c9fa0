"""Memory as oneDNN sees it: descriptions of arrays by sizes and strides, and bound addresses.

oneDNN counts axes as N, C, H, W and groups, out, in, rows, columns; strides say where they lie.
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import LibraryError
from ...spec import DType, Shape, Spec, bfloat16, float32, int32, uint8
from .library import Library, library

KINDS: dict[DType, int] = {bfloat16: 2, float32: 3, int32: 4, uint8: 6}
ANY = 1
LINE = 64  # bytes of a cache line
DATA = object.__basicsize__  # where an array holds its elements' address, behind CPython's head

# How an array of some shape and strides is seen by the library: sizes and strides in its order.
View = Callable[[Shape, Shape], tuple[Shape, Shape]]


class Handle:
    """A pointer to something of the library, which is given back with it."""

    destroy: Any = None  # where making it failed

    def __init__(self, owner: Library, pointer: Any, destroy: str) -> None:
        self.pointer = pointer
        self.destroy = owner.functions[destroy]

    def __del__(self) -> None:
        if self.destroy is not None:
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

    def __init__(self, description: Description, address: int | None = None) -> None:
        owner = library()
        made = owner.create("memory_create", description.pointer, owner.engine, address)
        super().__init__(owner, made, "memory_destroy")
        self.description = description


def _slow_address(array: Any) -> int:
    """Return where an array's first element lies, as NumPy tells it."""
    address: int = array.__array_interface__["data"][0]
    return address


def _fast_address(array: Any) -> int:
    """Return where an array's first element lies, read from the array itself."""
    return ctypes.c_void_p.from_address(id(array) + DATA).value or 0


def _quickest() -> Callable[[Any], int]:
    """Return the quick way to an address where it is seen to be right, else NumPy's own."""
    probe = np.empty((3, 5), np.float32)[1:, ::2]
    usual = sys.implementation.name == "cpython"
    return (
        _fast_address if usual and _fast_address(probe) == _slow_address(probe) else _slow_address
    )


address_of = _quickest()


def lines(size: int) -> int:
    """Round a number of bytes up to whole cache lines."""
    return -(-size // LINE) * LINE


def space(size: int) -> Any:
    """Allocate so many bytes from the beginning of a cache line."""
    whole = np.empty(size + LINE, np.uint8)
    start = -address_of(whole) % LINE
    return whole[start : start + size]


def numbers(values: Sequence[int]) -> Any:
    """Return integers as the library takes them."""
    return (ctypes.c_int64 * len(values))(*values)


def strided(sizes: Sequence[int], strides: Sequence[int], dtype: DType = float32) -> Description:
    """Describe an array by its strides in elements.

    Raises:
        LibraryError: the library has no such element type, or elements would overlap.
    """
    made = library().create(
        *("memory_desc_create_with_strides", len(sizes)),
        *(numbers(sizes), kind_of(dtype), numbers(strides)),
    )
    return Description(made)


def anyhow(sizes: Sequence[int], dtype: DType = float32) -> Description:
    """Describe an array whose layout the library may choose."""
    made = library().create(
        "memory_desc_create_with_tag", len(sizes), numbers(sizes), kind_of(dtype), ANY
    )
    return Description(made)


def kind_of(dtype: DType) -> int:
    """Return the library's number for an element type.

    Raises:
        LibraryError: there is none.
    """
    kind = KINDS.get(dtype)
    if kind is None:
        raise LibraryError(f"oneDNN: elements must be of a type it knows; got {dtype}.")
    return kind


def row_major(shape: Sequence[int]) -> Shape:
    """Return the strides, in elements, of an array without gaps."""
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * max(shape[i + 1], 1)
    return tuple(strides)


def described(spec: Spec, view: View, strides: Shape | None = None) -> Description:
    """Describe an array as a view of it: one without gaps, or one of given strides in elements."""
    sizes, steps = view(spec.shape, row_major(spec.shape) if strides is None else strides)
    return strided(sizes, steps, spec.dtype)


def as_it_is(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    """See an array axis by axis."""
    return shape, strides


def images(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    """See images (N, H, W, C) as (N, C, H, W), and volumes likewise."""
    order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    return tuple(shape[i] for i in order), tuple(strides[i] for i in order)


def rows(shape: Shape, last: int) -> View:
    """See arrays of a shape as (rows, width), the last axes in one."""
    width = math.prod(shape[len(shape) - last :])
    sizes = (math.prod(shape) // width, width)
    return lambda _shape, _strides: (sizes, (width, 1))


def pixels(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    """See (N, …, C) as images (N, C, 1, …) with all that is between in one row."""
    between = math.prod(shape[1:-1])
    inner = strides[-2] if len(shape) > 2 else shape[-1] * strides[-1]
    lead = max(strides[0], inner * between)
    return (shape[0], shape[-1], 1, between), (lead, strides[-1], inner * between, inner)


def filters(groups: int) -> View:
    """See filters (A, B, …, C / G, O) as (O, C, A, B, …), or (G, O / G, C / G, A, B, …)."""

    def view(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
        last = len(shape) - 1
        order = (last, last - 1, *range(last - 1))
        sizes = tuple(shape[i] for i in order)
        steps = tuple(strides[i] for i in order)
        if groups == 1:
            return sizes, steps
        each = shape[last] // groups
        return (groups, each, *sizes[1:]), (each * steps[0], *steps)

    return view


def channel_filters(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    """See filters of every channel (A, B, C, M) as (C, M, 1, A, B)."""
    a, b, c, m = shape
    return (c, m, 1, a, b), (strides[2], strides[3], 1, strides[0], strides[1])

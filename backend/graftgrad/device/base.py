"""What every device offers: allocation, copies in and out, a NumPy-like namespace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .. import modes
from ..spec import DType, Shape, Spec

Array = Any
HostArray = np.ndarray[Any, Any]


def owner_of(array: Array) -> Array:
    """Return the array that owns the memory of an array."""
    while hasattr(base := getattr(array, "base", None), "dtype"):
        array = base
    return array


def address(array: Array) -> int:
    """Return where an array's first element lies."""
    found: int = (
        array.__array_interface__["data"][0] if isinstance(array, np.ndarray) else array.data.ptr
    )
    return found


def ends(array: Array) -> tuple[int, int]:
    """Return the addresses of the first byte that an array can touch, and of one past the last."""
    low = high = address(array)
    for size, step in zip(array.shape, array.strides, strict=True):
        reach = (size - 1) * step
        low, high = (low + reach, high) if reach < 0 else (low, high + reach)
    return low, high + int(array.itemsize)


class Frozen:
    """Steps that are repeated one by one.

    Attributes:
        steps: what is repeated.
        reason: why they are not recorded by the device, where it could.
        nbytes: what temporary arrays hold.
    """

    reason: str = ""
    nbytes: int = 0

    def __init__(self, steps: Sequence[Callable[[], object]]) -> None:
        self.steps = tuple(steps)

    def __call__(self) -> None:
        """Compute what the steps compute."""
        for step in self.steps:
            step()


class Device:
    """A place where arrays live and are computed with.

    `kind` names the family to which kernels are registered; `computes` is false where there are
    only descriptions and no values; `entered` is true where a thread must enter before it computes;
    `recorded` is false where steps are left to Python; `graphs` is true where launches can be
    recorded by the device itself (`freeze`). Buffers that share a stretch of memory begin at
    multiples of `line` bytes. `maps` is how deep inside of `vmap` its tensors are: its arrays then
    are tensors of all samples, and it applies functions itself; 0 elsewhere.

    A device is a context manager: inside of `with`, tensors are made on it if none is named.
    """

    kind: str = ""
    computes: bool = True
    entered: bool = False
    graphs: bool = False
    recorded: bool = True
    line: int = 64
    maps: int = 0

    def __init__(self, index: int = 0) -> None:
        self.index = index

    @property
    def xp(self) -> Any:
        """The NumPy-like namespace of this device's arrays."""
        raise NotImplementedError

    def empty(self, spec: Spec) -> Array:
        """Allocate an array without setting its values."""
        raise NotImplementedError

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Copy a host array onto this device as elements of `dtype`."""
        raise NotImplementedError

    def fetch(self, array: Array) -> HostArray:
        """Return the values of an array of this device on the host, sharing memory if possible."""
        raise NotImplementedError

    def inspect(self, array: Array) -> HostArray:
        """Return the values for a check that holds for each alone, whatever their shape is."""
        return self.fetch(array)

    def write(self, array: Array, host: Any) -> None:
        """Copy values of the host, stretched, into an array of this device that is there."""
        array[...] = host

    def writable(self, array: Array) -> bool:
        """Tell whether an array's memory may be written: it is no stretched or read-only one."""
        return bool(array.flags.writeable)

    def enter(self) -> None:
        """Let this thread compute here, where it must say so."""

    def apply(self, function: Any, operands: Sequence[Any]) -> Any:
        """Apply a function to operands of this device, where it `maps`."""
        raise NotImplementedError

    def applied(self, function: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return all results of a function, those too that only gradients see."""
        raise NotImplementedError

    def lifted(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return operands as tensors of this device, where it `maps`."""
        raise NotImplementedError

    def exhausted(self, error: MemoryError, what: str) -> Exception:
        """Return the error to raise where memory is used up."""
        return error

    def synchronize(self) -> None:
        """Wait until everything that was launched has been computed."""

    def scratch(self, specs: tuple[Spec, ...]) -> tuple[Array, ...]:
        """Allocate the working space that a kernel declared."""
        return tuple(self.empty(spec) for spec in specs)

    def trim(self) -> None:
        """Give memory that is held in reserve back, as far as that is possible."""

    # -- what recorded steps need; no recorder is told of these arrays ----------------------------

    def room(self, nbytes: int) -> Array:
        """Return bytes whose first one lies on a line."""
        whole = np.empty(nbytes + self.line, np.uint8)
        return whole[-whole.ctypes.data % self.line :]

    def within(
        self, room: Array, shape: Shape, dtype: DType, offset: int, strides: tuple[int, ...]
    ) -> Array:
        """Return an array that lies in bytes of this device, `offset` bytes behind their first."""
        return np.ndarray(shape, dtype, room.data, offset, strides)

    def copy(self, array: Array) -> Array:
        """Return a copy in row-major order."""
        return np.array(array, order="C")

    def freeze(self, steps: Sequence[Callable[[], object]]) -> Frozen:
        """Return what repeats steps at each call: by one launch, where the device records them."""
        return Frozen(steps)

    def __enter__(self) -> Device:
        modes.state.devices = (*modes.state.devices, self)
        return self

    def __exit__(self, *exception: object) -> None:
        modes.state.devices = modes.state.devices[:-1]

    def __deepcopy__(self, memo: dict[int, Any]) -> Device:
        return self  # a copied tensor lives where the original does

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.kind == other.kind and self.index == other.index

    @cached_property
    def hashed(self) -> int:
        """What tells devices apart in tables."""
        return hash((self.kind, self.index))

    def __hash__(self) -> int:
        return self.hashed

    def __repr__(self) -> str:
        return f"device({str(self)!r})"

    def __str__(self) -> str:
        return self.kind

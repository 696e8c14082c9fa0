"""What every device offers: allocation, copies in and out, a NumPy-like namespace."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .. import modes
from ..spec import DType, Spec

Array = Any
HostArray = np.ndarray[Any, Any]


class Device:
    """A place where arrays live and are computed with.

    `kind` names the family to which kernels are registered; `computes` is false where there are
    only descriptions and no values; `entered` is true where a thread must enter before it computes.

    A device is a context manager: inside of `with`, tensors are made on it if none is named.
    """

    kind: str = ""
    computes: bool = True
    entered: bool = False

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

    def write(self, array: Array, host: Any) -> None:
        """Copy values of the host, stretched, into an array of this device that is there."""
        array[...] = host

    def writable(self, array: Array) -> bool:
        """Tell whether an array's memory may be written: it is no stretched or read-only one."""
        return bool(array.flags.writeable)

    def enter(self) -> None:
        """Let this thread compute here, where it must say so."""

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

"""What every device offers: allocation, copies in and out, a NumPy-like namespace."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..spec import DType, Spec

Array = Any
HostArray = np.ndarray[Any, Any]


class Device:
    """A place where arrays live and are computed with.

    `kind` names the family to which kernels are registered; `computes` is false where there are
    only descriptions and no values.
    """

    kind: str = ""
    computes: bool = True

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

    def synchronize(self) -> None:
        """Wait until everything that was launched has been computed."""

    def scratch(self, specs: tuple[Spec, ...]) -> tuple[Array, ...]:
        """Allocate the working space that a kernel declared."""
        return tuple(self.empty(spec) for spec in specs)

    def trim(self) -> None:
        """Give memory that is held in reserve back, as far as that is possible."""

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

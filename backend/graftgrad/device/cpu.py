"""The host's own memory, computed with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..spec import DType, Spec
from .base import Array, Device, HostArray


class CPU(Device):
    """The processor that runs Python; its arrays are NumPy's."""

    kind = "cpu"

    @property
    def xp(self) -> Any:
        """NumPy itself."""
        return np

    def empty(self, spec: Spec) -> Array:
        """Allocate an array without setting its values."""
        return np.empty(spec.shape, spec.dtype)

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Copy a host array into row-major order as elements of `dtype`."""
        return np.array(host, dtype=dtype, order="C")

    def fetch(self, array: Array) -> HostArray:
        """Return the array itself."""
        return np.asarray(array)

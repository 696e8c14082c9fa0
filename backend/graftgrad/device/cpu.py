"""The host's own memory, computed with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import modes
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
        array = np.empty(spec.shape, spec.dtype)
        if (recorder := modes.recorder()) is not None:
            recorder.made(array)
        return array

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Copy a host array into row-major order as elements of `dtype`."""
        array = np.array(host, dtype=dtype, order="C")
        if (recorder := modes.recorder()) is not None:
            recorder.constant(array)
        return array

    def fetch(self, array: Array) -> HostArray:
        """Return the array itself."""
        if (recorder := modes.recorder()) is not None:
            recorder.read(array)
        return np.asarray(array)

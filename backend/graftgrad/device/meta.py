"""No arrays at all: shapes and element types flow, values do not exist.

Models are built, summarised and checked on this device at no cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DeviceError, sentence
from ..spec import DType, Spec
from .base import Array, Device, HostArray


class MetaArray:
    """A shape and an element type where an array would be."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: DType) -> None:
        self.shape = shape
        self.dtype = dtype


class Meta(Device):
    """The device without values."""

    kind = "meta"
    computes = False
    recorded = False

    @property
    def xp(self) -> Any:
        """NumPy, for code that asks only for names."""
        return np

    def empty(self, spec: Spec) -> Array:
        """Return the description in place of an array."""
        return MetaArray(spec.shape, spec.dtype)

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Forget the values, keep the shape."""
        return MetaArray(host.shape, dtype)

    def fetch(self, array: Array) -> HostArray:
        """Refuse: there are no values.

        Raises:
            DeviceError: always.
        """
        raise DeviceError(
            sentence(
                "meta",
                "a tensor of the meta device has a shape but no values to read",
                {"shape": array.shape, "dtype": str(array.dtype)},
                "Inside a model that is being built, do not read values; test shapes instead.",
            )
        )

"""Tensors from nothing: zeros, ones, ranges. From values, `tensor` in tensor.py makes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .device.base import Device
from .device.find import device as find_device
from .errors import DTypeError, expect
from .ops import operand, shape
from .spec import Spec, as_dtype, bool_, complex64, float32, int64
from .tensor import Tensor, tensor


def empty(
    *size: Any, dtype: object = float32, device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Allocate without setting values."""
    spec = Spec(shape.sizes_of("empty", size), as_dtype(dtype))
    expect(all(n >= 0 for n in spec.shape), "empty", "sizes must not be negative", shape=spec.shape)
    place = find_device(device)
    made = Tensor(place.empty(spec), spec, place)
    made.requires_grad = requires_grad
    return made


def full(
    size: Any, fill_value: complex, dtype: object = None, device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return one value everywhere."""
    kind = float32 if isinstance(fill_value, float) else int64
    kind = complex64 if isinstance(fill_value, complex) else kind
    expect(isinstance(fill_value, (bool, int, float, complex, np.generic)), "full",
           "must be filled with a number", error=DTypeError, fill_value=fill_value)  # fmt: skip
    kind = bool_ if isinstance(fill_value, bool) else kind
    wanted = kind if dtype is None else as_dtype(dtype)
    made = empty(size, dtype=wanted, device=device).fill_(fill_value)
    made.requires_grad = requires_grad
    return made


def zeros(
    *size: Any, dtype: object = float32, device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return zeros."""
    made = empty(*size, dtype=dtype, device=device).fill_(0)
    made.requires_grad = requires_grad
    return made


def ones(
    *size: Any, dtype: object = float32, device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return ones."""
    made = empty(*size, dtype=dtype, device=device).fill_(1)
    made.requires_grad = requires_grad
    return made


def zeros_like(x: Tensor) -> Tensor:
    """Return zeros in the shape, element type and place of x."""
    return operand.full_like(x.detach(), 0)


def ones_like(x: Tensor) -> Tensor:
    """Return ones in the shape, element type and place of x."""
    return operand.full_like(x.detach(), 1)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: object = None,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return start, start + step, … before stop."""
    host = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return tensor(host, dtype or (float32 if host.dtype.kind == "f" else int64), device)


def linspace(
    start: float, stop: float, num: int = 50, dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return `num` evenly spaced numbers from start to stop, both included."""
    return tensor(np.linspace(start, stop, num), dtype, device)


def eye(n: int, dtype: object = float32, device: str | Device | None = None) -> Tensor:
    """Return the identity matrix, (n, n)."""
    return tensor(np.eye(n), dtype, device)

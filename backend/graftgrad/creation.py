"""Tensors from nothing: zeros, ones, ranges. From values, `tensor` in tensor.py makes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .device.base import Device, HostArray
from .device.find import device as find_device
from .errors import DTypeError, expect
from .ops import operand, shape
from .spec import Spec, as_dtype, bool_, complex64, float32, int64
from .tensor import Tensor, as_tensor, tensor


def empty(
    *size: Any, dtype: object = float32, device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Allocate without setting values; sizes and type as for `zeros`."""
    given: tuple[Any, ...] = size
    if len(given) == 2 and isinstance(given[0], (tuple, list)):  # zeros((2, 3), "int32")
        dtype = given[-1]
        given = given[:-1]
    spec = Spec(shape.sizes_of("empty", given), as_dtype(dtype))
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
    """Return zeros; the sizes one by one or as a sequence, after which the type may follow."""
    made = empty(*size, dtype=dtype, device=device).fill_(0)
    made.requires_grad = requires_grad
    return made


def ones(
    *size: Any, dtype: object = float32, device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return ones; the sizes one by one or as a sequence, after which the type may follow."""
    made = empty(*size, dtype=dtype, device=device).fill_(1)
    made.requires_grad = requires_grad
    return made


def empty_like(x: Tensor, dtype: object = None, requires_grad: bool = False) -> Tensor:
    """Allocate in the shape and place of x, and in its element type if none is given."""
    wanted = x.dtype if dtype is None else as_dtype(dtype)
    return empty(x.shape, dtype=wanted, device=x.device, requires_grad=requires_grad)


def zeros_like(x: Tensor, dtype: object = None, requires_grad: bool = False) -> Tensor:
    """Return zeros in the shape and place of x, and in its element type if none is given."""
    return full_like(x, 0, dtype, requires_grad)


def ones_like(x: Tensor, dtype: object = None, requires_grad: bool = False) -> Tensor:
    """Return ones in the shape and place of x, and in its element type if none is given."""
    return full_like(x, 1, dtype, requires_grad)


def full_like(
    x: Tensor, fill_value: complex, dtype: object = None, requires_grad: bool = False
) -> Tensor:
    """Return one value in the shape and place of x, and in its element type if none is given."""
    bare = x.detach()
    if dtype is not None and as_dtype(dtype) != x.dtype:
        bare = empty_like(x, dtype)
    return operand.full_like(bare, fill_value).requires_grad_(requires_grad)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: object = None,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return start, start + step, … before stop."""
    host = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return tensor(host, dtype or (float32 if host.dtype.kind == "f" else int64), device)


def linspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return `num` evenly spaced numbers from start to stop, which is the last or left out."""
    return tensor(np.linspace(start, stop, num, endpoint), dtype, device)


def logspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10.0,
    dtype: object = float32, device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return `num` numbers whose logarithms are evenly spaced, from base^start to base^stop."""
    return tensor(np.logspace(start, stop, num, endpoint, base), dtype, device)


def geomspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return `num` numbers from start to stop, each the one before times the same factor."""
    return tensor(np.geomspace(start, stop, num, endpoint), dtype, device)


def eye(
    n: int, m: int | None = None, k: int = 0, dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return ones on diagonal k of zeros (n, m), m = n if None; the identity matrix for k = 0."""
    return tensor(np.eye(n, m, k), dtype, device)


def identity(n: int, dtype: object = float32, device: str | Device | None = None) -> Tensor:
    """Return the identity matrix, (n, n)."""
    return eye(n, dtype=dtype, device=device)


def tri(
    n: int, m: int | None = None, k: int = 0, dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return ones on and below diagonal k, zeros above, (n, m), m = n if None."""
    return tensor(np.tri(n, m, k), dtype, device)


def from_numpy(host: HostArray) -> Tensor:
    """Return a NumPy array as a tensor that shares its memory.

    Raises:
        DTypeError: it is no NumPy array, or its elements have the other byte order.
    """
    expect(isinstance(host, np.ndarray) and host.dtype.isnative, "from_numpy",
           "must be a NumPy array of the machine's byte order", error=DTypeError,
           given=type(host).__name__)  # fmt: skip
    return as_tensor(host, device="cpu")


def from_dlpack(other: Any) -> Tensor:
    """Return an array of another library as a tensor that shares its memory, without a copy.

    PyTorch's and JAX's arrays on the CPU come in this way, and NumPy's. What must not be written,
    such as JAX's arrays, is read-only here too.

    Raises:
        DTypeError: it cannot hand its memory out, or its element type is not known here.
    """
    try:
        host = np.from_dlpack(other)
    except (AttributeError, TypeError, BufferError, RuntimeError) as error:
        raise DTypeError(
            f"from_dlpack: must be an array in the host's memory of numbers that NumPy knows; got "
            f"{type(other).__name__}: {error}. Convert or detach it there first."
        ) from error
    return as_tensor(host, device="cpu")

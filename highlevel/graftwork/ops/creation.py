"""Tensors from nothing or from other libraries' values, and their shapes and element types."""

from __future__ import annotations

import math
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..defaults import floatx
from .operands import as_operand, meet, real_numbers, result_type, standard
from .operation import op


@op("numpy")
def array(x: Any, dtype: Any = None) -> Any:
    """Return a tensor of values, in another element type where one is given."""
    return as_operand(x, dtype)


@op("core")
def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """Return a tensor of values, in another element type where one is given.

    Raises:
        ConfigError: a sparse or ragged result is asked for.
    """
    expect(not sparse and not ragged, "convert_to_tensor", "tensors are dense", error=ConfigError,
           sparse=sparse, ragged=ragged)  # fmt: skip
    return as_operand(x, dtype)


def convert_to_numpy(x: Any) -> Any:
    """Return the values as a host array."""
    return as_operand(x).detach().numpy()


def is_tensor(x: Any) -> bool:
    """Tell whether something is a tensor of this library."""
    return isinstance(x, Tensor)


def shape(x: Any) -> Any:
    """Return the shape as a tuple; of a symbol, None stands for what is not known."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(as_operand(x).shape)


def dtype(x: Any) -> str:
    """Return the name of the element type."""
    return str((x if hasattr(x, "dtype") else as_operand(x)).dtype)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(shape(x))


@op("numpy")
def size(x: Any) -> Any:
    """Return the number of elements."""
    return graftgrad.as_tensor(math.prod(x.shape), "int32")


@op("core")
def cast(x: Any, dtype: Any) -> Any:
    """Convert elements to another type."""
    return ops.cast(x, standard(dtype))


@op("core")
def saturate_cast(x: Any, dtype: Any) -> Any:
    """Convert elements to another type; what lies beyond its range becomes its nearest end."""
    wanted = standard(dtype)
    if wanted.kind in "iu":
        bits = 8 * wanted.itemsize
        low, high = (
            (0, 2**bits - 1) if wanted.kind == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        if x.dtype.kind in "iu":
            have = 8 * x.dtype.itemsize
            low = max(low, 0 if x.dtype.kind == "u" else -(2 ** (have - 1)))
            high = min(high, 2**have - 1 if x.dtype.kind == "u" else 2 ** (have - 1) - 1)
            return ops.cast(ops.clip(x, low, high), wanted)
        if x.dtype.kind == "b":
            return ops.cast(x, wanted)
        inside = ops.clip(ops.cast(x, "float64"), float(low), math.nextafter(float(high) + 1, 0))
        return ops.cast(ops.trunc(inside), wanted)
    return ops.cast(x, wanted)


@op("numpy")
def view(x: Any, dtype: Any = None) -> Any:
    """Read the same bytes as another element type."""
    return ops.bitcast(x, standard(dtype)) if dtype is not None else x


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return zeros."""
    return graftgrad.zeros(_sizes(shape), dtype=standard(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return ones."""
    return graftgrad.ones(_sizes(shape), dtype=standard(dtype))


def empty(shape: Any, dtype: Any = None) -> Any:
    """Allocate without setting values."""
    return graftgrad.empty(_sizes(shape), dtype=standard(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return one value everywhere."""
    kind = floatx() if dtype is None else dtype
    return ops.contiguous(ops.broadcast_to(as_operand(fill_value, kind), _sizes(shape)))


def _sizes(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if hasattr(shape, "__index__") else tuple(int(n) for n in shape)


@op("numpy")
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros in the shape of x."""
    return graftgrad.zeros_like(x, None if dtype is None else standard(dtype))


@op("numpy")
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones in the shape of x."""
    return graftgrad.ones_like(x, None if dtype is None else standard(dtype))


@op("numpy")
def empty_like(x: Any, dtype: Any = None) -> Any:
    """Allocate in the shape of x."""
    return graftgrad.empty_like(x, None if dtype is None else standard(dtype))


@op("numpy", 2)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return one value, or values that stretch, in the shape of x."""
    value = as_operand(fill_value, x.dtype if dtype is None else dtype)
    return ops.contiguous(ops.broadcast_to(value, x.shape))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return start, start + step, … below stop."""
    given = [one.item() if isinstance(one, Tensor) else one for one in (start, stop, step)]
    step = 1 if given[2] is None else given[2]
    kinds = [
        type(one) if not hasattr(one, "dtype") else one.dtype for one in given if one is not None
    ]
    kind = result_type(*kinds) if dtype is None else standard(dtype)
    return graftgrad.arange(given[0], given[1], step, dtype=kind)


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Return ones on a diagonal of N rows and M columns, zeros elsewhere."""
    return graftgrad.eye(int(N), None if M is None else int(M), k, dtype=standard(dtype))


def identity(n: Any, dtype: Any = None) -> Any:
    """Return ones on the diagonal of n rows and columns, zeros elsewhere."""
    return graftgrad.eye(int(n), dtype=standard(dtype))


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Return ones on and below a diagonal of N rows and M columns, zeros elsewhere."""
    return graftgrad.tri(int(N), None if M is None else int(M), k, dtype=standard(dtype))


def _between(start: Any, stop: Any, num: int, endpoint: bool) -> tuple[Tensor, Tensor]:
    """Return places between two tensors, (num, …), and the step."""
    start, stop = meet([real_numbers(as_operand(one)) for one in (start, stop)])
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else (stop - start) * math.nan
    rank = max(start.ndim, stop.ndim)
    at = graftgrad.arange(num, dtype=start.dtype)
    at = ops.reshape(at, (num, *[1] * rank))
    share = at / parts if parts > 0 else at
    return start * (1 - share) + stop * share, step


@op("numpy", 2)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return `num` places in equal steps from start to stop, along a new axis.

    With `retstep` the step comes back beside them; without `endpoint` stop is left out.
    """
    y, step = _between(start, stop, int(num), endpoint)
    y = ops.moveaxis(y if dtype is None else ops.cast(y, standard(dtype)), 0, axis)
    return (y, step) if retstep else y


@op("numpy", 2)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: float = 10,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return `num` powers of a base whose exponents go in equal steps from start to stop."""
    y = ops.power(float(base), _between(start, stop, int(num), endpoint)[0])
    return ops.moveaxis(y if dtype is None else ops.cast(y, standard(dtype)), 0, axis)


@op("numpy", 2)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Return `num` places in equal ratios from start to stop; both of one sign."""
    start, stop = meet([real_numbers(as_operand(one)) for one in (start, stop)])
    sign = ops.sign(start)
    logs = _between(ops.log(start * sign), ops.log(stop * sign), int(num), endpoint)[0]
    y = ops.exp(logs) * sign
    return ops.moveaxis(y if dtype is None else ops.cast(y, standard(dtype)), 0, axis)


@op("numpy")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the powers of a row as columns: y[i, j] = x[i]^(N − 1 − j), or x[i]^j."""
    n = x.shape[0] if N is None else int(N)
    powers = graftgrad.arange(n, dtype=x.dtype)
    powers = powers if increasing else ops.flip(powers, 0)
    return ops.power(ops.expand_dims(x, -1), powers)


# -- windows -------------------------------------------------------------------------------------


def _cosines(count: Any, *terms: float) -> Tensor:
    n = int(as_operand(count).item())
    if n == 1:
        return graftgrad.ones((1,), dtype=floatx())
    angle = graftgrad.arange(n, dtype="float64") * (2 * math.pi / (n - 1))
    y = graftgrad.full((n,), terms[0], dtype="float64")
    for order, factor in enumerate(terms[1:], 1):
        y = y + factor * ops.cos(angle * order)
    return ops.cast(y, floatx())


def bartlett(x: Any) -> Any:
    """Return a triangle of x places: 1 − |2n / (x − 1) − 1|."""
    n = int(as_operand(x).item())
    if n == 1:
        return graftgrad.ones((1,), dtype=floatx())
    at = graftgrad.arange(n, dtype="float64") * (2 / (n - 1)) - 1
    return ops.cast(1 - ops.abs(at), floatx())


def blackman(x: Any) -> Any:
    """Return Blackman's window of x places: 0.42 − 0.5 cos 2πn/(x−1) + 0.08 cos 4πn/(x−1)."""
    return _cosines(x, 0.42, -0.5, 0.08)


def hamming(x: Any) -> Any:
    """Return Hamming's window of x places: 0.54 − 0.46 cos 2πn/(x−1)."""
    return _cosines(x, 0.54, -0.46)


def hanning(x: Any) -> Any:
    """Return Hann's window of x places: 0.5 − 0.5 cos 2πn/(x−1)."""
    return _cosines(x, 0.5, -0.5)


def kaiser(x: Any, beta: float) -> Any:
    """Return Kaiser's window of x places: I₀(beta √(1 − (2n/(x−1) − 1)²)) / I₀(beta)."""
    n, beta = int(as_operand(x).item()), float(beta)
    if n == 1:
        return graftgrad.ones((1,), dtype=floatx())
    at = graftgrad.arange(n, dtype="float64") * (2 / (n - 1)) - 1
    inside = ops.sqrt(ops.maximum(1 - ops.square(at), 0.0)) * beta
    return ops.cast(ops.i0(inside) / ops.i0(graftgrad.as_tensor(beta, "float64")), floatx())

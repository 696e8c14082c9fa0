"""Blocks read and written, and values put at places, under Keras' names."""

from __future__ import annotations

import builtins
import math
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from .operands import as_operand
from .operation import op

_REDUCTIONS = ("add", "max", "min", "mul")


def _whole(starts: Any) -> list[int]:
    values = starts.tolist() if hasattr(starts, "tolist") else starts
    return [int(one.item() if isinstance(one, Tensor) else one) for one in values]


@op("core", 1)
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """Take a block: from `start_indices`, of a shape; −1 takes what is left of an axis."""
    key = []
    for size, at, n in zip(inputs.shape, _whole(start_indices), tuple(shape), strict=True):
        length = size - at if int(n) == -1 else int(n)
        at = max(0, min(at, size - length))  # a block that reaches out is moved inside
        key.append(builtins.slice(at, at + length))
    return inputs[tuple(key)]


@op("core", 3)
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Return a copy with a block written at `start_indices`."""
    key = []
    for size, at, n in zip(inputs.shape, _whole(start_indices), updates.shape, strict=True):
        at = max(0, min(at, size - n))
        key.append(builtins.slice(at, at + n))
    y = ops.copy(inputs)
    y[tuple(key)] = ops.cast(updates, inputs.dtype)
    return y


def _flat(indices: Any, shape: tuple[int, ...]) -> tuple[Tensor, int, tuple[int, ...]]:
    """Return places in row-major order, how many there are, and the shape of what stands there."""
    at = ops.cast(as_operand(indices), "int64")
    depth = at.shape[-1]
    rows = ops.reshape(at, (-1, depth))
    place = ops.full_like(ops.contiguous(rows[:, 0]), 0)
    for axis in range(depth):
        column = rows[:, axis]
        column = ops.where(ops.less(column, 0), column + shape[axis], column)
        place = place * shape[axis] + column
    return place, math.prod(shape[:depth]), shape[depth:]


@op("core", 2)
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Write values at places of zeros; those that meet are added up.

    Shapes: indices (N…, K), values (N…, rest) -> shape, whose first K axes the indices count.
    """
    whole = tuple(int(n) for n in shape)
    place, count, rest = _flat(indices, whole)
    zeros = graftgrad.zeros((count, *rest), dtype=values.dtype, device=values.device)
    y = ops.index_add(zeros, 0, place, ops.reshape(values, (-1, *rest)))
    return ops.reshape(y, whole)


@op("core", 3)
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Return a copy with values written at places, or brought together with what stood there.

    Args:
        inputs: what is copied.
        indices: (N, K); they count the first K axes of inputs.
        updates: (N, rest).
        reduction: None to write, or "add", "max", "min" or "mul".
    Raises:
        ConfigError: there is no such reduction.
    """
    kind = reduction.lower() if isinstance(reduction, str) else reduction
    expect(kind is None or kind in _REDUCTIONS, "scatter_update",
           f"reduction must be None or one of {list(_REDUCTIONS)}", error=ConfigError,
           reduction=reduction)  # fmt: skip
    place, count, rest = _flat(indices, inputs.shape)
    x = ops.reshape(inputs, (count, *rest))
    values = ops.reshape(ops.cast(as_operand(updates), x.dtype), (-1, *rest))
    if kind is None:
        wide = ops.reshape(place, (-1, *[1] * len(rest)))
        y = ops.scatter(x, 0, ops.contiguous(ops.broadcast_to(wide, values.shape)), values)
    elif kind == "add":
        y = ops.index_add(x, 0, place, values)
    elif kind == "mul":
        y = x * ops.segment_prod(values, place, count)
    elif kind == "max":
        y = ops.maximum(x, ops.segment_max(values, place, count))
    else:
        y = ops.minimum(x, ops.segment_min(values, place, count))
    return ops.reshape(y, inputs.shape)

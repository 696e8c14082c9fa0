"""Arrays cut into tiles that stay in the processor's cache, so that many passes read memory once.

Only the host's arrays are cut: a GPU's bodies launch whole arrays. Elements of 16 bits are handed
out as float32 and written back when the tile is done. What is computed on a tile each op tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..spec import DType, float32, is_floating

TILE = 1 << 16  # elements: two or three such arrays of float32 fit the second cache


def accurate(dtype: DType) -> DType:
    """Return the element type in which sums and exponentials of `dtype` are computed."""
    return float32 if is_floating(dtype) and dtype.itemsize == 2 else dtype


def largest(xp: Any, x: Any, least: float, keepdims: bool = False) -> Any:
    """Return the largest value on the last axis, of none of them `least`, which none goes below."""
    if x.shape[-1]:
        return x.max(-1, keepdims=keepdims)
    return xp.full((*x.shape[:-1], 1) if keepdims else x.shape[:-1], least, x.dtype)


def tiles(xp: Any, *arrays: Any) -> Iterator[tuple[Any, ...]]:
    """Walk through arrays of one shape element by element; the last of them is the output."""
    *ins, y = [a.reshape(1) for a in arrays] if arrays[-1].ndim == 0 else arrays
    if xp is not np or y.size <= TILE or not all(a.flags.c_contiguous for a in arrays):
        yield from _converted(xp, ins, y)
        return
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, y.size, TILE):
        *some, out = [a[start : start + TILE] for a in flat]
        yield from _converted(xp, some, out)


def row_tiles(xp: Any, rows: int, width: int) -> Iterator[slice]:
    """Walk through a matrix of so many rows and columns: slices of rows that make one tile each."""
    step = max(1, TILE // max(width, 1)) if xp is np else rows
    for start in range(0, rows, step or 1):
        yield slice(start, min(start + step, rows))


def _converted(xp: Any, ins: list[Any], y: Any) -> Iterator[tuple[Any, ...]]:
    wide = accurate(y.dtype)
    if wide == y.dtype:
        yield (*ins, y)
        return
    out = xp.empty(y.shape, wide)
    yield (*[a.astype(wide) for a in ins], out)
    y[...] = out


def lines(xp: Any, axes: tuple[int, ...], *arrays: Any) -> Iterator[tuple[Any, ...]]:
    """Walk through arrays by tiles of rows that lie along `axes`; the last is the output."""
    y = arrays[-1]
    ndim, wide = y.ndim, accurate(y.dtype)
    order = (*[i for i in range(ndim) if i not in axes], *axes)
    turned = [a.transpose(order) for a in arrays]
    lead = ndim - len(axes)
    width = int(np.prod(turned[-1].shape[lead:]))
    plain = order == tuple(range(ndim)) and y.dtype == wide and y.flags.c_contiguous
    tables = [a.reshape(-1, width) for a in turned[:-1]]
    table = y.reshape(-1, width) if plain else xp.empty((y.size // width, width), wide)
    for rows in row_tiles(xp, len(table), width):
        yield (*[a[rows].astype(wide, copy=False) for a in tables], table[rows])
    if not plain:
        turned[-1][...] = table.reshape(turned[-1].shape)

"""Sums by columns and by rows, and what is computed from them, tile by tile.

They are the bodies of normalisation: few passes over memory, and as precise as adding in pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .tiles import TILE, accurate, row_tiles

WIDE = 1 << 11  # elements: rows at least this long spend their time computing, not looping


def side_by_side(xp: Any, *tables: Any) -> tuple[Any, ...]:
    """Lay several rows of few columns side by side, without a copy; return how many, too."""
    count, columns = tables[0].shape
    fold = max(1, WIDE // columns) if xp is np else 1
    while count % fold:
        fold -= 1
    if not all(table.flags.c_contiguous for table in tables):
        fold = 1
    return (*[table.reshape(-1, fold * columns) for table in tables], fold)


def target(xp: Any, out: Any, dtype: Any) -> Any:
    """Return where to compute: the output itself, or room for more precise numbers."""
    return out if out.dtype == dtype else xp.empty(out.shape, dtype)


def store(y: Any, some: slice, computed: Any) -> None:
    """Write a tile that was computed elsewhere; one that was computed in place is there already."""
    if computed.dtype != y.dtype:
        y[some] = computed


def column_sums(xp: Any, rows: Any) -> Any:
    """Σ over rows, tile by tile: as precise as adding in pairs, as fast as a matrix product."""
    columns, dtype = rows.shape[1], accurate(rows.dtype)
    wide, fold = side_by_side(xp, rows)
    total = xp.zeros(wide.shape[1], dtype)
    ones = xp.ones(_longest(xp, wide), dtype)
    for some in row_tiles(xp, *wide.shape):
        t = wide[some].astype(dtype, copy=False)
        total += ones[: len(t)] @ t
    return total.reshape(fold, columns).sum(axis=0)


def column_squares(xp: Any, rows: Any, mean: Any) -> Any:
    """Σ (x − mean)² over rows."""
    columns = rows.shape[1]
    wide, fold = side_by_side(xp, rows)
    middle = xp.tile(mean, fold)
    total = xp.zeros(wide.shape[1], mean.dtype)
    ones = xp.ones(_longest(xp, wide), mean.dtype)
    room = xp.empty((len(ones), wide.shape[1]), mean.dtype)
    for some in row_tiles(xp, *wide.shape):
        t = room[: some.stop - some.start]
        xp.subtract(wide[some], middle, out=t)
        xp.multiply(t, t, out=t)
        total += ones[: len(t)] @ t
    return total.reshape(fold, columns).sum(axis=0)


def column_products(xp: Any, g: Any, rows: Any, mean: Any) -> tuple[Any, Any]:
    """Σ g and Σ g · (x − mean) over rows."""
    columns, dtype = rows.shape[1], mean.dtype
    wide_g, wide, fold = side_by_side(xp, g, rows)
    middle = xp.tile(mean, fold)
    total, along = xp.zeros((2, wide.shape[1]), dtype)
    ones = xp.ones(_longest(xp, wide), dtype)
    room = xp.empty((len(ones), wide.shape[1]), dtype)
    for some in row_tiles(xp, *wide.shape):
        t = room[: some.stop - some.start]
        pull = wide_g[some].astype(dtype, copy=False)
        xp.subtract(wide[some], middle, out=t)
        xp.multiply(t, pull, out=t)
        total += ones[: len(t)] @ pull
        along += ones[: len(t)] @ t
    fold_back = (fold, columns)
    return total.reshape(fold_back).sum(axis=0), along.reshape(fold_back).sum(axis=0)


def _longest(xp: Any, wide: Any) -> int:
    """Return how many rows the largest tile has."""
    count, width = int(wide.shape[0]), int(wide.shape[1])
    return min(count, max(1, TILE // width)) if xp is np else count


def standardise(xp: Any, rows: Any, mean: Any, scale: Any, shift: Any, y: Any) -> None:
    """Write (x − mean) · scale + shift; in this order a large mean costs no digits."""
    wide, out, fold = side_by_side(xp, rows, y)
    mean, scale, shift = xp.tile(mean, fold), xp.tile(scale, fold), xp.tile(shift, fold)
    for some in row_tiles(xp, *wide.shape):
        t = target(xp, out[some], mean.dtype)
        xp.subtract(wide[some], mean, out=t)
        xp.multiply(t, scale, out=t)
        xp.add(t, shift, out=t)
        store(out, some, t)


def combine(
    xp: Any, g: Any, rows: Any, mean: Any, scale: Any, slope: Any, shift: Any, gx: Any
) -> None:
    """Write g · scale + (x − mean) · slope + shift."""
    wide_g, wide, out, fold = side_by_side(xp, g, rows, gx)
    mean, scale = xp.tile(mean, fold), xp.tile(scale, fold)
    slope, shift = xp.tile(slope, fold), xp.tile(shift, fold)
    room = xp.empty((_longest(xp, wide), wide.shape[1]), mean.dtype)
    for some in row_tiles(xp, *wide.shape):
        bent = room[: some.stop - some.start]
        xp.subtract(wide[some], mean, out=bent)
        xp.multiply(bent, slope, out=bent)
        t = target(xp, out[some], mean.dtype)
        xp.multiply(wide_g[some], scale, out=t)
        xp.add(t, bent, out=t)
        xp.add(t, shift, out=t)
        store(out, some, t)


def row_products(xp: Any, a: Any, b: Any) -> Any:
    """Σ a · b of each row, as a column."""
    return xp.einsum("ij,ij->i", a, b)[:, None]

"""Images brought to another size: each row and column of the result weighs those of the source.

Both directions are products with a matrix of weights, so gradients of any order follow by
themselves. Pixels are areas: the centre of pixel i of n lies at (i + ½) / n.
"""

from __future__ import annotations

import math
from functools import lru_cache

import graftgrad
from graftgrad import Tensor, ops

Rows = tuple[tuple[float, ...], ...]


@lru_cache(maxsize=64)
def weights(source: int, wanted: int, interpolation: str) -> Rows:
    """Return how much each source pixel counts for each wanted one, (wanted, source)."""
    rows = []
    for i in range(wanted):
        row = [0.0] * source
        if interpolation == "nearest":
            row[min(int((i + 0.5) * source / wanted), source - 1)] = 1.0
        else:
            place = min(max((i + 0.5) * source / wanted - 0.5, 0.0), source - 1.0)
            below = math.floor(place)
            row[below] = 1 - (place - below)
            row[min(below + 1, source - 1)] += place - below
        rows.append(tuple(row))
    return tuple(rows)


def resized(x: Tensor, rows: int, columns: int, interpolation: str) -> Tensor:
    """Bring images to so many rows and columns.

    Shapes: (N, H, W, C) -> (N, rows, columns, C).

    Args:
        x: the images.
        rows: the rows of the result.
        columns: its columns.
        interpolation: "bilinear" or "nearest".
    """
    n, h, w, c = x.shape
    y = x
    if rows != h:
        matrix = graftgrad.tensor(weights(h, rows, interpolation), x.dtype, x.device)
        y = ops.reshape(ops.matmul(matrix, ops.reshape(y, (n, h, w * c))), (n, rows, w, c))
    if columns != w:
        matrix = graftgrad.tensor(weights(w, columns, interpolation), x.dtype, x.device)
        lines = ops.matmul(matrix, ops.reshape(y, (n * rows, w, c)))
        y = ops.reshape(lines, (n, rows, columns, c))
    return y

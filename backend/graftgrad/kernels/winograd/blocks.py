"""Where the tiles of images lie, and how many rows of them are one block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...spec import DType, Pair, Spec, bfloat16, float32
from ..native.tiles import Layout
from ..native.vectors import SHORT, SINGLE
from ..onednn.memory import LINE, Description, strided
from .transforms import OUT, SIDE, TAPS

KINDS: dict[DType, str] = {float32: SINGLE, bfloat16: SHORT}
PLANES = SIDE * SIDE


class Planes:
    """Sixteen matrices, a cache line apart: else all would use the same sets of a cache."""

    def __init__(self, rows: int, columns: int, dtype: DType) -> None:
        self.rows, self.columns, self.dtype = rows, columns, dtype
        self.apart = rows * columns * dtype.itemsize + LINE

    def described(self, turned: bool = False) -> Description:
        """Describe them, or each of them transposed."""
        apart = self.apart // self.dtype.itemsize
        if turned:
            sizes, steps = (PLANES, self.columns, self.rows), (apart, 1, self.columns)
        else:
            sizes, steps = (PLANES, self.rows, self.columns), (apart, self.columns, 1)
        return strided(sizes, steps, self.dtype)


class Tiles:
    """The tiles of images (N, H, W, C), of so many points, two rows and columns apart.

    Args:
        images: the description of the images.
        points: along each side of a tile.
        before: zeros before the first row and column.
        counts: how many results (P, Q) each image has, two along each side of a tile.
    """

    def __init__(self, images: Spec, points: int, before: Pair, counts: Pair) -> None:
        self.images, self.points, self.before = images, points, before
        self.high, self.wide = (-(-count // OUT) for count in counts)
        n, h, w, c = images.shape
        self.step = c * images.dtype.itemsize
        rows = np.arange(self.high)[:, None] * OUT - before[0] + np.arange(points)
        inside = (rows >= 0) & (rows < h)
        image = np.arange(n)[:, None, None] * h
        self.rows: Any = np.where(inside, (image + rows) * (w * self.step), -1)
        self.rows = self.rows.reshape(-1, points)

    def layout(self, planes: Planes) -> Layout:
        """Return how they lie in images and in planes."""
        kinds = KINDS[self.images.dtype], KINDS[planes.dtype]
        c, w = self.images.shape[3], self.images.shape[2]
        return Layout(
            self.points, kinds, c, self.step, -self.before[1], OUT, w, self.wide, planes.apart
        )


def filter_rows(w: Spec) -> Any:
    """Return where the taps of filters (3, 3, C, O) lie, one row of one tile for each of C."""
    _, _, c, o = w.shape
    size = o * w.dtype.itemsize
    return np.arange(c)[:, None] * size + np.arange(TAPS) * (TAPS * c * size)


def filter_layout(w: Spec, planes: Planes) -> Layout:
    """Return how filters lie."""
    _, _, c, o = w.shape
    kinds = KINDS[w.dtype], KINDS[planes.dtype]
    return Layout(TAPS, kinds, o, c * o * w.dtype.itemsize, 0, 0, TAPS, 1, planes.apart)


def blocks(rows: int, size: int, most: int) -> Iterator[slice]:
    """Cut rows of so many bytes into blocks of about `most` bytes, all but the last alike."""
    count = max(1, -(-rows * size // most))
    each = -(-rows // count)
    for start in range(0, rows, each):
        yield slice(start, min(start + each, rows))

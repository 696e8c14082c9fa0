"""Pooling to a given size: as many bins along each axis as are wanted, of almost equal length.

Bin i of m over n places is [⌊i·n / m⌋, ⌈(i + 1)·n / m⌉): neighbours may share a place, as in
PyTorch. Boxes are pooled axis by axis, the last one first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import expect
from ..spec import Shape, several
from .gather import take
from .operand import floating
from .pool import avg_pool2d, max_pool2d
from .resample import Resample, Sampling
from .shape import reshape
from .window import BATCHES

if TYPE_CHECKING:
    from ..tensor import Tensor


def adaptive_avg_pool1d(x: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Average bins of sequences, so many of them: (N, T, C) -> (N, output_size, C).

    Raises:
        ShapeError: x is no batch of sequences, they are empty, or output_size is not positive.
    """
    return _averaged("adaptive_avg_pool1d", x, output_size, 1)


def adaptive_avg_pool2d(x: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Average bins of images, so many rows and columns of them.

    Shapes: (N, H, W, C) -> (N, H', W', C), (H', W') = output_size.

    Raises:
        ShapeError: x is no batch of images, they are empty, or output_size is not positive.
    """
    return _averaged("adaptive_avg_pool2d", x, output_size, 2)


def adaptive_avg_pool3d(x: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Average bins of volumes, so many frames, rows and columns of them.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', C), (D', H', W') = output_size.

    Raises:
        ShapeError: x is no batch of volumes, they are empty, or output_size is not positive.
    """
    return _averaged("adaptive_avg_pool3d", x, output_size, 3)


def adaptive_max_pool1d(x: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Take the largest value of bins of sequences: (N, T, C) -> (N, output_size, C).

    Of several equal maxima the first gets the gradient.

    Raises:
        ShapeError: x is no batch of sequences, they are empty, or output_size is not positive.
    """
    return _largest("adaptive_max_pool1d", x, output_size, 1)


def adaptive_max_pool2d(x: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Take the largest value of bins of images, so many rows and columns of them.

    Of several equal maxima the first gets the gradient.
    Shapes: (N, H, W, C) -> (N, H', W', C), (H', W') = output_size.

    Raises:
        ShapeError: x is no batch of images, they are empty, or output_size is not positive.
    """
    return _largest("adaptive_max_pool2d", x, output_size, 2)


def adaptive_max_pool3d(x: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Take the largest value of bins of volumes, so many frames, rows and columns of them.

    Of several equal maxima the first gets the gradient.
    Shapes: (N, D, H, W, C) -> (N, D', H', W', C), (D', H', W') = output_size.

    Raises:
        ShapeError: x is no batch of volumes, they are empty, or output_size is not positive.
    """
    return _largest("adaptive_max_pool3d", x, output_size, 3)


def _wanted(subject: str, x: Tensor, output_size: int | Sequence[int], rank: int) -> Shape:
    expect(x.ndim == rank + 2 and min(x.shape[1:-1]) > 0, subject,
           f"x must be {BATCHES[rank]} that are not empty", x=x.spec)  # fmt: skip
    wanted = several(f"{subject} output_size", output_size, rank)
    expect(min(wanted) > 0, subject, "output_size must be at least 1", output_size=wanted)
    return wanted


def _averaged(subject: str, x: Tensor, output_size: int | Sequence[int], rank: int) -> Tensor:
    wanted = _wanted(subject, x, output_size, rank)
    y, sizes = floating(x), x.shape[1:-1]
    if rank == 2 and all(n % m == 0 for n, m in zip(sizes, wanted, strict=True)):
        return avg_pool2d(y, (sizes[0] // wanted[0], sizes[1] // wanted[1]))
    for axis in range(rank, 0, -1):
        size, bins = x.shape[axis], wanted[axis - 1]
        if size != bins:
            y = Resample(axis, Sampling(size, bins, "area"))(y)
    return y


def _largest(subject: str, x: Tensor, output_size: int | Sequence[int], rank: int) -> Tensor:
    wanted = _wanted(subject, x, output_size, rank)
    y = x
    for axis in range(rank, 0, -1):
        size, bins = y.shape[axis], wanted[axis - 1]
        if size == bins:
            continue
        starts = np.arange(bins) * size // bins
        stops = -(-(np.arange(bins) + 1) * size // bins)
        longest = int((stops - starts).max())
        shape = y.shape
        if (
            bins * longest != size
        ):  # bins overlap or differ: shorter ones see their last place again
            places = np.minimum(starts[:, None] + np.arange(longest), stops[:, None] - 1)
            y = take(y, places.reshape(-1), axis)
        lead, tail = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        y = max_pool2d(reshape(y, (lead, bins * longest, 1, tail)), (longest, 1))
        y = reshape(y, (*shape[:axis], bins, *shape[axis + 1 :]))
    return y

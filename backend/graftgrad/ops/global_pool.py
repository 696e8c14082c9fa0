"""All places of a sequence, an image or a volume reduced to one number per channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..errors import expect
from .reduce import max as reduce_max
from .reduce import mean
from .window import BATCHES

if TYPE_CHECKING:
    from ..tensor import Tensor


def global_average_pool1d(x: Tensor, keepdims: bool = False) -> Tensor:
    """Average whole sequences: (N, T, C) -> (N, C), or (N, 1, C) with `keepdims`.

    Raises:
        ShapeError: x is no batch of sequences, or they have no steps.
    """
    return mean(x, _places("global_average_pool1d", x, 1), keepdims)


def global_average_pool2d(x: Tensor, keepdims: bool = False) -> Tensor:
    """Average whole images: (N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`.

    Raises:
        ShapeError: x is no batch of images, or they have no pixels.
    """
    return mean(x, _places("global_average_pool2d", x, 2), keepdims)


def global_average_pool3d(x: Tensor, keepdims: bool = False) -> Tensor:
    """Average whole volumes: (N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with `keepdims`.

    Raises:
        ShapeError: x is no batch of volumes, or they have no elements.
    """
    return mean(x, _places("global_average_pool3d", x, 3), keepdims)


def global_max_pool1d(x: Tensor, keepdims: bool = False) -> Tensor:
    """Take the largest value of whole sequences: (N, T, C) -> (N, C), or (N, 1, C).

    Equal maxima share the gradient evenly.

    Raises:
        ShapeError: x is no batch of sequences, or they have no steps.
    """
    return reduce_max(x, _places("global_max_pool1d", x, 1), keepdims)


def global_max_pool2d(x: Tensor, keepdims: bool = False) -> Tensor:
    """Take the largest value of whole images: (N, H, W, C) -> (N, C), or (N, 1, 1, C).

    Equal maxima share the gradient evenly.

    Raises:
        ShapeError: x is no batch of images, or they have no pixels.
    """
    return reduce_max(x, _places("global_max_pool2d", x, 2), keepdims)


def global_max_pool3d(x: Tensor, keepdims: bool = False) -> Tensor:
    """Take the largest value of whole volumes: (N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C).

    Equal maxima share the gradient evenly.

    Raises:
        ShapeError: x is no batch of volumes, or they have no elements.
    """
    return reduce_max(x, _places("global_max_pool3d", x, 3), keepdims)


def _places(subject: str, x: Tensor, rank: int) -> tuple[int, ...]:
    """Return the axes between batch and channels."""
    expect(x.ndim == rank + 2 and math.prod(x.shape[1:-1]) > 0, subject,
           f"x must be {BATCHES[rank]} with at least one {_ONE[rank]}", x=x.spec)  # fmt: skip
    return tuple(range(1, rank + 1))


_ONE = {1: "step", 2: "pixel", 3: "element"}

"""Images and volumes cut into windows, which lie side by side as channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from .layout import batch_of

Sizes = int | Sequence[int]


def extract_patches(
    images: Any,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Cut images into windows; three sizes cut volumes.

    Shapes: (N, H, W, C) -> (N, H', W', A · B · C), pixel by pixel with its channels.

    Args:
        images: one image or a batch.
        size: rows and columns of a window, or one number for both.
        strides: pixels from one window to the next; `size` if None.
        dilation_rate: pixels from one row or column of a window to the next.
        padding: "valid", or "same": zeros beyond the edge, so that windows start everywhere.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images.
        ConfigError: the sizes are neither one number nor one for each axis, or padding is unknown.
    """
    if not isinstance(size, int) and len(size) == 3:
        return extract_patches_3d(images, size, strides, dilation_rate, padding, data_format)
    return _cut("extract_patches", 2, images, size, strides, dilation_rate, padding, data_format)


def extract_patches_3d(
    volumes: Any,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Cut volumes into windows.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', E · A · B · C).

    Args:
        volumes: one volume or a batch.
        size: frames, rows and columns of a window, or one number for all.
        strides: places from one window to the next; `size` if None.
        dilation_rate: places from one frame, row or column of a window to the next.
        padding: "valid" or "same".
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no volumes.
        ConfigError: the sizes are neither one number nor one for each axis, or padding is unknown.
    """
    subject = "extract_patches_3d"
    return _cut(subject, 3, volumes, size, strides, dilation_rate, padding, data_format)


def _cut(
    subject: str,
    rank: int,
    images: Any,
    size: Any,
    strides: Any,
    dilation_rate: Any,
    padding: str,
    data_format: str | None,
) -> Tensor:
    expect(padding in ("valid", "same"), subject, "padding must be 'valid' or 'same'",
           error=ConfigError, padding=padding)  # fmt: skip
    x, back = batch_of(subject, images, data_format, rank)
    window = _each(subject, "size", size, rank)
    steps = window if strides is None else _each(subject, "strides", strides, rank)
    gaps = _each(subject, "dilation_rate", dilation_rate, rank)
    first, counts = [], []
    for n, k, step, gap in zip(x.shape[1:-1], window, steps, gaps, strict=True):
        reach = (k - 1) * gap + 1
        expect(padding == "same" or reach <= n, subject, "size must fit into the images",
               images=x.spec, size=window, dilation_rate=gaps)  # fmt: skip
        count = -(-n // step) if padding == "same" else (n - reach) // step + 1
        missing = max((count - 1) * step + reach - n, 0) if padding == "same" else 0
        first.append((missing // 2, missing - missing // 2))
        counts.append(count)
    y = ops.pad(x, [(0, 0), *first, (0, 0)]) if any(map(sum, first)) else x
    for axis, (k, step, gap, count) in enumerate(zip(window, steps, gaps, counts, strict=True)):
        starts = ops.reshape(graftgrad.arange(count) * step, (count, 1))
        places = starts + ops.reshape(graftgrad.arange(k) * gap, (1, k))
        y = ops.take(y, places, 1 + 2 * axis)  # (N, D', E, H', A, …, C), axis after axis
    order = [0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1]
    width = x.shape[-1]
    for k in window:
        width *= k
    return back(ops.reshape(ops.transpose(y, order), (x.shape[0], *counts, width)))


def _each(subject: str, name: str, value: Any, rank: int) -> tuple[int, ...]:
    given = (value,) * rank if hasattr(value, "__index__") else tuple(value)
    fit = len(given) == rank and all(hasattr(n, "__index__") and int(n) > 0 for n in given)
    expect(fit, subject, f"{name} must be one positive integer or {rank}", error=ConfigError,
           **{name: value})  # fmt: skip
    return tuple(int(n) for n in given)

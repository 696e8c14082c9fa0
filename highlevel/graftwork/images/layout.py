"""One image or a batch of them, channels last or first: brought to (N, H, W, C) and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import expect
from graftgrad.spec import is_floating

from ..defaults import data_format_or_default


def batch_of(
    subject: str, images: Any, data_format: str | None = None, rank: int = 2
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return images as (N, H, W, C), and what brings a result of that layout back.

    Args:
        subject: whose argument it is.
        images: one image or a batch, an array or a tensor.
        data_format: whether channels lie last or first.
        rank: how many axes lie between samples and channels: 2, or 3 for volumes.
    Raises:
        ShapeError: the images have neither `rank` + 1 nor `rank` + 2 axes.
        ConfigError: there is no such data_format.
    """
    first = data_format_or_default(data_format, subject) == "channels_first"
    x = graftgrad.as_tensor(images)
    single = x.ndim == rank + 1
    expect(x.ndim in (rank + 1, rank + 2), subject,
           f"images must have {rank + 1} axes, or {rank + 2} with that of the batch",
           images=x.spec)  # fmt: skip
    x = ops.expand_dims(x, 0) if single else x
    x = ops.moveaxis(x, 1, -1) if first else x

    def back(y: Tensor) -> Tensor:
        y = ops.moveaxis(y, -1, 1) if first else y
        return ops.squeeze(y, 0) if single else y

    return x, back


def as_before(y: Tensor, x: Tensor) -> Tensor:
    """Bring a result to the element type of what it was made of: rounded and within its range."""
    if y.dtype == x.dtype:
        return y
    if is_floating(x.dtype) or x.dtype.kind == "b":
        return y.to(x.dtype)
    low, high = bounds(x)
    return ops.clip(ops.round(y), low, high).to(x.dtype)


def bounds(x: Tensor) -> tuple[float, float]:
    """Return the smallest and largest number of a whole element type."""
    bits = 8 * x.dtype.itemsize
    return (
        (0.0, 2.0**bits - 1)
        if x.dtype.kind == "u"
        else (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
    )

"""Images seen through small windows: blurred, and searched for edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import expect
from graftgrad.spec import is_floating

from .layout import batch_of


def gaussian_blur(
    images: Any,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Blur images with a bell: weights ∝ exp(−x² / 2σ²) around each pixel, with the sum 1.

    Beyond the edge are zeros.

    Args:
        images: one image or a batch.
        kernel_size: how many pixels are seen along columns and along rows, in this order.
        sigma: the widths of the bell in the same order, numbers or a tensor (2,).
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images, or there are not two sizes and widths.
    """
    x, back = batch_of("gaussian_blur", images, data_format)
    sizes = tuple(int(one) for one in kernel_size)
    y = x if is_floating(x.dtype) else x.to("float32")
    widths = graftgrad.as_tensor(sigma, y.dtype, y.device)
    expect(len(sizes) == 2 and widths.shape == (2,) and min(sizes) > 0, "gaussian_blur",
           "kernel_size and sigma must be two positive numbers each",
           kernel_size=kernel_size, sigma=widths.spec)  # fmt: skip
    y = smoothed(smoothed(y, bell(sizes[1], widths[1]), 0), bell(sizes[0], widths[0]), 1)
    return back(y.to(x.dtype))


def bell(size: int, sigma: Tensor, reach: Tensor | None = None) -> Tensor:
    """Return the weights of a bell over `size` pixels, (size,), with the sum 1.

    Args:
        size: how many pixels there are.
        sigma: the width, ().
        reach: how far from the middle weights count; everywhere if None.
    """
    x = graftgrad.arange(size).to(sigma.dtype) - (size - 1) / 2
    weights = ops.exp(-0.5 * (x / sigma) * (x / sigma))
    if reach is not None:
        weights = ops.where(ops.less_equal(ops.abs(x), reach), weights, 0.0)
    return weights / ops.sum(weights)


def smoothed(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Weigh pixels along rows (axis 0) or columns (1) of (N, H, W, C); zeros beyond the edge."""
    size, c = weights.shape[0], x.shape[-1]
    window = (size, 1, 1, 1) if axis == 0 else (1, size, 1, 1)
    kernel = ops.broadcast_to(ops.reshape(weights, window), (*window[:2], c, 1))
    return ops.depthwise_conv2d(x, kernel.to(x.dtype), padding="same")


def sobel_edges(images: Any, data_format: str | None = None) -> Tensor:
    """Find edges: how fast brightness changes along rows and along columns. Sobel 1968.

    Args:
        images: a batch, (N, H, W, C) or (N, C, H, W).
        data_format: whether channels lie last or first; None for what `config` says.
    Returns:
        The images' shape with a last axis of 2: downward, and to the right.
    Raises:
        ShapeError: it is no batch of images.
    """
    given = graftgrad.as_tensor(images)
    expect(given.ndim == 4, "sobel_edges", "images must be a batch, with 4 axes",
           images=given.spec)  # fmt: skip
    x, back = batch_of("sobel_edges", given, data_format)
    y = x if is_floating(x.dtype) else x.to("float32")
    slope = graftgrad.tensor([-1.0, 0.0, 1.0], y.dtype, y.device)
    mean = graftgrad.tensor([1.0, 2.0, 1.0], y.dtype, y.device)
    down = smoothed(smoothed(y, slope, 0), mean, 1)
    right = smoothed(smoothed(y, mean, 0), slope, 1)
    return ops.stack([back(down.to(x.dtype)), back(right.to(x.dtype))], -1)

"""How alike two images look."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect
from graftgrad.spec import is_floating

from .filters import bell
from .layout import batch_of


def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Return how alike images are in brightness, contrast and structure; 1 for equal ones.

    The mean over windows and channels of (2·μ₁·μ₂ + c₁)(2·σ₁₂ + c₂) /
    ((μ₁² + μ₂² + c₁)(σ₁² + σ₂² + c₂)), cᵢ = (kᵢ · max_val)², with a bell as weights of a window.
    Wang, Bovik, Sheikh and Simoncelli 2004.

    Args:
        image1: one image or a batch.
        image2: the same number of images, of the same size.
        max_val: the largest value that a pixel can have.
        filter_size: rows and columns of a window, an odd number.
        filter_sigma: the width of the bell, in pixels.
        k1: keeps the share of brightness steady in the dark.
        k2: keeps the share of contrast steady on even surfaces.
        data_format: whether channels lie last or first; None for what `config` says.
    Returns:
        One number for each image, (N,), or () for one image.
    Raises:
        ShapeError: they are no images, differ in shape, or are smaller than the window.
        ConfigError: filter_size is no odd number.
    """
    sound = isinstance(filter_size, int) and filter_size > 0 and filter_size % 2 == 1
    expect(sound, "ssim", "filter_size must be a positive odd number", error=ConfigError,
           filter_size=filter_size)  # fmt: skip
    x1, _ = batch_of("ssim", image1, data_format)
    x2, _ = batch_of("ssim", image2, data_format)
    single = graftgrad.as_tensor(image1).ndim == 3
    expect(x1.shape == x2.shape, "ssim", "images must have one shape", error=ShapeError,
           image1=x1.spec, image2=x2.spec)  # fmt: skip
    expect(min(x1.shape[1:3]) >= filter_size, "ssim", "images must hold a window",
           error=ShapeError, image1=x1.spec, filter_size=filter_size)  # fmt: skip
    kind = x1.dtype
    x1, x2 = (one if is_floating(one.dtype) else one.to("float32") for one in (x1, x2))
    weights = bell(filter_size, graftgrad.tensor(float(filter_sigma), x1.dtype, x1.device))

    def mean(x: Tensor) -> Tensor:
        return _weighed(_weighed(x, weights, 0), weights, 1)

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    m1, m2 = mean(x1), mean(x2)
    v1, v2, both = mean(x1 * x1) - m1 * m1, mean(x2 * x2) - m2 * m2, mean(x1 * x2) - m1 * m2
    alike = (2 * m1 * m2 + c1) * (2 * both + c2)
    found = ops.mean(alike / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2)), (1, 2, 3)).to(kind)
    return ops.squeeze(found, 0) if single else found


def _weighed(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Weigh pixels along rows (axis 0) or columns (1) of (N, H, W, C), within the images."""
    size, c = weights.shape[0], x.shape[-1]
    window = (size, 1, 1, 1) if axis == 0 else (1, size, 1, 1)
    kernel = ops.broadcast_to(ops.reshape(weights, window), (*window[:2], c, 1))
    return ops.depthwise_conv2d(x, kernel)

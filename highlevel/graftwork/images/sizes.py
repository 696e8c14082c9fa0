"""Images brought to another size: resampled, cropped, padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.spec import is_floating

from .layout import as_before, batch_of

_METHODS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), ("linear", 1.0)),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), ("cubic", 2.0)),
    "lanczos3": ("lanczos", 3.0),
    "lanczos5": ("lanczos", 5.0),
}


def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Bring images to a size; whole numbers stay whole, rounded and within their range.

    Args:
        images: one image or a batch.
        size: rows and columns of the result.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether every old pixel counts where the result is smaller.
        crop_to_aspect_ratio: cut off what is too long first, so that nothing is distorted.
        pad_to_aspect_ratio: fill up what is too short first, so that nothing is distorted.
        fill_mode: only "constant".
        fill_value: what is filled up with.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images, or a size is not positive.
        ConfigError: interpolation or fill_mode are unknown, or both ratios are to be kept.
    """
    known = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    expect(interpolation in known, "resize", f"interpolation must be one of {', '.join(known)}",
           error=ConfigError, interpolation=interpolation)  # fmt: skip
    expect(fill_mode == "constant", "resize", "fill_mode must be 'constant'", error=ConfigError,
           fill_mode=fill_mode)  # fmt: skip
    expect(not (crop_to_aspect_ratio and pad_to_aspect_ratio), "resize",
           "images must be cropped or padded, not both", error=ConfigError,
           crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)  # fmt: skip
    expect(len(size) == 2, "resize", "size must be rows and columns", error=ConfigError, size=size)
    x, back = batch_of("resize", images, data_format)
    height, width = (int(n) for n in size)
    rows, columns = x.shape[1:3]
    y = x
    if crop_to_aspect_ratio:
        y = middle(x, *fitting(rows, columns, height, width))
    elif pad_to_aspect_ratio:
        # Keras fills up the same on both sides, so an odd pixel is left out.
        down = max(0, int(columns * height / width) - rows) // 2
        across = max(0, int(rows * width / height) - columns) // 2 if not down else 0
        y = ops.pad(x, [(0, 0), (down, down), (across, across), (0, 0)], fill_value)
    y = ops.resize(y, (height, width), interpolation, antialias)
    return back(as_before(y, x))


def smart_resize(
    x: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Any:
    """Bring images to a size without distorting them: what is too long is cut off first.

    Args:
        x: one image or a batch, a host array or a tensor; what comes back is the same kind.
        size: rows and columns of the result.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: whether channels lie last or first.
    Raises:
        ShapeError: they are no images.
        ConfigError: size is not rows and columns, or there is no such interpolation.
    """
    y = resize(x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)
    return y if isinstance(x, Tensor) else y.numpy()


def fitting(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Return the largest rows and columns within an image that are as height to width."""
    wanted = min(rows, int(columns * height / width))
    across = min(columns, int(rows * width / height))
    return max(wanted, 1), max(across, 1)


def middle(x: Tensor, rows: int, columns: int) -> Tensor:
    """Cut so many rows and columns out of the middle of (N, H, W, C)."""
    top, left = (x.shape[1] - rows) // 2, (x.shape[2] - columns) // 2
    return x[:, top : top + rows, left : left + columns]


def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Put zeros around images; of both margins and the result's size, two are told.

    Args:
        images: one image or a batch.
        top_padding: rows above.
        left_padding: columns on the left.
        bottom_padding: rows below.
        right_padding: columns on the right.
        target_height: rows of the result.
        target_width: columns of the result.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ConfigError: not two of three are told, or one is negative.
        ShapeError: they are no images.
    """
    x, back = batch_of("pad_images", images, data_format)
    rows = _margins("pad_images", "padding", x.shape[1], top_padding, bottom_padding,
                    target_height, "top, bottom and target_height", 1)  # fmt: skip
    columns = _margins("pad_images", "padding", x.shape[2], left_padding, right_padding,
                       target_width, "left, right and target_width", 1)  # fmt: skip
    return back(ops.pad(x, [(0, 0), rows, columns, (0, 0)]))


def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Cut margins off; of both margins and the result's size, two are told.

    Args:
        images: one image or a batch.
        top_cropping: rows above.
        left_cropping: columns on the left.
        bottom_cropping: rows below.
        right_cropping: columns on the right.
        target_height: rows of the result.
        target_width: columns of the result.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ConfigError: not two of three are told, or one is negative.
        ShapeError: they are no images.
    """
    x, back = batch_of("crop_images", images, data_format)
    h, w = x.shape[1:3]
    top, bottom = _margins("crop_images", "cropping", h, top_cropping, bottom_cropping,
                           target_height, "top, bottom and target_height", -1)  # fmt: skip
    left, right = _margins("crop_images", "cropping", w, left_cropping, right_cropping,
                           target_width, "left, right and target_width", -1)  # fmt: skip
    return back(x[:, top : h - bottom, left : w - right])


def _margins(
    subject: str,
    what: str,
    size: int,
    before: int | None,
    after: int | None,
    target: int | None,
    names: str,
    sign: int,
) -> tuple[int, int]:
    expect([before, after, target].count(None) == 1, subject, f"two of {names} must be given",
           error=ConfigError, before=before, after=after, target=target)  # fmt: skip
    if before is None:
        assert target is not None and after is not None
        before = sign * (target - size) - after
    elif after is None:
        assert target is not None
        after = sign * (target - size) - before
    assert after is not None
    fit = before >= 0 and after >= 0 and size + sign * (before + after) > 0
    expect(fit, subject, f"no {what} may be negative, and something must be left",
           error=ConfigError, before=before, after=after, size=size)  # fmt: skip
    return before, after


def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Stretch and move arrays along some axes, into a result of a given shape.

    Place i of the result lies at (i + ½ − translation) / scale − ½; beyond the array are zeros.

    Args:
        images: an array of any rank.
        output_shape: the shape of the result; other axes than `spatial_dims` must keep their size.
        scale: how many times as large, one number for each of `spatial_dims`.
        translation: by how many places of the result it moves, one for each.
        spatial_dims: the axes.
        method: "linear", "cubic", "lanczos3" or "lanczos5"; also under their names for images
            and volumes.
        antialias: whether every old place counts where the result is smaller.
    Raises:
        ShapeError: the shapes do not fit.
        ConfigError: there is no such method.
    """
    subject = "scale_and_translate"
    expect(method in _METHODS, subject, f"method must be one of {', '.join(_METHODS)}",
           error=ConfigError, method=method)  # fmt: skip
    x = graftgrad.as_tensor(images)
    y = x if is_floating(x.dtype) else x.to("float32")
    axes = [axis % y.ndim for axis in spatial_dims]
    factors, moves = (graftgrad.as_tensor(one).to(y.dtype) for one in (scale, translation))
    same = len(output_shape) == y.ndim and all(
        a == b for i, (a, b) in enumerate(zip(y.shape, output_shape, strict=False)) if i not in axes
    )
    expect(same and factors.shape == moves.shape == (len(axes),), subject,
           "output_shape must keep other axes, with one scale and translation for each of "
           "spatial_dims", images=x.spec, output_shape=tuple(output_shape),
           scale=factors.spec, translation=moves.spec)  # fmt: skip
    for k, axis in enumerate(axes):
        n, m = y.shape[axis], int(output_shape[axis])
        rows = _weights(n, m, factors[k], moves[k], method, antialias)
        lines = ops.matmul(ops.moveaxis(y, axis, -1), ops.swapaxes(rows, 0, 1))
        y = ops.moveaxis(lines, -1, axis)
    return y


def _weights(n: int, m: int, scale: Tensor, move: Tensor, method: str, antialias: bool) -> Tensor:
    """Return how much each of n places counts for each of m, (m, n)."""
    kind, reach = _METHODS[method]
    step = 1.0 / scale
    wide = ops.maximum(step, 1.0) if antialias else step * 0 + 1.0
    at = (graftgrad.arange(m).to(scale.dtype) + 0.5 - move) * step - 0.5
    places = graftgrad.arange(n).to(scale.dtype)
    x = ops.abs(ops.expand_dims(at, 1) - ops.expand_dims(places, 0)) / wide
    if kind == "linear":
        weights = ops.maximum(1.0 - x, 0.0)
    elif kind == "cubic":  # Keys 1981, a = −½
        near = (1.5 * x - 2.5) * x * x + 1.0
        far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
        weights = ops.where(ops.less(x, 1.0), near, ops.where(ops.less(x, 2.0), far, 0.0))
    else:
        bent = ops.sinc(x) * ops.sinc(x / reach)
        weights = ops.where(ops.less(x, reach), bent, 0.0)
    total = ops.sum(weights, 1, keepdims=True)
    counts = ops.greater(ops.abs(total), 1e-4)
    weights = ops.where(counts, weights / ops.where(counts, total, 1.0), 0.0)
    inside = ops.logical_and(ops.greater_equal(at, -0.5), ops.less_equal(at, n - 0.5))
    return ops.where(ops.expand_dims(inside, 1), weights, 0.0)

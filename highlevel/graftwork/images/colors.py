"""Colours: grey, and hue, saturation and value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import DTypeError, expect
from graftgrad.spec import is_floating

from .layout import batch_of

# How bright red, green and blue look: ITU-R BT.601.
_LUMA = (0.2989, 0.587, 0.114)
_SMALL = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """Turn colours to grey: y = 0.2989 · red + 0.587 · green + 0.114 · blue.

    Shapes: (N, H, W, 3) -> (N, H, W, 1), (H, W, 3) -> (H, W, 1); grey images stay as they are.

    Args:
        images: one image or a batch.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images, or there are neither 3 channels nor 1.
    """
    x, back = batch_of("rgb_to_grayscale", images, data_format)
    expect(x.shape[-1] in (1, 3), "rgb_to_grayscale", "there must be 3 channels or 1",
           images=x.spec)  # fmt: skip
    if x.shape[-1] == 1:
        return back(x)
    wide = x if is_floating(x.dtype) else x.to("float32")
    red, green, blue = (wide[..., i : i + 1] * share for i, share in enumerate(_LUMA))
    return back((red + green + blue).to(x.dtype))


def rgb_to_hsv(images: Any, data_format: str | None = None) -> Tensor:
    """Turn red, green and blue into hue, saturation and value, all from 0 to 1. Smith 1978.

    Args:
        images: real numbers, one image or a batch; from 0 to 1.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        DTypeError: the images hold whole numbers.
        ShapeError: they are no images of 3 channels.
    """
    x, back = _colored("rgb_to_hsv", images, data_format)
    x = ops.where(ops.less(ops.abs(x), _SMALL[str(x.dtype)]), 0.0, x)
    red, green, blue = (x[..., i] for i in range(3))
    value = ops.maximum(ops.maximum(red, green), blue)
    spread = value - ops.minimum(ops.minimum(red, green), blue)
    bright, colored = ops.greater(value, 0.0), ops.greater(spread, 0.0)
    saturation = ops.where(bright, spread / ops.where(bright, value, 1.0), 0.0)
    sixth = 1.0 / (6.0 * ops.where(colored, spread, 1.0))
    hue = ops.where(ops.equal(value, green), sixth * (blue - red) + 2 / 6,
                    sixth * (red - green) + 4 / 6)  # fmt: skip
    hue = ops.where(ops.equal(value, red), sixth * (green - blue), hue)
    hue = ops.where(colored, hue, 0.0) + ops.less(hue, 0.0).to(x.dtype)
    return back(ops.stack([hue, saturation, value], -1))


def hsv_to_rgb(images: Any, data_format: str | None = None) -> Tensor:
    """Turn hue, saturation and value into red, green and blue. Smith 1978.

    Args:
        images: real numbers, one image or a batch; from 0 to 1.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        DTypeError: the images hold whole numbers.
        ShapeError: they are no images of 3 channels.
    """
    x, back = _colored("hsv_to_rgb", images, data_format)
    hue, saturation, value = (x[..., i] for i in range(3))
    turn = ops.remainder(hue, 1.0) * 6.0
    shares = (
        ops.clip(ops.abs(turn - 3.0) - 1.0, 0.0, 1.0),
        ops.clip(2.0 - ops.abs(turn - 2.0), 0.0, 1.0),
        ops.clip(2.0 - ops.abs(turn - 4.0), 0.0, 1.0),
    )
    return back(ops.stack([value * (1.0 - saturation + saturation * one) for one in shares], -1))


def _colored(
    subject: str, images: Any, data_format: str | None
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    x = graftgrad.as_tensor(images)
    expect(is_floating(x.dtype), subject, "images must hold real numbers", error=DTypeError,
           images=x.spec)  # fmt: skip
    x, back = batch_of(subject, x, data_format)
    expect(x.shape[-1] == 3, subject, "there must be 3 channels", images=x.spec)
    return x, back

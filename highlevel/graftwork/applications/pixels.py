"""Pictures as networks were trained on them: the three customs, and what may be assumed."""

from __future__ import annotations

from typing import Any

import numpy as np

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, expect

from ..layers.symbol import KerasTensor
from ..ops import cast

MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue, as shares of 255
DEVIATION = (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)  # of blue, green and red
CUSTOMS = ("tf", "torch", "caffe")


def preprocess(x: Any, custom: str, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to the numbers that a network was trained on.

    "tf": x / 127.5 − 1. "torch": (x / 255 − mean) / deviation. "caffe": blue first, x − mean.

    Args:
        x: an array, tensor or symbol (…, H, W, 3), or (…, 3, H, W); it is not changed.
        custom: one of the three.
        data_format: "channels_last" or "channels_first"; the former if None.

    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the custom or the data format is not known.
    """
    expect(custom in CUSTOMS, "preprocess_input", f"mode must be one of {CUSTOMS}",
           error=ConfigError, mode=custom)  # fmt: skip
    x, axis = pictures(x, data_format), -3 if data_format == "channels_first" else -1
    if isinstance(x, KerasTensor):
        x = cast(x, "float32")
    if custom == "tf":
        return (x if isinstance(x, (Tensor, KerasTensor)) else x.astype("float32")) * (
            1 / 127.5
        ) - 1.0
    if custom == "torch":
        scale = [1 / (255 * one) for one in DEVIATION]
        shift = [-m / d for m, d in zip(MEAN, DEVIATION, strict=True)]
    else:
        scale, shift = [1.0, 1.0, 1.0], [-m for m in CAFFE_MEAN]
    if isinstance(x, KerasTensor):
        turned = (..., slice(None, None, -1), *[slice(None)] * (-1 - axis))
        sizes = (3,) if axis == -1 else (3, 1, 1)
        x = x[turned] if custom == "caffe" else x
        factor, added = (np.array(one, "float32").reshape(sizes) for one in (scale, shift))
        return x * factor + added
    if isinstance(x, Tensor):
        x = ops.flip(x, axis) if custom == "caffe" else x
        sizes = (3,) if axis == -1 else (3, 1, 1)
        x = x if str(x.dtype).startswith(("float", "bfloat")) else x.to("float32")
        return x * x.like(scale).reshape(sizes) + x.like(shift).reshape(sizes)
    y = x.astype("float32")
    planes = y if axis == -1 else y.swapaxes(-3, -1)  # the channels last, in the same memory
    if custom == "caffe":
        planes[...] = planes[..., ::-1].copy()
    for channel in range(3):
        planes[..., channel] = planes[..., channel] * scale[channel] + shift[channel]
    return y


def preprocess_for(
    variant: str, variants: tuple[str, ...], keras: str | None, x: Any, data_format: str | None
) -> Any:
    """Bring pictures to what one form of a network takes; all forms but Keras' take "torch".

    Args:
        variant: the form.
        variants: those of the network.
        keras: the custom of Keras' form; None where the network itself rescales pictures.
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.

    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    expect(variant in variants, "preprocess_input", f"variant must be one of {variants}",
           error=ConfigError, variant=variant)  # fmt: skip
    custom = keras if variant == "keras" else "torch"
    if custom is None:
        return pictures(x, data_format)
    return preprocess(x, custom, data_format)


def pictures(x: Any, data_format: str | None = None) -> Any:
    """Return x if it is an array or a tensor of colour pictures, (…, H, W, 3) or (…, 3, H, W).

    Raises:
        DataError: it is not.
        ConfigError: the data format is not known.
    """
    expect(data_format in (None, "channels_last", "channels_first"), "preprocess_input",
           'data_format must be "channels_last" or "channels_first"',
           error=ConfigError, data_format=data_format)  # fmt: skip
    axis = -3 if data_format == "channels_first" else -1
    shape = getattr(x, "shape", None)
    sound = shape is not None and len(shape) >= 3 and shape[axis] == 3 and hasattr(x, "dtype")
    form = "(…, H, W, 3)" if axis == -1 else "(…, 3, H, W)"
    expect(sound, "preprocess_input",
           f"x must be an array of colour pictures {form}", error=DataError,
           x=type(x).__name__, shape=None if shape is None else tuple(shape),
           advice="Lists and pictures of Pillow become arrays by numpy.asarray."
           if shape is None else "Read grey pictures with color_mode='rgb'.")  # fmt: skip
    return x

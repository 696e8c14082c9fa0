"""Sequences, images and volumes drawn together into one value per channel."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..registry import declared, layers, setting
from .input_spec import InputSpec
from .layer import Layer
from .rules import channel_order


@declared(None)
class Global(Layer):
    """What the layers share that draw all places together into one."""

    data_format: Any = setting(channel_order, default=None)
    keepdims: bool = setting(default=False)

    accepts_integers = False

    def places(self, x: Tensor) -> tuple[int, ...]:
        """Return the axes of the places: all but those of batch and channels."""
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + x.ndim - 2))


class Mean(Global):
    """The mean of all places."""

    def call(self, inputs: Tensor) -> Tensor:
        """Take the means."""
        return ops.mean(inputs, self.places(inputs), self.keepdims)


class Largest(Global):
    """The largest value of all places."""

    def call(self, inputs: Tensor) -> Tensor:
        """Take the largest."""
        return ops.max(inputs, self.places(inputs), self.keepdims)


@declared(layers, "GlobalAvgPool1D")
class GlobalAveragePooling1D(Mean):
    """The mean of each channel of a sequence, over the steps that its mask is true for.

    Shapes: (N, T, C) -> (N, C), or (N, 1, C) with keepdims.

    Args:
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
        keepdims: whether the steps stay, with size 1.
    """

    input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        """Take the means of the steps that count."""
        if mask is None:
            return ops.mean(inputs, self.places(inputs), self.keepdims)
        (steps,) = self.places(inputs)
        wide = ops.expand_dims(ops.cast(mask, "bool"), 3 - steps)
        counts = ops.cast(wide, inputs.dtype)
        total = ops.sum(inputs * counts, steps, self.keepdims)
        return total / ops.sum(counts, steps, self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return none: no steps are left."""


@declared(layers, "GlobalAvgPool2D")
class GlobalAveragePooling2D(Mean):
    """The mean of each channel of an image.

    Shapes: (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keepdims.

    Args:
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        keepdims: whether rows and columns stay, with size 1.
    """

    input_spec = InputSpec(ndim=4)


@declared(layers, "GlobalAvgPool3D")
class GlobalAveragePooling3D(Mean):
    """The mean of each channel of a volume.

    Shapes: (N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with keepdims.

    Args:
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
        keepdims: whether frames, rows and columns stay, with size 1.
    """

    input_spec = InputSpec(ndim=5)


@declared(layers, "GlobalMaxPool1D")
class GlobalMaxPooling1D(Largest):
    """The largest value of each channel of a sequence.

    Shapes: (N, T, C) -> (N, C), or (N, 1, C) with keepdims.

    Args:
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
        keepdims: whether the steps stay, with size 1.
    """

    input_spec = InputSpec(ndim=3)


@declared(layers, "GlobalMaxPool2D")
class GlobalMaxPooling2D(Largest):
    """The largest value of each channel of an image.

    Shapes: (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keepdims.

    Args:
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        keepdims: whether rows and columns stay, with size 1.
    """

    input_spec = InputSpec(ndim=4)


@declared(layers, "GlobalMaxPool3D")
class GlobalMaxPooling3D(Largest):
    """The largest value of each channel of a volume.

    Shapes: (N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with keepdims.

    Args:
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
        keepdims: whether frames, rows and columns stay, with size 1.
    """

    input_spec = InputSpec(ndim=5)


GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = (
    GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
)  # fmt: skip
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
)  # fmt: skip

"""Windows of sequences, images and volumes drawn together into one value: the largest or the mean.

Whole inputs drawn together stand in `global_pooling`, parts of given number in `adaptive_pooling`.
"""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..registry import declared, layers, setting
from ..rules import one_of, optional
from .input_spec import InputSpec
from .rules import channel_order, sizes, window_padding
from .spatial import Spatial


@declared(None)
class Pooling(Spatial):
    """What the layers with windows share: strides are the window's size unless they are given."""

    pool_size: Any = setting(sizes(2))
    strides: Any = setting(optional(sizes(2)), default=None)
    padding: Any = setting(window_padding(2), default="valid")
    data_format: Any = setting(channel_order, default=None)

    def prepare(self) -> None:
        """Settle the strides."""
        self.prepare_layer()
        if self.strides is None:
            self.strides = self.pool_size


@declared(layers, "MaxPool1D")
class MaxPooling1D(Pooling):
    """The largest value of each window of a sequence.

    Shapes: (N, T, C) -> (N, T', C).

    Args:
        pool_size: the length of the window.
        strides: steps from one window to the next; the window's size if None.
        padding: "valid" or "same".
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
    Raises:
        ShapeError: the input is no batch of sequences, or smaller than a window.
    """

    pool_size: Any = setting(sizes(1), default=2)
    strides: Any = setting(optional(sizes(1)), default=None)
    padding: str = setting(one_of("valid", "same"), default="valid")

    rank = 1
    input_spec = InputSpec(ndim=3)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.max_pool1d(x, self.pool_size, self.strides, self.padding)


@declared(layers, "MaxPool2D")
class MaxPooling2D(Pooling):
    """The largest value of each window of an image.

    Shapes: (N, H, W, C) -> (N, H', W', C).

    Args:
        pool_size: rows and columns of the window.
        strides: pixels from one window to the next; the window's size if None.
        padding: "valid" for windows inside; "same" for ⌈H / strides⌉ of them; or margins.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
    Raises:
        ShapeError: the input is no batch of images, or smaller than a window.
    """

    pool_size: Any = setting(sizes(2), default=(2, 2))

    rank = 2
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.max_pool2d(x, self.pool_size, self.strides, self.padding)


@declared(layers, "MaxPool3D")
class MaxPooling3D(Pooling):
    """The largest value of each window of a volume.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', C).

    Args:
        pool_size: frames, rows and columns of the window.
        strides: elements from one window to the next; the window's size if None.
        padding: "valid" for windows inside; "same" for ⌈H / strides⌉ of them; or margins.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    Raises:
        ShapeError: the input is no batch of volumes, or smaller than a window.
    """

    pool_size: Any = setting(sizes(3), default=(2, 2, 2))
    strides: Any = setting(optional(sizes(3)), default=None)
    padding: Any = setting(window_padding(3), default="valid")

    rank = 3
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.max_pool3d(x, self.pool_size, self.strides, self.padding)


@declared(layers, "AvgPool1D")
class AveragePooling1D(Pooling):
    """The mean of each window of a sequence; what lies outside does not count.

    Shapes: (N, T, C) -> (N, T', C).

    Args:
        pool_size: the length of the window.
        strides: steps from one window to the next; the window's size if None.
        padding: "valid" or "same".
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
    Raises:
        ShapeError: the input is no batch of sequences, or smaller than a window.
    """

    pool_size: Any = setting(sizes(1))
    strides: Any = setting(optional(sizes(1)), default=None)
    padding: str = setting(one_of("valid", "same"), default="valid")

    rank = 1
    input_spec = InputSpec(ndim=3)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.avg_pool1d(x, self.pool_size, self.strides, self.padding)


@declared(layers, "AvgPool2D")
class AveragePooling2D(Pooling):
    """The mean of each window of an image; what lies outside does not count.

    Shapes: (N, H, W, C) -> (N, H', W', C).

    Args:
        pool_size: rows and columns of the window.
        strides: pixels from one window to the next; the window's size if None.
        padding: "valid" for windows inside; "same" for ⌈H / strides⌉ of them; or margins.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
    Raises:
        ShapeError: the input is no batch of images, or smaller than a window.
    """

    rank = 2
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.avg_pool2d(x, self.pool_size, self.strides, self.padding)


@declared(layers, "AvgPool3D")
class AveragePooling3D(Pooling):
    """The mean of each window of a volume; what lies outside does not count.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', C).

    Args:
        pool_size: frames, rows and columns of the window.
        strides: elements from one window to the next; the window's size if None.
        padding: "valid" for windows inside; "same" for ⌈H / strides⌉ of them; or margins.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    Raises:
        ShapeError: the input is no batch of volumes, or smaller than a window.
    """

    pool_size: Any = setting(sizes(3))
    strides: Any = setting(optional(sizes(3)), default=None)
    padding: Any = setting(window_padding(3), default="valid")

    rank = 3
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.avg_pool3d(x, self.pool_size, self.strides, self.padding)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D

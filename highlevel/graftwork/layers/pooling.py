"""Windows of images and sequences drawn together into one value: the largest or the mean."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..registry import declared, layers, setting
from ..rules import one_of, optional, positive_pair
from .layer import InputSpec, Layer
from .rules import channels_last, positive_single, window_padding


class Pooling(Layer):
    """What the layers with windows share: strides are the window's size unless they are given."""

    pool_size: Any
    strides: Any
    padding: Any

    accepts_integers = False

    def prepare(self) -> None:
        """Settle the strides."""
        self.prepare_layer()
        if self.strides is None:
            self.strides = self.pool_size

    def call(self, inputs: Tensor) -> Tensor:
        """Pool; a sequence is an image of one row."""
        if len(self.pool_size) == 2:
            return self.pooled(inputs, self.pool_size, self.strides)
        rows = self.pooled(ops.expand_dims(inputs, 1), (1, *self.pool_size), (1, *self.strides))
        return ops.squeeze(rows, 1)

    def pooled(self, x: Tensor, window: tuple[int, int], strides: tuple[int, int]) -> Tensor:
        """Draw windows of images together."""
        raise NotImplementedError(
            f"{type(self).__name__}: must define pooled(self, x, window, strides)."
        )


class Largest(Pooling):
    """Pooling that keeps the largest value of each window."""

    def pooled(self, x: Tensor, window: tuple[int, int], strides: tuple[int, int]) -> Tensor:
        """Take the largest."""
        return ops.max_pool2d(x, window, strides=strides, padding=self.padding)


class Mean(Pooling):
    """Pooling that keeps the mean of each window, without what lies outside the image."""

    def pooled(self, x: Tensor, window: tuple[int, int], strides: tuple[int, int]) -> Tensor:
        """Take the mean."""
        return ops.avg_pool2d(x, window, strides=strides, padding=self.padding)


@declared(layers, "MaxPool2D")
class MaxPooling2D(Largest):
    """The largest value of each window of an image.

    Shapes: (N, H, W, C) -> (N, H', W', C).

    Args:
        pool_size: rows and columns of the window.
        strides: pixels from one window to the next; the window's size if None.
        padding: "valid" for windows inside the image; "same" for ⌈H / strides⌉ of them.
        data_format: only "channels_last".
    Raises:
        ShapeError: the input is no batch of images, or smaller than a window.
    """

    pool_size: Any = setting(positive_pair, default=(2, 2))
    strides: Any = setting(optional(positive_pair), default=None)
    padding: Any = setting(window_padding, default="valid")
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=4)


@declared(layers, "AvgPool2D")
class AveragePooling2D(Mean):
    """The mean of each window of an image; what lies outside the image does not count.

    Shapes: (N, H, W, C) -> (N, H', W', C).

    Args:
        pool_size: rows and columns of the window.
        strides: pixels from one window to the next; the window's size if None.
        padding: "valid" for windows inside the image; "same" for ⌈H / strides⌉ of them.
        data_format: only "channels_last".
    Raises:
        ShapeError: the input is no batch of images, or smaller than a window.
    """

    pool_size: Any = setting(positive_pair)
    strides: Any = setting(optional(positive_pair), default=None)
    padding: Any = setting(window_padding, default="valid")
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=4)


@declared(layers, "MaxPool1D")
class MaxPooling1D(Largest):
    """The largest value of each window of a sequence.

    Shapes: (N, T, C) -> (N, T', C).

    Args:
        pool_size: the length of the window.
        strides: steps from one window to the next; the window's size if None.
        padding: "valid" or "same".
        data_format: only "channels_last".
    Raises:
        ShapeError: the input is no batch of sequences, or shorter than a window.
    """

    pool_size: Any = setting(positive_single, default=2)
    strides: Any = setting(optional(positive_single), default=None)
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=3)


@declared(layers, "AvgPool1D")
class AveragePooling1D(Mean):
    """The mean of each window of a sequence; what lies outside the sequence does not count.

    Shapes: (N, T, C) -> (N, T', C).

    Args:
        pool_size: the length of the window.
        strides: steps from one window to the next; the window's size if None.
        padding: "valid" or "same".
        data_format: only "channels_last".
    Raises:
        ShapeError: the input is no batch of sequences, or shorter than a window.
    """

    pool_size: Any = setting(positive_single)
    strides: Any = setting(optional(positive_single), default=None)
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=3)


class Global(Layer):
    """What the layers share that draw all places together into one."""

    keepdims: bool

    accepts_integers = False

    def places(self, x: Tensor) -> tuple[int, ...]:
        """Return the axes between batch and channels."""
        return tuple(range(1, x.ndim - 1))


@declared(layers, "GlobalAvgPool2D")
class GlobalAveragePooling2D(Global):
    """The mean of each channel of an image.

    Shapes: (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keepdims.

    Args:
        data_format: only "channels_last".
        keepdims: whether rows and columns stay, with size 1.
    """

    data_format: Any = setting(channels_last, default=None)
    keepdims: bool = setting(default=False)

    input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        """Take the means."""
        return ops.mean(inputs, self.places(inputs), self.keepdims)


@declared(layers, "GlobalMaxPool2D")
class GlobalMaxPooling2D(Global):
    """The largest value of each channel of an image.

    Shapes: (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keepdims.

    Args:
        data_format: only "channels_last".
        keepdims: whether rows and columns stay, with size 1.
    """

    data_format: Any = setting(channels_last, default=None)
    keepdims: bool = setting(default=False)

    input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        """Take the largest."""
        return ops.max(inputs, self.places(inputs), self.keepdims)


@declared(layers, "GlobalAvgPool1D")
class GlobalAveragePooling1D(Global):
    """The mean of each feature of a sequence, over the steps that its mask is true for.

    Shapes: (N, T, C) -> (N, C), or (N, 1, C) with keepdims.

    Args:
        data_format: only "channels_last".
        keepdims: whether the steps stay, with size 1.
    """

    data_format: Any = setting(channels_last, default=None)
    keepdims: bool = setting(default=False)

    input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        """Take the means of the steps that count."""
        if mask is None:
            return ops.mean(inputs, self.places(inputs), self.keepdims)
        counts = ops.cast(ops.expand_dims(ops.cast(mask, "bool"), -1), inputs.dtype)
        total = ops.sum(inputs * counts, 1, self.keepdims)
        return total / ops.sum(counts, 1, self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return none: no steps are left."""


@declared(layers, "GlobalMaxPool1D")
class GlobalMaxPooling1D(Global):
    """The largest value of each feature of a sequence.

    Shapes: (N, T, C) -> (N, C), or (N, 1, C) with keepdims.

    Args:
        data_format: only "channels_last".
        keepdims: whether the steps stay, with size 1.
    """

    data_format: Any = setting(channels_last, default=None)
    keepdims: bool = setting(default=False)

    input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        """Take the largest."""
        return ops.max(inputs, self.places(inputs), self.keepdims)


MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D

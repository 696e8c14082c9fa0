"""Convolutions of each channel by itself, and those that mix the channels afterwards."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..rules import named, one_of, positive_integer
from .convolving import Convolving
from .rules import activated, channel_order, sizes, window_padding


@declared(None)
class ByChannel(Convolving):
    """Filters moved over each channel by itself."""

    kernel_size: Any = setting(sizes(2))
    strides: Any = setting(sizes(2), default=(1, 1))
    padding: Any = setting(window_padding(2), default="valid")
    depth_multiplier: int = setting(positive_integer, default=1)
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(2), default=(1, 1))
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    depthwise_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    depthwise_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    depthwise_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (*kernel_size, C, depth_multiplier) and bias."""
        channels = self.channels_of(input_shape)
        window = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_part("depthwise", "kernel", window)
        self.add_bias(channels * self.depth_multiplier)


@declared(layers)
class DepthwiseConv1D(ByChannel):
    """Filters moved over each channel of sequences by itself.

    y[n, t, c·M + m] = Σ x[n, t·s + a·d, c] · kernel[a, c, m], then bias and activation.

    Shapes: (N, T, C) -> (N, T', C · depth_multiplier).

    Args:
        kernel_size: the length of the window.
        strides: steps from one window to the next.
        padding: "valid" or "same".
        depth_multiplier: M, the number of filters for each channel.
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
        dilation_rate: steps from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of sequences, or has other channels than when built.
    """

    kernel_size: Any = setting(sizes(1))
    strides: Any = setting(sizes(1), default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    dilation_rate: Any = setting(sizes(1), default=1)

    rank = 1

    def compute(self, x: Tensor) -> Tensor:
        """Convolve each channel."""
        y = ops.depthwise_conv1d(
            x, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


@declared(layers)
class DepthwiseConv2D(ByChannel):
    """Filters moved over each channel of images by itself.

    y[n, i, j, c·M + m] = Σ x[n, i·s + a·d, j·s + b·d, c] · kernel[a, b, c, m], bias and activation

    Shapes: (N, H, W, C) -> (N, H', W', C · depth_multiplier).

    Args:
        kernel_size: rows and columns of the window.
        strides: pixels from one window to the next.
        padding: "valid", "same" or margins, as in Conv2D.
        depth_multiplier: M, the number of filters for each channel.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        dilation_rate: pixels from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    def compute(self, x: Tensor) -> Tensor:
        """Convolve each channel."""
        y = ops.depthwise_conv2d(
            x, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


@declared(None)
class Separable(Convolving):
    """Filters over each channel by itself, then all channels mixed at each place."""

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(2))
    strides: Any = setting(sizes(2), default=(1, 1))
    padding: Any = setting(window_padding(2), default="valid")
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(2), default=(1, 1))
    depth_multiplier: int = setting(positive_integer, default=1)
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    depthwise_initializer: Any = setting(named(initializers), default="glorot_uniform")
    pointwise_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    depthwise_regularizer: Any = setting(named(regularizers), default=None)
    pointwise_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    depthwise_constraint: Any = setting(named(constraints), default=None)
    pointwise_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make depthwise_kernel (window, C, M), pointwise_kernel (1, …, C · M, filters), bias."""
        channels = self.channels_of(input_shape)
        window = (*self.kernel_size, channels, self.depth_multiplier)
        mixed = (*[1] * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self.add_part("depthwise", "depthwise_kernel", window)
        self.pointwise_kernel = self.add_part("pointwise", "pointwise_kernel", mixed)
        self.add_bias(self.filters)


@declared(layers, "SeparableConvolution1D")
class SeparableConv1D(Separable):
    """Filters over each channel of sequences by itself, then all channels mixed at each step.

    Shapes: (N, T, C) -> (N, T', filters).

    Args:
        filters: the number of channels that come out.
        kernel_size: the length of the window.
        strides: steps from one window to the next.
        padding: "valid" or "same".
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
        dilation_rate: steps from one element of the window to the next.
        depth_multiplier: the number of filters for each channel in the first part.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of sequences, or has other channels than when built.
    """

    kernel_size: Any = setting(sizes(1))
    strides: Any = setting(sizes(1), default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    dilation_rate: Any = setting(sizes(1), default=1)

    rank = 1

    def compute(self, x: Tensor) -> Tensor:
        """Convolve each channel, then mix them."""
        y = ops.separable_conv1d(
            x, self.depthwise_kernel, self.pointwise_kernel, self.bias, strides=self.strides,
            padding=self.padding, dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


@declared(layers, "SeparableConvolution2D")
class SeparableConv2D(Separable):
    """Filters over each channel by itself, then all channels mixed at each pixel. Chollet 2017.

    Shapes: (N, H, W, C) -> (N, H', W', filters).

    Args:
        filters: the number of channels that come out.
        kernel_size: rows and columns of the window.
        strides: pixels from one window to the next.
        padding: "valid", "same" or margins, as in Conv2D.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        dilation_rate: pixels from one element of the window to the next.
        depth_multiplier: the number of filters for each channel in the first part.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    def compute(self, x: Tensor) -> Tensor:
        """Convolve each channel, then mix them."""
        y = ops.separable_conv2d(
            x, self.depthwise_kernel, self.pointwise_kernel, self.bias, strides=self.strides,
            padding=self.padding, dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D

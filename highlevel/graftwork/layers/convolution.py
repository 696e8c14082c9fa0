"""Convolutions of images and sequences, channels last: (N, H, W, C) and (N, T, C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import (
    constraints,
    declared,
    initializers,
    layers,
    regularizers,
    setting,
)
from ..rules import named, one_of, optional, positive_integer, positive_pair
from ..weight import Weight
from .layer import InputSpec, Layer
from .rules import activated, channels_last, positive_single, sizes_from_zero, window_padding


class Convolving(Layer):
    """What all convolutions share: windows with strides and dilation, a bias and an activation."""

    kernel_size: Any
    strides: Any
    padding: Any
    dilation_rate: Any
    activation: Any
    use_bias: bool
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    accepts_integers = False
    bias: Weight | None = None

    def prepare(self) -> None:
        """Check that windows are not both spread apart and moved in strides.

        Raises:
            ConfigError: they are.
        """
        self.prepare_layer()
        expect(max(self.strides) == 1 or max(self.dilation_rate) == 1, type(self).__name__,
               "strides and dilation_rate must not both exceed 1", error=ConfigError,
               strides=self.strides, dilation_rate=self.dilation_rate)  # fmt: skip

    def channels_of(self, input_shape: Sequence[int | None]) -> int:
        """Return the channels of the input, and demand them from now on.

        Raises:
            ShapeError: the input has another number of axes, or its channels are unknown.
        """
        ndim = len(self.kernel_size) + 2
        expect(len(input_shape) == ndim, f'layer "{self.name}"',
               f"the input must have {ndim} axes, batch and channels included",
               input=tuple(input_shape))  # fmt: skip
        channels = input_shape[-1]
        expect(channels is not None, f'layer "{self.name}"',
               "the number of channels must be known", input=tuple(input_shape))  # fmt: skip
        assert channels is not None
        self.input_spec = InputSpec(ndim=ndim, axes={-1: channels})
        return channels

    def add_part(self, part: str, name: str, shape: Sequence[int]) -> Weight:
        """Make a weight with the settings of a part, such as "kernel" or "depthwise"."""
        return self.add_weight(
            shape, getattr(self, f"{part}_initializer"), name=name,
            regularizer=getattr(self, f"{part}_regularizer"),
            constraint=getattr(self, f"{part}_constraint"),
        )  # fmt: skip

    def add_bias(self, count: int) -> None:
        """Make the bias, if there is one."""
        self.bias = self.add_part("bias", "bias", (count,)) if self.use_bias else None

    def activated(self, y: Tensor) -> Tensor:
        """Apply the activation, if there is one."""
        bent: Tensor = self.activation(y)
        return bent


class PlainConvolution(Convolving):
    """A bank of filters over all channels, or over groups of them."""

    filters: int
    groups: int

    def prepare(self) -> None:
        """Check that the groups divide the filters.

        Raises:
            ConfigError: they do not.
        """
        super().prepare()
        expect(self.filters % self.groups == 0, type(self).__name__, "groups must divide filters",
               error=ConfigError, filters=self.filters, groups=self.groups)  # fmt: skip

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (*kernel_size, C / groups, filters) and bias (filters,).

        Raises:
            ShapeError: the groups do not divide the channels.
        """
        channels = self.channels_of(input_shape)
        expect(channels % self.groups == 0, f'layer "{self.name}"',
               "groups must divide the channels",
               input=input_shape, groups=self.groups)  # fmt: skip
        window = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_part("kernel", "kernel", window)
        self.add_bias(self.filters)


@declared(layers, "Convolution2D")
class Conv2D(PlainConvolution):
    """A bank of filters moved over images.

    y[n, i, j, o] = activation(Σ x[n, i·s + a·d, j·s + b·d, c] · kernel[a, b, c, o] + bias[o])

    Shapes: (N, H, W, C) -> (N, H', W', filters).

    Args:
        filters: the number of channels that come out.
        kernel_size: rows and columns of the window.
        strides: pixels from one window to the next, rows and columns.
        padding: "valid" for windows inside the image; "same" for ⌈H / strides⌉, zeros around;
            or the zeros themselves: one number, or (before, after) for rows and columns.
        data_format: only "channels_last".
        dilation_rate: pixels from one element of the window to the next.
        groups: how many parts the channels are divided into, each with filters of its own.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: groups do not divide filters, or strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(positive_pair)
    strides: Any = setting(positive_pair, default=(1, 1))
    padding: Any = setting(window_padding, default="valid")
    data_format: Any = setting(channels_last, default=None)
    dilation_rate: Any = setting(positive_pair, default=(1, 1))
    groups: int = setting(positive_integer, default=1)
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve."""
        y = ops.conv2d(
            inputs, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate, groups=self.groups,
        )  # fmt: skip
        return self.activated(y)


@declared(layers, "Convolution1D")
class Conv1D(PlainConvolution):
    """A bank of filters moved along sequences.

    y[n, t, o] = activation(Σ x[n, t·s + a·d, c] · kernel[a, c, o] + bias[o])

    Shapes: (N, T, C) -> (N, T', filters).

    Args:
        filters: the number of channels that come out.
        kernel_size: the length of the window.
        strides: steps from one window to the next.
        padding: "valid"; "same"; or "causal", where no output sees what comes after it.
        data_format: only "channels_last".
        dilation_rate: steps from one element of the window to the next.
        groups: how many parts the channels are divided into.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: groups do not divide filters, or strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of sequences, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(positive_single)
    strides: Any = setting(positive_single, default=1)
    padding: str = setting(one_of("valid", "same", "causal"), default="valid")
    data_format: Any = setting(channels_last, default=None)
    dilation_rate: Any = setting(positive_single, default=1)
    groups: int = setting(positive_integer, default=1)
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve."""
        y = ops.conv1d(
            inputs, self.kernel, self.bias, strides=self.strides[0], padding=self.padding,
            dilation=self.dilation_rate[0], groups=self.groups,
        )  # fmt: skip
        return self.activated(y)


@declared(layers)
class DepthwiseConv2D(Convolving):
    """Filters moved over each channel of images by itself.

    y[n, i, j, c·M + m] = Σ x[n, i·s + a·d, j·s + b·d, c] · kernel[a, b, c, m], bias and activation

    Shapes: (N, H, W, C) -> (N, H', W', C · depth_multiplier).

    Args:
        kernel_size: rows and columns of the window.
        strides: pixels from one window to the next.
        padding: "valid", "same" or margins, as in Conv2D.
        depth_multiplier: M, the number of filters for each channel.
        data_format: only "channels_last".
        dilation_rate: pixels from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    kernel_size: Any = setting(positive_pair)
    strides: Any = setting(positive_pair, default=(1, 1))
    padding: Any = setting(window_padding, default="valid")
    depth_multiplier: int = setting(positive_integer, default=1)
    data_format: Any = setting(channels_last, default=None)
    dilation_rate: Any = setting(positive_pair, default=(1, 1))
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

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve each channel."""
        y = ops.depthwise_conv2d(
            inputs, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


@declared(layers, "SeparableConvolution2D")
class SeparableConv2D(Convolving):
    """Filters over each channel by itself, then all channels mixed at each pixel. Chollet 2017.

    Shapes: (N, H, W, C) -> (N, H', W', filters).

    Args:
        filters: the number of channels that come out.
        kernel_size: rows and columns of the window.
        strides: pixels from one window to the next.
        padding: "valid", "same" or margins, as in Conv2D.
        data_format: only "channels_last".
        dilation_rate: pixels from one element of the window to the next.
        depth_multiplier: the number of filters for each channel in the first part.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(positive_pair)
    strides: Any = setting(positive_pair, default=(1, 1))
    padding: Any = setting(window_padding, default="valid")
    data_format: Any = setting(channels_last, default=None)
    dilation_rate: Any = setting(positive_pair, default=(1, 1))
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
        """Make depthwise_kernel (A, B, C, M), pointwise_kernel (1, 1, C · M, filters) and bias."""
        channels = self.channels_of(input_shape)
        window = (*self.kernel_size, channels, self.depth_multiplier)
        mixed = (1, 1, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self.add_part("depthwise", "depthwise_kernel", window)
        self.pointwise_kernel = self.add_part("pointwise", "pointwise_kernel", mixed)
        self.add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve each channel, then mix them."""
        y = ops.separable_conv2d(
            inputs, self.depthwise_kernel, self.pointwise_kernel, self.bias, strides=self.strides,
            padding=self.padding, dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


@declared(layers, "Convolution2DTranspose")
class Conv2DTranspose(Convolving):
    """The reverse way of a convolution: images are enlarged by the strides.

    y[n, i·s + a, j·s + b, o] = Σ x[n, i, j, c] · kernel[a, b, o, c], then bias and activation.

    Shapes: (N, H, W, C) -> (N, H · strides, W · strides, filters) with padding "same".

    Args:
        filters: the number of channels that come out.
        kernel_size: rows and columns of the window.
        strides: pixels of the output for each pixel of the input.
        padding: "valid" or "same".
        output_padding: rows and columns added at the end; None takes what "same" needs.
        data_format: only "channels_last".
        dilation_rate: pixels from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1, or output_padding reaches the strides.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(positive_pair)
    strides: Any = setting(positive_pair, default=(1, 1))
    padding: str = setting(one_of("valid", "same"), default="valid")
    output_padding: Any = setting(optional(sizes_from_zero), default=None)
    data_format: Any = setting(channels_last, default=None)
    dilation_rate: Any = setting(positive_pair, default=(1, 1))
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    def prepare(self) -> None:
        """Check that the output is not padded by a whole stride."""
        super().prepare()
        fit = self.output_padding is None or all(
            p < s for p, s in zip(self.output_padding, self.strides, strict=True)
        )
        expect(
            fit,
            "Conv2DTranspose",
            "output_padding must be less than strides",
            error=ConfigError,
            output_padding=self.output_padding,
            strides=self.strides,
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (*kernel_size, filters, C) and bias."""
        channels = self.channels_of(input_shape)
        self.kernel = self.add_part("kernel", "kernel", (*self.kernel_size, self.filters, channels))
        self.add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve the reverse way."""
        y = ops.conv2d_transpose(
            inputs, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            output_padding=self.output_padding, dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
SeparableConvolution2D = SeparableConv2D

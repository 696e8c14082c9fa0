"""Convolutions of sequences, images and volumes whose filters see all channels of their group."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..rules import named, number, one_of, optional, positive_integer
from .convolving import Convolving
from .lora import LowRank
from .rules import activated, channel_order, sizes, window_padding


@declared(None)
class PlainConvolution(LowRank, Convolving):
    """A bank of filters over all channels, or over groups of them."""

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(2))
    strides: Any = setting(sizes(2), default=(1, 1))
    padding: Any = setting(window_padding(2), default="valid")
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(2), default=(1, 1))
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
    lora_rank: Any = setting(optional(positive_integer), default=None, kw_only=True)
    lora_alpha: Any = setting(optional(number), default=None, kw_only=True)

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
        self.adapt_as_told()


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
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
        dilation_rate: steps from one element of the window to the next.
        groups: how many parts the channels are divided into.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: groups do not divide filters, or strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of sequences, or has other channels than when built.
    """

    kernel_size: Any = setting(sizes(1))
    strides: Any = setting(sizes(1), default=1)
    padding: str = setting(one_of("valid", "same", "causal"), default="valid")
    dilation_rate: Any = setting(sizes(1), default=1)

    rank = 1

    def compute(self, x: Tensor) -> Tensor:
        """Convolve."""
        y = ops.conv1d(
            x, self.effective(), self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate, groups=self.groups,
        )  # fmt: skip
        return self.activated(y)


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
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        dilation_rate: pixels from one element of the window to the next.
        groups: how many parts the channels are divided into, each with filters of its own.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: groups do not divide filters, or strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    def compute(self, x: Tensor) -> Tensor:
        """Convolve."""
        y = ops.conv2d(
            x, self.effective(), self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate, groups=self.groups,
        )  # fmt: skip
        return self.activated(y)


@declared(layers, "Convolution3D")
class Conv3D(PlainConvolution):
    """A bank of filters moved through volumes.

    y[n, i, j, k, o] = activation(Σ x[n, i·s + a·d, …, c] · kernel[a, b, e, c, o] + bias[o])

    Shapes: (N, D, H, W, C) -> (N, D', H', W', filters).

    Args:
        filters: the number of channels that come out.
        kernel_size: frames, rows and columns of the window.
        strides: elements from one window to the next.
        padding: "valid", "same" or margins, as in Conv2D.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
        dilation_rate: elements from one place of the window to the next.
        groups: how many parts the channels are divided into, each with filters of its own.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: groups do not divide filters, or strides and dilation_rate both exceed 1.
        ShapeError: the input is no batch of volumes, or has other channels than when built.
    """

    kernel_size: Any = setting(sizes(3))
    strides: Any = setting(sizes(3), default=(1, 1, 1))
    padding: Any = setting(window_padding(3), default="valid")
    dilation_rate: Any = setting(sizes(3), default=(1, 1, 1))

    rank = 3

    def compute(self, x: Tensor) -> Tensor:
        """Convolve."""
        y = ops.conv3d(
            x, self.effective(), self.bias, strides=self.strides, padding=self.padding,
            dilation=self.dilation_rate, groups=self.groups,
        )  # fmt: skip
        return self.activated(y)


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D

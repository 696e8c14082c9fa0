"""Transposed convolutions: sequences, images and volumes enlarged by the strides."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..rules import named, one_of, optional, positive_integer
from .convolving import Convolving
from .rules import activated, channel_order, sizes


class Transposing(Convolving):
    """What transposed convolutions share: kernels turned round, lengths that may be added to."""

    filters: int
    output_padding: Any

    def prepare(self) -> None:
        """Check that the output is not padded by a whole stride.

        Raises:
            ConfigError: it is.
        """
        super().prepare()
        added = self.output_padding
        fit = added is None or all(p < s for p, s in zip(added, self.strides, strict=True))
        expect(fit, type(self).__name__, "output_padding must be less than strides",
               error=ConfigError, output_padding=added, strides=self.strides)  # fmt: skip

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (*kernel_size, filters, C) and bias."""
        channels = self.channels_of(input_shape)
        self.kernel = self.add_part("kernel", "kernel", (*self.kernel_size, self.filters, channels))
        self.add_bias(self.filters)

    def compute(self, x: Tensor) -> Tensor:
        """Convolve the reverse way."""
        transposed = (ops.conv1d_transpose, ops.conv2d_transpose, ops.conv3d_transpose)
        y = transposed[self.rank - 1](
            x, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            output_padding=self.output_padding, dilation=self.dilation_rate,
        )  # fmt: skip
        return self.activated(y)


@declared(layers, "Convolution1DTranspose")
class Conv1DTranspose(Transposing):
    """The reverse way of a convolution: sequences are enlarged by the strides.

    y[n, t·s + a, o] = Σ x[n, t, c] · kernel[a, o, c], then bias and activation.

    Shapes: (N, T, C) -> (N, T · strides, filters)
    with padding "same".

    Args:
        filters: the number of channels that come out.
        kernel_size: the length of the window.
        strides: steps of the output for each of the input.
        padding: "valid" or "same".
        output_padding: steps added at the end; None takes what "same" needs.
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
        dilation_rate: steps from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1, or output_padding reaches the strides.
        ShapeError: the input is no batch of sequences, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(1))
    strides: Any = setting(sizes(1), default=1)
    padding: str = setting(one_of("valid", "same"), default="valid")
    output_padding: Any = setting(optional(sizes(1, least=0)), default=None)
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(1), default=1)
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    rank = 1


@declared(layers, "Convolution2DTranspose")
class Conv2DTranspose(Transposing):
    """The reverse way of a convolution: images are enlarged by the strides.

    y[n, i·s + a, j·s + b, o] = Σ x[n, i, j, c] · kernel[a, b, o, c], then bias and activation.

    Shapes: (N, H, W, C) -> (N, H · strides, W · strides, filters)
    with padding "same".

    Args:
        filters: the number of channels that come out.
        kernel_size: rows and columns of the window.
        strides: pixels of the output for each of the input.
        padding: "valid" or "same".
        output_padding: rows and columns added at the end; None takes what "same" needs.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        dilation_rate: pixels from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1, or output_padding reaches the strides.
        ShapeError: the input is no batch of images, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(2))
    strides: Any = setting(sizes(2), default=(1, 1))
    padding: str = setting(one_of("valid", "same"), default="valid")
    output_padding: Any = setting(optional(sizes(2, least=0)), default=None)
    data_format: Any = setting(channel_order, default=None)
    dilation_rate: Any = setting(sizes(2), default=(1, 1))
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    rank = 2


@declared(layers, "Convolution3DTranspose")
class Conv3DTranspose(Transposing):
    """The reverse way of a convolution: volumes are enlarged by the strides.

    y[n, i·s + a, j·s + b, k·s + e, o] = Σ x[n, i, j, k, c] · kernel[a, b, e, o, c], and bias.

    Shapes: (N, D, H, W, C) -> (N, D · strides, H · strides, W · strides, filters)
    with padding "same".

    Args:
        filters: the number of channels that come out.
        kernel_size: frames, rows and columns of the window.
        strides: elements of the output for each of the input.
        padding: "valid" or "same".
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
        output_padding: frames, rows and columns added at the end; None takes what "same" needs.
        dilation_rate: elements from one element of the window to the next.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
    Raises:
        ConfigError: strides and dilation_rate both exceed 1, or output_padding reaches the strides.
        ShapeError: the input is no batch of volumes, or has other channels than when built.
    """

    filters: int = setting(positive_integer)
    kernel_size: Any = setting(sizes(3))
    strides: Any = setting(sizes(3), default=(1, 1, 1))
    padding: str = setting(one_of("valid", "same"), default="valid")
    data_format: Any = setting(channel_order, default=None)
    output_padding: Any = setting(optional(sizes(3, least=0)), default=None)
    dilation_rate: Any = setting(sizes(3), default=(1, 1, 1))
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)

    rank = 3


Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose

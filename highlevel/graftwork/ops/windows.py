"""Convolutions, pooling and what else works through windows, for places of any number of axes."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..defaults import data_format_or_default
from .operands import as_operand
from .operation import op

_CONV = {1: ops.conv1d, 2: ops.conv2d, 3: ops.conv3d}
_TRANSPOSED = {1: ops.conv1d_transpose, 2: ops.conv2d_transpose, 3: ops.conv3d_transpose}
_MAX = {1: ops.max_pool1d, 2: ops.max_pool2d, 3: ops.max_pool3d}
_MEAN = {1: ops.avg_pool1d, 2: ops.avg_pool2d, 3: ops.avg_pool3d}
_ADAPTIVE_MAX = {1: ops.adaptive_max_pool1d, 2: ops.adaptive_max_pool2d, 3: ops.adaptive_max_pool3d}
_ADAPTIVE_MEAN = {
    1: ops.adaptive_avg_pool1d,
    2: ops.adaptive_avg_pool2d,
    3: ops.adaptive_avg_pool3d,
}


def _channels_last(subject: str, x: Tensor, data_format: Any) -> tuple[Tensor, bool]:
    """Return x with channels behind its places, and whether they stood before them.

    Raises:
        ShapeError: there are no one, two or three axes of places.
    """
    expect(x.ndim in (3, 4, 5), subject, "inputs must have one, two or three axes of places",
           error=ShapeError, inputs=x.shape)  # fmt: skip
    first = data_format_or_default(data_format, subject) == "channels_first"
    return (ops.moveaxis(x, 1, -1) if first else x), first


def _back(y: Tensor, first: bool) -> Tensor:
    return ops.moveaxis(y, -1, 1) if first else y


def _each(value: Any, rank: int) -> Any:
    """Return one number for each axis of places; 1-D ops take it alone."""
    listed = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    return listed[0] if rank == 1 and len(listed) == 1 else listed


@op("nn", 2, meets=True)
def conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Convolve with a bank of filters; fewer channels in the filters mean groups.

    Shapes: inputs (N, …, C), kernel (…, C / groups, O) -> (N, …, O).
    """
    x, first = _channels_last("conv", inputs, data_format)
    rank, groups = x.ndim - 2, x.shape[-1] // max(kernel.shape[-2], 1)
    y = _CONV[rank](x, kernel, strides=_each(strides, rank), padding=padding,
                    dilation=_each(dilation_rate, rank), groups=groups)  # fmt: skip
    return _back(y, first)


@op("nn", 2, meets=True)
def conv_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
    data_format: Any = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Spread every place over a window: the convolution the other way round.

    Shapes: inputs (N, …, C), kernel (…, O, C) -> (N, …, O).
    """
    x, first = _channels_last("conv_transpose", inputs, data_format)
    rank = x.ndim - 2
    more = None if output_padding is None else _each(output_padding, rank)
    y = _TRANSPOSED[rank](x, kernel, strides=_each(strides, rank), padding=padding,
                          output_padding=more, dilation=_each(dilation_rate, rank))  # fmt: skip
    return _back(y, first)


@op("nn", 2, meets=True)
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Convolve every channel with filters of its own, over one or two axes of places.

    Shapes: inputs (N, …, C), kernel (…, C, M) -> (N, …, C·M).
    """
    x, first = _channels_last("depthwise_conv", inputs, data_format)
    return _back(_depthwise(x, kernel, strides, padding, dilation_rate), first)


def _depthwise(x: Tensor, kernel: Tensor, strides: Any, padding: Any, dilation: Any) -> Tensor:
    rank = x.ndim - 2
    expect(rank < 3, "depthwise_conv", "there must be one or two axes of places", inputs=x.shape)
    run = ops.depthwise_conv1d if rank == 1 else ops.depthwise_conv2d
    return run(x, kernel, strides=_each(strides, rank), padding=padding,
               dilation=_each(dilation, rank))  # fmt: skip


@op("nn", 3, meets=True)
def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1,
    padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Convolve every channel by itself, then mix the channels place by place.

    Shapes: inputs (N, …, C), depthwise (…, C, M), pointwise (1…, C·M, O) -> (N, …, O).
    """
    x, first = _channels_last("separable_conv", inputs, data_format)
    y = _depthwise(x, depthwise_kernel, strides, padding, dilation_rate)
    return _back(_CONV[x.ndim - 2](y, pointwise_kernel), first)


def _pooled(
    subject: str, run: Any, inputs: Tensor, size: Any, strides: Any, padding: str, data_format: Any
) -> Any:
    x, first = _channels_last(subject, inputs, data_format)
    rank = x.ndim - 2
    steps = None if strides is None else _each(strides, rank)
    return _back(run[rank](x, _each(size, rank), steps, padding), first)


@op("nn")
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: Any = None,
) -> Any:  # fmt: skip
    """Take the largest value of every window; strides are the window's sizes if None."""
    return _pooled("max_pool", _MAX, inputs, pool_size, strides, padding, data_format)


@op("nn")
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: Any = None,
) -> Any:  # fmt: skip
    """Take the mean of every window, margins left out; strides are the window's sizes if None."""
    return _pooled("average_pool", _MEAN, inputs, pool_size, strides, padding, data_format)


def _adapted(subject: str, run: Any, inputs: Tensor, output_size: Any, data_format: Any) -> Any:
    x, first = _channels_last(subject, inputs, data_format)
    return _back(run[x.ndim - 2](x, _each(output_size, x.ndim - 2)), first)


@op("nn")
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Any:
    """Take the largest value of windows that give a wanted number of places."""
    return _adapted("adaptive_max_pool", _ADAPTIVE_MAX, inputs, output_size, data_format)


@op("nn")
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Any:
    """Take the mean of windows that give a wanted number of places."""
    return _adapted("adaptive_average_pool", _ADAPTIVE_MEAN, inputs, output_size, data_format)


@op("nn")
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Lay channels out as blocks of pixels.

    Shapes: (N, H, W, B·B·C) -> (N, H·B, W·B, C).
    """
    x, first = _channels_last("depth_to_space", x, data_format)
    if first:  # here a pixel's place in its block is counted behind its channel
        parts = ops.reshape(x, (*x.shape[:-1], -1, block_size**2))
        x = ops.reshape(ops.swapaxes(parts, -1, -2), x.shape)
    return _back(ops.depth_to_space(x, block_size), first)


@op("nn")
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Lay blocks of pixels out as channels.

    Shapes: (N, H·B, W·B, C) -> (N, H, W, B·B·C).
    """
    x, first = _channels_last("space_to_depth", x, data_format)
    y = ops.space_to_depth(x, block_size)
    if first:
        parts = ops.reshape(y, (*y.shape[:-1], block_size**2, -1))
        y = ops.reshape(ops.swapaxes(parts, -1, -2), y.shape)
    return _back(y, first)


@op("nn")
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Put the pixels of every window into a column: im2col, channels first.

    Shapes: x (N, C, H, W) -> (N, C·A·B, windows).
    """
    size, margin = _pair(kernel_size), _pair(padding)
    c = x.shape[1]
    y = ops.unfold(ops.moveaxis(x, 1, -1), size, strides=_pair(stride),
                   padding=tuple((m, m) for m in margin), dilation=_pair(dilation))  # fmt: skip
    n, h, w, _ = y.shape
    parts = ops.reshape(y, (n, h * w, size[0] * size[1], c))
    return ops.reshape(ops.transpose(parts, (0, 3, 2, 1)), (n, -1, h * w))


@op("nn")
def fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Add columns up where `unfold` took them from: col2im, channels first.

    Shapes: x (N, C·A·B, windows) -> (N, C, H, W).
    """
    size, margin, steps, wide = (_pair(one) for one in (kernel_size, padding, stride, dilation))
    whole = _pair(output_size)
    taps = size[0] * size[1]
    n, channels, _ = x.shape
    h, w = (
        (whole[i] + 2 * margin[i] - wide[i] * (size[i] - 1) - 1) // steps[i] + 1 for i in (0, 1)
    )
    parts = ops.reshape(x, (n, channels // taps, taps, h, w))
    patches = ops.reshape(ops.transpose(parts, (0, 3, 4, 2, 1)), (n, h, w, channels))
    y = ops.fold(patches, whole, size, strides=steps, padding=tuple((m, m) for m in margin),
                 dilation=wide)  # fmt: skip
    return ops.moveaxis(y, -1, 1)


def _pair(value: Any) -> tuple[int, int]:
    a, b = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    return int(a), int(b)


@op("math")
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Cut a signal into windows: (…, T) gives (…, windows, sequence_length)."""
    count = (x.shape[-1] - sequence_length) // sequence_stride + 1
    starts = graftgrad.arange(count, dtype="int64") * sequence_stride
    at = ops.expand_dims(starts, -1) + graftgrad.arange(sequence_length, dtype="int64")
    return ops.take(as_operand(x), at, -1)


def expect_dense(subject: str, sparse: bool) -> None:
    """Refuse a sparse result.

    Raises:
        ConfigError: one is asked for.
    """
    expect(not sparse, subject, "results are dense", error=ConfigError, sparse=sparse)

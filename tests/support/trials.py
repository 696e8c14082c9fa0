"""Convolutions and pooling at random: functions and operands on which bodies are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad.function import Function
from graftgrad.kernel import Reference
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from graftgrad.ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from graftgrad.ops.pool import AveragePool2D, AveragePoolGrad, MaxPool2D, MaxPoolScatter
from support.kernels import Random, Trial, call_of, empties, integer, normal, specs


def windowed(random: Random, margin: int, rank: int = 2) -> tuple[Any, ...]:
    """Sizes, window, strides, pads and dilation at random, such that a window fits."""
    sides = []
    for _ in range(rank):
        a, s, d = integer(random, 1, 4), integer(random, 1, 3), integer(random, 1, 2)
        reach = (a - 1) * d
        pads = tuple(integer(random, 0, min(reach, margin)) for _ in range(2))
        sides.append((reach + 1 + integer(random, 0, 9), a, s, pads, d))
    return tuple(zip(*sides, strict=True))


def convolution(random: Random, made: Any = Conv2D, rank: int = 2) -> tuple[Any, ...]:
    """A convolution, its operands x and w, and a gradient of its result."""
    sizes, window, strides, pads, dilation = windowed(random, 3, rank)
    groups = integer(random, 1, 3) if random.random() < 0.4 else 1
    c, o = groups * integer(random, 1, 18), groups * integer(random, 1, 18)
    x = normal(random, integer(random, 1, 3), *sizes, c)
    w = normal(random, *window, c // groups, o)
    function = made(strides, pads, dilation, groups)
    return function, x, w, normal(random, *function.infer(*specs((x, w))).shape)


def depthwise(random: Random) -> tuple[Any, ...]:
    """A convolution of every channel, its operands, and a gradient of its result."""
    sizes, window, strides, pads, dilation = windowed(random, 3)
    c, m = integer(random, 1, 20), 1 if random.random() < 0.7 else 2
    x = normal(random, integer(random, 1, 3), *sizes, c)
    w = normal(random, *window, c, m)
    function = DepthwiseConv2D(strides, pads, dilation)
    return function, x, w, normal(random, *function.infer(*specs((x, w))).shape)


def pooled(random: Random, made: Any, *more: Any) -> tuple[Any, ...]:
    """A pooling and its images."""
    sizes, window, strides, pads, dilation = windowed(random, 2)
    # no window may lie beyond the edge altogether
    pads = tuple(tuple(min(p, a // 2) for p in both) for both, a in zip(pads, window, strict=True))
    x = normal(random, integer(random, 1, 3), *sizes, integer(random, 1, 20))
    return made(strides, pads, dilation, window, *more), x


def conv2d(random: Random) -> Trial:
    f, x, w, _ = convolution(random)
    return f, (x, w)


def conv2d_input_grad(random: Random) -> Trial:
    f, x, w, gy = convolution(random)
    return Conv2DInputGrad(f.strides, f.pads, f.dilation, f.groups, x.shape[1:3]), (gy, w)


def conv2d_filter_grad(random: Random) -> Trial:
    f, x, w, gy = convolution(random)
    return Conv2DFilterGrad(f.strides, f.pads, f.dilation, f.groups, w.shape[:2]), (gy, x)


def conv3d(random: Random) -> Trial:
    f, x, w, _ = convolution(random, Conv3D, 3)
    return f, (x, w)


def conv3d_input_grad(random: Random) -> Trial:
    f, x, w, gy = convolution(random, Conv3D, 3)
    return Conv3DInputGrad(f.strides, f.pads, f.dilation, f.groups, x.shape[1:4]), (gy, w)


def conv3d_filter_grad(random: Random) -> Trial:
    f, x, w, gy = convolution(random, Conv3D, 3)
    return Conv3DFilterGrad(f.strides, f.pads, f.dilation, f.groups, w.shape[:3]), (gy, x)


def depthwise_conv2d(random: Random) -> Trial:
    f, x, w, _ = depthwise(random)
    return f, (x, w)


def depthwise_input_grad(random: Random) -> Trial:
    f, x, w, gy = depthwise(random)
    return DepthwiseInputGrad(f.strides, f.pads, f.dilation, x.shape[1:3]), (gy, w)


def depthwise_filter_grad(random: Random) -> Trial:
    f, x, w, gy = depthwise(random)
    return DepthwiseFilterGrad(f.strides, f.pads, f.dilation, w.shape[:2]), (gy, x)


def average_pool2d(random: Random) -> Trial:
    f, x = pooled(random, AveragePool2D, bool(random.random() < 0.5))
    return f, (x,)


def average_pool_grad(random: Random) -> Trial:
    f, x = pooled(random, AveragePool2D, bool(random.random() < 0.5))
    gy = normal(random, *f.infer(*specs((x,))).shape)
    made = AveragePoolGrad(
        f.strides, f.pads, f.dilation, f.window, f.count_include_pad, x.shape[1:3]
    )
    return made, (gy,)


def max_pool2d(random: Random) -> Trial:
    f, x = pooled(random, MaxPool2D)
    return f, (x,)


def max_pool_scatter(random: Random) -> Trial:
    f, x = pooled(random, MaxPool2D)
    call = call_of(f, (x,))
    y, positions = empties(call)
    Reference(call).run((x,), (y, positions), ())
    made = MaxPoolScatter(f.strides, f.pads, f.dilation, f.window, x.shape[1:3])
    return made, (normal(random, *y.shape), positions)


WINDOWS: dict[type[Function], Callable[[Random], Trial]] = {
    Conv2D: conv2d,
    Conv2DInputGrad: conv2d_input_grad,
    Conv2DFilterGrad: conv2d_filter_grad,
    Conv3D: conv3d,
    Conv3DInputGrad: conv3d_input_grad,
    Conv3DFilterGrad: conv3d_filter_grad,
    DepthwiseConv2D: depthwise_conv2d,
    DepthwiseInputGrad: depthwise_input_grad,
    DepthwiseFilterGrad: depthwise_filter_grad,
    AveragePool2D: average_pool2d,
    AveragePoolGrad: average_pool_grad,
    MaxPool2D: max_pool2d,
    MaxPoolScatter: max_pool_scatter,
}

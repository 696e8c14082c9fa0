"""Convolutions in cuDNN's terms: sizes, strides, padding; no library and no array is touched.

Sizes are written channels first, (N, C, …), whatever the memory; strides say that it is channels
last. Filters are brought from (A, B, C, O) to (O, A, B, C), as the library's fast bodies want them.
Channels are filled up with zeros to the multiples for which these exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from ...ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from ...ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from ...ops.window import Windowed
from ...spec import DType, Shape, Spec, bfloat16, float16, float32

FORWARD, IMAGES, FILTERS = "forward", "images", "filters"
MULTIPLES: dict[DType, int] = {float16: 8, bfloat16: 8, float32: 4}


def channels_last(sizes: Shape) -> Shape:
    """Return the strides of sizes (N, C, …) in memory (N, …, C)."""
    steps = [1] * len(sizes)
    step = sizes[1]
    for axis in range(len(sizes) - 1, 1, -1):
        steps[axis] = step
        step *= sizes[axis]
    steps[0] = step
    return tuple(steps)


def channels_first(shape: Shape) -> Shape:
    """Return (N, …, C) as (N, C, …)."""
    return (shape[0], shape[-1], *shape[1:-1])


def filled_up(channels: int, dtype: DType) -> int:
    """Return the next number of channels for which there are fast bodies."""
    multiple = MULTIPLES.get(dtype, 1)
    return -(-channels // multiple) * multiple


@dataclass(frozen=True)
class Convolution:
    """One convolution or one of its two gradients; hashable, so that it is planned once.

    Attributes:
        direction: which of y, gx and gw is computed.
        x, w, y: sizes (N, C, …), (O, C / groups, …) and (N, O, …), filled up.
        before, after: zeros around every axis of the images.
        strides, dilation: of the windows.
        dtype: the name of the element type.
    """

    direction: str
    x: Shape
    w: Shape
    y: Shape
    before: Shape
    after: Shape
    strides: Shape
    dilation: Shape
    dtype: str


@dataclass(frozen=True)
class Placed:
    """A convolution with the arrays that take part in it.

    Attributes:
        problem: the convolution.
        x, w, y: shapes of arrays in memory, (N, …, C), (O, …, C / groups), (N, …, O), filled up.
        channels, filters: of x and y as they are, before they are filled up.
        groups: parts of the channels that are convolved apart.
        depthwise: filters for each channel, (A, B, C, M); 0 where filters see several channels.
    """

    problem: Convolution
    x: Shape
    w: Shape
    y: Shape
    channels: int
    filters: int
    groups: int
    depthwise: int

    def turned(self, w: Any) -> Any:
        """View the user's filters in the library's order of axes: (O, A, B, C / groups)."""
        if self.depthwise:
            window = w.ndim - 2
            turned = w.transpose(window, window + 1, *range(window))
            return turned[..., None]  # (C, M, A, B, 1)
        return w.transpose(w.ndim - 1, *range(w.ndim - 2), w.ndim - 2)

    def inner(self, w: Any) -> Any:
        """View filters of the library's order, without what fills them up, as `turned` is."""
        some = w[: self.filters, ..., : self.channels // self.groups]
        if self.depthwise:
            return some.reshape(self.groups, self.depthwise, *some.shape[1:])
        return some


DIRECTIONS: dict[type[Windowed], str] = {
    Conv2D: FORWARD, Conv3D: FORWARD, DepthwiseConv2D: FORWARD,
    Conv2DInputGrad: IMAGES, Conv3DInputGrad: IMAGES, DepthwiseInputGrad: IMAGES,
    Conv2DFilterGrad: FILTERS, Conv3DFilterGrad: FILTERS, DepthwiseFilterGrad: FILTERS,
}  # fmt: skip
DEPTHWISE = (DepthwiseConv2D, DepthwiseInputGrad, DepthwiseFilterGrad)


def placed(function: Windowed, ins: tuple[Spec, ...], out: Spec) -> Placed:
    """Return a convolution of ours in the library's terms."""
    direction = DIRECTIONS[type(function)]
    if direction == FORWARD:
        (x, w), y = ins, out
    elif direction == IMAGES:
        (y, w), x = ins, out
    else:
        (y, x), w = ins, out
    depthwise = w.shape[-1] if isinstance(function, DEPTHWISE) else 0
    window = w.shape[:-2]
    channels, filters = x.shape[-1], y.shape[-1]
    given: Any = function
    groups = channels if depthwise else given.groups
    wide, many = channels, filters
    if groups == 1:
        wide, many = filled_up(channels, x.dtype), filled_up(filters, x.dtype)
    x_shape, y_shape = (*x.shape[:-1], wide), (*y.shape[:-1], many)
    w_shape = (many, *window, wide // groups)
    problem = Convolution(
        direction, channels_first(x_shape), channels_first(w_shape), channels_first(y_shape),
        tuple([before for before, _ in function.pads]),
        tuple([after for _, after in function.pads]),
        tuple(function.strides), tuple(function.dilation), str(x.dtype),
    )  # fmt: skip
    return Placed(problem, x_shape, w_shape, y_shape, channels, filters, groups, depthwise)

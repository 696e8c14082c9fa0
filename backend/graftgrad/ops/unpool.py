"""Maxima with the places where they stood, and values put back there; pooling by other means.

`MaxPoolPlaces` tells where in the whole image the maxima of `pool.MaxPool2D` stand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import Shape, Spec, int64, pair
from .arithmetic import abs as absolute
from .arithmetic import power
from .gather import ScatterAdd, expect_integers
from .operand import floating
from .pool import MaxPool2D, avg_pool2d, max_pool2d
from .pool1d import avg_pool1d
from .pool3d import avg_pool3d
from .shape import reshape
from .window import Windowed, placed

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class MaxPoolPlaces(Windowed):
    """Where the largest value of every window stands: row · W + column."""

    window: Shape = (2, 2)

    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec) -> Spec:
        y, _ = MaxPool2D(self.strides, self.pads, self.dilation, self.window).infer(x)
        return y.typed(int64)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        pool = MaxPool2D(self.strides, self.pads, self.dilation, self.window)
        _, counted = pool.infer(Spec(x.shape, x.dtype))
        positions = xp.empty(y.shape, counted.dtype)
        pool.compute(xp, x, xp.empty(y.shape, x.dtype), positions)
        starts = [
            (xp.arange(count) * step - before).reshape(shape)
            for count, step, (before, _), shape in zip(
                y.shape[1:3], self.strides, self.pads, ((1, -1, 1, 1), (1, 1, -1, 1)), strict=True
            )
        ]
        taps = positions.astype(int64)
        rows = starts[0] + taps // self.window[1] * self.dilation[0]
        columns = starts[1] + taps % self.window[1] * self.dilation[1]
        y[...] = rows * x.shape[2] + columns


def max_pool2d_with_indices(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> tuple[Tensor, Tensor]:
    """Take the largest value of every window, and tell where it stands: row · W + column.

    Arguments and errors are those of `max_pool2d`; the places are int64, (N, H', W', C).
    """
    y = max_pool2d(x, size, strides, padding, dilation)
    window = pair("max_pool2d size", size)
    steps = window if strides is None else strides
    where = placed("max_pool2d", x, window, steps, padding, dilation)
    return y, MaxPoolPlaces(*where, window)(x.detach())


def max_unpool2d(x: Tensor, indices: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Put values back to where maxima stood, into images of zeros.

    Where windows overlapped and several values stood at one place, their sum stands there.

    Args:
        x: values, (N, H', W', C).
        indices: their places, row · W + column, as `max_pool2d_with_indices` gives them.
        output_size: rows and columns of the images, (H, W).
    Returns:
        (N, H, W, C).
    Raises:
        ShapeError: there is not one place for each value.
        DTypeError: the places are no integers.
        DataError: a place lies outside.
    """
    expect(x.ndim == 4 and x.shape == indices.shape, "max_unpool2d",
           "there must be one place for each value of images (N, H', W', C)",
           x=x.spec, indices=indices.spec)  # fmt: skip
    expect_integers("max_unpool2d", indices.spec)
    h, w = pair("max_unpool2d output_size", output_size)
    expect(h > 0 and w > 0, "max_unpool2d", "output_size must be at least 1", output_size=(h, w))
    n, rows, columns, c = x.shape
    flat: Shape = (n, rows * columns, c)
    empty = x.zeros(Spec((n, h * w, c), x.dtype))
    y = ScatterAdd(1)(empty, reshape(indices, flat), reshape(x, flat))
    return reshape(y, (n, h, w, c))


def lp_pool1d(x: Tensor, norm_type: float, size: int = 2, strides: int | None = None) -> Tensor:
    """Take the p-norm of every window of sequences: (Σ |x|^p)^(1/p), p = norm_type.

    Shapes: (N, T, C) -> (N, T', C).

    Raises:
        ShapeError: norm_type is not positive, or the window is longer than x.
    """
    return _by_power("lp_pool1d", avg_pool1d, x, norm_type, size, strides, 1)


def lp_pool2d(
    x: Tensor,
    norm_type: float,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
) -> Tensor:
    """Take the p-norm of every window of images: (Σ |x|^p)^(1/p), p = norm_type.

    Shapes: (N, H, W, C) -> (N, H', W', C).

    Raises:
        ShapeError: norm_type is not positive, or the window is larger than x.
    """
    return _by_power("lp_pool2d", avg_pool2d, x, norm_type, size, strides, 2)


def lp_pool3d(
    x: Tensor,
    norm_type: float,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
) -> Tensor:
    """Take the p-norm of every window of volumes: (Σ |x|^p)^(1/p), p = norm_type.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', C).

    Raises:
        ShapeError: norm_type is not positive, or the window is larger than x.
    """
    return _by_power("lp_pool3d", avg_pool3d, x, norm_type, size, strides, 3)


def _by_power(
    subject: str, mean: Callable[..., Tensor], x: Tensor, p: float, size: Any, strides: Any,
    rank: int,
) -> Tensor:  # fmt: skip
    expect(p > 0, subject, "norm_type must be positive", norm_type=p)
    places = size**rank if isinstance(size, int) else math.prod(size)
    x = floating(x)
    total = mean(power(absolute(x), p), size, strides) * float(places)
    return power(total, 1 / p)

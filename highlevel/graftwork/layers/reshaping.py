"""Layers that put elements into another order or frame, and compute nothing."""

from __future__ import annotations

import math
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import declared, layers, setting
from ..rules import integers, one_of, positive_integer, positive_pair
from .interpolation import resized
from .layer import InputSpec, Layer
from .rules import channels_last, margin, margins


@declared(layers)
class Flatten(Layer):
    """All axes but the batch joined into one.

    Shapes: (N, …) -> (N, D); a batch of single numbers, (N,), becomes (N, 1).

    Args:
        data_format: only "channels_last".
    """

    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(min_ndim=1)

    def call(self, x: Tensor) -> Tensor:
        """Return (N, D)."""
        return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


@declared(layers)
class Reshape(Layer):
    """The elements of each sample, in row-major order, under another shape.

    Shapes: (N, …) -> (N, *target_shape).

    Args:
        target_shape: the shape of a sample; one size may be −1 and is found from the others.
    Raises:
        ConfigError: more than one size is −1, or a size is neither −1 nor positive.
        ShapeError: the number of elements does not fit.
    """

    target_shape: Any = setting(integers)

    def prepare(self) -> None:
        """Check the sizes."""
        self.prepare_layer()
        fit = all(n > 0 or n == -1 for n in self.target_shape) and self.target_shape.count(-1) < 2
        expect(fit, "Reshape", "target_shape must be of positive sizes, of which one may be -1",
               error=ConfigError, target_shape=self.target_shape)  # fmt: skip

    def call(self, x: Tensor) -> Tensor:
        """Return (N, *target_shape)."""
        size = math.prod(x.shape[1:])
        known = math.prod(n for n in self.target_shape if n > 0)
        fit = size % known == 0 if -1 in self.target_shape else size == known
        expect(fit, f'layer "{self.name}"', "the elements of a sample must fill target_shape",
               input=x.shape, target_shape=self.target_shape)  # fmt: skip
        sizes = [size // known if n == -1 else n for n in self.target_shape]
        return ops.reshape(x, (x.shape[0], *sizes))


@declared(layers)
class Permute(Layer):
    """The axes of each sample in another order.

    y[n, i₁, …] has as its k-th axis the axis dims[k] of x; axes count from 1, the batch is 0.

    Args:
        dims: a permutation of 1, 2, …
    Raises:
        ConfigError: dims is no permutation.
        ShapeError: the input has another number of axes.
    """

    dims: Any = setting(integers)

    def prepare(self) -> None:
        """Check the permutation."""
        self.prepare_layer()
        expect(
            sorted(self.dims) == list(range(1, len(self.dims) + 1)),
            "Permute",
            "dims must be a permutation of 1, 2, …",
            error=ConfigError,
            dims=self.dims,
        )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, x: Tensor) -> Tensor:
        """Return the axes in the new order."""
        return ops.transpose(x, (0, *self.dims))


@declared(layers)
class RepeatVector(Layer):
    """Each vector repeated.

    Shapes: (N, D) -> (N, n, D).

    Args:
        n: how often.
    """

    n: int = setting(positive_integer)

    input_spec = InputSpec(ndim=2)

    def call(self, x: Tensor) -> Tensor:
        """Return (N, n, D)."""
        return ops.broadcast_to(ops.expand_dims(x, 1), (x.shape[0], self.n, x.shape[1]))


@declared(layers)
class ZeroPadding1D(Layer):
    """Zeros before and after each sequence.

    Shapes: (N, T, C) -> (N, before + T + after, C).

    Args:
        padding: one number for both ends, or (before, after).
    """

    padding: Any = setting(margin, default=1)
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=3)

    def call(self, x: Tensor) -> Tensor:
        """Return the padded sequences."""
        return ops.pad(x, ((0, 0), self.padding, (0, 0)))


@declared(layers)
class ZeroPadding2D(Layer):
    """Zeros around each image.

    Shapes: (N, H, W, C) -> (N, top + H + bottom, left + W + right, C).

    Args:
        padding: one number; (rows, columns); or ((top, bottom), (left, right)).
        data_format: only "channels_last".
    """

    padding: Any = setting(margins, default=(1, 1))
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=4)

    def call(self, x: Tensor) -> Tensor:
        """Return the padded images."""
        return ops.pad(x, ((0, 0), *self.padding, (0, 0)))


@declared(layers)
class Cropping1D(Layer):
    """Sequences without their first and last steps.

    Shapes: (N, T, C) -> (N, T − before − after, C).

    Args:
        cropping: one number for both ends, or (before, after).
    Raises:
        ShapeError: nothing would be left.
    """

    cropping: Any = setting(margin, default=(1, 1))

    input_spec = InputSpec(ndim=3)

    def call(self, x: Tensor) -> Tensor:
        """Return the shorter sequences."""
        return cropped(self, x, self.cropping)


@declared(layers)
class Cropping2D(Layer):
    """Images without their margins.

    Shapes: (N, H, W, C) -> (N, H − top − bottom, W − left − right, C).

    Args:
        cropping: one number; (rows, columns); or ((top, bottom), (left, right)).
        data_format: only "channels_last".
    Raises:
        ShapeError: nothing would be left.
    """

    cropping: Any = setting(margins, default=((0, 0), (0, 0)))
    data_format: Any = setting(channels_last, default=None)

    input_spec = InputSpec(ndim=4)

    def call(self, x: Tensor) -> Tensor:
        """Return the smaller images."""
        return cropped(self, x, *self.cropping)


@declared(layers)
class UpSampling1D(Layer):
    """Each step of a sequence repeated.

    Shapes: (N, T, C) -> (N, T · size, C).

    Args:
        size: how often.
    """

    size: int = setting(positive_integer, default=2)

    input_spec = InputSpec(ndim=3)

    def call(self, x: Tensor) -> Tensor:
        """Return the longer sequences."""
        return ops.squeeze(ops.upsample2d(ops.expand_dims(x, 2), (self.size, 1)), 2)


@declared(layers)
class UpSampling2D(Layer):
    """Images enlarged by whole factors.

    Shapes: (N, H, W, C) -> (N, H · rows, W · columns, C).

    Args:
        size: the factors of rows and columns.
        data_format: only "channels_last".
        interpolation: "nearest" repeats rows and columns; "bilinear" weighs the four nearest.
    """

    size: Any = setting(positive_pair, default=(2, 2))
    data_format: Any = setting(channels_last, default=None)
    interpolation: str = setting(one_of("nearest", "bilinear"), default="nearest")

    input_spec = InputSpec(ndim=4)

    def call(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        if self.interpolation == "nearest":
            return ops.upsample2d(x, self.size)
        rows, columns = x.shape[1] * self.size[0], x.shape[2] * self.size[1]
        return resized(x, rows, columns, self.interpolation)


def cropped(layer: Layer, x: Tensor, *margins: tuple[int, int]) -> Tensor:
    """Cut margins off the axes that follow the batch.

    Raises:
        ShapeError: nothing would be left.
    """
    cuts: list[Any] = [slice(None)]
    for size, (before, after) in zip(x.shape[1:], margins, strict=False):
        expect(before + after < size, f'layer "{layer.name}"', "something must be left",
               input=x.shape, cropping=margins)  # fmt: skip
        cuts.append(slice(before, size - after))
    return x[tuple(cuts)]

"""Layers that put sequences, images and volumes into a frame, cut one off, or enlarge them."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import expect

from ..registry import declared, layers, setting
from ..rules import one_of, positive_integer
from .input_spec import InputSpec
from .layer import Layer
from .rules import channel_order, margin, margins, sizes
from .spatial import Spatial


@declared(layers)
class ZeroPadding1D(Spatial):
    """Zeros around each sequence.

    Shapes: (N, T, C) -> (N, before + T + after, C).

    Args:
        padding: one number for both ends, or (before, after).
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
    """

    padding: Any = setting(margin, default=1)
    data_format: Any = setting(channel_order, default=None)

    accepts_integers = True
    input_spec = InputSpec(ndim=3)

    def compute(self, x: Tensor) -> Tensor:
        """Return x in its frame of zeros."""
        return ops.pad(x, ((0, 0), self.padding, (0, 0)))


@declared(layers)
class ZeroPadding2D(Spatial):
    """Zeros around each image.

    Shapes: (N, H, W, C) -> (N, top + H + bottom, left + W + right, C).

    Args:
        padding: one number; (rows, columns); or ((top, bottom), (left, right)).
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
    """

    padding: Any = setting(margins(2), default=(1, 1))
    data_format: Any = setting(channel_order, default=None)

    accepts_integers = True
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Return x in its frame of zeros."""
        return ops.pad(x, ((0, 0), *self.padding, (0, 0)))


@declared(layers)
class ZeroPadding3D(Spatial):
    """Zeros around each volume.

    Shapes: (N, D, H, W, C) -> each axis longer by both its margins.

    Args:
        padding: one number; one for each axis; or (before, after) for each.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    """

    padding: Any = setting(margins(3), default=((1, 1), (1, 1), (1, 1)))
    data_format: Any = setting(channel_order, default=None)

    accepts_integers = True
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Return x in its frame of zeros."""
        return ops.pad(x, ((0, 0), *self.padding, (0, 0)))


@declared(layers)
class Cropping1D(Layer):
    """Each sequence without its margins.

    Shapes: (N, T, C) -> (N, T − before − after, C).

    Args:
        cropping: one number for both ends, or (before, after).
    Raises:
        ShapeError: nothing would be left.
    """

    cropping: Any = setting(margin, default=(1, 1))

    input_spec = InputSpec(ndim=3)

    def call(self, x: Tensor) -> Tensor:
        """Return what is inside."""
        return cropped(self, x, self.cropping)


@declared(layers)
class Cropping2D(Spatial):
    """Each image without its margins.

    Shapes: (N, H, W, C) -> (N, H − top − bottom, W − left − right, C).

    Args:
        cropping: one number; (rows, columns); or ((top, bottom), (left, right)).
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
    Raises:
        ShapeError: nothing would be left.
    """

    cropping: Any = setting(margins(2), default=((0, 0), (0, 0)))
    data_format: Any = setting(channel_order, default=None)

    accepts_integers = True
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Return what is inside."""
        return cropped(self, x, *self.cropping)


@declared(layers)
class Cropping3D(Spatial):
    """Each volume without its margins.

    Shapes: (N, D, H, W, C) -> each axis shorter by both its margins.

    Args:
        cropping: one number; one for each axis; or (before, after) for each.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    Raises:
        ShapeError: nothing would be left.
    """

    cropping: Any = setting(margins(3), default=((1, 1), (1, 1), (1, 1)))
    data_format: Any = setting(channel_order, default=None)

    accepts_integers = True
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Return what is inside."""
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
        return ops.upsample1d(x, self.size)


@declared(layers)
class UpSampling2D(Spatial):
    """Images enlarged by whole factors.

    Shapes: (N, H, W, C) -> (N, H · rows, W · columns, C).

    Args:
        size: the factors of rows and columns.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        interpolation: "nearest" repeats rows and columns; "bilinear", "bicubic", "lanczos3" and
            "lanczos5" weigh the neighbours.
    """

    size: Any = setting(sizes(2), default=(2, 2))
    data_format: Any = setting(channel_order, default=None)
    interpolation: str = setting(
        one_of("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), default="nearest"
    )

    accepts_integers = True
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Return the enlarged images."""
        if self.interpolation == "nearest":
            return ops.upsample2d(x, self.size)
        wanted = (x.shape[1] * self.size[0], x.shape[2] * self.size[1])
        return ops.resize(x, wanted, self.interpolation)


@declared(layers)
class UpSampling3D(Spatial):
    """Volumes enlarged by whole factors: each element repeated.

    Shapes: (N, D, H, W, C) -> each axis between batch and channels longer by its factor.

    Args:
        size: the factors of frames, rows and columns.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    """

    size: Any = setting(sizes(3), default=(2, 2, 2))
    data_format: Any = setting(channel_order, default=None)

    accepts_integers = True
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Return the enlarged volumes."""
        return ops.upsample3d(x, self.size)


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

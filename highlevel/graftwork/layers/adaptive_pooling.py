"""Sequences, images and volumes drawn together into as many parts as are wanted."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ..registry import declared, layers, setting
from .input_spec import InputSpec
from .rules import channel_order, sizes
from .spatial import Spatial


@declared(None)
class Adaptive(Spatial):
    """What the layers share whose windows follow from the size that is wanted."""

    output_size: Any = setting(sizes(2))
    data_format: Any = setting(channel_order, default=None)


@declared(layers)
class AdaptiveAveragePooling1D(Adaptive):
    """The mean of each of so many parts of a sequence, almost equal in size.

    Shapes: (N, T, C) -> (N, T', C), with the sizes of `output_size`.

    Args:
        output_size: how many steps come out.
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
    Raises:
        ShapeError: the input is no batch of sequences, or empty.
    """

    output_size: Any = setting(sizes(1))

    rank = 1
    input_spec = InputSpec(ndim=3)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.adaptive_avg_pool1d(x, self.output_size)


@declared(layers)
class AdaptiveAveragePooling2D(Adaptive):
    """The mean of each of so many parts of an image, almost equal in size.

    Shapes: (N, H, W, C) -> (N, H', W', C), with the sizes of `output_size`.

    Args:
        output_size: rows and columns that come out.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
    Raises:
        ShapeError: the input is no batch of images, or empty.
    """

    rank = 2
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.adaptive_avg_pool2d(x, self.output_size)


@declared(layers)
class AdaptiveAveragePooling3D(Adaptive):
    """The mean of each of so many parts of a volume, almost equal in size.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', C), with the sizes of `output_size`.

    Args:
        output_size: frames, rows and columns that come out.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    Raises:
        ShapeError: the input is no batch of volumes, or empty.
    """

    output_size: Any = setting(sizes(3))

    rank = 3
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.adaptive_avg_pool3d(x, self.output_size)


@declared(layers)
class AdaptiveMaxPooling1D(Adaptive):
    """The largest value of each of so many parts of a sequence, almost equal in size.

    Shapes: (N, T, C) -> (N, T', C), with the sizes of `output_size`.

    Args:
        output_size: how many steps come out.
        data_format: "channels_last", (N, T, C), or "channels_first", (N, C, T).
    Raises:
        ShapeError: the input is no batch of sequences, or empty.
    """

    output_size: Any = setting(sizes(1))

    rank = 1
    input_spec = InputSpec(ndim=3)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.adaptive_max_pool1d(x, self.output_size)


@declared(layers)
class AdaptiveMaxPooling2D(Adaptive):
    """The largest value of each of so many parts of an image, almost equal in size.

    Shapes: (N, H, W, C) -> (N, H', W', C), with the sizes of `output_size`.

    Args:
        output_size: rows and columns that come out.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
    Raises:
        ShapeError: the input is no batch of images, or empty.
    """

    rank = 2
    input_spec = InputSpec(ndim=4)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.adaptive_max_pool2d(x, self.output_size)


@declared(layers)
class AdaptiveMaxPooling3D(Adaptive):
    """The largest value of each of so many parts of a volume, almost equal in size.

    Shapes: (N, D, H, W, C) -> (N, D', H', W', C), with the sizes of `output_size`.

    Args:
        output_size: frames, rows and columns that come out.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
    Raises:
        ShapeError: the input is no batch of volumes, or empty.
    """

    output_size: Any = setting(sizes(3))

    rank = 3
    input_spec = InputSpec(ndim=5)

    def compute(self, x: Tensor) -> Tensor:
        """Pool."""
        return ops.adaptive_max_pool3d(x, self.output_size)

"""Layers that put elements into another order or frame, and compute nothing."""

from __future__ import annotations

import math
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import declared, layers, setting
from ..rules import integers, positive_integer
from .input_spec import InputSpec
from .layer import Layer
from .rules import channel_order
from .spatial import brought_last


@declared(layers)
class Flatten(Layer):
    """All axes but the batch joined into one.

    Shapes: (N, …) -> (N, D); a batch of single numbers, (N,), becomes (N, 1).

    Args:
        data_format: "channels_last", or "channels_first": then channels are brought last before.
    """

    data_format: Any = setting(channel_order, default=None)

    input_spec = InputSpec(min_ndim=1)

    def call(self, x: Tensor) -> Tensor:
        """Return (N, D)."""
        if self.data_format == "channels_first" and x.ndim > 2:
            x = brought_last(x)
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

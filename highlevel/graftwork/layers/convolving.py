"""What all layers of convolutions share; which there are stands in their own files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect

from ..weight import Weight
from .input_spec import InputSpec, alone
from .spatial import Spatial


class Convolving(Spatial):
    """What all convolutions share: windows with strides and dilation, a bias and an activation."""

    kernel_size: Any
    strides: Any
    padding: Any
    dilation_rate: Any
    activation: Any
    use_bias: bool
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    bias: Weight | None = None

    def prepare(self) -> None:
        """Check that windows are not both spread apart and moved in strides.

        Raises:
            ConfigError: they are.
        """
        self.prepare_layer()
        expect(max(self.strides) == 1 or max(self.dilation_rate) == 1, type(self).__name__,
               "strides and dilation_rate must not both exceed 1", error=ConfigError,
               strides=self.strides, dilation_rate=self.dilation_rate)  # fmt: skip

    def channels_of(self, input_shape: Sequence[int | None]) -> int:
        """Return the channels of the input, and demand them from now on.

        Raises:
            ShapeError: the input has another number of axes, or its channels are unknown.
        """
        ndim = len(self.kernel_size) + 2
        expect(len(input_shape) == ndim, f'layer "{self.name}"',
               f"the input must have {ndim} axes, batch and channels included",
               input=tuple(input_shape), advice=alone(tuple(input_shape), ndim))  # fmt: skip
        channels = input_shape[self.channel_axis]
        expect(channels is not None, f'layer "{self.name}"',
               "the number of channels must be known", input=tuple(input_shape))  # fmt: skip
        assert channels is not None
        self.input_spec = InputSpec(ndim=ndim, axes={self.channel_axis: channels})
        return channels

    def add_part(self, part: str, name: str, shape: Sequence[int]) -> Weight:
        """Make a weight with the settings of a part, such as "kernel" or "depthwise"."""
        return self.add_weight(
            shape, getattr(self, f"{part}_initializer"), name=name,
            regularizer=getattr(self, f"{part}_regularizer"),
            constraint=getattr(self, f"{part}_constraint"),
        )  # fmt: skip

    def add_bias(self, count: int) -> None:
        """Make the bias, if there is one."""
        self.bias = self.add_part("bias", "bias", (count,)) if self.use_bias else None

    def activated(self, y: Tensor) -> Tensor:
        """Apply the activation, if there is one."""
        bent: Tensor = self.activation(y)
        return bent

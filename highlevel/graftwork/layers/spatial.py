"""What layers share that see places and channels: sequences, images and volumes.

All of them compute with the channels last; where they lie first, before the places, they are
brought last and back.
"""

from __future__ import annotations

from typing import Any, ClassVar

from graftgrad import Tensor, ops

from .layer import Layer


class Spatial(Layer):
    """A layer on (N, …, C), or (N, C, …) with `data_format="channels_first"`."""

    data_format: Any

    accepts_integers = False
    rank: ClassVar[int] = 2

    @property
    def channel_axis(self) -> int:
        """Where the channels lie: 1, or −1 for the last axis."""
        return 1 if self.data_format == "channels_first" else -1

    def call(self, inputs: Tensor) -> Tensor:
        """Compute with the channels last."""
        if self.data_format != "channels_first":
            return self.compute(inputs)
        return brought_first(self.compute(brought_last(inputs)))

    def compute(self, x: Tensor) -> Tensor:
        """Return the output for (N, …, C), channels last too."""
        raise NotImplementedError(f"{type(self).__name__}: must define compute(self, x).")


def brought_last(x: Tensor) -> Tensor:
    """Bring channels from the second axis to the last."""
    return ops.moveaxis(x, 1, -1)


def brought_first(y: Tensor) -> Tensor:
    """Bring channels from the last axis to the second."""
    return ops.moveaxis(y, -1, 1)

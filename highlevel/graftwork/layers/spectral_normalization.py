"""A wrapper that keeps the stretch of a layer's kernel at 1."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import update

from ..initializers import TruncatedNormal
from ..registry import declared, layers, setting
from ..rules import positive_integer
from ..weight import Weight
from .layer import Layer
from .wrappers import as_layer


@declared(layers)
class SpectralNormalization(Layer):
    """A layer whose kernel is divided by its largest singular value while training.

    The value comes from power iteration, whose vector is kept from batch to batch. The kernel is
    changed itself, before every training call, as in Keras. Miyato et al. 2018.

    Args:
        layer: a layer with `kernel` or `embeddings`.
        power_iterations: steps of the iteration for each call.
    Raises:
        ConfigError: the layer has neither.
    """

    layer: Any = setting(as_layer)
    power_iterations: int = setting(positive_integer, default=1)

    def build(self, input_shape: Any) -> None:
        """Build the layer inside, and make vector_u, (1, O).

        Raises:
            ConfigError: the layer has neither kernel nor embeddings.
        """
        self.layer.build_for(input_shape)
        found: Any = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        expect(found is not None, f'layer "{self.name}"',
               "the layer inside must have kernel or embeddings", error=ConfigError,
               layer=type(self.layer).__name__)  # fmt: skip
        self.kernel = found
        self.vector_u = self.add_weight(
            (1, found.shape[-1]), TruncatedNormal(stddev=0.02), name="vector_u", trainable=False,
            dtype=str(found.dtype), autocast=False,
        )  # fmt: skip

    def named_own_weights(self) -> list[tuple[str, Weight]]:
        """Return the kernel, which belongs to the layer inside too, and vector_u after it."""
        return sorted(super().named_own_weights(), key=lambda named: named[0] != "kernel")

    def call(self, inputs: Tensor, training: bool = False) -> Any:
        """Divide the kernel, while training, and apply the layer."""
        if training:
            with graftgrad.no_grad():
                kernel = self.kernel.detach()
                begun = ops.reshape(self.vector_u.detach(), (-1,))
                scaled, vector = ops.spectral_norm(kernel, begun, self.power_iterations, 1e-7)
                some = ops.any(kernel != 0)  # of zeros alone nothing can be said
                kept = ops.where(some, vector, begun)
                update.assign(self.kernel, ops.where(some, scaled, kernel))
                update.assign(self.vector_u, ops.reshape(kept, (1, -1)))
        return ops.cast(self.layer(inputs), inputs.dtype)

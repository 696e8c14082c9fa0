"""What holds for the whole library, under Keras' names: element types, order of channels."""

from __future__ import annotations

from graftgrad.errors import ConfigError, expect

from .defaults import (
    disable_flash_attention,
    enable_flash_attention,
    epsilon,
    floatx,
    image_data_format,
    is_flash_attention_enabled,
    max_epochs,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_max_epochs,
)
from .policy import dtype_policy, set_dtype_policy


def backend() -> str:
    """Return the name of what computes: "graftgrad"."""
    return "graftgrad"


def set_backend(backend: str) -> None:
    """Accept the one backend that there is.

    Raises:
        ConfigError: it is another than "graftgrad".
    """
    expect(backend == "graftgrad", "set_backend", "the backend must be graftgrad",
           error=ConfigError, backend=backend)  # fmt: skip


def is_nnx_enabled() -> bool:
    """Tell that layers are no modules of Flax NNX."""
    return False


__all__ = [
    "backend",
    "disable_flash_attention",
    "dtype_policy",
    "enable_flash_attention",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_nnx_enabled",
    "max_epochs",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
]

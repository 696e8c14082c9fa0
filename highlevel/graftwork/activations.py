"""Activation functions under Keras' names; what they compute stands in `graftgrad.ops`.

A layer takes one by name: `Dense(3, activation="softmax")`. Any function of a tensor can take their
place; one that is to be saved with its model is registered first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.ops.activation import (
    celu,
    elu,
    gelu,
    glu,
    log_sigmoid,
    mish,
    selu,
    silu,
    softplus,
    softsign,
    sparsemax,
    squareplus,
    tanh_shrink,
)  # fmt: skip
from graftgrad.ops.arithmetic import clip
from graftgrad.ops.exponential import exp, sigmoid, tanh
from graftgrad.ops.rectifier import (
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    relu,
    relu6,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    threshold,
)  # fmt: skip
from graftgrad.ops.softmax import log_softmax, softmax

from . import registry
from .registry import encoded

swish = silu
hard_swish = hard_silu


def linear(x: Tensor) -> Tensor:
    """Return x as it is."""
    return x


def exponential(x: Tensor) -> Tensor:
    """Exponential: y = eˣ."""
    return exp(x)


def keras_2_hard_sigmoid(x: Tensor) -> Tensor:
    """Hard sigmoid as Keras 1 and 2 had it: y = min(max(x / 5 + 1 / 2, 0), 1).

    Models in their files that name "hard_sigmoid" mean this one; Keras 3's is x / 6 + 1 / 2.
    """
    return clip(x * 0.2 + 0.5, 0.0, 1.0)


for _function in (
    keras_2_hard_sigmoid, celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu,
    hard_tanh, leaky_relu,
    linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink,
    threshold,
):  # fmt: skip
    registry.activations.register(_function)
registry.activations.register(silu, "swish")
registry.activations.register(hard_silu, "hard_swish")


def get(identifier: Any) -> Callable[[Tensor], Tensor]:
    """Return the function for a name or a configuration; `linear` for None, a function as it is.

    Raises:
        ConfigError: the name is not known, or it is nothing that can be called.
    """
    found = linear if identifier is None else registry.activations.get(identifier)
    expect(callable(found), "activation", "must be a known name or a function", error=ConfigError,
           activation=identifier)  # fmt: skip
    return found


def serialize(activation: Any) -> Any:
    """Return the name of a function, or the configuration of a layer that serves as one.

    Raises:
        ConfigError: the function is not registered.
    """
    return encoded(activation)


def deserialize(config: Mapping[str, Any] | str, custom_objects: Any = None) -> Any:
    """Return the function of a name or a configuration.

    Raises:
        ConfigError: the name is not known.
    """
    with registry.custom_object_scope(custom_objects or {}):
        return get(config)


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exp",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

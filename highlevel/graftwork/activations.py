"""Activation functions under Keras' names; what they compute stands in `graftgrad.ops`.

A layer takes one by name: `Dense(3, activation="softmax")`. Any function of a tensor can take their
place; one that is to be saved with its model is registered first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from . import registry
from .registry import encoded

F = TypeVar("F", bound=Callable[..., Any])
# The same functions of what is no tensor: symbols and whatever becomes one. `ops` fills it.
beyond: dict[str, Callable[..., Any]] = {}


def public(function: F) -> F:
    """Let a function of tensors take symbols, host arrays, lists and numbers, too."""
    name = function.__name__

    @wraps(function)
    def activated(x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, Tensor):
            return function(x, *args, **kwargs)
        return beyond[name](x, *args, **kwargs)

    activated.__module__ = __name__  # where a copy through pickle finds it
    return cast(F, activated)


celu = public(ops.celu)
elu = public(ops.elu)
gelu = public(ops.gelu)
glu = public(ops.glu)
hard_shrink = public(ops.hard_shrink)
hard_sigmoid = public(ops.hard_sigmoid)
hard_silu = hard_swish = public(ops.hard_silu)
hard_tanh = public(ops.hard_tanh)
leaky_relu = public(ops.leaky_relu)
log_sigmoid = public(ops.log_sigmoid)
log_softmax = public(ops.log_softmax)
mish = public(ops.mish)
relu = public(ops.relu)
relu6 = public(ops.relu6)
selu = public(ops.selu)
sigmoid = public(ops.sigmoid)
silu = swish = public(ops.silu)
soft_shrink = public(ops.soft_shrink)
softmax = public(ops.softmax)
softplus = public(ops.softplus)
softsign = public(ops.softsign)
sparse_plus = public(ops.sparse_plus)
sparse_sigmoid = public(ops.sparse_sigmoid)
sparsemax = public(ops.sparsemax)
squareplus = public(ops.squareplus)
tanh = public(ops.tanh)
tanh_shrink = public(ops.tanh_shrink)
threshold = public(ops.threshold)


def linear(x: Any) -> Any:
    """Return x as it is."""
    return x


@public
def exponential(x: Tensor) -> Tensor:
    """Exponential: y = eˣ."""
    return ops.exp(x)


exp = exponential


def keras_2_hard_sigmoid(x: Tensor) -> Tensor:
    """Hard sigmoid as Keras 1 and 2 had it: y = min(max(x / 5 + 1 / 2, 0), 1).

    Models in their files that name "hard_sigmoid" mean this one; Keras 3's is x / 6 + 1 / 2.
    """
    return ops.clip(x * 0.2 + 0.5, 0.0, 1.0)


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

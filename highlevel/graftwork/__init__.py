"""graftwork: Keras' vocabulary on a define-by-run engine, made for transfer learning.

    import graftwork as gw

    model = gw.Sequential([base, gw.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=5)

What computes underneath, in PyTorch's vocabulary, is `graftgrad`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from graftgrad.checkpoint import checkpoint

from . import (
    activations,
    applications,
    backend,
    callbacks,
    config,
    constraints,
    data,
    datasets,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    saving,
    tree,
    utils,
)
from .data import image_dataset_from_directory
from .initializers import Initializer
from .layers import Input, InputSpec, Layer
from .layers.operation import Operation
from .layers.symbol import KerasTensor
from .losses import Loss
from .metrics import Metric
from .models import Model, Sequential, draw, load_model
from .optimizers import Optimizer
from .policy import DTypePolicy, set_dtype_policy
from .registry import custom_object_scope, register_keras_serializable
from .regularizers import Regularizer
from .seeds import set_random_seed
from .variable import Variable

__version__ = "0.1.0"

FloatDTypePolicy = DTypePolicy


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose intermediate results are computed again in the backward pass."""

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        return checkpoint(f, *args, **kwargs)

    return run


def version() -> str:
    """Return the version of the library."""
    return __version__


__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "custom_object_scope",
    "data",
    "datasets",
    "draw",
    "dtype_policies",
    "image_dataset_from_directory",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "register_keras_serializable",
    "regularizers",
    "remat",
    "saving",
    "set_dtype_policy",
    "set_random_seed",
    "tree",
    "utils",
    "version",
]

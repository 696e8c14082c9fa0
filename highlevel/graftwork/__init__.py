"""graftwork: Keras' vocabulary on a define-by-run engine, made for transfer learning.

    import graftwork as gw

    model = gw.Sequential([base, gw.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=5)

What computes underneath, in PyTorch's vocabulary, is `graftgrad`.
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from graftgrad.checkpoint import checkpoint
from graftgrad.deferred import deferred

from . import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    data,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    tree,
)
from .backend import device
from .data import image_dataset_from_directory
from .initializers import Initializer
from .layers import Input, InputSpec, Layer
from .layers.operation import Operation
from .layers.symbol import KerasTensor
from .losses import Loss
from .metrics import Metric
from .models import Model, Sequential, load_model
from .optimizers import Optimizer
from .policy import DTypePolicy, set_dtype_policy
from .registry import custom_object_scope, register_keras_serializable, registers_later
from .regularizers import Regularizer
from .seeds import set_random_seed
from .variable import Variable

if TYPE_CHECKING:
    from . import (
        applications,
        datasets,
        distillation,
        preprocessing,
        utils,
        visualization,
        wrappers,
    )
    from .models import draw
else:
    __getattr__, __dir__ = deferred(
        __name__,
        {
            "text_dataset_from_directory": "Write utils.text_dataset_from_directory.",
            "audio_dataset_from_directory": "Write utils.audio_dataset_from_directory.",
            "nn": "Layers are in graftwork.layers, functions in graftwork.ops.",
            "keras": "Its names are here: import graftwork as keras.",
        },
        applications="",
        datasets="",
        distillation="",
        preprocessing="",
        utils="",
        visualization="",
        wrappers="",
        models="draw",
    )

registers_later("graftwork.applications")
registers_later("graftwork.models.feature_space")
registers_later("graftwork.distillation")

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
    "device",
    "distillation",
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
    "visualization",
    "wrappers",
]

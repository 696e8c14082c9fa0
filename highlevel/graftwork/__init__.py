"""graftwork: Keras' vocabulary on a define-by-run engine, made for transfer learning.

    import graftwork as gw

    model = gw.Sequential([base, gw.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=5)

What computes underneath, in PyTorch's vocabulary, is `graftgrad`.
"""

from . import (
    activations,
    applications,
    callbacks,
    config,
    constraints,
    data,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    optimizers,
    regularizers,
    saving,
)
from .data import image_dataset_from_directory
from .initializers import Initializer
from .layers import Input, InputSpec, Layer
from .losses import Loss
from .metrics import Metric
from .models import Model, Sequential, draw, load_model
from .optimizers import Optimizer
from .policy import DTypePolicy, set_dtype_policy
from .registry import custom_object_scope, register_keras_serializable
from .regularizers import Regularizer
from .seeds import set_random_seed

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy",
    "Initializer",
    "Input",
    "InputSpec",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "__version__",
    "activations",
    "applications",
    "callbacks",
    "config",
    "constraints",
    "custom_object_scope",
    "data",
    "draw",
    "image_dataset_from_directory",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "optimizers",
    "register_keras_serializable",
    "regularizers",
    "saving",
    "set_dtype_policy",
    "set_random_seed",
]

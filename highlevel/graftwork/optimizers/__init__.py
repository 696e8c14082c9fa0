"""Optimizers in Keras' vocabulary, and the schedules of their learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graftgrad.deferred import deferred

from .. import registry
from . import schedules
from .adagrad import Adadelta, Adagrad, Ftrl, RMSprop
from .adam import Adam, Adamax, AdamW, Lion, Nadam
from .depth import by_depth
from .layerwise import Adafactor, Lamb, Muon
from .loss_scale import LossScaleOptimizer
from .multi import MultiOptimizer, OptimizerMap
from .optimizer import Optimizer
from .schedule_free import ScheduleFreeAdamW
from .sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "by_depth",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

if not TYPE_CHECKING:  # asks for the name that may have been meant
    __getattr__, __dir__ = deferred(__name__)


def get(identifier: Any) -> Any:
    """Return an optimizer for a name, a configuration or a class; an object comes back as it is.

    Raises:
        ConfigError: the name is not known or the configuration not understood.
    """
    return registry.optimizers.identified(identifier)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return an optimizer's configuration in Keras' form."""
    return registry.configuration(optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make an optimizer from its configuration.

    Raises:
        ConfigError: a name in it is not known.
    """
    with registry.custom_object_scope(custom_objects or {}):
        return registry.decoded(config, registry.optimizers)

"""Where a model is trained and run: on the device where its weights are."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import graftgrad
from graftgrad.device.base import Device
from graftgrad.plan import changes

P = ParamSpec("P")
R = TypeVar("R")


def beside_weights(run: Callable[P, R]) -> Callable[P, R]:
    """Decorate a method of a model: batches, and whatever it makes, come to where the weights are.

    Metrics and the optimizer follow there; what they have gathered so far they take along.
    """

    @wraps(run)
    def there(*args: P.args, **kwargs: P.kwargs) -> R:
        model: Any = args[0]
        place = place_of(model)
        with place:
            if model.compiled and model.compiled_metrics.device is not place:
                settle(model, place)
            return run(*args, **kwargs)

    return there


def place_of(model: Any) -> Device:
    """Return where a model's weights are, looked for again only when something has changed."""
    found: tuple[int, Device | None] = model.located
    if found[1] is None or found[0] != changes.count:
        first = next(model.named_weights(), None)
        if first is None:
            return graftgrad.device()
        found = changes.count, first[1].device
        object.__setattr__(model, "located", found)
    assert found[1] is not None
    return found[1]


def settle(model: Any, place: Any) -> None:
    """Bring the state of metrics and of the optimizer to a device."""
    for metric in model.metrics:
        for variable in metric.variables:
            variable.move(place)
    if model.optimizer is not None:
        model.optimizer.settle(place)
    model.compiled_metrics.device = place

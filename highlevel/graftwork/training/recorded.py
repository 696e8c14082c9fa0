"""A model's steps, recorded and repeated: on what they depend besides their arguments.

What a step does stands in `step`; how it is recorded and repeated in `graftgrad.plan`.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

from graftgrad.data import map_tree
from graftgrad.plan import Captured

from ..layers.layer import phase
from ..registry import changes
from .logs import LazyLogs

if TYPE_CHECKING:
    from .trainer import Trainer

# What a fit sets on its model, and no step depends on.
PASSING = frozenset(
    {"history", "stop_training", "batches_trained", "seed", "recorded_steps", "applications"}
)


class RecordedSteps:
    """The train, test and predict step of one model, each recorded as it runs.

    A copy of a model starts with steps of its own.
    """

    def __init__(self, model: Trainer) -> None:
        self.model = weakref.ref(model)
        self.steps: dict[str, Captured[[Any], Any]] = {}
        self.seen = -1
        self.watched: list[Any] = []
        self.known: dict[Hashable, tuple[int, object]] = {}
        self.flats: Any = None
        self.settings = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        return None

    def __reduce__(self) -> Any:
        return type(None), ()

    def run(self, name: str, data: Any) -> Any:
        """Run a step by its name on tensors, or repeat its plan."""
        model = self.model()
        assert model is not None
        function = getattr(model, name)
        if model.compiled and model.run_eagerly:
            return run_eagerly(function, data)
        captured = self.steps.get(name)
        if captured is None:
            captured = self.steps[name] = Captured(
                _called(self.model, name),
                self.state,
                _again,
                lambda: self.watched,
                at_once=name == "predict_step",
                loose=name == "predict_step" and self._compiles(),
            )
        return captured(data)

    def _compiles(self) -> bool:
        model = self.model()
        assert model is not None
        return not model.compiled or bool(model.compile_settings["jit_compile"])

    def state(self) -> Hashable:
        """Return what the steps depend on: settings of all parts, which weights are trained."""
        if self.seen != changes.count:
            self._look()
        watched = [(id(w.array), w.wants) for w in self.watched]
        return (self.settings, self.flats.layout if self.flats is not None else (), *watched)

    def _look(self) -> None:
        """Find the parts of the model anew and give their settings a number."""
        model = self.model()
        assert model is not None
        self.seen = changes.count
        parts = list(_parts(model))
        held: list[Any] = []
        told = tuple([(id(part), *_told(part, held)) for part in parts])
        if told not in self.known:
            self.known[told] = len(self.known), (parts, held)  # kept: an id must not be used again
        self.settings = self.known[told][0]
        self.watched = list(model.variables)
        self.flats = model.optimizer.flats if model.compiled else None

    def report(self, timed: bool = True) -> str:
        """Return the plans of all steps as tables."""
        return "\n\n".join(f"{name}: {one.report(timed)}" for name, one in self.steps.items())


def run_eagerly(function: Any, data: Any) -> Any:
    """Run a step and let it see the penalties that its layers add."""
    before, phase.penalties = phase.penalties, []
    try:
        return function(data)
    finally:
        phase.penalties = before


def _called(model: weakref.ref[Any], name: str) -> Any:
    def step(data: Any) -> Any:
        result = run_eagerly(getattr(model(), name), data)
        return map_tree(lambda one: one.detach() if hasattr(one, "detach") else one, result)

    return step


def _again(result: Any) -> Any:
    return LazyLogs(result.read) if isinstance(result, LazyLogs) else result


def _parts(model: Trainer) -> Iterator[Any]:
    """Yield everything whose settings a step may look at."""
    yield from model.flattened()
    if model.compiled:
        yield model.optimizer
        if model.compiled_loss is not None:
            yield from model.compiled_loss.built
        for metric in model.metrics:
            yield metric
            yield from getattr(metric, "metrics", ())


def _told(part: Any, held: list[Any]) -> Iterator[Hashable]:
    for key, value in getattr(part, "__dict__", {}).items():
        if key not in PASSING:
            yield key
            yield _plain(value, held)


def _plain(value: Any, held: list[Any]) -> Hashable:
    """Return a setting as something to compare; what is no plain value stands for itself."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple([_plain(one, held) for one in value])
    if isinstance(value, dict):
        return tuple([(_plain(k, held), _plain(v, held)) for k, v in value.items()])
    held.append(value)
    return id(value)

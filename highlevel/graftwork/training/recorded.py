"""A model's steps, recorded and repeated: on what they depend besides their arguments.

What a step does stands in `step`; how it is recorded and repeated in `graftgrad.plan`.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from graftgrad.data import map_tree
from graftgrad.errors import ConfigError, expect
from graftgrad.plan import Captured, UnfitError

from ..layers.phase import collecting, phase
from .logs import LazyLogs

if TYPE_CHECKING:
    from .trainer import Trainer


class RecordedSteps:
    """The train, test and predict step of one model, each recorded as it runs.

    A copy of a model starts with steps of its own.
    """

    def __init__(self, model: Trainer) -> None:
        self.model = weakref.ref(model)
        self.steps: dict[str, Captured[[Any], Any]] = {}

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
            _check(function, name)
            captured = self.steps[name] = Captured(
                _called(self.model, name),
                self.start,
                again=_again,
                fixed=self.weights,
                at_once=name == "predict_step",
                loose=name == "predict_step" and self._compiles(),
                roots=self.parts,
            )
        return captured(data)

    def form(self, name: str, data: Any) -> Hashable | None:
        """Return the structure of what a step received, or None where it cannot be repeated."""
        captured = self.steps.get(name)
        try:
            return None if captured is None else captured.form(data)
        except UnfitError:
            return None

    def repeat(
        self, name: str, form: Hashable, fills: Iterable[Callable[[Sequence[Any], Any], object]]
    ) -> tuple[int, Any]:
        """Repeat the plan of a step on batches of a form, as long as it can be.

        Returns how many there were, and what the last of them reported.
        """
        model, captured = self.model(), self.steps.get(name)
        if captured is None or model is None or (model.compiled and model.run_eagerly):
            return 0, None
        return captured.repeat(form, fills)

    def _compiles(self) -> bool:
        model = self.model()
        assert model is not None
        return not model.compiled or bool(model.compile_settings["jit_compile"])

    def weights(self) -> list[Any]:
        """Return the weights of the model."""
        model = self.model()
        return list(model.variables) if model is not None else []

    def start(self) -> Hashable:
        """Return where the model begins: at its input, or behind features that are kept."""
        return -1 if phase.resumed is None else phase.resumed.number

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Yield everything whose settings a step may look at, with its name."""
        model = self.model()
        assert model is not None
        for one in model.flattened():
            yield one.name, one
        if not model.compiled:
            return
        yield "optimizer", model.optimizer
        if model.compiled_loss is not None:
            yield "loss", model.compiled_loss.built
            yield "loss_weights", model.compiled_loss.factors
        for metric in model.metrics:
            for one in (metric, *getattr(metric, "metrics", ())):
                yield one.name, one

    def report(self, timed: bool = True) -> str:
        """Return the plans of all steps as tables."""
        return "\n\n".join(f"{name}: {one.report(timed)}" for name, one in self.steps.items())


def run_eagerly(function: Any, data: Any) -> Any:
    """Run a step and let it see the penalties that its layers add."""
    with collecting():
        return function(data)


def _check(function: Callable[..., Any], name: str) -> None:
    """Refuse a step that asks for more than the data.

    Raises:
        ConfigError: it does.
    """
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [key for key, one in inspect.signature(function).parameters.items()
             if one.default is one.empty and one.kind in named]  # fmt: skip
    expect(len(taken) <= 1, name, "must ask for the data alone", error=ConfigError, asked=taken,
           advice="A state beside the data is the form for JAX. Write it as for PyTorch: "
           "loss.backward(), then optimizer.apply(gradients, weights).")  # fmt: skip


def _called(model: weakref.ref[Any], name: str) -> Any:
    def step(data: Any) -> Any:
        result = run_eagerly(getattr(model(), name), data)
        return map_tree(lambda one: one.detach() if hasattr(one, "detach") else one, result)

    return step


def _again(result: Any) -> Any:
    return LazyLogs(result.read) if isinstance(result, LazyLogs) else result

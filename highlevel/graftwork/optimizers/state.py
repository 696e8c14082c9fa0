"""What an optimizer keeps between steps: rate, counter and slots; how they are saved and loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, ShapeError, expect
from graftgrad.flat_groups import FlatGroups
from graftgrad.spec import Shape

from ..registry import Configured
from ..weight import Weight
from .schedules import LearningRateSchedule


class Kept(Configured):
    """The state of an optimizer: `counter` counts its calls, `rate` holds the learning rate."""

    counter: Weight
    rate: Weight
    schedule: Any = None
    use_ema: bool
    gradient_accumulation_steps: Any
    name: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the bookkeeping before any constructor runs."""
        made = super().__new__(cls, *args, **kwargs)
        made.counter = _scalar(0, "int64", "iteration")
        made.rate = _scalar(0.0, "float64", "learning_rate", "cpu")  # the host alone reads it
        made.one = graftgrad.tensor(1, "int64")
        made.flats = FlatGroups()
        made.order = {}
        made.positions = {}
        made.added = []
        made.settled = False
        return made

    if TYPE_CHECKING:
        flats: FlatGroups
        one: Tensor
        order: dict[Any, None]
        positions: dict[Any, int]  # of the weights it was built with
        added: list[Weight]  # by a rule of the user's own, behind the slots
        settled: bool

    # -- rate and counter ----------------------------------------------------------------------

    if not TYPE_CHECKING:

        @property
        def learning_rate(self) -> Weight:
            """The learning rate of the next step: a number without axes, that can be assigned."""
            if self.schedule is not None:
                self.rate.fill_(self.current_rate())
            return self.rate

        @learning_rate.setter
        def learning_rate(self, value: Any) -> None:
            scheduled = isinstance(self.schedule, LearningRateSchedule)
            expect(callable(value) or not scheduled, type(self).__name__,
                   "a learning rate that follows a schedule cannot be assigned", error=ConfigError,
                   learning_rate=value, advice="Make the optimizer with a number.")  # fmt: skip
            if callable(value):
                self.schedule = value
                return
            self.schedule = None
            self.rate.fill_(float(value))

    def current_rate(self) -> float:
        """Return the learning rate of the next step."""
        if isinstance(self.schedule, LearningRateSchedule):
            return float(self.schedule(int(self.counter)))
        return float(self.rate if self.schedule is None else self.schedule())

    @property
    def iterations(self) -> Tensor:
        """How many updates there were: a whole number without axes, that can be assigned."""
        if self.gradient_accumulation_steps is None:
            return self.counter
        whole: Tensor = self.counter.detach() // self.gradient_accumulation_steps
        return whole

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self.counter.assign(int(value) * (self.gradient_accumulation_steps or 1))

    def settle(self, device: Any) -> None:
        """Let what is counted lie where the weights are."""
        self.counter.move(device)
        self.one = self.one.to(device)

    # -- slots ---------------------------------------------------------------------------------

    def slots(self) -> list[dict[str, float]]:
        """Return names and first values of the slots; a group is what Keras makes together."""
        return []

    def slot_shape(self, weight: Any, name: str) -> Shape | None:
        """Return the shape of a slot of a weight, no larger than the weight; None for no slot."""
        found: Shape = weight.shape
        return found

    def every_slot(self) -> list[dict[str, float]]:
        """Return the slots in Keras' order, first those that every optimizer can have."""
        first: list[dict[str, float]] = [{"average": 0.0}] if self.use_ema else []
        if self.gradient_accumulation_steps is not None:
            first.append({"gradient_accumulator": 0.0})
        return first + self.slots()

    def extra_variables(self) -> list[Weight]:
        """Return what stands behind the slots in Keras' order: what `add_variable` made."""
        return list(self.added)

    @property
    def built(self) -> bool:
        """Whether any weight is known."""
        return bool(self.order)

    @property
    def known(self) -> list[Any]:
        """The weights this optimizer was built with or has met, in this order."""
        return list(self.order)

    def remember(self, weights: Iterable[Any]) -> None:
        """Note weights that were met, in their order."""
        for weight in weights:
            if weight not in self.order and weight in self.flats.owners:
                self.order[weight] = None

    def build(self, variables: Iterable[Any]) -> None:
        """Make the slots of trained weights before the first step, for loading.

        Frozen weights stay where they are; they are taken in when they are thawed.
        """
        listed = list(variables)
        self.flats.hold([weight for weight in listed if weight.requires_grad])
        self.remember(listed)
        self.positions = {weight: place for place, weight in enumerate(listed)}

    def build_once(self, variables: Iterable[Any]) -> None:
        """Let a class with a `build` of its own make its slots, if it has not yet."""
        if not self.positions and type(self).build is not Kept.build:
            self.build(list(variables))

    # -- in Keras' order -----------------------------------------------------------------------

    @property
    def variables(self) -> list[Weight]:
        """Counter, learning rate and the slots of all known weights, in Keras' order."""
        return self.variables_of(self.known)

    def variables_of(self, weights: Iterable[Any]) -> list[Weight]:
        """Return counter, learning rate and the slots of some weights, in Keras' order.

        Slots are parts of the buffers and can be assigned; those of a weight that was never trained
        are new values that belong to nothing.
        """
        listed = list(weights)
        found = [self.counter] if self.schedule is not None else [self.counter, self.rate]
        for group in self.every_slot():
            found += [
                self._slot_of(weight, name, initial)
                for weight in listed
                for name, initial in group.items()
                if self.slot_shape(weight, name) is not None
            ]
        return found + self.extra_variables()

    def _slot_of(self, weight: Any, name: str, initial: float) -> Weight:
        flat, shape = self.flats.owner(weight), self.slot_shape(weight, name)
        assert shape is not None
        if flat is None or math.prod(shape) > weight.size:  # of an empty weight
            view = graftgrad.full(shape, initial, weight.dtype, weight.device)
        else:
            view = _front(flat.view(name, weight, initial), shape)
        named = Weight(view, f"{_path(weight).replace('/', '_')}_{name}", "state")
        named.path = f"{self.name}/{named.name}"
        return named

    def load_variables(self, values: Sequence[Any], weights: Iterable[Any]) -> None:
        """Take over values in Keras' order, before the first step or later; all of them or nothing.

        Every one of the weights has then been updated as often as the counter says.

        Args:
            values: as `variables_of(weights)` lists them.
            weights: whose slots they are; frozen ones too.
        Raises:
            ConfigError: there are too many or too few values.
            ShapeError: a value has not the shape of its slot.
        """
        listed = list(weights)
        self.build_once(listed)
        shadows = self.variables_of(listed)
        expect(len(values) == len(shadows), self.name, "there must be one value for each variable",
               error=ConfigError, values=len(values),
               variables=[one.name for one in shadows])  # fmt: skip
        given = [graftgrad.as_tensor(value) for value in values]
        for one, value in zip(shadows, given, strict=True):
            _check_shape(one.name, one.shape, value)
        self.flats.hold(listed)
        self.remember(listed)
        for one, value in zip(self.variables_of(listed), given, strict=True):
            one.assign(value)
        steps = int(self.iterations)
        for flat in self.flats.groups.values():
            flat.set_steps({weight: steps for weight in listed if weight in flat.places})

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take over host values in Keras' order, for the weights this optimizer was built with."""
        self.load_variables(weights, self.known)

    # -- by path -------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """Return all that is kept by path: "iterations", "learning_rate", "dense/kernel/momentum".

        A weight's own count of steps is part of it, which Keras' order does not know. The values
        are the optimizer's own memory: copy them before the next step if they are to stay.
        """
        found: dict[str, Tensor] = {"iterations": self.counter}
        if self.schedule is None:
            found["learning_rate"] = self.rate
        for weight in self.order:
            flat, path = self.flats.owners[weight], _path(weight)
            expect(f"{path}/step" not in found, self.name, "every weight must have its own path",
                   error=ConfigError, path=path)  # fmt: skip
            found[f"{path}/step"] = flat.cohorts[flat.places[weight]].count
            for group in self.every_slot():
                for name, initial in group.items():
                    shape = self.slot_shape(weight, name)
                    if shape is not None and math.prod(shape) <= weight.size:
                        found[f"{path}/{name}"] = _front(flat.view(name, weight, initial), shape)
        return found | {f"added/{i}": one for i, one in enumerate(self.added)}

    def load_state(self, state: Mapping[str, Any], weights: Iterable[Any]) -> None:
        """Take over what `state()` returned, before the first step or later; all of it or nothing.

        Args:
            state: values by path.
            weights: the weights that paths may name, frozen ones too; others start anew.
        Raises:
            ConfigError: a path is not known, or an entry is missing.
            ShapeError: a value has not the shape of its weight.
        """
        slots = {name: first for group in self.every_slot() for name, first in group.items()}
        by_path = {_path(weight): weight for weight in weights}
        self.build_once(weight for weight in by_path.values() if weight.requires_grad)
        kept = [weight for path, weight in by_path.items() if f"{path}/step" in state]
        shapes: dict[str, Shape] = {"iterations": ()}
        if self.schedule is None:
            shapes["learning_rate"] = ()
        for weight in kept:
            for name in slots:
                shape = self.slot_shape(weight, name)
                if shape is not None and math.prod(shape) <= weight.size:
                    shapes[f"{_path(weight)}/{name}"] = shape
            shapes[f"{_path(weight)}/step"] = ()
        shapes |= {f"added/{i}": one.shape for i, one in enumerate(self.added)}
        expect(shapes.keys() == state.keys(), self.name, "entries must be those of the weights",
               error=ConfigError, missing=sorted(shapes.keys() - state.keys()),
               unknown=sorted(state.keys() - shapes.keys()))  # fmt: skip
        given = {path: graftgrad.as_tensor(value) for path, value in state.items()}
        for path, shape in shapes.items():
            _check_shape(path, shape, given[path])
        self._take(given, kept, slots)

    def _take(
        self, given: Mapping[str, Tensor], kept: list[Any], slots: Mapping[str, float]
    ) -> None:
        with graftgrad.no_grad():
            self.counter.assign(given["iterations"])
            if self.schedule is None:
                self.rate.assign(given["learning_rate"])
            for i, one in enumerate(self.added):
                one.assign(given[f"added/{i}"])
            self.flats.hold(kept)
            self.remember(kept)
            for flat in self.flats.groups.values():
                for name, initial in slots.items():
                    flat.slot(name, initial).fill_(initial)
            for weight in kept:
                for name, initial in slots.items():
                    value = given.get(f"{_path(weight)}/{name}")
                    if value is not None:
                        view = self.flats.owners[weight].view(name, weight, initial)
                        _front(view, value.shape).copy_(value)
            counts = {weight: float(given[f"{_path(weight)}/step"]) for weight in kept}
            for flat in self.flats.groups.values():
                flat.set_steps({weight: counts.get(weight, 0.0) for weight in flat.weights})


def _scalar(value: float, dtype: str, name: str, device: str | None = None) -> Weight:
    return Weight(graftgrad.tensor(value, dtype, device), name, "state")


def _front(view: Tensor, shape: Shape) -> Tensor:
    """Return the first elements of a slot's part in another shape, in the same memory."""
    if view.shape == shape:
        return view
    return view.reshape(-1)[: math.prod(shape)].reshape(shape)


def _path(weight: Any) -> str:
    return str(getattr(weight, "path", "") or getattr(weight, "name", ""))


def _check_shape(name: str, shape: tuple[int, ...], value: Tensor) -> None:
    expect(value.shape == shape, f'optimizer variable "{name}"', "the saved shape must fit",
           error=ShapeError, shape=shape, saved=value.shape)  # fmt: skip

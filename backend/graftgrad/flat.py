"""Many weights in one buffer: gradients and slots in the same layout, updated in one launch.

A weight that is moved into a buffer becomes a view of it; so does its gradient, which backward then
writes in place. What is updated is read anew at every step: runs of neighbouring weights that want
a gradient and have one. All others, frozen ones above all, are never touched. The rules stand in
`ops.optimize`, their faces in `optim`; several groups together in `flat_groups`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import accumulate
from typing import Any

from . import modes
from .device.base import Array, Device
from .errors import DeviceError, DTypeError, GradientError, ShapeError, expect
from .modes import each_time, no_grad
from .ops import update
from .spec import DType, Shape, Spec, float64, is_floating
from .tensor import Tensor, tensor

Places = tuple[int, ...]
_MOST_CHOICES = 64


class GradientView(Tensor):
    """One weight's part of a gradient buffer."""

    __slots__ = ("group", "place")

    def __init__(self, whole: Tensor, first: int, last: int, shape: Shape) -> None:
        array = whole.array[first:last].reshape(shape)
        super().__init__(array, Spec(shape, whole.dtype), whole.device)
        self.group: weakref.ref[FlatGroup] | None = None
        self.place = 0

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """Copy as a plain tensor: a copy belongs to no buffer."""
        self.device.enter()
        return Tensor, (self.array.copy(), self.spec, self.device)


class Cohort:
    """Weights that were updated in exactly the same steps, and how many these were."""

    __slots__ = ("count",)

    def __init__(self, device: Device, count: float = 0.0) -> None:
        self.count = tensor(count, float64, device)

    def __float__(self) -> float:
        return float(self.count)


class Run:
    """Neighbouring weights of a group: what one launch updates."""

    __slots__ = ("cohort", "first", "gradients", "last", "owner", "slots", "weights")

    def __init__(self, group: FlatGroup, first: int, last: int) -> None:
        # The group remembers its runs: held both ways, only a collection would free the buffers.
        self.owner = weakref.ref(group)
        self.first = group.bounds[first]
        self.last = group.bounds[last]
        self.cohort = group.cohorts[first]
        self.weights = group.weights[first:last]
        self.gradients = self.part(group.gradients)
        self.slots: dict[str, Tensor] = {}

    @property
    def group(self) -> FlatGroup:
        """The group, which must be alive."""
        group = self.owner()
        assert group is not None
        return group

    @property
    def values(self) -> Tensor:
        """The weights of this run, flat."""
        return self.slot("")

    @property
    def step(self) -> Tensor:
        """How many steps have updated these weights: a number without axes."""
        return self.cohort.count

    def slot(self, name: str, initial: float = 0.0) -> Tensor:
        """Return this run's part of a slot, which is made where there is none yet."""
        found = self.slots.get(name)
        if found is None:
            whole = self.group.slot(name, initial) if name else self.group.values
            found = self.slots[name] = self.part(whole)
        return found

    def part(self, whole: Tensor) -> Tensor:
        """Return this run's part of a buffer."""
        array = whole.array[self.first : self.last]
        return Tensor(array, Spec((self.last - self.first,), whole.dtype), whole.device)

    def changed(self) -> None:
        """Note that the weights were changed in place, for the graphs that keep them."""
        for weight in self.weights:
            weight.counter.rise()


class FlatGroup:
    """Weights of one element type and device in one buffer, with their gradients and slots.

    Attributes:
        weights: the weights, in the order in which they came.
        values, gradients: the buffers.
        slots: further buffers in the same layout, by name.
        cohorts: for each weight, those it shares its count of steps with.
    """

    def __init__(self, device: Device, dtype: DType) -> None:
        self.device = device
        self.dtype = dtype
        self.weights: list[Tensor] = []
        self.places: dict[Tensor, int] = {}
        self.bounds: list[int] = [0]
        self.arrays: list[Array] = []
        self.buffers: list[GradientView] = []
        self.cohorts: list[Cohort] = []
        self.values = self._empty(0)
        self.gradients = self._empty(0)
        self.slots: dict[str, Tensor] = {}
        self.initial: dict[str, float] = {}
        self.numbers: dict[str, tuple[float, Tensor]] = {}
        self.one = tensor(1.0, float64, device)
        self.chosen: dict[tuple[Hashable, Places], list[Run]] = {}
        self.layout = 0  # rises with every change of what a recorded step would hold on to

    def __getstate__(self) -> dict[str, Any]:
        """Copy without the views: those of the copy are made anew, of its own buffers."""
        kept = ("device", "dtype", "weights", "slots", "initial")
        return {name: getattr(self, name) for name in kept} | {
            "steps": [float(cohort) for cohort in self.cohorts]
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        FlatGroup.__init__(self, state["device"], state["dtype"])
        self.add(state["weights"])
        self.slots, self.initial = state["slots"], state["initial"]
        self.set_steps(dict(zip(self.weights, state["steps"], strict=True)))

    # -- members -------------------------------------------------------------------------------

    def add(self, weights: Iterable[Tensor]) -> None:
        """Move further weights in, behind the others, which keep values, gradients and slots.

        Raises:
            GradientError: a weight is no leaf.
            DTypeError, DeviceError: a weight does not belong here.
        """
        fresh = [weight for weight in dict.fromkeys(weights) if weight not in self.places]
        for weight in fresh:
            self._check(weight)
        if not fresh:
            return
        known = len(self.weights)
        self.weights += fresh
        self.places |= {weight: known + i for i, weight in enumerate(fresh)}
        self.bounds = [0, *accumulate(weight.size for weight in self.weights)]
        self.cohorts += [Cohort(self.device)] * len(fresh)
        with no_grad():
            self.values = self._grown(self.values)
            self.gradients = self._grown(self.gradients)
            for name, slot in self.slots.items():
                self.slots[name] = self._grown(slot, self.initial[name])
            self._make_views(known)
        self._relaid()

    def _relaid(self) -> None:
        """Forget the runs that were chosen: buffers or counts of steps are others now."""
        self.chosen.clear()
        self.layout += 1

    def _check(self, weight: Tensor) -> None:
        expect(weight.grad_fn is None, "optimizer", "only leaves can be trained",
               error=GradientError, weight=weight.spec, grad_fn=weight.grad_fn,
               advice="Hand in parameters, not what was computed from them.")  # fmt: skip
        expect(weight.dtype == self.dtype and is_floating(weight.dtype), "optimizer",
               f"the weights of this group are {self.dtype}", error=DTypeError,
               weight=weight.spec)  # fmt: skip
        expect(weight.device == self.device and self.device.computes, "optimizer",
               f"the weights of this group must have values on {self.device}", error=DeviceError,
               weight=weight.spec, device=str(weight.device))  # fmt: skip

    def _empty(self, size: int) -> Tensor:
        spec = Spec((size,), self.dtype)
        return Tensor(self.device.empty(spec), spec, self.device)

    def _grown(self, old: Tensor, initial: float = 0.0) -> Tensor:
        made = self._empty(self.bounds[-1])
        made.fill_(initial)
        if old.size:
            front = Tensor(made.array[: old.size], old.spec, self.device)
            update.assign(front, old)
        return made

    def _make_views(self, known: int) -> None:
        """Make the views of all weights anew; those from place `known` on move in now."""
        for place, weight in enumerate(self.weights):
            first, last = self.bounds[place : place + 2]
            view = self.values.array[first:last].reshape(weight.shape)
            buffer = GradientView(self.gradients, first, last, weight.shape)
            buffer.group, buffer.place = weakref.ref(self), place
            if place >= known:
                self.arrays.append(view)
                self.buffers.append(buffer)
                self._claim(place)
                continue
            if weight.array is self.arrays[place]:
                weight.array = view
            if weight.grad_buffer is self.buffers[place]:
                weight.grad_buffer = buffer
            if weight.grad is self.buffers[place]:
                weight.grad = buffer
            self.arrays[place], self.buffers[place] = view, buffer

    def _claim(self, place: int) -> None:
        """Copy a weight's values into its place and make it a view of it."""
        weight = self.weights[place]
        expect(weight.dtype == self.dtype and weight.shape == self.buffers[place].shape,
               "optimizer", "a weight must keep its shape and dtype while it is trained",
               error=DTypeError if weight.dtype != self.dtype else ShapeError,
               before=self.buffers[place].spec, now=weight.spec)  # fmt: skip
        array = self.arrays[place]
        update.assign(Tensor(array, weight.spec.like(), self.device), weight.detach())
        weight.array = array
        weight.spec = weight.spec.like()
        weight.grad_buffer = self.buffers[place]

    # -- gradients -----------------------------------------------------------------------------

    def gather(self, gradients: Mapping[int, Tensor]) -> None:
        """Bring the gradients of some places into the buffer; those already there stay.

        A weight whose array was replaced, or that another group has taken, is brought back first.
        """
        foreign: list[tuple[int, Tensor]] = []
        for place, gradient in gradients.items():
            if gradient is self.buffers[place]:
                continue
            expect(gradient.shape == self.buffers[place].shape, "optimizer",
                   "a gradient must have the shape of its weight",
                   weight=self.buffers[place].spec, gradient=gradient.spec)  # fmt: skip
            # another weight's part of a buffer may itself be written below
            kept = gradient.clone() if isinstance(gradient, GradientView) else gradient.detach()
            foreign.append((place, kept))
        for place in gradients:
            if self.weights[place].array is not self.arrays[place]:
                self._claim(place)
        for place, gradient in foreign:
            weight, buffer = self.weights[place], self.buffers[place]
            weight.grad_buffer = buffer
            if weight.grad is buffer:  # the user's .grad is another one: it must not change
                weight.grad = buffer.clone()
            update.assign(buffer, gradient)

    # -- runs ----------------------------------------------------------------------------------

    def runs(self, places: Places, marks: tuple[Hashable, ...] = ()) -> list[Run]:
        """Return ascending places as runs of weights that were updated in the same steps.

        They are taken to be updated together from now on: they part from the weights left out.

        Args:
            places: those of the weights.
            marks: one for each place; weights of different marks lie in different runs.
        """
        found = self.chosen.get((marks, places))
        if found is None:
            if self._part(places):
                self._relaid()
            told = dict(zip(places, marks, strict=True)) if marks else {}
            found = self._remember((marks, places), lambda i, j: (
                self.cohorts[i] is self.cohorts[j] and told.get(i) == told.get(j)
            ))  # fmt: skip
        return found

    def stretches(self, places: Places) -> list[Run]:
        """Return ascending places as runs of neighbours, however often each was updated."""
        found = self.chosen.get((None, places))
        return self._remember((None, places), lambda i, j: True) if found is None else found

    def _remember(
        self, key: tuple[Hashable, Places], joins: Callable[[int, int], bool]
    ) -> list[Run]:
        if len(self.chosen) >= _MOST_CHOICES:
            self.chosen.clear()
        spans: list[list[int]] = []
        for place in key[1]:
            if spans and spans[-1][1] == place and joins(place - 1, place):
                spans[-1][1] += 1
            else:
                spans.append([place, place + 1])
        found = self.chosen[key] = [Run(self, first, last) for first, last in spans]
        return found

    def _part(self, places: Places) -> bool:
        """Give the chosen part of every cohort that is only partly chosen a count of its own."""
        inside = {self.cohorts[place] for place in places}
        chosen = set(places)
        left_out = {c for i, c in enumerate(self.cohorts) if i not in chosen}
        divided = inside & left_out
        fresh = {cohort: Cohort(self.device, float(cohort)) for cohort in divided}
        for place in places:
            self.cohorts[place] = fresh.get(self.cohorts[place], self.cohorts[place])
        return bool(divided)

    def advance(self, runs: Iterable[Run]) -> None:
        """Count one more step for the weights of some runs."""
        for cohort in dict.fromkeys(run.cohort for run in runs):
            update.accumulate(cohort.count, self.one)

    # -- slots ---------------------------------------------------------------------------------

    def slot(self, name: str, initial: float = 0.0) -> Tensor:
        """Return a slot's buffer; where there is none yet, one full of `initial` is made."""
        if name not in self.slots:
            self.initial[name] = initial
            with no_grad():
                self.slots[name] = self._grown(self._empty(0), initial)
            self.layout += 1
        return self.slots[name]

    def view(self, name: str, weight: Tensor, initial: float = 0.0) -> Tensor:
        """Return one weight's part of a slot, in the weight's shape."""
        place = self.places[weight]
        first, last = self.bounds[place : place + 2]
        array = self.slot(name, initial).array[first:last].reshape(weight.shape)
        return Tensor(array, Spec(weight.shape, self.dtype), self.device)

    def steps(self, weight: Tensor) -> float:
        """Return how many steps have updated a weight."""
        return float(self.cohorts[self.places[weight]])

    def set_steps(self, steps: Mapping[Tensor, float]) -> None:
        """Set how many steps have updated some weights, when a state is loaded."""
        counts = [float(cohort) for cohort in self.cohorts]
        for weight, count in steps.items():
            counts[self.places[weight]] = count
        made = {count: Cohort(self.device, count) for count in dict.fromkeys(counts)}
        self.cohorts = [made[count] for count in counts]
        self._relaid()

    def number(self, name: str, value: Callable[[], float]) -> Tensor:
        """Return a number without axes for update rules, which is asked for before every step.

        It is written past the door of launches: a step that is repeated reads what is there.
        """

        def written() -> Tensor:
            wanted = value()
            known = self.numbers.get(name)
            if known is None:
                known = self.numbers[name] = (wanted, tensor(wanted, float64, self.device))
            elif known[0] != wanted:
                if (recorder := modes.recorder()) is not None:
                    recorder.written(known[1].array)
                self.device.write(known[1].array, wanted)
                self.numbers[name] = (wanted, known[1])
            return known[1]

        return each_time(written)

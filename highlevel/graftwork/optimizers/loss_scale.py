"""A loss scale that finds itself: as large as gradients of 16 bits bear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.flat import Run
from graftgrad.modes import depends
from graftgrad.ops import update

from ..registry import configuration, declared, optimizers
from ..rules import number, positive_integer
from ..weight import Weight
from .optimizer import Optimizer

_OWN = ("step_counter", "dynamic_scale")


@declared(optimizers, "lossscaleoptimizer")
class LossScaleOptimizer(Optimizer):
    """Multiply the loss so that gradients of 16 bits do not vanish, and divide them again.

    A step whose gradients are not all finite is left out and halves the scale;
    `dynamic_growth_steps` finite ones in a row double it. Micikevicius et al., arXiv:1710.03740.
    Nothing is read on the host: the inner optimizer takes every step, by gradients of 0 where they
    are not finite, and what it changed is put back then. So steps can be recorded and repeated.

    Args:
        inner_optimizer: what updates the weights; its own loss scale is switched off.
        initial_scale: the first scale.
        dynamic_growth_steps: after how many finite steps the scale is doubled.
        name: its name.
    Raises:
        ConfigError: a setting is unfit, or belongs to the inner optimizer.
    """

    if TYPE_CHECKING:
        inner_optimizer: Any = None
        initial_scale: Any = None
        dynamic_growth_steps: Any = None
        step_counter: Any = None
        dynamic_scale: Any = None

    def __init__(
        self, inner_optimizer: Any, initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        subject = type(self).__name__
        expect(isinstance(inner_optimizer, Optimizer), subject,
               "inner_optimizer must be an optimizer", error=ConfigError,
               inner_optimizer=inner_optimizer)  # fmt: skip
        usual = {key: one.default for key, one in Optimizer.settings.items()}
        others = {k: v for k, v in kwargs.items() if k not in usual or v != usual[k]}
        expect(not others, subject, "other settings must be those of the inner optimizer",
               error=ConfigError, settings=others)  # fmt: skip
        for key, value in usual.items():
            if key not in ("learning_rate", "name"):
                setattr(self, key, value)
        self.name = name
        self.initial_scale = number(subject, "initial_scale", initial_scale)
        self.dynamic_growth_steps = positive_integer(
            subject, "dynamic_growth_steps", dynamic_growth_steps
        )
        self.inner_optimizer = inner_optimizer
        inner_optimizer.loss_scale_factor = None
        self.flats, self.order = inner_optimizer.flats, inner_optimizer.order
        self.counter, self.rate = inner_optimizer.counter, inner_optimizer.rate
        self.step_counter = Weight(graftgrad.tensor(0, "int64"), "step_counter", "state")
        self.dynamic_scale = Weight(
            graftgrad.tensor(self.initial_scale, "float32"), "dynamic_scale", "state"
        )
        self.prepare()

    def settle(self, device: Any) -> None:
        """Let the scale and what the inner optimizer counts lie where the weights are."""
        self.inner_optimizer.settle(device)
        self.one = self.one.to(device)
        self.step_counter.move(device)
        self.dynamic_scale.move(device)

    # -- the update ----------------------------------------------------------------------------

    def _apply(self, pairs: list[tuple[Any, Tensor | None]]) -> None:
        inner = self.inner_optimizer
        depends(self)
        with graftgrad.no_grad():
            chosen = inner.flats.active(pairs)
            if not chosen:
                return
            runs = [run for flat, places in chosen for run in flat.runs(places)]
            finite = _finite(runs)
            factor = 1 / self.dynamic_scale.detach()
            for run in runs:
                scaled = run.gradients * factor.to(run.gradients.dtype)
                update.assign(run.gradients, ops.where(finite, scaled, ops.full_like(scaled, 0)))
            before = Before(inner.counter, runs)
            there = [(weight, inner.flats.owner(weight)) for weight, gradient in pairs
                     if gradient is not None and weight.requires_grad]  # fmt: skip
            inner._apply([(weight, flat.buffers[flat.places[weight]]) for weight, flat in there])
            before.put_back(finite, inner.counter, runs)
            self._adapt(finite)

    def _adapt(self, finite: Tensor) -> None:
        """Halve the scale, double it, or count one more finite step."""
        scale, steps = self.dynamic_scale.detach(), self.step_counter.detach() + 1
        grown = steps == self.dynamic_growth_steps
        none = ops.full_like(steps, 0)
        larger = ops.where(grown, scale * 2, scale)
        update.assign(self.dynamic_scale, ops.where(finite, larger, scale * 0.5))
        counted = ops.where(grown, none, steps)
        update.assign(self.step_counter, ops.where(finite, counted, none))

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Multiply a loss by the scale of now, before its gradients are computed."""
        scale: Tensor = self.dynamic_scale.detach().to(loss.dtype)
        return loss * scale

    # -- what the inner optimizer answers ------------------------------------------------------

    if not TYPE_CHECKING:

        @property
        def learning_rate(self) -> Weight:
            """The learning rate of the inner optimizer."""
            return self.inner_optimizer.learning_rate

        @learning_rate.setter
        def learning_rate(self, value: Any) -> None:
            self.inner_optimizer.learning_rate = value

        @property
        def iterations(self) -> Tensor:
            """How many updates the inner optimizer has made."""
            return self.inner_optimizer.iterations

        @iterations.setter
        def iterations(self, value: Any) -> None:
            self.inner_optimizer.iterations = value

    def current_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(self.inner_optimizer.current_rate())

    def build_once(self, variables: Iterable[Any]) -> None:
        """Let the inner optimizer make its slots, if it has not yet."""
        self.inner_optimizer.build_once(variables)

    def slots(self) -> list[dict[str, float]]:
        """Return the slots of the inner optimizer."""
        found: list[dict[str, float]] = self.inner_optimizer.slots()
        return found

    def every_slot(self) -> list[dict[str, float]]:
        """Return the slots of the inner optimizer, and those that every optimizer can have."""
        found: list[dict[str, float]] = self.inner_optimizer.every_slot()
        return found

    def slot_shape(self, weight: Any, name: str) -> tuple[int, ...] | None:
        """Return the shape of a slot of the inner optimizer."""
        found: tuple[int, ...] | None = self.inner_optimizer.slot_shape(weight, name)
        return found

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """Replace trained weights by their moving averages, where the inner optimizer keeps any."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Let weights stay out of the inner optimizer's weight decay."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    # -- state ---------------------------------------------------------------------------------

    def variables_of(self, weights: Iterable[Any]) -> list[Weight]:
        """Return the variables of Keras' wrapper, two of which it never uses, and of the inner."""
        unused = [Weight(graftgrad.tensor(0, "int64"), "iteration", "state"),
                  Weight(graftgrad.tensor(0.0, "float32"), "learning_rate", "state")]  # fmt: skip
        own = [*unused, self.step_counter, self.dynamic_scale]
        return [*own, *self.inner_optimizer.variables_of(weights)]

    def load_variables(self, values: Sequence[Any], weights: Iterable[Any]) -> None:
        """Take over values in Keras' order; all of them or nothing.

        Raises:
            ConfigError: there are too many or too few values.
            ShapeError: a value has not the shape of its slot.
        """
        listed = list(weights)
        wanted = len(self.variables_of(listed))
        expect(len(values) == wanted, self.name, "there must be one value for each variable",
               error=ConfigError, values=len(values), variables=wanted)  # fmt: skip
        self.inner_optimizer.load_variables(values[4:], listed)
        self.step_counter.assign(values[2])
        self.dynamic_scale.assign(values[3])

    def state(self) -> dict[str, Tensor]:
        """Return all that is kept by path, the scale and its count of steps among it."""
        own: dict[str, Tensor] = {name: getattr(self, name) for name in _OWN}
        return {**own, **self.inner_optimizer.state()}

    def load_state(self, state: Mapping[str, Any], weights: Iterable[Any]) -> None:
        """Take over what `state()` returned; all of it or nothing.

        Raises:
            ConfigError: a path is not known, or an entry is missing.
            ShapeError: a value has not the shape of its weight.
        """
        missing = [name for name in _OWN if name not in state]
        expect(not missing, self.name, "entries must be those of the weights", error=ConfigError,
               missing=missing)  # fmt: skip
        rest = {path: value for path, value in state.items() if path not in _OWN}
        self.inner_optimizer.load_state(rest, weights)
        for name in _OWN:
            getattr(self, name).assign(state[name])

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {
            "name": self.name,
            "inner_optimizer": configuration(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    def __repr__(self) -> str:
        return f"LossScaleOptimizer({self.inner_optimizer!r}, name={self.name!r})"


class Before:
    """What a step of the inner optimizer changes, as it was before: weights, slots and counts."""

    def __init__(self, counter: Tensor, runs: Sequence[Run]) -> None:
        self.counter = counter.detach().clone()
        self.counts = {run.cohort: run.step.clone() for run in runs}
        self.values = [run.values.clone() for run in runs]
        self.slots = [{name: run.slot(name).clone() for name in run.group.slots} for run in runs]

    def put_back(self, finite: Tensor, counter: Tensor, runs: Sequence[Run]) -> None:
        """Undo the step where the gradients were not finite."""
        _unless(finite, counter, self.counter)
        for cohort, count in self.counts.items():
            _unless(finite, cohort.count, count)
        for run, values, slots in zip(runs, self.values, self.slots, strict=True):
            _unless(finite, run.values, values)
            run.changed()
            for name, first in run.group.initial.items():
                slot = run.slot(name)  # one that the step has made begins with its first value
                known = slots.get(name)
                _unless(finite, slot, ops.full_like(slot, first) if known is None else known)


def _finite(runs: Sequence[Run]) -> Tensor:
    """Return whether all gradients are finite, a truth value without axes."""
    found = [ops.all(ops.isfinite(run.gradients)) for run in runs]
    whole = found[0]
    for one in found[1:]:
        whole = ops.logical_and(whole, one)
    return whole


def _unless(finite: Tensor, target: Tensor, before: Tensor) -> None:
    update.assign(target, ops.where(finite, target.detach(), before))

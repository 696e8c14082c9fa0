"""What every optimizer is: settings, a learning rate, and one update of all trained weights.

The rules stand in `graftgrad.ops`, the buffers they work on in `graftgrad.flat`; what an optimizer
keeps between steps, and how it is saved, in `state`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, GradientError, expect
from graftgrad.flat import FlatGroup, Places, Run
from graftgrad.modes import decided, depends
from graftgrad.ops import optimize, update
from graftgrad.ops.exponential import sqrt
from graftgrad.optim.clip import total_norm

from ..registry import (
    Setting,
    declared,
    encoded,
    optimizers,
    schedules,
    setting,
    snake_case,
    unique_name,
)
from ..rules import fraction, number, optional, positive_integer
from .own_rule import OwnRule

K = TypeVar("K", bound=type)
Chosen = list[tuple[FlatGroup, Places]]
_OUTDATED = ("decay", "is_legacy_optimizer", "jit_compile")  # in configurations of older Keras


def rate(subject: str, name: str, value: Any) -> Any:
    """Accept a number, a schedule or its configuration, or a function without arguments."""
    if isinstance(value, Mapping):
        value = schedules.get(value)
    if callable(value):
        return value
    return number(subject, name, float(value) if isinstance(value, Tensor) else value)


def accumulation(subject: str, name: str, value: Any) -> int:
    """Accept whole numbers of steps from 2 on."""
    steps = positive_integer(subject, name, value)
    expect(steps >= 2, subject, f"{name} must be at least 2", error=ConfigError, **{name: value})
    return steps


@declared(optimizers)
class Optimizer(OwnRule):
    """Changes weights by their gradients. What is trained is read at every step.

    Frozen weights and weights without a gradient are never touched, whatever momentum, decay or
    averages there are, and their state is kept. A weight that is thawed later counts its own steps
    from then on, so that the corrections for averages that start at 0 hold for it too.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: w ← w · (1 − rate · weight_decay) before each update; None for none.
        clipnorm: the greatest norm of the gradient of one weight.
        clipvalue: the greatest size of an element of a gradient.
        global_clipnorm: the greatest norm of all gradients together.
        use_ema: keep moving averages of the weights.
        ema_momentum: the part of an average that stays.
        ema_overwrite_frequency: replace the weights by their averages every so many steps.
        loss_scale_factor: what the loss was multiplied with; gradients are divided by it.
        gradient_accumulation_steps: update only every so many steps, by the mean of the gradients.
        name: its name.
    Raises:
        ConfigError: a setting is unfit, or two ways of clipping are asked for.
    """

    learning_rate: Any = setting(rate)
    weight_decay: Any = setting(optional(number), default=None)
    clipnorm: Any = setting(optional(number), default=None)
    clipvalue: Any = setting(optional(number), default=None)
    global_clipnorm: Any = setting(optional(number), default=None)
    use_ema: bool = setting(default=False)
    ema_momentum: float = setting(fraction, default=0.99)
    ema_overwrite_frequency: Any = setting(optional(positive_integer), default=None)
    loss_scale_factor: Any = setting(optional(number), default=None)
    gradient_accumulation_steps: Any = setting(optional(accumulation), default=None)
    name: Any = setting(default=None)

    def prepare(self) -> None:
        """Settle the name and check what excludes each other."""
        if self.name is None:
            self.name = unique_name(snake_case(type(self).__name__))
        clips = {key: getattr(self, key) for key in ("clipnorm", "clipvalue", "global_clipnorm")}
        expect(sum(limit is not None for limit in clips.values()) <= 1, type(self).__name__,
               "only one way of clipping can be chosen", error=ConfigError, **clips)  # fmt: skip
        self.excluded: set[Tensor] = set()
        self.excluded_names: tuple[str, ...] = ()

    # -- the update ----------------------------------------------------------------------------

    def step(self, parameters: Iterable[Tensor]) -> None:
        """Update those of some weights that require a gradient and hold one; one step is counted.

        Raises:
            ShapeError: a gradient has not the shape of its weight.
        """
        self._apply([(weight, weight.grad) for weight in parameters])

    def apply(self, grads: Sequence[Any], trainable_variables: Iterable[Any] | None = None) -> None:
        """Update weights by gradients handed in; those whose gradient is None stay as they are.

        Args:
            grads: one gradient, or None, per weight.
            trainable_variables: the weights; those the optimizer was built with if None.
        Raises:
            ConfigError: there are not as many gradients as weights.
            GradientError: every gradient is None.
        """
        given = list(grads)
        weights = self.known if trainable_variables is None else list(trainable_variables)
        if not given:
            return
        expect(len(given) == len(weights), self.name, "there must be one gradient per weight",
               error=ConfigError, gradients=len(given), weights=len(weights))  # fmt: skip
        expect(any(gradient is not None for gradient in given), self.name,
               "at least one weight must have a gradient", error=GradientError,
               gradients=given)  # fmt: skip
        pairs = zip(weights, given, strict=True)
        self._apply([(w, None if g is None else graftgrad.as_tensor(g)) for w, g in pairs])

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Tensor:
        """Update weights by pairs of gradient and weight; returns how many steps were counted."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [weight for _, weight in pairs])
        return self.counter

    def _apply(self, pairs: list[tuple[Any, Tensor | None]]) -> None:
        depends(self)
        with graftgrad.no_grad():
            self.build_once(weight for weight, _ in pairs)
            chosen = self.flats.active(pairs)
            self.remember(weight for weight, _ in pairs)
            if not chosen:
                return
            if self.loss_scale_factor is not None:
                for gradients in _stretches(chosen):
                    update.scale(gradients, 1 / self.loss_scale_factor)
            if self.gradient_accumulation_steps is None or self._accumulate(chosen):
                self._clip(chosen)
                self._update(chosen)
            self._average(chosen)
            for flat, places in chosen:
                _constrain([flat.weights[place] for place in places])
            update.accumulate(self.counter, self.one)
            decided(lambda: self.flats.layout)

    def _update(self, chosen: Chosen) -> None:
        by_weight = type(self).update_step is not OwnRule.update_step
        rule = partial(OwnRule.update, self) if by_weight else self.update
        for flat, places in chosen:
            flat.advance(flat.runs(places))
            self.begin(flat, places)
            for multiplier, part, runs in self._by_multiplier(flat, places):
                learning_rate = flat.number(f"learning_rate x {multiplier}", partial(
                    self._multiplied, multiplier))  # fmt: skip
                self.decay(flat, part, learning_rate)
                for run in runs:
                    rule(run, learning_rate)
                    run.changed()

    def _by_multiplier(
        self, flat: FlatGroup, places: Places
    ) -> list[tuple[float, Places, list[Run]]]:
        """Return places and runs by the multiple of the learning rate that their weights have."""
        held = [flat.weights[place] for place in places]
        for weight in held:
            depends(weight)
        found = tuple([getattr(weight, "learning_rate_multiplier", 1.0) for weight in held])
        if len(set(found)) == 1:
            return [(found[0], places, flat.runs(places))]
        runs = flat.runs(places, found)
        of = dict(zip(held, found, strict=True))
        return [
            (one, tuple([i for i, m in zip(places, found, strict=True) if m == one]),
             [run for run in runs if of[run.weights[0]] == one])
            for one in dict.fromkeys(found)
        ]  # fmt: skip

    def _multiplied(self, multiplier: float) -> float:
        return self.current_rate() * multiplier

    def begin(self, flat: FlatGroup, places: Places) -> None:
        """Prepare slots in a step whose number is already counted; most need nothing."""

    def decay(self, flat: FlatGroup, places: Places, learning_rate: Tensor) -> None:
        """Let weights shrink: w ← w · (1 − rate · weight_decay)."""
        if self.weight_decay:
            for run in flat.stretches(self.decaying(flat, places)):
                optimize.Decay(self.weight_decay)(run.values, learning_rate)

    def decaying(self, flat: FlatGroup, places: Iterable[int]) -> Places:
        """Return those of some places whose weights are not excluded from weight decay."""
        decided(lambda: (frozenset(map(id, self.excluded)), self.excluded_names))
        return tuple([i for i in places if self._decays(flat.weights[i])])

    def _decays(self, weight: Any) -> bool:
        name = str(getattr(weight, "name", ""))
        named = any(re.search(pattern, name) for pattern in self.excluded_names)
        return not (named or weight in self.excluded)

    def _clip(self, chosen: Chosen) -> None:
        if self.clipnorm:
            for flat, places in chosen:
                for gradient in (flat.buffers[place] for place in places):
                    norm = sqrt(update.sum_of_squares(gradient))
                    update.clip_norm(gradient, norm, self.clipnorm)
        elif self.global_clipnorm:
            stretches = _stretches(chosen)
            norm = total_norm(stretches)
            for gradients in stretches:
                update.clip_norm(gradients, norm, self.global_clipnorm)
        elif self.clipvalue:
            for gradients in _stretches(chosen):
                update.clip_value(gradients, self.clipvalue)

    def _accumulate(self, chosen: Chosen) -> bool:
        """Add gradients up; when there are enough, put their mean in their place: true."""
        steps: int = self.gradient_accumulation_steps
        enough = decided(lambda: (int(self.counter) + 1) % steps == 0)
        for flat, places in chosen:
            for run in flat.stretches(places):
                sums = run.slot("gradient_accumulator")
                if enough:
                    update.accumulate(run.gradients, sums)
                    update.scale(run.gradients, 1 / steps)
                else:
                    update.accumulate(sums, run.gradients)
        if enough:
            for flat in self.flats.groups.values():
                flat.slot("gradient_accumulator").zero_()
        return enough

    def _average(self, chosen: Chosen) -> None:
        if not self.use_ema:
            return
        every = self.ema_overwrite_frequency
        overwrite = every is not None and decided(lambda: (int(self.iterations) + 1) % every == 0)
        for flat, places in chosen:
            for run in flat.runs(places):
                average = run.slot("average")
                update.ema(average, run.values, self.ema_momentum, run.step)
                if overwrite:
                    update.assign(run.values, average)
                    run.changed()

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """Replace trained weights by their moving averages: the end of training with `use_ema`."""
        if not self.use_ema:
            return
        for weight in var_list:
            flat = self.flats.owner(weight)
            if flat is not None and weight.requires_grad and flat.steps(weight) > 0:
                with graftgrad.no_grad():
                    update.assign(weight, flat.view("average", weight))

    # -- the rest of Keras' face ---------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Let weights stay out of weight decay.

        Args:
            var_list: weights.
            var_names: patterns; a weight in whose name one is found stays out.
        """
        self.excluded = set(var_list or ())
        self.excluded_names = tuple(var_names or ())

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Multiply a loss by `loss_scale_factor`, before its gradients are computed."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values; the learning rate as it is now."""
        told = {
            key: encoded(getattr(self, key))
            for key in type(self).settings
            if key != "learning_rate"
        }
        now = float(self.rate) if self.schedule is None else encoded(self.schedule)
        return {"name": told.pop("name"), "learning_rate": now, **told}

    def __repr__(self) -> str:
        config = self.get_config()
        usual = {name: one.default for name, one in type(self).settings.items()}
        told = [f"{name}={config[name]!r}" for name in usual if config.get(name) != usual[name]]
        return f"{type(self).__name__}({', '.join(told)})"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make an optimizer from its settings; what only older Keras knew is left out.

        Raises:
            ConfigError: a setting is unknown or unfit.
        """
        return super().from_config({k: v for k, v in config.items() if k not in _OUTDATED})


_SHARED = tuple(Optimizer.settings)


def optimizer(kind: K) -> K:
    """Declare an optimizer: as in Keras its own settings stand before those that all share.

    Those that a class names in `behind` stand at the end.
    """
    held: dict[str, Setting] = kind.settings  # type: ignore[attr-defined]
    own = {n: v for n, v in vars(kind).items() if isinstance(v, Setting) and n != "learning_rate"}
    inherited = {n: held[n] for n in held if n not in _SHARED and n not in own}
    shared = {n: held[n] for n in _SHARED[1:] if n not in own}
    ordered = {"learning_rate": held["learning_rate"], **own, **inherited, **shared}
    ordered |= {name: ordered.pop(name) for name in getattr(kind, "behind", ())}
    kind.settings = ordered  # type: ignore[attr-defined]
    return declared(optimizers, kind.__name__.lower())(kind)


def _stretches(chosen: Chosen) -> list[Tensor]:
    return [run.gradients for flat, places in chosen for run in flat.stretches(places)]


def _constrain(weights: Iterable[Any]) -> None:
    for weight in weights:
        constraint = getattr(weight, "constraint", None)
        if constraint is not None:
            update.assign(weight, constraint(weight.detach()))

"""Several optimizers for one model: which weight each of them updates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.flat import FlatGroup
from graftgrad.modes import depends
from graftgrad.ops import update

from ..registry import Configured, configuration, declared, decoded, encoded, optimizers
from ..weight import Weight
from .loss_scale import LossScaleOptimizer
from .optimizer import Optimizer

Picked = list[tuple[Any, list[Any]]]


@declared(optimizers)
class OptimizerMap(Configured, MutableMapping[str, Any]):
    """Optimizers by path of the weight: the path itself, or a pattern that all of it matches.

    Args:
        default_optimizer: for weights that no key fits.
        optimizer_map: optimizers by path or pattern.
    Raises:
        ConfigError: something is no optimizer.
    """

    def __init__(self, default_optimizer: Any, optimizer_map: Any = None) -> None:
        _check("default_optimizer", default_optimizer)
        self.default_optimizer = default_optimizer
        self.by_pattern: dict[str, Any] = {}
        for key, one in (optimizer_map or {}).items():
            self[key] = one

    def __getitem__(self, key: str) -> Any:
        """Return the optimizer of a path; the default where nothing fits.

        Raises:
            ConfigError: several patterns fit.
        """
        if key in self.by_pattern:
            return self.by_pattern[key]
        fitting = [pattern for pattern in self.by_pattern if re.fullmatch(pattern, key)]
        expect(len(fitting) <= 1, "OptimizerMap", "only one pattern may fit a weight",
               error=ConfigError, path=key, patterns=fitting)  # fmt: skip
        return self.by_pattern[fitting[0]] if fitting else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Any) -> None:
        """Let an optimizer update the weights that a path or pattern names.

        Raises:
            ConfigError: the key is known already, or it is no optimizer that can be used here.
        """
        expect(isinstance(key, str) and key not in self.by_pattern, "OptimizerMap",
               "a key must be a new path or pattern", error=ConfigError, key=key)  # fmt: skip
        _check("optimizer", optimizer)
        self.by_pattern[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self.by_pattern[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_pattern)

    def __len__(self) -> int:
        return len(self.by_pattern)

    def __call__(self, variable: Any) -> Any:
        """Return the optimizer of a weight."""
        return self[str(variable.path)]

    def get_config(self) -> dict[str, Any]:
        """Return the optimizers as plain values."""
        return {
            "default_optimizer": configuration(self.default_optimizer),
            "optimizer_map": {key: configuration(one) for key, one in self.by_pattern.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make the map from plain values."""
        told = {key: decoded(one, optimizers) for key, one in config["optimizer_map"].items()}
        return cls(decoded(config["default_optimizer"], optimizers), told)


class _Buffers:
    """The flat groups of all inner optimizers, as one."""

    def __init__(self, owner: MultiOptimizer) -> None:
        self.owner_of = owner

    def hold(self, weights: Iterable[Any]) -> None:
        """Move weights into the buffers of their optimizers."""
        for one, held in self.owner_of.picked(weights):
            one.flats.hold(held)

    def owner(self, weight: Any) -> FlatGroup | None:
        """Return the group that holds a weight, if there is one."""
        return self.owners.get(weight)

    @property
    def owners(self) -> dict[Any, FlatGroup]:
        """The group of every weight."""
        return {w: flat for one in self.owner_of.optimizers for w, flat in one.flats.owners.items()}


@declared(optimizers, "multioptimizer")
class MultiOptimizer(Optimizer):
    """Let each weight be updated by an optimizer of its own choice.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a weight that returns its optimizer, the
            same object for all weights that share one.
        loss_scale_factor: what the loss was multiplied with; it takes the place of theirs.
        name: its name.
    Raises:
        ConfigError: the map is no function, or gives something else than an optimizer.
    """

    if TYPE_CHECKING:
        optimizer_map: Any = None
        optimizers: Any = None

    def __init__(
        self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None
    ) -> None:
        expect(callable(optimizer_map), "MultiOptimizer",
               "optimizer_map must be an OptimizerMap or a function of a weight",
               error=ConfigError, optimizer_map=optimizer_map)  # fmt: skip
        for key, one in Optimizer.settings.items():
            if key not in ("learning_rate", "name", "loss_scale_factor"):
                setattr(self, key, one.default)
        self.name, self.loss_scale_factor = name, loss_scale_factor
        self.optimizer_map = optimizer_map
        self.optimizers = []
        self.chosen: dict[Any, Any] = {}
        self.flats = _Buffers(self)  # type: ignore[assignment]
        if isinstance(optimizer_map, OptimizerMap):
            for one in (*optimizer_map.by_pattern.values(), optimizer_map.default_optimizer):
                self._take_in(one)
        self.prepare()

    def _take_in(self, one: Any) -> None:
        _check("optimizer", one)
        if not any(one is known for known in self.optimizers):
            one.loss_scale_factor = self.loss_scale_factor
            self.optimizers = [*self.optimizers, one]

    def optimizer_of(self, weight: Any) -> Any:
        """Return the optimizer that updates a weight, chosen once."""
        if weight not in self.chosen:
            one = self.optimizer_map(weight)
            self._take_in(one)
            self.chosen[weight] = one
        return self.chosen[weight]

    def picked(self, weights: Iterable[Any]) -> Picked:
        """Return every optimizer with those of some weights that it updates."""
        listed = list(weights)
        own = [self.optimizer_of(weight) for weight in listed]
        return [
            (one, [w for w, other in zip(listed, own, strict=True) if other is one])
            for one in self.optimizers
        ]

    def _apply(self, pairs: list[tuple[Any, Tensor | None]]) -> None:
        depends(self)
        gradients = dict(pairs)
        for one, held in self.picked(gradients):
            if held:
                one._apply([(weight, gradients[weight]) for weight in held])
        self.remember(gradients)
        update.accumulate(self.counter, self.one)

    def settle(self, device: Any) -> None:
        """Let what it and its optimizers count lie where the weights are."""
        super().settle(device)
        for one in self.optimizers:
            one.settle(device)

    if not TYPE_CHECKING:

        @property
        def learning_rate(self) -> Weight:
            """Refuse: each of the optimizers has a rate of its own."""
            raise AttributeError(
                "MultiOptimizer: the learning rate must be read from one of its optimizers; got "
                f"{len(self.optimizers)} of them in .optimizers."
            )

        @learning_rate.setter
        def learning_rate(self, value: Any) -> None:
            raise AttributeError(
                "MultiOptimizer: the learning rate must be set on one of its optimizers; got "
                f"learning_rate={value!r}. They stand in .optimizers."
            )

    def build_once(self, variables: Iterable[Any]) -> None:
        """Let every optimizer make the slots of its weights, if it has not yet."""
        for one, held in self.picked(variables):
            one.build_once(held)

    def every_slot(self) -> list[dict[str, float]]:
        """Return the slots of all optimizers."""
        return [group for one in self.optimizers for group in one.every_slot()]

    def slot_shape(self, weight: Any, name: str) -> tuple[int, ...] | None:
        """Return the shape of a slot, None where the weight's optimizer has none."""
        one = self.optimizer_of(weight)
        known = any(name in group for group in one.every_slot())
        found: tuple[int, ...] | None = one.slot_shape(weight, name) if known else None
        return found

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """Replace trained weights by their moving averages, where their optimizer keeps any."""
        for one, held in self.picked(var_list):
            one.finalize_variable_values(held)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Let weights stay out of the weight decay of all optimizers."""
        listed, names = list(var_list or ()), list(var_names or ())
        for one in self.optimizers:
            one.exclude_from_weight_decay(listed, names)

    # -- state ---------------------------------------------------------------------------------

    def variables_of(self, weights: Iterable[Any]) -> list[Weight]:
        """Return the counter and the variables of all optimizers, in Keras' order."""
        found = [self.counter, self.rate]
        for one, held in self.picked(weights):
            found += one.variables_of(held)
        return found

    def load_variables(self, values: Sequence[Any], weights: Iterable[Any]) -> None:
        """Take over values in Keras' order.

        Raises:
            ConfigError: there are too many or too few values.
            ShapeError: a value has not the shape of its slot.
        """
        picked = self.picked(weights)
        counts = [len(one.variables_of(held)) for one, held in picked]
        expect(len(values) == 2 + sum(counts), self.name,
               "there must be one value for each variable", error=ConfigError,
               values=len(values), variables=2 + sum(counts))  # fmt: skip
        start = 2
        for (one, held), count in zip(picked, counts, strict=True):
            one.load_variables(values[start : start + count], held)
            start += count
        self.counter.assign(values[0])

    def state(self) -> dict[str, Tensor]:
        """Return all that is kept by path; what is an optimizer's own begins with its number."""
        found: dict[str, Tensor] = {"iterations": self.counter}
        for i, one in enumerate(self.optimizers):
            found |= {_numbered(i, path): value for path, value in one.state().items()}
        return found

    def load_state(self, state: Mapping[str, Any], weights: Iterable[Any]) -> None:
        """Take over what `state()` returned.

        Raises:
            ConfigError: a path is not known, or an entry is missing.
            ShapeError: a value has not the shape of its weight.
        """
        rest = dict(state)
        expect("iterations" in rest, self.name, "entries must be those of the weights",
               error=ConfigError, missing=["iterations"])  # fmt: skip
        count = rest.pop("iterations")
        for i, (one, held) in enumerate(self.picked(weights)):
            mine = {path: rest.pop(path) for path in list(rest) if path.startswith(f"{i}:")}
            one.load_state({path.removeprefix(f"{i}:"): v for path, v in mine.items()}, held)
        expect(not rest, self.name, "entries must be those of the weights", error=ConfigError,
               unknown=sorted(rest))  # fmt: skip
        self.counter.assign(count)

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        chosen = self.optimizer_map
        mapped = isinstance(chosen, OptimizerMap)
        return {
            "optimizer_map": configuration(chosen) if mapped else encoded(chosen),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    def __repr__(self) -> str:
        return f"MultiOptimizer({', '.join(map(repr, self.optimizers))})"


def _numbered(i: int, path: str) -> str:
    return f"{i}:{path}"


def _check(name: str, value: Any) -> None:
    fit = isinstance(value, Optimizer) and not isinstance(
        value, (LossScaleOptimizer, MultiOptimizer)
    )
    expect(fit, "MultiOptimizer", f"{name} must be an optimizer of its own, no wrapper",
           error=ConfigError, **{name: value})  # fmt: skip

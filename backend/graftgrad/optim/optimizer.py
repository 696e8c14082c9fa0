"""What every optimizer is in PyTorch's vocabulary: groups of parameters, steps, a kept state.

The rules themselves stand in `ops.optimize`; which parameters are updated is decided in `flat`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from ..errors import ConfigError, GradientError, expect
from ..flat import FlatGroup, Run
from ..flat_groups import FlatGroups
from ..modes import decided, enable_grad, no_grad
from ..tensor import Tensor

Group = dict[str, Any]


class Optimizer:
    """Changes parameters by the gradients they hold.

    What is trained is read at every step: parameters that are frozen, or have no gradient, are not
    touched, and their state is kept. Each parameter counts its own steps.

    Args:
        params: parameters, pairs of name and parameter, or dictionaries with "params" and settings.
        defaults: the settings of groups that say nothing else.
    Raises:
        ConfigError: there is no parameter, one is no tensor or in two groups, a setting is unfit.
        GradientError: a parameter is no leaf.
    """

    entries: ClassVar[tuple[str, ...]] = ()  # every name that the state of a parameter can have
    numbers: ClassVar[tuple[str, ...]] = ("step",)  # those that are one number each
    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "weight_decay")

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.param_groups: list[Group] = []
        self.flats: list[FlatGroups] = []
        ordered = hasattr(params, "__iter__") and not isinstance(params, (Tensor, Mapping, set))
        advice = "Pass model.parameters()." if hasattr(params, "parameters") else ""
        expect(ordered, self.name,
               "params must be an ordered collection of parameters or of groups",
               error=ConfigError, params=type(params).__name__, advice=advice)  # fmt: skip
        listed = list(params)
        expect(len(listed) > 0, self.name, "there must be at least one parameter",
               error=ConfigError, params=listed,
               advice="Build the model first: give it an Input or call it once.")  # fmt: skip
        groups = listed if isinstance(listed[0], Mapping) else [{"params": listed}]
        for group in groups:
            self.add_param_group(group)

    @property
    def name(self) -> str:
        """The name under which errors speak of it."""
        return type(self).__name__

    # -- what a subclass says ------------------------------------------------------------------

    def slots(self, group: Group) -> dict[str, float]:
        """Return the names of the slots that a group's parameters have, and their first values."""
        return {}

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters by their gradients."""
        raise NotImplementedError

    # -- groups --------------------------------------------------------------------------------

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add parameters with settings of their own; what these do not say is the default.

        Raises:
            ConfigError: one is no tensor or already known, or a setting is unfit.
            GradientError: a parameter is no leaf.
        """
        expect(isinstance(param_group, Mapping) and "params" in param_group, self.name,
               'a group must be a dictionary with "params"', error=ConfigError,
               group=param_group)  # fmt: skip
        given = param_group["params"]
        expect(not isinstance(given, set), self.name, "the parameters of a group must be ordered",
               error=ConfigError, params="set", advice="Use a list.")  # fmt: skip
        listed = [given] if isinstance(given, Tensor) else list(given)
        names = [one[0] for one in listed if isinstance(one, tuple)]
        params = [one[1] if isinstance(one, tuple) else one for one in listed]
        known = {p for group in self.param_groups for p in group["params"]}
        for p in params:
            expect(isinstance(p, Tensor), self.name, "only tensors can be trained",
                   error=ConfigError, parameter=type(p).__name__)  # fmt: skip
            expect(p.is_leaf, self.name, "only leaves can be trained", error=GradientError,
                   parameter=p.spec, grad_fn=p.grad_fn)  # fmt: skip
            expect(p not in known, self.name, "a parameter must be in one group only",
                   error=ConfigError, parameter=p.spec)  # fmt: skip
        group = self.defaults | dict(param_group) | {"params": list(dict.fromkeys(params))}
        if names:
            group["param_names"] = names
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: Group) -> None:
        """Check the settings of a group.

        Raises:
            ConfigError: one is unfit.
        """
        for key in self.at_least_zero:
            fit = isinstance(group[key], Tensor) or float(group[key]) >= 0
            expect(fit, self.name, f"{key} must not be negative", error=ConfigError,
                   **{key: group[key]})  # fmt: skip
        expect(not group.get("differentiable"), self.name, "differentiable must be False",
               error=ConfigError, differentiable=group.get("differentiable"))  # fmt: skip

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to 0."""
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if set_to_none or p.grad is None:
                        p.grad = None
                    else:
                        p.grad = p.grad.detach() if p.grad.grad_fn is not None else p.grad
                        p.grad.zero_()

    # -- steps ---------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that requires a gradient and holds one.

        Args:
            closure: computes the loss and its gradients once more.
        Returns:
            What the closure returned, or None.
        Raises:
            ShapeError: a gradient has not the shape of its parameter.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            decided(lambda: tuple([id(group) for group in self.param_groups]))
            for group in self.param_groups:
                self._step(group)
        return loss

    def _step(self, group: Group) -> None:
        decided(lambda: _settings(group))
        pairs = [(p, p.grad) for p in group["params"] if p.requires_grad]
        if all(gradient is None for _, gradient in pairs):
            return
        for flat, places in self._flats(group).active(pairs):
            runs = flat.runs(places)
            flat.advance(runs)
            rate = flat.number("lr", lambda: float(group["lr"]))
            for run in runs:
                self.update(run, group, rate)
                run.changed()
        decided(lambda: self._flats(group).layout)

    def _flats(self, group: Group) -> FlatGroups:
        """Return the buffers in which a group's parameters lie, wherever the group came from."""
        for flats in self.flats:
            if any(p in flats.owners for p in group["params"]):
                return flats
        self.flats.append(FlatGroups())
        return self.flats[-1]

    def _owner(self, parameter: Tensor) -> FlatGroup | None:
        found = (flats.owner(parameter) for flats in self.flats)
        return next((flat for flat in found if flat is not None), None)

    # -- state ---------------------------------------------------------------------------------

    @property
    def state(self) -> dict[Tensor, dict[str, Tensor]]:
        """The slots of every parameter that was ever updated: parts of the buffers themselves."""
        found = {
            p: self._state_of(p, group) for group in self.param_groups for p in group["params"]
        }
        return {p: entries for p, entries in found.items() if entries}

    def _state_of(self, parameter: Tensor, group: Group) -> dict[str, Tensor]:
        flat = self._owner(parameter)
        if flat is None or flat.steps(parameter) == 0:
            return {}
        found: dict[str, Tensor] = {}
        if "step" in self.entries:
            found["step"] = flat.cohorts[flat.places[parameter]].count.float()
        slots = self.slots(group).items()
        return found | {name: flat.view(name, parameter, initial) for name, initial in slots}

    def state_dict(self) -> dict[str, Any]:
        """Return the state in PyTorch's form: parameters by number, values as host arrays."""
        numbers: dict[Tensor, int] = {}
        packed = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(p, len(numbers))
            told = {key: value for key, value in group.items() if key != "params"}
            packed.append(told | {"params": [numbers[p] for p in group["params"]]})
        state = {
            numbers[p]: {name: entry.numpy().copy() for name, entry in entries.items()}
            for p, entries in self.state.items()
        }
        return {"state": state, "param_groups": packed}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state, PyTorch's own included, decoded to host arrays; all of it or nothing.

        Raises:
            ConfigError: groups, parameters or entries do not match.
            ShapeError: an entry has not the shape of its parameter.
        """
        groups = list(state_dict["param_groups"])
        mine = [len(group["params"]) for group in self.param_groups]
        saved = [len(group["params"]) for group in groups]
        expect(mine == saved, self.name, "the groups must have the saved numbers of parameters",
               error=ConfigError, groups=mine, saved=saved)  # fmt: skip
        every = [p for group in self.param_groups for p in group["params"]]
        numbers = [number for group in groups for number in group["params"]]
        by_number = dict(zip(numbers, every, strict=True))
        state: dict[Tensor, dict[str, Any]] = {}
        for number, entries in state_dict["state"].items():
            expect(number in by_number, self.name, "saved parameters must be those of the groups",
                   error=ConfigError, parameter=number, known=numbers)  # fmt: skip
            state[by_number[number]] = self._checked(by_number[number], entries)
        for group, told in zip(self.param_groups, groups, strict=True):
            self.check({**group, **told})
        for group, told in zip(self.param_groups, groups, strict=True):
            group.update({key: value for key, value in told.items() if key != "params"})
            self._load(group, {p: state[p] for p in group["params"] if p in state})

    def _checked(self, parameter: Tensor, entries: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: np.asarray(value) for name, value in entries.items() if value is not None}
        unknown = [name for name in found if name not in self.entries]
        expect(not unknown, self.name, f"saved entries must be among {list(self.entries)}",
               error=ConfigError, unknown=unknown)  # fmt: skip
        for name, value in found.items():
            fits = value.size == 1 if name in self.numbers else value.shape == parameter.shape
            expect(fits, self.name, "a saved entry must have the shape of its parameter",
                   entry=name, shape=value.shape, parameter=parameter.spec)  # fmt: skip
        return found

    def _load(self, group: Group, state: Mapping[Tensor, Mapping[str, Any]]) -> None:
        if not state and not any(self._owner(p) for p in group["params"]):
            return
        flats = self._flats(group)
        flats.hold(state)
        slots = self.slots(group)
        with no_grad():
            for flat in flats.groups.values():
                for name, initial in slots.items():
                    flat.slot(name, initial).fill_(initial)
                for p, entries in state.items():
                    if flats.owner(p) is flat:
                        for name in slots.keys() & entries.keys():
                            flat.view(name, p).copy_(entries[name])
                flat.set_steps({p: _steps(state.get(p, {})) for p in flat.weights})

    def __repr__(self) -> str:
        lines = [f"{self.name} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            told = sorted(key for key in group if key not in ("params", "param_names"))
            lines += [f"    {key}: {group[key]}" for key in told]
        return "\n".join([*lines, ")"])


def _settings(group: Group) -> tuple[Any, ...]:
    """Return what a step depends on besides the rate, which is read anew at every step."""
    params = [(id(p), p.requires_grad) for p in group["params"]]
    others = [
        float(value) if isinstance(value, Tensor) else value
        for key, value in group.items()
        if key not in ("params", "lr", "initial_lr")
    ]
    return (*params, *others)


def _steps(entries: Mapping[str, Any]) -> float:
    """Return how often a parameter was updated; plain momentum does not say, only that it was."""
    return float(entries["step"].item()) if "step" in entries else float(bool(entries))

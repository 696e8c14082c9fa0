"""What must be as it was when a step was recorded: tensors, settings, variables of Python.

How Python's state is looked at stands in `visible`.
"""

from __future__ import annotations

import random
import weakref
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from ..tensor import Tensor
from .visible import Look, changes


class Leaf:
    """A tensor without a history that a step computed with, as it was."""

    __slots__ = ("array", "grad", "tensor", "wants")

    def __init__(self, x: Tensor) -> None:
        self.tensor = weakref.ref(x)
        self.array = x.array
        self.wants = x.wants
        self.grad: Any = None

    @property
    def gone(self) -> bool:
        """Whether the tensor, or the memory it had, is not part of the program any more."""
        x = self.tensor()
        return x is None or x.array is not self.array


class Settings:
    """Objects whose settings a step reads, as they were before the step read them.

    Those that belong to this project count their changes, so that a look at them is needed only
    where something was set; the user's own things are looked at every time.
    """

    def __init__(self) -> None:
        self.things: list[tuple[str, Any]] = []
        self.look = Look()
        self.count = changes.count
        self.restless: dict[str, Hashable] = {}
        self.random = _random_states()

    def add(self, thing: Any, path: str = "") -> None:
        """Look at an object, if it was not yet seen."""
        if id(thing) not in self.look.seen:
            path = path or str(getattr(thing, "name", None) or type(thing).__name__)
            self.things.append((path, thing))
            self.look.at(path, thing)

    def settle(self) -> str:
        """Hold everything against what it was before the step; return what the step changed."""
        again = Look()
        for path, thing in self.things:
            again.at(path, thing)
        self.count = changes.count
        self.restless = _restless(self.look.restless)
        changed = first_difference(self.look.found, again.found)
        if changed:
            return f"{changed} is changed by the step itself"
        if _random_states() != self.random:
            return "random numbers are drawn outside of graftgrad"
        return ""

    def hold(self) -> bool:
        """Tell whether everything is as it was."""
        if self.restless and _restless(self.look.restless) != self.restless:
            return False
        if self.count == changes.count:
            return True
        count, again = changes.count, Look()
        for path, thing in self.things:
            again.at(path, thing)
        if again.found != self.look.found:
            return False
        self.count = count
        return True

    @property
    def key(self) -> Hashable:
        """What tells settings apart."""
        return tuple(self.look.found.items())


class Guards:
    """What must hold so that a recorded step may be repeated."""

    def __init__(self, leaves: Iterable[Leaf], settings: Settings) -> None:
        self.leaves = list(leaves)
        self.settings = settings

    def hold(self) -> bool:
        """Tell whether everything is as it was, and nobody listens to a gradient."""
        for leaf in self.leaves:  # all of it here: this is asked before every repetition
            x = leaf.tensor()
            if (
                x is None
                or x.array is not leaf.array
                or x.wants is not leaf.wants
                or x.grad is not leaf.grad
                or x.hooks
                or x.accumulated_hooks
            ):
                return False
        return self.settings.hold()

    @property
    def gone(self) -> bool:
        """Whether they can never hold again."""
        return any(leaf.gone for leaf in self.leaves)


def first_difference(one: Mapping[str, Hashable], other: Mapping[str, Hashable]) -> str:
    """Return the path of the first thing in which two looks differ, or nothing."""
    if one == other:
        return ""
    for path, value in other.items():
        if path not in one or one[path] != value:
            return path
    return next((path for path in one if path not in other), "")


def _restless(places: Iterable[tuple[str, Any]]) -> dict[str, Hashable]:
    look = Look(deep=False)
    for path, thing in places:
        look.at(path, thing)
    return look.found


def _random_states() -> tuple[Any, ...]:
    """Return the states of the random numbers of Python and NumPy that everybody shares."""
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return random.getstate(), state["state"]["pos"], state["state"]["key"].tobytes()

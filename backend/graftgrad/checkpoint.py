"""Compute again instead of keeping: what gradients ask for inside of a function is made anew.

Chen, Xu, Zhang, Guestrin: Training deep nets with sublinear memory cost. arXiv:1604.06174 (2016).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from . import modes
from .errors import ConfigError, GradientError, expect
from .ops.operand import Copy, copy
from .ops.update import assign
from .tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function whose intermediate results are not kept, but computed again in backward.

    Memory for what lies between is needed only while backward passes through it; the price is one
    more forward pass. The gradients are the same numbers: what the function changes in place
    (states of random numbers, moving averages) is put back before it is computed again, and left
    as it was found afterwards. Tensors that the function reads from its surroundings, such as
    weights, get their gradients too. Checkpoints may lie inside each other, and gradients may be
    taken to any order.

    Args:
        function: of tensors and whatever else; it must do the same when it is called again.
        args, kwargs: what it is called with; tensors that stand in lists and dictionaries are kept.
    Returns:
        What the function returns.
    Raises:
        GradientError: in backward, if an argument was changed in place in the meantime, or the
            function does something else when it is called again.
    """
    if not modes.recording():
        return function(*args, **kwargs)
    frame = _Frame(function, args, kwargs)
    with modes.Mode("saving", frame), modes.Mode("changing", frame.watch(modes.state.changing)):
        result = function(*args, **kwargs)
    frame.settle()
    return result


def checkpoint_sequential(functions: Sequence[Callable[[Any], Any]], segments: int, x: Any) -> Any:
    """Call functions one after the other, in segments that keep nothing but their inputs.

    Args:
        functions: layers, for example; the result of one is the argument of the next.
        segments: how many; the last of them is kept as ever.
        x: the argument of the first.
    Raises:
        ConfigError: there are not as many functions as segments, or no segment.
    """
    listed = list(functions)
    expect(1 <= segments <= len(listed), "checkpoint_sequential",
           "there must be a function for every segment", error=ConfigError,
           functions=len(listed), segments=segments)  # fmt: skip
    size = len(listed) // segments

    def chain(part: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def run(y: Any) -> Any:
            for one in part:
                y = one(y)
            return y

        return run

    for i in range(segments - 1):
        x = checkpoint(chain(listed[i * size : (i + 1) * size]), x)
    return chain(listed[(segments - 1) * size :])(x)


class _Frame:
    """One call of a function that keeps nothing: how to make it again, and what was made again.

    It stands in for the values: each is packed as its number, in the order in which nodes ask.
    """

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.function = function
        self.autocast = modes.state.autocast
        outer = modes.state.saving
        self.args = tuple([_Argument(one, outer) for one in args])
        self.kwargs = {name: _Argument(one, outer) for name, one in kwargs.items()}
        self.count = 0
        self.again: dict[int, Tensor] = {}
        self.states: dict[int, _State] = {}

    def pack(self, x: Tensor, /) -> int:
        """Return the number of a value, and keep nothing of it."""
        self.count += 1
        return self.count - 1

    def unpack(self, number: int, /) -> Tensor:
        """Return a value, which is computed again if need be; it is handed out once."""
        if number not in self.again:
            self._recompute()
        return self.again.pop(number)

    def watch(self, outer: Callable[[Tensor], None] | None) -> Callable[[Tensor], None]:
        """Return what notes the values of tensors before the function changes them in place."""

        def changing(x: Tensor) -> None:
            if outer is not None:
                outer(x)
            if id(x.array) not in self.states:
                with modes.no_grad(), modes.Mode("changing", None):
                    self.states[id(x.array)] = _State(x)

        return changing

    def settle(self) -> None:
        """Forget what the function made itself, changed, and let go of."""
        self.states = {key: one for key, one in self.states.items() if one.lives()}

    def _recompute(self) -> None:
        collecting = _Collecting()
        with modes.enable_grad():
            args = [one.again() for one in self.args]
            kwargs = {name: one.again() for name, one in self.kwargs.items()}
        with modes.no_grad():
            now = [(one, copy(one.now)) for one in self.states.values()]
        for one in reversed(self.states.values()):  # parts may lie over each other
            one.write(one.before)
        try:
            with (
                modes.enable_grad(),
                modes.autocasting(self.autocast),
                modes.Mode("saving", collecting),
            ):
                self.function(*args, **kwargs)
        finally:
            for one, values in now:
                one.write(values)
        expect(len(collecting.found) == self.count, "checkpoint",
               "the function must do the same when it is called again in backward",
               error=GradientError, kept_first=self.count, kept_again=len(collecting.found),
               advice="It must not depend on what changes in between.")  # fmt: skip
        self.again = dict(enumerate(collecting.found))


class _Collecting:
    """Keeps the values of the second call, bare, in their order."""

    def __init__(self) -> None:
        self.found: list[Tensor] = []

    def pack(self, x: Tensor, /) -> None:
        """Keep a value."""
        self.found.append(x)

    def unpack(self, packed: None, /) -> Tensor:
        """Never come here."""
        raise AssertionError("the graph of the second call is never walked")


class _Argument:
    """An argument: tensors without the history that could lead back to who keeps them."""

    def __init__(self, given: Any, outer: Any) -> None:
        self.tensor = isinstance(given, Tensor) and not (given.wants and given.grad_fn is None)
        self.held = given
        self.outer = outer if self.tensor else None
        if self.tensor:
            self.wants = given.wants
            self.version = given.version
            self.held = given.detach() if outer is None else outer.pack(given.detach())

    def again(self) -> Any:
        """Return the argument for the second call."""
        if not self.tensor:
            return self.held
        if self.outer is not None:
            given = self.outer.unpack(self.held).detach()
        else:
            expect(self.held.version == self.version, "checkpoint",
                   "an argument must not change before backward", error=GradientError,
                   argument=self.held.spec, changes_in_place=self.held.version - self.version,
                   advice="Hand a .clone() to the checkpoint.")  # fmt: skip
            given = self.held.detach()
        if not self.wants:
            return given
        leaf = given.requires_grad_()  # as before, what is computed from it is wanted: no leaf
        return Tensor(leaf.array, leaf.spec, leaf.device, Copy().history(leaf), 0, leaf.counter)


class _State:
    """A tensor that the function changes in place, and its values before."""

    def __init__(self, x: Tensor) -> None:
        self.now = x.detach()
        self.before = copy(self.now)

    def lives(self) -> bool:
        """Tell whether the memory can be seen by somebody else."""
        return self.now.counter.lent or _holders(self.now) > _holders(self.before)

    def write(self, values: Tensor) -> None:
        """Write values into the memory."""
        with modes.no_grad(), modes.Mode("changing", None):
            assign(self.now, values)


def _holders(x: Tensor) -> int:
    """Return how many hold on to the counter of a tensor's memory, as its views do."""
    return sys.getrefcount(x.counter)

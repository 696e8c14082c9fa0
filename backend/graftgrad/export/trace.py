"""One run of a function written down as a list of ops with their operands, views included.

Memory is known by the array itself, so nothing is guessed from addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import modes
from ..device.base import Array, Device
from ..errors import ConfigError, expect
from ..function import Function
from ..kernel import Launch
from ..ops.update import Assign
from ..tensor import Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """One application of a function: which values went in, which came out."""

    function: Function
    ins: tuple[int, ...]
    outs: tuple[int, ...]


class Trace:
    """What listens while a function of tensors runs.

    Attributes:
        steps: the applications, in order.
        arrays: the values by number.
        device: where they were computed; None where nothing was.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.arrays: list[Array] = []
        self.device: Device | None = None
        self._numbers: dict[int, int] = {}
        self._changed: dict[int, str] = {}
        self._made: set[int] = set()
        self._seen: set[int] = set()

    def number(self, array: Array) -> int:
        """Return the number of a value; its memory is kept, so that it stays its own."""
        found = self._numbers.get(id(array))
        if found is None:
            found = self._numbers[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return found

    def append(self, launch: Launch) -> None:
        """Take note of a launch."""
        function, self.device = launch.call.function, launch.call.device
        if isinstance(function, Assign) and self._fresh(launch.outs[0]):
            values = tuple([self._read(array, function) for array in launch.ins[1:]])
            self.steps.append(Step(function, values, (self._anew(launch.outs[0]),)))
            return
        ins = tuple([self._read(array, function) for array in launch.ins])
        if type(function).updates:
            for array in launch.outs:
                self._changed[self.number(array)] = function.name
            return
        outs = tuple([self.number(array) for array in launch.outs])
        self.steps.append(Step(function, ins, outs))

    def viewed(self, function: Function, array: Array, seen: Array) -> None:
        """Take note of a view of a value."""
        ins = (self._read(array, function),)
        self.steps.append(Step(function, ins, (self.number(seen),)))

    def made(self, array: Array) -> None:
        """Take note of memory for a result."""
        self._made.add(self.number(array))

    def filled(self) -> set[int]:
        """Return the numbers of results that an op has written."""
        return {number for step in self.steps for number in step.outs}

    def _fresh(self, array: Array) -> bool:
        """Tell whether nothing has seen a value yet, which therefore may be filled in place."""
        known = self._numbers.get(id(array))
        return known is not None and known in self._made and known not in self._seen

    def _anew(self, array: Array) -> int:
        """Return a number for what an array holds from now on."""
        found = self._numbers[id(array)] = len(self.arrays)
        self.arrays.append(array)
        self._made.add(found)
        return found

    def _read(self, array: Array, function: Function) -> int:
        number = self.number(array)
        expect(number not in self._changed, "export",
               "values must not be changed in place and read again", error=ConfigError,
               changed_by=self._changed.get(number, ""), read_by=function.name,
               advice="Compute a new value.")  # fmt: skip
        self._seen.add(number)
        return number

    def read(self, array: Array) -> None:
        """Refuse: what follows may depend on the values.

        Raises:
            ConfigError: always.
        """
        known = self._numbers.get(id(array))
        computed = known is not None and known in self.filled()
        expect(not computed, "export", "values must not be read while a model is exported",
               error=ConfigError, shape=getattr(array, "shape", ()),
               advice="Compute with ops alone: no float(x), no x.numpy().")  # fmt: skip

    def aside(self) -> Trace:
        """Return itself: what is prepared is part of the run."""
        return self

    def _ignore(self, *told: object) -> None:
        """Take no note."""

    constant = look = before = decide = changed = operands = depends = written = fail = _ignore


def traced(function: Callable[..., Any], given: Sequence[Tensor]) -> tuple[Trace, list[int], Any]:
    """Run a function under watch; return the trace, the numbers of its inputs and its results."""
    trace = Trace()
    inputs = [trace.number(x.array) for x in given]
    with modes.no_grad(), modes.recorded(trace):
        results = function(*given)
    return trace, inputs, results

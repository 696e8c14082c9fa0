"""What listens while a step runs and writes down what it does, without keeping its memory alive.

Nothing is guessed from addresses: memory is known by the array that owns it, from the moment it is
allocated until it is let go of.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..device.base import Array
from ..kernel import Launch
from ..spec import Spec
from .records import Buffer, Look, Record, Recording, View

_OWN = str(Path(__file__).resolve().parents[1])  # this engine's folder
LONGEST = 20_000  # entries; a longer step is left to Python


class Tape:
    """One recording that is going on.

    Attributes:
        recording: what was heard so far.
        failure: why the step cannot be repeated, once that is known; then nothing more is heard.
        culprit: the line of the user's program that is to blame for it.
    """

    def __init__(self) -> None:
        self.recording = Recording()
        self.failure = ""
        self.culprit = ""
        self._made: dict[int, tuple[weakref.ref[Any], Buffer]] = {}
        self._outer: dict[int, tuple[Array, Buffer]] = {}
        self._changed: dict[int, Any] = {}
        self._quiet: tuple[int, ...] = ()

    # -- what a recorder is told ---------------------------------------------------------------

    def made(self, array: Array) -> None:
        """Take note of memory that was allocated for a result."""
        self._made[id(array)] = weakref.ref(array), Buffer(array.nbytes, "made")

    def constant(self, array: Array) -> None:
        """Take note of values that came from the host: they are the same at every repetition."""
        self._outer[id(array)] = array, Buffer(array.nbytes, "constant", array)

    def input(self, array: Array) -> None:
        """Take note of memory into which an argument of the step is copied."""
        buffer = Buffer(array.nbytes, "input", array)
        self._outer[id(array)] = array, buffer
        self.recording.inputs.append(self.view(array))

    def append(self, launch: Launch) -> None:
        """Take note of one launch."""
        if self.failure:
            return
        call = launch.call
        ins = tuple([self.view(array) for array in launch.ins])
        outs = tuple([self.view(array) for array in launch.outs])
        self.recording.entries.append(Record(call, launch.kernel, ins, outs, calling_line()))
        if len(self.recording.entries) > LONGEST:
            self.fail(f"the step has more than {LONGEST} launches")

    def read(self, array: Array) -> None:
        """Give up: what follows may depend on the values that were read."""
        self.fail("values are read in the middle of the step")

    def look(self, function: Callable[..., object], arrays: tuple[Array, ...]) -> None:
        """Take note of a check of values."""
        ins = tuple([self.view(array) for array in arrays])
        self.recording.entries.append(Look(function, ins, calling_line()))

    def before(self, function: Callable[[], object]) -> None:
        """Take note of what is to be called before every repetition."""
        self.recording.prologue.append(function)

    def decide(self, function: Callable[[], object], value: object) -> None:
        """Take note of a choice on which the rest of the step depends."""
        self.recording.decisions.append((function, value))

    def changed(self, counter: Any) -> None:
        """Take note that a buffer was changed in place."""
        if id(counter) not in self._changed:
            self._changed[id(counter)] = counter
            self.recording.counters.append(counter)

    def fail(self, reason: str) -> None:
        """Give up for a reason; the step itself goes on."""
        if not self.failure:
            self.failure = reason
            self.culprit = calling_line()

    # -- views ---------------------------------------------------------------------------------

    def view(self, array: Array) -> View:
        """Return an array as a view of the buffer in which it lies."""
        owner = owner_of(array)
        known = self._made.get(id(owner))
        if known is not None and known[0]() is owner:
            buffer, kept = known[1], None
        else:
            outer = self._outer.get(id(owner))
            if outer is None or outer[0] is not owner:
                outer = self._outer[id(owner)] = owner, Buffer(owner.nbytes, "outer", owner)
            buffer, kept = outer[1], array
        offset = address(array) - address(owner)
        return View(buffer, offset, array.shape, array.strides, array.dtype, kept)


def owner_of(array: Array) -> Array:
    """Return the array that owns the memory of an array."""
    while getattr(array, "base", None) is not None and hasattr(array.base, "dtype"):
        array = array.base
    return array


def address(array: Array) -> int:
    """Return where an array's first element lies."""
    found: int = array.__array_interface__["data"][0]
    return found


def calling_line() -> str:
    """Return file and line of the innermost frame outside of this engine."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OWN) and not name.startswith("<"):
            return f"{Path(name).name}:{frame.f_lineno}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""


def description(view: View) -> Spec:
    """Return the description of a view."""
    return Spec(view.shape, view.dtype, view.contiguous)

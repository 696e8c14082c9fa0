"""What listens while a step runs and writes down what it does, without keeping its memory alive.

Nothing is guessed from addresses: memory is known by the array that owns it, from the moment it is
allocated until it is let go of.
"""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..device.base import Array, Device, address, owner_of
from ..kernel import Launch
from ..ops.operand import FullLike
from .guards import Leaf, Settings
from .records import Buffer, Look, Record, Recording, View

_OWN = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # this engine's folder
LONGEST = 20_000  # entries; a longer step is left to Python


class Tape:
    """One recording that is going on.

    Attributes:
        recording: what was heard so far.
        failure: why the step cannot be repeated, once that is known; then nothing more is heard.
        culprit: the line of the user's program that is to blame for it.
        leaves: tensors without a history that were computed with, and how they were.
        settings: what the step depends on besides tensors, as it was before it was read.
    """

    def __init__(self) -> None:
        self.recording = Recording()
        self.failure = ""
        self.culprit = ""
        self.leaves: dict[int, Leaf] = {}
        self.settings = Settings()
        self._made: dict[int, tuple[weakref.ref[Any], Buffer]] = {}
        self._lines: dict[int, str] = {}
        self._outer: dict[int, tuple[Array, Buffer]] = {}
        self._snapshots: dict[int, Array] = {}
        self._sources: list[tuple[Array, weakref.ref[Any], tuple[Any, ...]]] = []
        self._changed: dict[int, Any] = {}
        self._filled: set[int] = set()
        self._read: set[int] = set()
        self._written: set[int] = set()

    # -- what a recorder is told ---------------------------------------------------------------

    def made(self, array: Array) -> None:
        """Take note of memory that was allocated for a result."""
        self._made[id(array)] = weakref.ref(array), Buffer(array.nbytes, "made")

    def constant(self, array: Array, host: Any) -> None:
        """Take note of values that came from the host: they are the same at every repetition.

        If the host array outlives the step, its values are copied anew before every repetition.
        """
        buffer = Buffer(array.nbytes, "constant", array)
        self._outer[id(array)] = array, buffer
        self._snapshots[id(buffer)] = array.copy()
        if isinstance(host, np.ndarray) and host.ndim:
            owner = owner_of(host)
            place = (address(host) - address(owner), host.shape, host.strides, host.dtype)
            self._sources.append((array, weakref.ref(owner), place))

    def input(self, array: Array) -> None:
        """Take note of memory into which an argument of the step is copied."""
        self._made[id(array)] = weakref.ref(array), Buffer(array.nbytes, "input")
        view = self.view(array)
        self._filled.add(id(view.buffer))
        self.recording.inputs.append(view)

    def append(self, launch: Launch) -> None:
        """Take note of one launch."""
        if self.failure:
            return
        call = launch.call
        if self.recording.device is None:
            self.recording.device = call.device
        elif self.recording.device is not call.device:
            self.fail("it computes on several devices")
        ins = tuple([self.view(array) for array in launch.ins])
        outs = tuple([self.view(array) for array in launch.outs])
        line = calling_line()
        self.recording.entries.append(Record(call, launch.kernel, ins, outs, line))
        changed = {id(view.buffer) for view in outs}
        for view in ins:
            buffer = view.buffer
            self._read.add(id(buffer))
            unknown = id(buffer) not in self._filled and id(buffer) not in changed
            if buffer.origin == "made" and unknown and not isinstance(call.function, FullLike):
                self.fail("memory was written past the door of launches")
        for view in outs:
            buffer = view.buffer
            self._filled.add(id(buffer))
            self._lines[id(buffer)] = line
            if buffer.origin != "made":
                self._written.add(id(buffer))
            if buffer.origin == "input":
                self.fail("an argument is changed in place")
            elif buffer.origin == "constant" and id(buffer) in self._snapshots:
                self._restore(buffer, self._snapshots.pop(id(buffer)))
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

    def operands(self, tensors: Sequence[Any]) -> None:
        """Take note of tensors that are computed with and were there before the step."""
        for x in tensors:
            if x.grad_fn is None and id(x) not in self.leaves:
                known = self._made.get(id(owner_of(x.array)))
                if known is None or known[0]() is None:  # else its memory would be kept
                    self.leaves[id(x)] = Leaf(x)

    def viewed(self, function: object, array: Array, seen: Array) -> None:
        """Take no note: which part of which buffer an array shows is known by where it lies."""

    def depends(self, thing: object) -> None:
        """Take note of an object whose settings the step reads."""
        self.settings.add(thing)

    def written(self, array: Array) -> None:
        """Give up if a number that was used already becomes another in the same step."""
        if id(self.view(array).buffer) in self._read:
            self.fail("a number changes in the middle of the step")

    def fail(self, reason: str) -> None:
        """Give up for a reason; the step itself goes on."""
        if not self.failure:
            self.failure = reason
            self.culprit = calling_line()

    def aside(self) -> Aside:
        """Return what listens while something is done that is repeated before the step."""
        return Aside(self)

    def reads_changed(self, array: Array) -> bool:
        """Tell whether memory was changed by the step before it is read."""
        return id(self.view(array).buffer) in self._written

    # -- the end -------------------------------------------------------------------------------

    def _restore(self, buffer: Buffer, values: Array) -> None:
        array: Any = buffer.array
        buffer.origin, buffer.before = "restored", values

        def restored() -> None:
            array[...] = values

        self.recording.prologue.insert(0, restored)

    def finish(self) -> None:
        """Note what is known only after the step: host arrays that live on, leaves that do."""
        for array, source, place in self._sources:
            if source() is None:
                continue
            copied = _copying(array, source, place, self.recording.device)
            try:
                copied()
            except (ValueError, BufferError, TypeError):
                self.fail("a host array of an unusual layout is read")
            self.recording.prologue.append(copied)
        self._sources.clear()
        self._snapshots.clear()
        self.leaves = {key: leaf for key, leaf in self.leaves.items() if leaf.tensor() is not None}

    def survivor(self, thorough: bool) -> str | None:
        """Return the line that made a result which outlives the step, if there is one.

        What only cycles of garbage keep is let go of first if it is to be `thorough`.
        """
        for collect in (False, True):
            if collect and thorough:
                gc.collect()
            found = [buffer for ref, buffer in self._made.values() if ref() is not None]
            if not found:
                return None
        return self._lines.get(id(found[0]), "")

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


class Aside:
    """Listens to what is done before every repetition: it must not depend on the step itself."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def _seen(self, array: Array) -> None:
        if self.tape.reads_changed(array):
            self.tape.fail("a rate or a choice depends on what the step itself has changed")

    def read(self, array: Array) -> None:
        """Hold values that are read against what the step has changed."""
        self._seen(array)

    def append(self, launch: Launch) -> None:
        """Hold operands against what the step has changed."""
        for array in launch.ins:
            self._seen(array)

    def written(self, array: Array) -> None:
        """Hand on what is written past the door."""
        self.tape.written(array)

    def fail(self, reason: str) -> None:
        """Hand on why the step cannot be repeated."""
        self.tape.fail(reason)

    def aside(self) -> Aside:
        """Return itself: what is done inside is done aside too."""
        return self

    def _ignore(self, *told: object) -> None:
        """Take no note."""

    made = constant = look = before = decide = changed = operands = depends = viewed = _ignore


def _copying(
    array: Array, source: weakref.ref[Any], place: tuple[Any, ...], device: Device | None
) -> Callable[[], None]:
    """Return what copies a host array into memory once more, as long as it lives."""

    def copied() -> None:
        owner = source()
        if owner is not None:
            offset, shape, strides, dtype = place
            values = np.ndarray(shape, dtype, owner, offset, strides)
            if device is None or isinstance(array, np.ndarray):
                array[...] = values
            else:
                device.write(array, values)

    return copied


def calling_line() -> str:
    """Return file and line of the innermost frame outside of this engine."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OWN) and not name.startswith("<"):
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""

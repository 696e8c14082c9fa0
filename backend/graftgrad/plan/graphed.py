"""A plan whose launches the device itself records: one launch repeats many, without Python.

Checks of arguments come first: on the host where it has the values, and not again for the same
tensors. Other checks stand between launches and cut them into stretches. How launches are recorded
is told by the device (`Device.freeze`).
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..device.base import Array, Device, Frozen, HostArray
from ..device.find import cpu
from ..kernels.native.geometry import row_major
from ..spec import uint8
from ..tensor import Tensor
from .fixed import Fixed
from .memory import laid_out, lines
from .picking import Pick, pick
from .plan import table_of
from .records import Buffer, Entry, Look, Record, Recording, View

Step = Callable[[], object]


class Graphed:
    """A step that the device repeats.

    Attributes:
        entries: what is done, in order.
        inputs: the arrays into which arguments are copied before each repetition.
        outputs: the arrays in which results lie afterwards, until the next repetition.
        checks: what looks at arguments alone, before anything is computed, and how it is run.
        parts: stretches of launches, and the other checks between them.
        nbytes, unshared: the size of the memory of all intermediate results, and what they would
            take if none shared a place.
    """

    def __init__(self, recording: Recording, fixed: Fixed, device: Device) -> None:
        self.recording = recording
        self.fixed = fixed
        self.device = device
        self.entries = recording.entries
        layout = laid_out(self.entries, recording.outputs, device.line)
        self.nbytes, self.unshared = layout.nbytes, layout.unshared
        self.offsets = layout.offsets
        self.arena = device.room(layout.nbytes)
        self.spare = device.room(max([0, *map(self._need, self.entries)]))
        self.held = {id(view.buffer): device.room(view.buffer.nbytes) for view in recording.inputs}
        self.inputs = [self.array(view) for view in recording.inputs]
        self.outputs = [self.array(view) for view in recording.outputs]
        self.steps = [self._bound(entry) for entry in self.entries]
        self.checks = {
            entry: step
            for entry, step in zip(self.entries, self.steps, strict=True)
            if isinstance(entry, Look) and entry.of_arguments
        }
        self.parts = list(self._parts())
        self.hosts: list[HostArray] = []
        self.given: list[tuple[weakref.ref[Tensor], int]] = []  # what the inputs hold
        self.checked = False  # and whether it has been looked at
        self.process = os.getpid()

    # -- memory and binding --------------------------------------------------------------------

    def array(self, view: View) -> Array:
        """Return the array of a view: the memory itself, or its place in the arena."""
        if view.array is not None:
            return view.array
        room, offset = self.held.get(id(view.buffer)), view.offset
        if room is None:
            room, offset = self.arena, self.offsets[id(view.buffer)] + offset
        return self.device.within(room, view.shape, view.dtype, offset, view.strides)

    def _need(self, entry: Entry) -> int:
        scratch = entry.kernel.scratch if isinstance(entry, Record) else ()
        return sum(lines(spec.nbytes, self.device.line) for spec in scratch)

    def _bound(self, entry: Entry) -> Step:
        ins = tuple([self.array(view) for view in entry.ins])
        if isinstance(entry, Look):
            function = entry.function
            return lambda: function(*ins)
        outs = tuple([self.array(view) for view in entry.outs])
        scratch, start = [], 0
        for spec in entry.kernel.scratch:
            steps = row_major(spec.shape, spec.dtype.itemsize)
            array = self.device.within(self.spare, spec.shape, spec.dtype, start, steps)
            scratch.append(array)
            start += lines(spec.nbytes, self.device.line)
        return entry.kernel.bind(ins, outs, tuple(scratch))

    def _parts(self) -> Iterable[Frozen | Step]:
        stretch: list[Step] = []
        for entry, step in zip(self.entries, self.steps, strict=True):
            if isinstance(entry, Record):
                stretch.append(step)
                continue
            if entry in self.checks:
                continue
            if stretch:
                yield self.device.freeze(stretch)
            stretch = []
            yield step
        if stretch:
            yield self.device.freeze(stretch)

    # -- repeating -----------------------------------------------------------------------------

    def usable(self) -> bool:
        """Tell whether the process is that for which the plan was made."""
        return self.process == os.getpid()

    def agrees(self) -> bool:
        """Tell whether the choices that the step made would be the same now."""
        return all(function() == value for function, value in self.recording.decisions)

    def fill(self, write: Callable[[Sequence[Array], Pick], object]) -> None:
        """Let a function write the next arguments into host arrays, look at them, and send them."""
        self.device.enter()
        if not self.hosts:
            self.hosts = [np.empty(one.shape, one.dtype) for one in self.inputs]
        write(self.hosts, pick)
        for look in self.checks:
            look.function(*map(self._on_host, look.ins))
        self.given, self.checked = [], True
        for target, host in zip(self.inputs, self.hosts, strict=True):
            self.device.write(target, host)

    def _on_host(self, view: View) -> HostArray:
        """Return the part of a host array that a view shows of an input."""
        places = [id(one.buffer) for one in self.recording.inputs]
        host = self.hosts[places.index(id(view.buffer))].reshape(-1).view(uint8)
        part: HostArray = cpu.within(host, view.shape, view.dtype, view.offset, view.strides)
        return part

    def replay(self, arguments: Sequence[Tensor]) -> None:
        """Repeat the step on other arguments, of the same shapes and element types."""
        self.device.enter()
        if not self._holds(arguments):
            self.given, self.checked = [], False
            for target, argument in zip(self.inputs, arguments, strict=True):
                target[...] = argument.array
            self.given = [(weakref.ref(x), x.counter.value) for x in arguments]
        self.repeat()

    def _holds(self, arguments: Sequence[Tensor]) -> bool:
        """Tell whether the inputs hold these very arguments, unchanged, since the last time."""
        return len(self.given) == len(arguments) > 0 and all(
            held() is x and count == x.counter.value and not x.counter.lent
            for (held, count), x in zip(self.given, arguments, strict=True)
        )

    def repeat(self) -> None:
        """Repeat the step on what `inputs` hold."""
        self.device.enter()
        for function in self.recording.prologue:
            function()
        if not self.checked:
            for check in self.checks.values():
                check()
            self.checked = True
        try:
            for part in self.parts:
                part()
        finally:
            for counter in self.recording.counters:
                counter.value += 1

    # -- looking -------------------------------------------------------------------------------

    def measured(self, repeats: int = 5) -> list[float]:
        """Return the seconds of every entry by itself, the median of some repetitions.

        They are run on copies of all memory that outlives the step: nothing is changed.
        """
        copies: dict[int, Buffer] = {}
        entries = [self._on_copies(entry, copies) for entry in self.entries]
        inputs = [self._on_copy(view, copies) for view in self.recording.inputs]
        aside = replace(self.recording, entries=entries, inputs=inputs, outputs=[])
        plan = Graphed(aside, Fixed((), entries), self.device)
        for mine, own in zip(plan.inputs, self.inputs, strict=True):
            mine[...] = own
        times: list[list[float]] = [[] for _ in plan.steps]
        for _ in range(repeats):
            for step, taken in zip(plan.steps, times, strict=True):
                self.device.synchronize()
                start = time.perf_counter()
                step()
                self.device.synchronize()
                taken.append(time.perf_counter() - start)
        return [float(np.median(taken)) for taken in times]

    def _on_copies(self, entry: Entry, copies: dict[int, Buffer]) -> Entry:
        ins = tuple([self._on_copy(view, copies) for view in entry.ins])
        if isinstance(entry, Look):
            return replace(entry, ins=ins)
        outs = tuple([self._on_copy(view, copies) for view in entry.outs])
        return replace(entry, ins=ins, outs=outs)

    def _on_copy(self, view: View, copies: dict[int, Buffer]) -> View:
        owner = view.buffer.array
        if owner is None:
            return view
        within, buffer = self.device.within, copies.get(id(view.buffer))
        if buffer is None:
            whole = within(owner, (owner.nbytes,), uint8, 0, (1,))
            held = self.device.copy(whole)
            buffer = copies[id(view.buffer)] = Buffer(owner.nbytes, view.buffer.origin, held)
        array = within(buffer.array, view.shape, view.dtype, view.offset, view.strides)
        return replace(view, buffer=buffer, array=array)

    def table(self, timed: bool = True) -> str:
        """Return the plan as a table: launch, shapes, bytes, time, body, where it came from."""
        found = table_of(self.entries, self.measured() if timed else None)
        graphs = [part for part in self.parts if isinstance(part, Frozen)]
        launches = sum(len(part.steps) for part in graphs)
        found.append(
            f"{launches} launches recorded in {len(graphs)} graphs, "
            f"{len(self.parts) - len(graphs) + len(self.checks)} checks in Python; "
            f"{self.nbytes:,} bytes shared by intermediate results of {self.unshared:,}, "
            f"{sum(part.nbytes for part in graphs):,} bytes of temporary arrays"
        )
        found += [f"{len(part.steps)} launches are repeated one by one: {part.reason}"
                  for part in graphs if part.reason]  # fmt: skip
        return "\n".join(found)

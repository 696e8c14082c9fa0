"""A plan: a recorded step with every buffer in its place, ready to be repeated.

What was recorded stands in `tape`, how it is made shorter in `passes`, where buffers lie in
`memory`, how calls become one in `chain`, and when a plan may be used in `capture`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from .. import kernel
from ..device.base import Array, address
from ..errors import GraftError
from ..kernel import Kernel, NativeCall
from ..kernels.native import openmp
from ..kernels.native.looking import quick
from ..kernels.onednn import library as onednn
from ..kernels.threads import alone, get_num_threads
from ..tensor import Tensor
from .chain import Chain
from .fixed import Fixed
from .lanes import Lanes, Piece, region
from .memory import LINE, laid_out, lines
from .picking import Pick, SharedPick, pick
from .records import Buffer, Entry, Look, Record, Recording, View

Step = Callable[[], object]


class Plan:
    """A step that is repeated without Python where its kernels allow it.

    Attributes:
        entries: what is done, in order.
        inputs: the arrays into which arguments are copied before each repetition.
        outputs: the arrays in which results lie afterwards, until the next repetition.
        nbytes: the size of the arena that all intermediate results share.
        unshared: what they would take if none shared a place.
        lanes: how many threads share the launches, each with some of its own.
        mixed: whether they would be disturbed by launches that ask for all threads themselves.
    """

    def __init__(self, recording: Recording, fixed: Fixed, apart: bool = False) -> None:
        self.recording = recording
        self.apart = apart
        self.entries = recording.entries
        self.counters = recording.counters
        self.prologue = recording.prologue
        self.decisions = recording.decisions
        self.fixed = fixed
        layout = laid_out(self.entries, recording.outputs)
        self.nbytes, self.unshared = layout.nbytes, layout.unshared
        self.offsets = layout.offsets
        room = np.empty(layout.nbytes + LINE, np.uint8)
        self.arena = room[-address(room) % LINE :]
        lanes = [entry.lane for entry in self.entries if isinstance(entry, Record)]
        self.lanes = 1 + max([0, *lanes])
        self.mixed = False
        self.spares = [self._spare(lane) for lane in range(self.lanes)]
        self.held = {
            id(view.buffer): np.empty(view.buffer.nbytes, np.uint8) for view in recording.inputs
        }
        self.inputs = [self.array(view) for view in recording.inputs]
        self.outputs = [self.array(view) for view in recording.outputs]
        self.parts: list[tuple[list[Entry], list[Piece] | Step]] = []
        for entry in self.entries:
            self._bind(entry)
        self.pick: Pick = SharedPick() if self.lanes > 1 else pick
        self.renewals = recording.renewals
        self.launched = -1
        self.threads = get_num_threads()
        self.process = os.getpid()
        self.steps = self._joined()

    # -- memory --------------------------------------------------------------------------------

    def array(self, view: View) -> Array:
        """Return the array of a view: the memory itself, or its place in the arena."""
        if view.array is not None:
            return view.array
        held = self.held.get(id(view.buffer))
        if held is not None:
            return np.ndarray(view.shape, view.dtype, held.data, view.offset, view.strides)
        start = self.offsets[id(view.buffer)] + view.offset
        return np.ndarray(view.shape, view.dtype, self.arena.data, start, view.strides)

    def _spare(self, lane: int) -> Array:
        """Return the working space that all kernels of a lane share, one after the other."""
        most = 0
        for entry in self.entries:
            if isinstance(entry, Record) and max(entry.lane, 0) == lane:
                most = max(most, sum(lines(spec.nbytes) for spec in entry.kernel.scratch))
        room = np.empty(most + LINE, np.uint8)
        return room[-address(room) % LINE :]

    def _scratch(self, body: Kernel, lane: int) -> tuple[Array, ...]:
        arrays, start = [], 0
        for spec in body.scratch:
            arrays.append(np.ndarray(spec.shape, spec.dtype, self.spares[lane].data, start))
            start += lines(spec.nbytes)
        return tuple(arrays)

    # -- binding -------------------------------------------------------------------------------

    def _bind(self, entry: Entry) -> None:
        ins = tuple([self.array(view) for view in entry.ins])
        if isinstance(entry, Look):
            self.parts.append(([entry], quick(entry.function, ins)))
            return
        outs = tuple([self.array(view) for view in entry.outs])
        lane = max(entry.lane, 0)
        scratch = self._scratch(entry.kernel, lane)
        fixed = frozenset(i for i, view in enumerate(entry.ins) if view in self.fixed)
        with alone() if entry.lane >= 0 else nullcontext():
            calls = entry.kernel.native(ins, outs, scratch, fixed)
        if calls is None:
            self.parts.append(([entry], entry.kernel.bind(ins, outs, scratch)))
            return
        self.mixed = self.mixed or any(call.threads > 1 for call in calls)
        reads, writes = ([region(one) for one in arrays] for arrays in (ins, outs))
        piece = Piece(calls, 0 if self.apart else lane, reads, writes)
        if not self.apart and self.parts and isinstance(self.parts[-1][1], list):
            self.parts[-1][0].append(entry)
            self.parts[-1][1].append(piece)
        else:
            self.parts.append(([entry], [piece]))

    def _joined(self) -> list[Step]:
        return [_native(part) if isinstance(part, list) else part for _, part in self.parts]

    # -- repeating -----------------------------------------------------------------------------

    def usable(self) -> bool:
        """Tell whether threads and process are those for which the plan was made."""
        return self.threads == get_num_threads() and self.process == os.getpid()

    def agrees(self) -> bool:
        """Tell whether the choices that the step made would be the same now."""
        return all(function() == value for function, value in self.decisions)

    def fill(self, write: Callable[[Sequence[Array], Pick], object]) -> None:
        """Let a function write the next arguments where the step reads them, or pick their rows."""
        write(self.inputs, self.pick)

    def replay(self, arguments: Sequence[Tensor]) -> None:
        """Repeat the step on other arguments, of the same shapes and element types."""
        for target, argument in zip(self.inputs, arguments, strict=True):
            target[...] = argument.array
        self.repeat()

    def repeat(self) -> None:
        """Repeat the step on what `inputs` hold."""
        if kernel.launched() != self.launched:
            for function in self.renewals:
                function()
        for function in self.prologue:
            function()
        self.launched, launched = -1, kernel.repeated()
        try:
            for step in self.steps:
                step()
            self.launched = launched
        finally:
            for counter in self.counters:
                counter.value += 1

    # -- looking -------------------------------------------------------------------------------

    def measured(self, repeats: int = 5) -> list[float]:
        """Return the seconds of every entry, the median of some repetitions.

        They are run on copies of all memory that outlives the step: nothing is changed.
        """
        copies: dict[int, tuple[Buffer, Array]] = {}
        entries = [_on_copies(entry, copies) for entry in self.entries]
        inputs = [_on_copy(view, copies) for view in self.recording.inputs]
        aside = replace(self.recording, entries=entries, inputs=inputs, outputs=[])
        plan = Plan(aside, Fixed((), entries), apart=True)
        for mine, own in zip(plan.inputs, self.inputs, strict=True):
            mine[...] = own
        times: list[list[float]] = [[] for _ in plan.steps]
        for _ in range(repeats):
            for step, taken in zip(plan.steps, times, strict=True):
                start = time.perf_counter()
                with contextlib.suppress(GraftError):  # the last repetition may have ended here
                    step()
                taken.append(time.perf_counter() - start)
        return [float(np.median(taken)) for taken in times]

    def table(self, timed: bool = True) -> str:
        """Return the plan as a table: launch, shapes, bytes, time, body, where it came from."""
        lines = table_of(self.entries, self.measured() if timed else None)
        pieces = [piece for _, part in self.parts if isinstance(part, list) for piece in part]
        calls = sum(len(piece.calls) for piece in pieces)
        python = sum(not isinstance(part, list) for _, part in self.parts)
        lines.append(
            f"{len(self.entries)} launches: {calls} C calls in "
            f"{len(self.parts) - python} stretches, {python} bodies in Python; "
            f"{self.nbytes:,} bytes shared by intermediate results of {self.unshared:,}"
            + (f"; divided among {self.lanes} threads" if self.lanes > 1 else "")
        )
        return "\n".join(lines)


def _on_copies(entry: Entry, copies: dict[int, tuple[Buffer, Array]]) -> Entry:
    ins = tuple([_on_copy(view, copies) for view in entry.ins])
    if isinstance(entry, Look):
        return replace(entry, ins=ins)
    return replace(entry, ins=ins, outs=tuple([_on_copy(view, copies) for view in entry.outs]))


def _on_copy(view: View, copies: dict[int, tuple[Buffer, Array]]) -> View:
    """Return a view of memory that outlives the step as the same view of a copy of it."""
    owner = view.buffer.array
    if owner is None:
        return view
    known = copies.get(id(view.buffer))
    if known is None:
        start = address(owner)
        held = np.frombuffer(ctypes.string_at(start, owner.nbytes), np.uint8).copy()
        known = copies[id(view.buffer)] = Buffer(owner.nbytes, view.buffer.origin, held), held
    buffer, held = known
    array = np.ndarray(view.shape, view.dtype, held.data, view.offset, view.strides)
    return replace(view, buffer=buffer, array=array)


def _native(pieces: Sequence[Piece]) -> Step:
    """Return a stretch of C calls as one step."""
    calls = [call for piece in pieces for call in piece.calls]
    if not onednn.available():
        return Chain(calls).run
    owner = onednn.library()
    if any(piece.lane for piece in pieces):
        with owner.lock:
            chain: Chain | Lanes = Lanes(pieces, _settled)
    else:
        chain = Chain(_settled(calls))

    def run() -> None:
        with owner.lock:
            chain.run()

    return run


def _settled(calls: Sequence[NativeCall]) -> list[NativeCall]:
    """Return calls with the number of threads set where it changes."""
    setter = openmp.function("omp_set_num_threads")
    listed: list[NativeCall] = []
    now = 0
    for call in calls:
        if call.threads and call.threads != now:
            listed.append(NativeCall(setter, (call.threads,)))
            now = call.threads
        listed.append(call)
    return listed


def table_of(entries: Sequence[Entry], seconds: Sequence[float] | None) -> list[str]:
    """Return launches as lines of a table, with the seconds that each takes, if they are known."""
    rows = [("", "launch", "operands -> results", "bytes", "µs", "body", "from")]
    for number, entry in enumerate(entries):
        launch, shapes, moved, body, line = _row(entry)
        taken = f"{1e6 * seconds[number]:,.1f}" if seconds is not None else ""
        rows.append((str(number), launch, shapes, moved, taken, body, line))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows]  # fmt: skip


def _row(entry: Entry) -> tuple[str, str, str, str, str]:
    if isinstance(entry, Look):
        return ("look", " ".join(str(v.shape) for v in entry.ins), "0", "Python", entry.line)
    ins = " ".join(str(tuple(v.shape)) for v in entry.ins)
    outs = " ".join(str(tuple(v.shape)) for v in entry.outs)
    moved = sum(v.nbytes for v in (*entry.ins, *entry.outs))
    body, reason = type(entry.kernel).__name__, kernel.why_not(entry.call)
    if reason and isinstance(entry.kernel, kernel.Reference):
        body = f"{body}: {reason}"
    return (repr(entry.call.function), f"{ins} -> {outs}", f"{moved:,}", body, entry.line)

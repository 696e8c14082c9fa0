"""Gradients of tables of which a step picks few rows: the others are neither written nor read.

A step that sums picked rows into the gradient of a table and updates the table by it, such as an
embedding's, writes and reads mostly zeros. What a repetition leaves in the gradient's memory is
there in the next one: only rows that either has picked are touched. The memory holds the whole
gradient all the same; where anything else was computed in between, all of it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..kernels.native.elementwise import Elementwise
from ..kernels.native.gather import Rows
from ..kernels.native.program import Unsupported
from ..kernels.native.touched import MarkedUpdate, TouchedRows
from ..ops.gather import Take, Untake
from ..ops.optimize import Update
from ..spec import DType, Shape, int64
from .dividing import rows_of
from .passes import overlap
from .records import Buffer, Entry, Record, Recording, View, launch_over

LEAST = 1 << 18  # elements of a table; of a smaller one all fits into the cache
FEW = 2  # a table has at least so many times as many rows as are picked


def touched(recording: Recording) -> Recording:
    """Return the recording with such gradients and updates in the place of whole ones."""
    entries = list(recording.entries)
    renewals: list[Callable[[], object]] = []
    for entry in recording.entries:
        found = _pair(entries, entry, recording.outputs)
        if found is None:
            continue
        made, update = found
        parts = _parts(made, update)
        if parts:
            entries[entries.index(made)] = parts[0]
            where = entries.index(update)
            entries[where : where + 1] = parts[1:]
            renewals.append(partial(_renew, *[view.array for view in parts[0].outs[:2]]))
    return replace(recording, entries=entries, renewals=renewals)


def _renew(table: Any, marks: Any) -> None:
    """Forget what the repetition before has left."""
    table[...] = 0
    marks[...] = 0


def _pair(
    entries: Sequence[Entry], made: Entry, outputs: Sequence[View]
) -> tuple[Record, Record] | None:
    """Return what makes a table's gradient, and the update that alone reads it."""
    if not isinstance(made, Record) or not isinstance(made.call.function, Untake):
        return None
    table = made.outs[0]
    checked = any(_checks(entry, made) for entry in entries[: entries.index(made)])
    fits = (
        checked
        and isinstance(made.kernel, Rows)
        and table.buffer.origin == "outer"
        and table.contiguous
        and table.spec.size >= LEAST
        and table.shape[0] >= FEW * made.ins[1].spec.size
    )
    if not fits:
        return None
    others = [entry for entry in entries if entry is not made and _touches(entry, table)]
    if len(others) != 1 or any(_meets(view, table) for view in outputs):
        return None
    (update,) = others
    if not isinstance(update, Record) or entries.index(update) < entries.index(made):
        return None
    return made, update


def _checks(entry: Entry, made: Record) -> bool:
    """Tell whether a launch before has raised if an index lies outside."""
    function = made.call.function
    if not isinstance(entry, Record) or not isinstance(function, Untake):
        return False
    taken, (table, indices) = entry.call.function, (entry.ins[0], entry.ins[-1])
    return (
        isinstance(taken, Take)
        and (taken.axis, taken.wraps) == (0, function.wraps)
        and table.shape[0] == function.size
        and indices.key == made.ins[1].key
        and indices.buffer.origin == "input"
    )


def _touches(entry: Entry, table: View) -> bool:
    outs = entry.outs if isinstance(entry, Record) else ()
    return any(_meets(view, table) for view in (*entry.ins, *outs))


def _meets(view: View, table: View) -> bool:
    return view.buffer is table.buffer and overlap(view, table)


def _parts(made: Record, update: Record) -> list[Record]:
    """Return the gradient and the update in parts: before the table, the table, and behind it."""
    function, table = update.call.function, made.outs[0]
    if not isinstance(function, Update) or not isinstance(update.kernel, Elementwise):
        return []
    place = type(function).operands.index("gradients")
    whole = update.ins[place]
    large = [i for i, view in enumerate(update.ins) if view.shape == whole.shape]
    flat = len(whole.shape) == 1 and all(update.ins[i].contiguous for i in large)
    if not flat or whole.dtype != table.dtype:
        return []
    size = table.dtype.itemsize
    first = (table.offset - whole.offset) // size
    last = first + table.spec.size
    if first < 0 or last > whole.shape[0]:
        return []
    parts: list[Record] = []
    for low, high in ((0, first), (first, last), (last, whole.shape[0])):
        if low < high:
            ins = [rows_of(view, low, high) if i in large else view
                   for i, view in enumerate(update.ins)]  # fmt: skip
            outs = [ins[i] for i in type(function).updated]
            one = launch_over(function, update.call.device, ins, outs, update.line)
            if not isinstance(one.kernel, Elementwise):
                return []
            parts.append(replace(one, lane=update.lane))
    return _marked(made, parts, 1 if first else 0, place)


def _marked(made: Record, parts: list[Record], middle: int, place: int) -> list[Record]:
    table, indices, update = made.outs[0], made.ins[1], parts[middle]
    rows, width = table.shape[0], table.spec.size // table.shape[0]
    assert isinstance(update.kernel, Elementwise)
    try:
        kernel = MarkedUpdate(update.kernel, place, rows, width)
    except Unsupported:
        return []
    marks, last = _kept((rows,), int64), _kept(indices.shape, indices.dtype)
    zeros = _kept((width,), table.dtype)
    parts[middle] = replace(update, kernel=kernel, ins=(*update.ins, marks, zeros))
    outs = (table, marks, last)
    return [replace(made, kernel=TouchedRows(made.call), outs=outs), *parts]


def _kept(shape: Shape, dtype: DType) -> View:
    """Return memory that lives from one repetition to the next."""
    array = np.zeros(shape, dtype)
    buffer = Buffer(array.nbytes, "outer", array)
    return View(buffer, 0, array.shape, array.strides, array.dtype, array)

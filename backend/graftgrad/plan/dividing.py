"""Launches divided by rows of their results among the threads of a step.

A thread computes some samples' results of a dense layer, and some rows of the weights' gradient. It
updates the same rows of weights and slots, which so stay in its processor's cache. Rows lie side by
side: threads that write next to each other would disturb each other by what they fetch ahead. No
sum is taken in another order than undivided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..kernel import Reference
from ..kernels.fusion import fusible
from ..kernels.native.elementwise import Elementwise
from ..kernels.native.geometry import row_major
from ..kernels.onednn.halves import Halved
from ..ops.arithmetic import Add
from ..ops.fused import Fused
from ..ops.fused_products import FusedLinear
from ..ops.matmul import MatMul
from ..ops.optimize import Update
from .probe import same_bits
from .records import Buffer, Entry, Record, View, launch_over

LEAST = 1 << 17  # multiplications of each thread; fewer are not worth meeting for
ELEMENTS = 1 << 14  # of an element-wise run, likewise
WORTH = 1 << 20  # multiplications of each thread in a step that is divided at all
LINE = 64  # bytes; a cache line belongs to one thread

Bounds = tuple[int, ...]


def in_halves(entries: Sequence[Entry]) -> list[Entry]:
    """Give the two halves of products whose sums are taken so to two threads."""
    found: list[Entry] = []
    for entry in entries:
        if not isinstance(entry, Record) or not isinstance(entry.kernel, Halved):
            found.append(entry)
            continue
        (a, b), (y,) = entry.ins, entry.outs
        at, function, device = entry.kernel.at, entry.call.function, entry.call.device
        sums: list[View] = []
        for lane, (first, last) in enumerate(((0, at), (at, b.shape[0]))):
            strides = row_major(y.shape, y.dtype.itemsize)
            part = View(Buffer(y.nbytes, "made"), 0, y.shape, strides, y.dtype)
            ins = (_columns(a, first, last), rows_of(b, first, last))
            record = launch_over(function, device, ins, (part,), entry.line)
            found.append(replace(record, lane=lane))
            sums.append(part)
        found.append(launch_over(Add(), device, sums, (y,), entry.line))
    return found


def divided(entries: Sequence[Entry], threads: int) -> list[Entry] | None:
    """Return the launches with large ones divided among threads; None where that is no gain."""
    found: list[Entry] = []
    made: list[tuple[View, Bounds]] = []
    most = 0
    for entry in entries:
        parts: list[Record] = []
        if isinstance(entry, Record):
            function = entry.call.function
            product = isinstance(function, (MatMul, FusedLinear))
            if entry.lane >= 0:
                most = max(most, _multiplications(entry))
            elif product:
                parts = _products(entry, threads)
            elif isinstance(function, Update):
                parts = _updates(entry, made)
            elif len(entry.outs) == 1 and (isinstance(function, Fused) or fusible(entry.call)):
                parts = _elements(entry, threads)
            if product and parts:
                most = max(most, _multiplications(parts[0]))
                made.append((entry.outs[0], _cuts(parts)))
        found += parts or [entry]
    return found if most >= WORTH else None


def undivided(entries: Sequence[Entry]) -> list[Entry]:
    """Return launches that all threads make, one after the other."""
    return [replace(one, lane=-1) if isinstance(one, Record) else one for one in entries]


def _multiplications(record: Record) -> int:
    rows, columns = record.outs[0].shape
    return rows * columns * record.ins[0].shape[1]


def _bounds(out: View, parts: int) -> Bounds:
    """Return where the rows of a result are cut, or nothing where they are not."""
    if parts < 2 or len(out.shape) != 2 or not out.contiguous:
        return ()
    rows = out.shape[0]
    together = LINE // math.gcd(LINE, out.strides[0])
    blocks = rows // together
    if blocks < parts:
        return ()
    return tuple([blocks * i // parts * together for i in range(parts)] + [rows])


def _cuts(parts: Sequence[Record]) -> Bounds:
    cuts = [0]
    for part in parts:
        cuts.append(cuts[-1] + part.outs[0].shape[0])
    return tuple(cuts)


def _products(record: Record, threads: int) -> list[Record]:
    out = record.outs[0]
    if any(len(view.shape) > 2 for view in (*record.ins, out)) or len(out.shape) != 2:
        return []
    parts = min(threads, _multiplications(record) // LEAST)
    places = [0]
    if getattr(record.call.function, "added", False):
        places.append(len(record.ins) - 1)
    return _parts(record, _bounds(out, parts), places)


def _elements(record: Record, threads: int) -> list[Record]:
    """Return an element-wise run in parts, if operands have all its rows, or one for all rows."""
    out = record.outs[0]
    whole = [i for i, view in enumerate(record.ins) if view.shape == out.shape]
    others = [view for i, view in enumerate(record.ins) if i not in whole]
    if any(len(view.shape) == 2 and view.shape[0] != 1 for view in others):
        return []
    size = len(out.shape) == 2 and out.shape[0] * out.shape[1]
    return _parts(record, _bounds(out, min(threads, size // ELEMENTS)), whole)


def _parts(record: Record, bounds: Bounds, places: Sequence[int]) -> list[Record]:
    """Return a launch in parts: those operands and the result are cut by rows."""
    parts: list[Record] = []
    for lane, (first, last) in enumerate(pairwise(bounds)):
        ins = [rows_of(view, first, last) if i in places else view
               for i, view in enumerate(record.ins)]  # fmt: skip
        outs = (rows_of(record.outs[0], first, last),)
        made = launch_over(record.call.function, record.call.device, ins, outs, record.line)
        if isinstance(made.kernel, Reference):
            return []
        parts.append(replace(made, lane=lane))
    return parts if parts and same_bits([record], parts, record.outs, single=True) else []


def _updates(record: Record, made: Sequence[tuple[View, Bounds]]) -> list[Record]:
    """Return an update in parts: by rows where gradients are made by rows, and the rest."""
    if not isinstance(record.kernel, Elementwise):
        return []
    whole = max([view.nbytes for view in record.ins], default=0)
    large = [i for i, view in enumerate(record.ins) if view.nbytes == whole and view.shape]
    if not large or any(
        len(record.ins[i].shape) != 1 or not record.ins[i].contiguous for i in large
    ):
        return []
    size = record.ins[large[0]].dtype.itemsize
    pieces: list[tuple[int, int, int]] = []  # first and last element, lane
    for gradient, bounds in made:
        for view in (record.ins[i] for i in large):
            start = gradient.offset - view.offset
            inside = gradient.buffer is view.buffer and gradient.dtype == view.dtype
            if inside and start >= 0 and start + gradient.nbytes <= whole:
                first, columns = start // size, gradient.shape[1]
                pieces += [(first + low * columns, first + high * columns, lane)
                           for lane, (low, high) in enumerate(pairwise(bounds))]  # fmt: skip
    parts: list[Record] = []
    at = 0
    for first, last, lane in [*sorted(pieces), (whole // size, whole // size, 0)]:
        if first < at:
            return []
        for low, high, place in ((at, first, 0), (first, last, lane)):
            if low < high:
                ins = [rows_of(view, low, high) if i in large else view
                       for i, view in enumerate(record.ins)]  # fmt: skip
                outs = [ins[i] for i in type(record.call.function).updated]
                function, device = record.call.function, record.call.device
                one = launch_over(function, device, ins, outs, record.line)
                if not isinstance(one.kernel, Elementwise):
                    return []
                parts.append(replace(one, lane=place))
        at = last
    return parts if pieces else []


def rows_of(view: View, first: int, last: int) -> View:
    """Return some rows of a view."""
    return replace(
        view,
        offset=view.offset + first * view.strides[0],
        shape=(last - first, *view.shape[1:]),
        array=None if view.array is None else view.array[first:last],
    )


def _columns(view: View, first: int, last: int) -> View:
    """Return some columns of a view."""
    return replace(
        view,
        offset=view.offset + first * view.strides[1],
        shape=(view.shape[0], last - first),
        array=None if view.array is None else view.array[:, first:last],
    )

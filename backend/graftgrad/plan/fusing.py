"""Runs of element-by-element launches over one shape become one launch, one pass over memory.

A run is open while nothing outside of it reads what it makes; results that only the run itself
reads are never written to memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..kernel import Reference
from ..kernels.fusion import fusible
from ..ops.fused import Fused
from ..spec import Shape
from .records import Entry, Look, Record, View, launch_over

LONGEST = 48  # launches of one run
WIDEST = 16  # operands and kept results of one run


class Run:
    """Element-by-element launches over one shape that may become one."""

    def __init__(self, members: list[tuple[int, Record]]) -> None:
        self.members = sorted(members, key=lambda one: one[0])
        self.shape: Shape = self.members[0][1].outs[0].shape
        self.made = {view.key: view for _, one in self.members for view in one.outs}
        self.writes = {id(view.buffer) for view in self.made.values()}
        self.reads = {id(view.buffer) for _, one in self.members for view in one.ins}

    def operands(self) -> list[View]:
        """Return what it reads and does not make itself, each once."""
        found = {v.key: v for _, one in self.members for v in one.ins if v.key not in self.made}
        return list(found.values())

    def feeds(self, record: Record) -> bool:
        """Tell whether a launch can join: it reads a result of this run just as it was made."""
        touched = [view for view in record.ins if id(view.buffer) in self.writes]
        return (
            bool(touched)
            and record.outs[0].shape == self.shape
            and all(view.key in self.made for view in touched)
        )


def fused(entries: Sequence[Entry], outputs: Sequence[View]) -> list[Entry]:
    """Join element-by-element launches over one shape."""
    readers: dict[int, set[int]] = {}
    for number, entry in enumerate(entries):
        for view in entry.ins:
            readers.setdefault(id(view.buffer), set()).add(number)
    leaving = {id(view.buffer) for view in outputs}
    found: list[Entry] = []
    waiting: list[Run] = []

    def close(runs: Sequence[Run]) -> None:
        for run in runs:
            waiting.remove(run)
            found.extend(joined(run, readers, leaving))

    for number, entry in enumerate(entries):
        reads = {id(view.buffer) for view in entry.ins}
        writes = {id(view.buffer) for view in entry.outs} if isinstance(entry, Record) else set()
        if not _can_join(entry):
            close([run for run in waiting if run.writes & (reads | writes) or run.reads & writes])
            found.append(entry)
            continue
        assert isinstance(entry, Record)
        feeding = [run for run in waiting if run.feeds(entry)]
        close([run for run in waiting if run not in feeding and run.writes & reads])
        members = [(number, entry), *[one for run in feeding for one in run.members]]
        wider = Run(members)
        if len(members) > LONGEST or len(wider.operands()) + len(feeding) > WIDEST:
            close(feeding)
            wider, feeding = Run([(number, entry)]), []
        for run in feeding:
            waiting.remove(run)
        waiting.append(wider)
    close(list(waiting))
    return found


def joined(run: Run, readers: dict[int, set[int]], leaving: set[int]) -> list[Record]:
    """Return a run as one launch, or as it was where no body is faster."""
    records = [record for _, record in run.members]
    if len(records) == 1:
        return records
    inside = {number for number, _ in run.members}
    operands = run.operands()
    places = {view.key: i for i, view in enumerate(operands)}
    steps, kept, outs = [], [], []
    for i, record in enumerate(records):
        steps.append((record.call.function, tuple([places[view.key] for view in record.ins])))
        view = record.outs[0]
        places[view.key] = len(operands) + i
        buffer = id(view.buffer)
        if buffer in leaving or readers.get(buffer, set()) - inside:
            kept.append(i)
            outs.append(view)
    function = Fused(tuple(steps), tuple(kept))
    made = launch_over(function, records[0].call.device, operands, outs, records[-1].line)
    return records if isinstance(made.kernel, Reference) else [made]


def _can_join(entry: Entry) -> bool:
    if isinstance(entry, Look) or entry.updates or len(entry.outs) != 1:
        return False
    view = entry.outs[0]
    return view.buffer.origin == "made" and view.whole and fusible(entry.call)

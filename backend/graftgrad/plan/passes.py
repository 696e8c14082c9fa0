"""What makes a recorded step shorter: each pass takes entries and returns fewer or better ones.

Passes change where results are written and what is computed, never the values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..device.base import Device
from ..kernels.fusion import fusible
from ..kernels.threads import get_num_threads
from ..ops.fused import Fused
from ..ops.update import Assign
from .dividing import in_halves
from .fixed import Fixed
from .fusing import fused
from .norms import joined_norms
from .products import joined_products
from .records import Buffer, Entry, Look, Record, Recording, View, launch_over

Constants = dict[int, tuple[Buffer, Device]]  # what was computed once, by what it stands for


def shortened(recording: Recording, fixed: Fixed, loose: bool = False) -> Recording:
    """Return the recording after all passes; with `loose` also those that round differently."""
    recording = replace(recording, entries=with_conditions(recording.entries))

    def joined(entries: Sequence[Entry]) -> Sequence[Entry]:
        entries = joined_products(entries, recording.outputs, fixed, loose)
        entries = joined_norms(entries, recording.outputs)
        return in_halves(entries) if get_num_threads() > 1 else entries

    return settled(recording, fixed, joined)


def settled(
    recording: Recording,
    fixed: Fixed,
    between: Callable[[Sequence[Entry]], Sequence[Entry]] = tuple,
) -> Recording:
    """Return the recording after the passes that hold on every device, and some between them."""
    entries = checks_first(recording.entries)
    entries = without_dead(entries, recording.outputs)
    entries = folded(entries, recording.outputs, fixed)
    entries = fused(between(entries), recording.outputs)
    entries = into_destinations(entries, recording.outputs)
    return replace(recording, entries=entries)


def folded(entries: Sequence[Entry], outputs: Sequence[View], fixed: Fixed) -> list[Entry]:
    """Compute now what depends on nothing that changes, and keep the results as constants."""
    leaving = {id(view.buffer) for view in outputs}
    constants: Constants = {}
    found: list[Entry] = []
    for entry in entries:
        ins = tuple([_constant(view, constants) for view in entry.ins])
        known = all(view in fixed for view in ins)
        if isinstance(entry, Look) or entry.updates or not known or not ins:
            found.append(replace(entry, ins=ins))
            continue
        if any(v.buffer.origin != "made" or id(v.buffer) in leaving for v in entry.outs):
            found.append(replace(entry, ins=ins))
            continue
        for view in entry.outs:
            array = entry.call.device.room(view.buffer.nbytes)
            buffer = Buffer(view.buffer.nbytes, "constant", array)
            constants[id(view.buffer)] = buffer, entry.call.device
        outs = tuple([_constant(view, constants) for view in entry.outs])
        scratch = entry.call.device.scratch(entry.kernel.scratch)
        arrays = tuple([view.array for view in ins]), tuple([view.array for view in outs])
        entry.kernel.run(*arrays, scratch)
    return found


def _constant(view: View, constants: Constants) -> View:
    """Return a view of a folded result as a view of the memory that holds it."""
    known = constants.get(id(view.buffer))
    if known is None:
        return view
    buffer, device = known
    array = device.within(buffer.array, view.shape, view.dtype, view.offset, view.strides)
    return replace(view, buffer=buffer, array=array)


def with_conditions(entries: Sequence[Entry]) -> list[Entry]:
    """Put a look in front of every launch whose C calls need values to be what they must be."""
    found: list[Entry] = []
    for entry in entries:
        needed = entry.kernel.condition() if isinstance(entry, Record) else None
        if needed is not None:
            operand, looks = needed
            found.append(Look(looks, (entry.ins[operand],), entry.line))
        found.append(entry)
    return found


def checks_first(entries: Sequence[Entry]) -> list[Entry]:
    """Let what looks at the step's arguments alone look before anything is computed or changed.

    Equal checks of the same values are made once.
    """
    given = [e for e in entries if isinstance(e, Look) and e.of_arguments]
    early = {(e.function, tuple(view.key for view in e.ins)): e for e in reversed(given)}
    later = [e for e in entries if not (isinstance(e, Look) and e.of_arguments)]
    return [*reversed(early.values()), *later]


def without_dead(entries: Sequence[Entry], outputs: Sequence[View]) -> list[Entry]:
    """Leave out launches whose results nobody reads."""
    wanted = {id(view.buffer) for view in outputs}
    kept: list[Entry] = []
    for entry in reversed(entries):
        if isinstance(entry, Record):
            useful = any(v.nbytes and (v.buffer.origin != "made" or id(v.buffer) in wanted)
                         for v in entry.outs)  # fmt: skip
            if not useful:
                continue
        wanted |= {id(view.buffer) for view in entry.ins}
        kept.append(entry)
    kept.reverse()
    return kept


def into_destinations(entries: Sequence[Entry], outputs: Sequence[View]) -> list[Entry]:
    """Let results that are only copied be written where the copy goes.

    A launch makes a buffer as a whole, an assignment copies it as a whole into another place of the
    same layout. If nothing touches that place in between, the launch writes there at once, and
    whoever reads the buffer reads the place, as long as nothing else is written there.
    """
    listed: list[Entry | None] = list(entries)
    leaving = {id(view.buffer) for view in outputs}
    for number, entry in enumerate(entries):
        if not (isinstance(entry, Record) and isinstance(entry.call.function, Assign)):
            continue
        target, value = entry.ins
        fits = (
            value.buffer.origin == "made"
            and id(value.buffer) not in leaving
            and value.whole
            and target.contiguous
            and (target.shape, target.dtype) == (value.shape, value.dtype)
        )
        if not fits:
            continue
        made = _maker(listed, number, value)
        if made is None or not _free(listed, made, number, target, value):
            continue
        listed[number] = None
        _redirect(listed, value, target)
    return [entry for entry in listed if entry is not None]


def _maker(listed: Sequence[Entry | None], end: int, value: View) -> int | None:
    """Return the one launch that writes a buffer, if it writes all of it at once."""
    found = None
    for number, entry in enumerate(listed[:end]):
        if not isinstance(entry, Record):
            continue
        for view in entry.outs:
            if view.buffer is value.buffer:
                if found is not None or entry.updates or view.key != value.key:
                    return None
                found = number
    return found


def _free(
    listed: Sequence[Entry | None], made: int, number: int, target: View, value: View
) -> bool:
    """Tell whether a target can be written early, and stays until its last reader."""
    readers = [
        i
        for i, entry in enumerate(listed)
        if entry is not None and i != number and any(v.buffer is value.buffer for v in entry.ins)
    ]
    for i in readers:
        entry = listed[i]
        assert entry is not None
        if any(v.buffer is value.buffer and v.key != value.key for v in entry.ins):
            return False
    last = max([number, *readers])
    for i in range(made, last + 1):
        entry = listed[i]
        if entry is None or i == number:
            continue
        if isinstance(entry, Look) and i < number:
            return False  # it may raise, and then nothing must have been changed
        outs = entry.outs if isinstance(entry, Record) else ()
        if any(v.buffer is target.buffer and overlap(v, target) for v in outs):
            return False
        if i > number or (i == made and _in_place(entry, target)):
            continue
        if any(v.buffer is target.buffer and overlap(v, target) for v in entry.ins):
            return False
    return True


def _in_place(entry: Entry, target: View) -> bool:
    """Tell whether a launch may write over an operand: it goes element by element, once."""
    if not isinstance(entry, Record):
        return False
    function = entry.call.function
    single = isinstance(function, Fused) or fusible(entry.call)
    return (
        len(entry.outs) == 1
        and single
        and all(v.key == target.key for v in entry.ins if v.buffer is target.buffer)
    )


def _redirect(listed: list[Entry | None], value: View, target: View) -> None:
    """Put a target in the place of a buffer everywhere."""
    for i, entry in enumerate(listed):
        if entry is None:
            continue
        ins = tuple([target if v.buffer is value.buffer else v for v in entry.ins])
        if not isinstance(entry, Record):
            if ins != entry.ins:
                listed[i] = replace(entry, ins=ins)
            continue
        outs = tuple([target if v.buffer is value.buffer else v for v in entry.outs])
        if ins != entry.ins or outs != entry.outs:
            listed[i] = rebuilt(entry, ins, outs)


def rebuilt(record: Record, ins: tuple[View, ...], outs: tuple[View, ...]) -> Record:
    """Return a launch over other views, with the kernel that fits them."""
    made = launch_over(record.call.function, record.call.device, ins, outs, record.line)
    return replace(made, lane=record.lane)


def overlap(one: View, other: View) -> bool:
    """Tell whether two views of one buffer may share a byte."""
    return one.span[0] < other.span[1] and other.span[0] < one.span[1]

"""Kernels made of a few compiled loops, one after the other, over operands, results and room."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference
from ...spec import Spec
from . import openmp, pages
from .entry import entry, native_call
from .geometry import Walk
from .loops import Loop
from .program import Program, Unsupported, Value
from .vectors import Slot

LONG = 1 << 15  # steps on elements from which on Python's lock is given back

Make = Callable[[Program, Sequence[Slot]], Loop]
_made: dict[tuple[Any, ...], tuple[int, Any, int]] = {}


class Part(NamedTuple):
    """One loop: what is called, with which of the arrays."""

    call: Callable[..., int]
    address: int
    places: tuple[int, ...]
    enter: int
    threads: int
    keeps: Any


def part(
    key: tuple[Any, ...], walk: Walk, kinds: Sequence[str], places: Sequence[int],
    write: Callable[[Program, list[Value]], None], load: Callable[[Program, int, Slot], Value],
    make: Make,
) -> Part:  # fmt: skip
    """Return a loop over some of the arrays of a kernel; code that was made before is used again.

    Args:
        key: what tells the code from others, beside the operands' kinds and layouts.
        walk: sizes and strides.
        kinds: the type of each operand's elements.
        places: where each stands among operands, results and room.
        write: makes the program of the operands' values.
        load: makes the value of an operand.
        make: makes the loop of the program.
    Raises:
        Unsupported: it cannot be expressed.
    """
    slots = tuple([Slot(kind, how) for kind, how in zip(kinds, walk.layouts, strict=True)])
    whole = (*key, slots)
    known = _made.get(whole)
    if known is None:
        program = Program()
        write(program, [load(program, i, slot) for i, slot in enumerate(slots)])
        unit, enter = make(program, slots).unit()
        count = sum(node.op not in ("constant", "bits", "number") for node in program.nodes)
        known = _made[whole] = enter, unit, count
    enter, unit, count = known
    threads = openmp.share(walk.elements, count)
    words = walk.words(enter, threads)
    call = entry(len(slots), walk.elements * count < LONG)
    return Part(call, ctypes.addressof(words), tuple(places), enter, threads, (unit, words))


class Steps(Kernel):
    """Loops one after the other; operands in `still` are one number that is stretched."""

    def __init__(
        self, call: Call, parts: Sequence[Part], scratch: tuple[Spec, ...] = (),
        still: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        self.reference = Reference(call)
        self.parts = tuple(parts)
        self.scratch = scratch
        self.still = still

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        arrays = (*ins, *outs, *scratch)
        if self._gapped(ins):
            self.reference.run(ins, outs, scratch)
            return
        for one in self.parts:
            if one.call(one.address, *[arrays[i] for i in one.places]):
                self.reference.run(ins, outs, scratch)
                return

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the run as one C call for each loop."""
        if self._gapped(ins):
            return None
        arrays = (*ins, *outs, *scratch)
        return [
            native_call(one.enter, one.address, [arrays[i] for i in one.places], one.threads, one)
            for one in self.parts
        ]

    def _gapped(self, ins: Arrays) -> bool:
        return any(any(ins[i].strides) for i in self.still)


def offered(
    call: Call, make: Callable[[Call], Kernel | None], still: tuple[int, ...] = ()
) -> Kernel | None:
    """Return what `make` makes of a call, or None where it does not fit.

    Operands in `still` may have gaps.
    """
    whole = (*call.ins, *call.outs)
    gapped = any(not spec.contiguous for i, spec in enumerate(whole) if i not in still)
    if gapped or any(spec.size == 0 for spec in whole):
        return None
    if not pages.available() or not openmp.available():
        return None
    try:
        return make(call)
    except (Unsupported, LibraryError):
        return None

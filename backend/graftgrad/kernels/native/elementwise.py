"""Kernels for every op that states itself as C: one pass over memory, on all threads.

An op says `c = "a + b"`; here that becomes a program, a loop around it and machine code. Ops that
change their operands state assignments to them. What does not fit is declined, or, if it shows
only when strides are known, computed by the reference body.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import LibraryError
from ...function import Function
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference
from ...ops.fused import Fused
from ...ops.optimize import Update
from ...spec import DType, Shape, Spec, bfloat16, bool_, float32, float64, int32, uint8
from ..threads import COUNT, get_num_threads
from . import openmp, pages
from .entry import entry, native_call
from .geometry import Walk, row_major, walk
from .loops import ENTER, THREADS, Loop
from .program import DOUBLE as DOUBLES
from .program import FLOAT, MASK, NUMBER, WHOLE, Program, Unsupported, Value
from .translate import run, stated
from .vectors import BYTE, DOUBLE, INTEGER, ONE, SHORT, SINGLE, TRUTH, Slot

LONG = 1 << 13  # elements from which on Python's lock is given back
KINDS: dict[DType, str] = {float32: SINGLE, bfloat16: SHORT, bool_: TRUTH}
READ_ONLY: dict[DType, str] = {**KINDS, uint8: BYTE, int32: INTEGER}

Write = Callable[[Program, Sequence[Value]], dict[int, Value]]


class Made(NamedTuple):
    """Code for an op over operands of some kind, and how much one element costs."""

    enter: int
    keeps: Any
    steps: int


_made: dict[tuple[Any, ...], Made] = {}
_codes: Counter[type[Function]] = Counter()
MOST, MOST_RUNS = 64, 4096  # codes for one kind of function: attributes may never repeat


class Plan(NamedTuple):
    """A kernel for arrays of known strides: what is called with the arrays."""

    call: Callable[..., int]
    shape: Any
    address: int
    threads: int
    keeps: Any


class Elementwise(Kernel):
    """One op, or several in a row, element by element."""

    def __init__(self, call: Call, kinds: Sequence[str], write: Write) -> None:
        self.reference = Reference(call)
        self.asked = call
        self.kinds = tuple(kinds)
        self.write = write
        self.inplace = bool(call.function.updates)
        self.specs = call.ins if self.inplace else (*call.ins, *call.outs)
        inputs = len(call.ins)
        self.written = frozenset(
            type(call.function).updated if self.inplace else range(inputs, len(self.specs))
        )
        self.others = [i for i in range(inputs) if self.inplace and i not in self.written
                       and call.ins[i].size > 1]  # fmt: skip
        self.plans: dict[tuple[Any, ...], Plan | None] = {}
        self.plan = None if self._strided() else self.planned(self._row_major())

    def _strided(self) -> bool:
        return not all(spec.contiguous for spec in self.specs)

    def _row_major(self) -> tuple[tuple[int, ...], ...]:
        return tuple([row_major(spec.shape, spec.dtype.itemsize) for spec in self.specs])

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        arrays = ins if self.inplace else (*ins, *outs)
        plan = self.plan or self._of(arrays)
        if plan is None or (self.others and self._overlap(ins)):
            self.reference.run(ins, outs, scratch)
        elif plan.call(plan.address, *arrays):
            self.reference.run(ins, outs, scratch)

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the run as one C call."""
        arrays = ins if self.inplace else (*ins, *outs)
        plan = self.plan or self._of(arrays)
        if plan is None or self._overlap(ins):
            return None
        if plan.threads > 1 == get_num_threads() < COUNT.value:
            # for good, however many there are when it is called
            words = type(plan.shape)(*plan.shape)
            words[THREADS] = 1
            plan = plan._replace(shape=words, address=ctypes.addressof(words), threads=1)
        return [native_call(plan.shape[ENTER], plan.address, arrays, plan.threads, plan)]

    def _of(self, arrays: Arrays) -> Plan | None:
        strides = tuple([array.strides for array in arrays])
        if strides not in self.plans:
            try:
                self.plans[strides] = self.planned(strides)
            except Unsupported:
                self.plans[strides] = None
        return self.plans[strides]

    def _overlap(self, ins: Arrays) -> bool:
        """Tell whether an operand lies over one that is changed, but not in the same order."""
        for i in self.others:
            for w in self.written:
                one, changed = ins[i], ins[w]
                if np.may_share_memory(one, changed) and not (
                    one.ctypes.data == changed.ctypes.data
                    and one.strides == changed.strides
                    and one.shape == changed.shape
                ):
                    return True
        return False

    def planned(self, strides: tuple[tuple[int, ...], ...]) -> Plan | None:
        """Return the kernel for arrays of these strides, or None where it does not fit.

        Raises:
            Unsupported: the op cannot be expressed, whatever the strides.
        """
        whole = self.specs[min(self.written)].shape
        sizes = [spec.dtype.itemsize for spec in self.specs]
        # an operand that does not stretch to the result cannot be part of it
        read = [_stretches(spec.shape, whole) for spec in self.specs]
        shapes = [spec.shape if yes else () for spec, yes in zip(self.specs, read, strict=True)]
        strides = tuple([own if yes else () for own, yes in zip(strides, read, strict=True)])
        found = walk(whole, shapes, strides, sizes, self.written)
        if found is None:
            return None
        made = self._code(found)
        threads = openmp.share(found.elements, made.steps)
        shape = found.words(made.enter, threads)
        call = entry(len(self.specs), found.elements * made.steps < 4 * LONG)
        return Plan(call, shape, ctypes.addressof(shape), threads, made)

    def _code(self, found: Walk) -> Made:
        slots = tuple([Slot(kind, layout) for kind, layout in zip(self.kinds, found.layouts,
                                                                  strict=True)])  # fmt: skip
        key = self.asked.function, slots, found.depth, self.written
        made = _made.get(key)
        if made is None:
            kind = type(self.asked.function)
            if _codes[kind] >= (MOST_RUNS if kind is Fused else MOST):
                raise Unsupported(f"one code more for {kind.__name__}")
            _codes[kind] += 1
            program = written(slots, self.written, self.write)
            # averages of what stays 0 would decay into denormal numbers, and stay there
            loop = Loop(program, slots, found.depth, isinstance(self.asked.function, Update))
            unit, enter = loop.unit()
            steps = sum(node.op not in ("constant", "bits", "number") for node in program.nodes)
            made = _made[key] = Made(enter, unit, steps)
        return made


def _stretches(shape: Shape, whole: Shape) -> bool:
    """Tell whether an array of a shape broadcasts to another one."""
    return len(shape) <= len(whole) and all(
        size in (1, wide) for size, wide in zip(reversed(shape), reversed(whole), strict=False)
    )


def written(slots: Sequence[Slot], results: frozenset[int], write: Write) -> Program:
    """Return the program that `write` makes of operands, with its results brought to their types.

    Raises:
        Unsupported: it cannot be expressed.
    """
    program = Program()
    loads = [
        program.load(
            i,
            DOUBLES if slot.kind == DOUBLE else MASK if slot.kind == TRUTH else FLOAT,
            slot.layout == ONE or slot.kind == DOUBLE,
        )
        for i, slot in enumerate(slots)
    ]
    for slot, x in write(program, loads).items():
        program.store(slot, brought(program, x, slots[slot].kind))
    assert {slot for slot, _ in program.stores} <= results
    return program


def brought(program: Program, x: Value, kind: str) -> Value:
    """Return a result as what its elements are.

    Raises:
        Unsupported: a truth value is wanted, and it is a real number.
    """
    if kind == DOUBLE:
        return program.double(x)
    if kind == TRUTH:
        if x.kind not in (MASK, NUMBER, WHOLE):
            raise Unsupported("a truth value must be one")
        return program.truth(x)
    return program.rounded(x, bfloat16 if kind == SHORT else float32)


def offer(call: Call, kinds: Sequence[str] | None, write: Write) -> Kernel | None:
    """Return the kernel, or None where it cannot be made."""
    whole = (*call.ins, *call.outs)
    if kinds is None or any(spec.size == 0 for spec in whole):
        return None
    if not pages.available() or not openmp.available():
        return None
    try:
        return Elementwise(call, kinds, write)
    except (Unsupported, LibraryError):
        return None


def kinds_of(call: Call) -> list[str] | None:
    """Return the kinds of operands and results, or None where there is one that does not fit."""
    numbers = {i for i, spec in enumerate(call.ins) if spec.dtype == float64 and spec.size == 1}
    updates = bool(call.function.updates)
    written_places = type(call.function).updated if updates else ()
    only_numbers = len(numbers) == len(call.ins) and not updates
    kinds = []
    for i, spec in enumerate(call.ins):
        known = KINDS if i in written_places else READ_ONLY
        kind = DOUBLE if i in numbers and i not in written_places else known.get(spec.dtype)
        if kind is None or (kind in (BYTE, INTEGER) and not _converted(call.function, i)):
            return None
        kinds.append(kind)
    for spec in () if updates else call.outs:
        kind = DOUBLE if only_numbers and _is_number(spec) else KINDS.get(spec.dtype)
        if kind is None or (numbers and kind != DOUBLE):
            return None
        kinds.append(kind)
    return kinds


def _is_number(spec: Spec) -> bool:
    return spec.dtype == float64 and spec.size == 1


def _converted(function: Function, operand: int) -> bool:
    """Tell whether whole numbers are only read to become real ones."""
    steps: Any = getattr(function, "steps", None)
    if steps is None:
        return bool(getattr(function, "converts", False))
    return all(_converted(step, 0) for step, places in steps if operand in places)


def build(call: Call) -> Kernel | None:
    """Offer a kernel for an op that states an expression."""
    function = call.function
    if not stated(function):
        return None
    kind = type(function)

    def write(program: Program, operands: Sequence[Value]) -> dict[int, Value]:
        named = dict(zip(kind.operands, operands, strict=False))
        given = run(program, function, named)
        if function.updates:
            return {kind.operands.index(name): x for name, x in given.items()}
        first = len(call.ins)
        return {first + (kind.outputs.index(name) if name else 0): x for name, x in given.items()}

    return offer(call, kinds_of(call), write)

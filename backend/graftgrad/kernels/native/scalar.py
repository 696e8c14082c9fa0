"""Kernels that go number by number: labels, places of extrema, counters.

They are short loops over plain arrays, for which no vector is worth its while. Each is a piece of
code over a block of addresses, as `entry` hands it over: [words, first array, second array, …].
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference, kernel
from ...ops.compare import ArgExtremum, Compare
from ...ops.labels import LabelDistribution, Pick
from ...ops.update import Accumulate
from ...spec import bool_, float32, float64, int64
from . import pages
from .assembler import R8, R9, R10, R11, RAX, RCX, RDI, RDX, RSI, Assembler, Memory
from .entry import entry, native_call
from .pages import Unit

WORDS = 8  # of a block's first entry: the code, then what a kernel counts by
MANY = 1 << 16  # elements from which on NumPy's vectors are faster than single numbers

_units: dict[tuple[Any, ...], Unit] = {}


class Scalar(Kernel):
    """One short loop, run by the thread that calls it."""

    def __init__(self, call: Call, unit: Unit, *counts: int) -> None:
        self.reference = Reference(call)
        self.unit = unit
        self.words = (ctypes.c_int64 * WORDS)(unit.address, *counts)
        self.address = ctypes.addressof(self.words)
        self.arrays = len(call.ins) + (0 if call.function.updates else len(call.outs))
        self.call = entry(self.arrays, True)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        if self.call(self.address, *(*ins, *outs)[: self.arrays]):
            self.reference.run(ins, outs, scratch)

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the loop as one C call."""
        arrays = (*ins, *outs)[: self.arrays]
        return [native_call(self.unit.address, self.address, arrays, 0, self)]


Write = Callable[[Assembler], None]


def _offer(call: Call, key: tuple[Any, ...], write: Write, *counts: int) -> Scalar | None:
    """Return the kernel of a loop that `write` writes, or None where it cannot be made."""
    specs = (*call.ins, *call.outs)
    fits = all(spec.contiguous for spec in specs) and max(spec.size for spec in specs) < MANY
    if not fits or not all(spec.size for spec in specs) or not pages.available():
        return None
    try:
        unit = _units.get(key)
        if unit is None:
            code = Assembler()
            write(code)
            code.give_back()
            unit = _units[key] = Unit(code.finish())
        return Scalar(call, unit, *counts)
    except LibraryError:
        return None


def _kinds(call: Call, ins: tuple[Any, ...], outs: tuple[Any, ...]) -> bool:
    return tuple([s.dtype for s in call.ins]) == ins and tuple([s.dtype for s in call.outs]) == outs


def _bits(value: float) -> int:
    """Return the bits of a number of single precision, as a whole number."""
    return int(struct.unpack("<I", struct.pack("<f", float(np.float32(value))))[0])


def _counts(code: Assembler, *registers: int) -> None:
    """Read the words of the kernel into registers; RAX is used."""
    code.move(RAX, Memory(RDI))
    for i, register in enumerate(registers):
        code.move(register, Memory(RAX, 8 * (1 + i)))


@kernel(Pick, on="cpu")
def pick(call: Call) -> Kernel | None:
    """Offer the element of each row at its label."""
    function: Any = call.function
    x, _ = call.ins
    if not _kinds(call, (float32, int64), (float32,)):
        return None
    ignored = function.ignored

    def write(code: Assembler) -> None:
        _counts(code, RCX, RDX)  # rows, classes
        code.move(RSI, Memory(RDI, 8))
        code.move(R8, Memory(RDI, 16))
        code.move(R9, Memory(RDI, 24))
        code.number(R10, 0)
        code.label("row")
        code.move(RAX, Memory(R8, 0, R10, 8))
        if ignored is not None:
            code.number(R11, ignored)
            code.arithmetic("cmp", RAX, R11)
            code.jump("ignored", "je")
        code.arithmetic("cmp", RAX, RDX)  # as numbers without sign: below 0 is far above
        code.jump("wrong", "jae")
        code.load_32(RAX, Memory(RSI, 0, RAX, 4))
        code.label("write")
        code.put_32(Memory(R9, 0, R10, 4), RAX)
        code.move(RAX, RDX)
        code.shift_left(RAX, 2)
        code.arithmetic("add", RSI, RAX)
        code.arithmetic_number("add", R10, 1)
        code.arithmetic("cmp", R10, RCX)
        code.jump("row", "jb")
        code.jump("end")
        code.label("wrong")
        code.number(RAX, _bits(np.nan))
        code.jump("write")
        code.label("ignored")
        code.number(RAX, 0)
        code.jump("write")
        code.label("end")

    return _offer(call, (Pick, ignored), write, call.outs[0].size, x.shape[-1])


@kernel(LabelDistribution, on="cpu")
def label_distribution(call: Call) -> Kernel | None:
    """Offer the distribution that each label stands for."""
    function: Any = call.function
    if not _kinds(call, (int64,), (float32,)):
        return None
    base = np.float32(function.smoothing / function.classes)
    peak = base + np.float32(1 - function.smoothing)
    ignored = function.ignored

    def write(code: Assembler) -> None:
        _counts(code, RCX, RDX, R10, R11)  # rows, classes, bits of the base and of the peak
        code.move(RSI, Memory(RDI, 8))
        code.move(R8, Memory(RDI, 16))
        code.label("row")
        code.move(R9, R10)
        code.move(RAX, Memory(RSI))
        if ignored is not None:
            code.number(RDI, ignored)
            code.arithmetic("cmp", RAX, RDI)
            code.jump("ignored", "je")
        code.arithmetic("cmp", RAX, RDX)
        code.jump("wrong", "jae")
        code.label("fill")
        code.number(RDI, 0)
        code.label("class")
        code.put_32(Memory(R8, 0, RDI, 4), R9)
        code.arithmetic_number("add", RDI, 1)
        code.arithmetic("cmp", RDI, RDX)
        code.jump("class", "jb")
        code.arithmetic("cmp", R9, R10)
        code.jump("next", "jne")
        code.move(RAX, Memory(RSI))
        if ignored is not None:  # a base of 0 looks like an ignored row's
            code.number(RDI, ignored)
            code.arithmetic("cmp", RAX, RDI)
            code.jump("next", "je")
        code.put_32(Memory(R8, 0, RAX, 4), R11)
        code.label("next")
        code.move(RAX, RDX)
        code.shift_left(RAX, 2)
        code.arithmetic("add", R8, RAX)
        code.arithmetic_number("add", RSI, 8)
        code.arithmetic_number("sub", RCX, 1)
        code.jump("row", "jne")
        code.jump("end")
        code.label("wrong")
        code.number(R9, _bits(np.nan))
        code.jump("fill")
        code.label("ignored")
        code.number(R9, 0)
        code.jump("fill")
        code.label("end")

    rows = call.ins[0].size
    counts = (rows, function.classes, _bits(float(base)), _bits(float(peak)))
    return _offer(call, (LabelDistribution, ignored), write, *counts)


@kernel(ArgExtremum, on="cpu")
def arg_extremum(call: Call) -> Kernel | None:
    """Offer the place of the extremum along the last axis; a NaN counts as one, the first wins."""
    function: Any = call.function
    x = call.ins[0]
    if not _kinds(call, (float32,), (int64,)) or function.axis != x.ndim - 1:
        return None
    first, second = (1, 0) if function.largest else (0, 1)

    def write(code: Assembler) -> None:
        _counts(code, RCX, RDX)  # rows, sizes of a row
        code.move(RSI, Memory(RDI, 8))
        code.move(R8, Memory(RDI, 16))
        code.label("row")
        code.number(RAX, 0)
        code.number(R9, 0)
        code.two("vmovss", 0, Memory(RSI), short=True)
        code.two("vucomiss", 0, 0, short=True)
        code.jump("found", "jp")
        code.jump("more")
        code.label("column")
        code.two("vmovss", 1, Memory(RSI, 0, R9, 4), short=True)
        code.two("vucomiss", first, second, short=True)
        code.jump("none", "jp")
        code.jump("more", "jbe")
        code.two("vmovaps", 0, 1, short=True)
        code.move(RAX, R9)
        code.label("more")
        code.arithmetic_number("add", R9, 1)
        code.arithmetic("cmp", R9, RDX)
        code.jump("column", "jb")
        code.jump("found")
        code.label("none")
        code.move(RAX, R9)
        code.label("found")
        code.put(Memory(R8), RAX)
        code.arithmetic_number("add", R8, 8)
        code.move(RAX, RDX)
        code.shift_left(RAX, 2)
        code.arithmetic("add", RSI, RAX)
        code.arithmetic_number("sub", RCX, 1)
        code.jump("row", "jne")

    return _offer(call, (ArgExtremum, function.largest), write, call.outs[0].size, x.shape[-1])


@kernel(Compare, on="cpu")
def compare(call: Call) -> Kernel | None:
    """Offer whether whole numbers of two arrays of one shape are equal, or not."""
    function: Any = call.function
    conditions = {"equal": "jne", "not_equal": "je"}
    if function.relation not in conditions or not _kinds(call, (int64, int64), (bool_,)):
        return None
    if call.ins[0].shape != call.ins[1].shape:
        return None

    def write(code: Assembler) -> None:
        _counts(code, RCX)
        code.move(RSI, Memory(RDI, 8))
        code.move(R8, Memory(RDI, 16))
        code.move(R9, Memory(RDI, 24))
        code.number(R10, 0)
        code.label("element")
        code.number(RDX, 0)
        code.move(RAX, Memory(RSI, 0, R10, 8))
        code.arithmetic("cmp", RAX, Memory(R8, 0, R10, 8))
        code.jump("write", conditions[function.relation])
        code.number(RDX, 1)
        code.label("write")
        code.put_8(Memory(R9, 0, R10), RDX)
        code.arithmetic_number("add", R10, 1)
        code.arithmetic("cmp", R10, RCX)
        code.jump("element", "jb")

    return _offer(call, (Compare, function.relation), write, call.outs[0].size)


@kernel(Accumulate, on="cpu")
def accumulate(call: Call) -> Kernel | None:
    """Offer the sum of two counters: one number each, whole or of double precision."""
    dtype = call.ins[0].dtype
    single = all(spec.size == 1 and spec.dtype == dtype for spec in call.ins)
    if not single or dtype not in (int64, float64):
        return None

    def write(code: Assembler) -> None:
        code.move(RSI, Memory(RDI, 8))
        code.move(R8, Memory(RDI, 16))
        if dtype == int64:
            code.move(RAX, Memory(R8))
            code.add_to(Memory(RSI), RAX)
            return
        code.two("vmovsd", 0, Memory(RSI), short=True)
        code.three("vaddsd", 0, 0, Memory(R8), short=True)
        code.store("vmovsd", Memory(RSI), 0, short=True)

    return _offer(call, (Accumulate, str(dtype)), write)

"""Kernels made of oneDNN's primitives: built once per Call, addresses set per run or for good.

What the steps of a convolution, a product or a pooling are is told next door.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, NativeCall, Reference
from ...spec import Shape, Spec, bfloat16, float32, uint8
from . import library as home
from .library import library
from .memory import address_of, row_major, space
from .work import Bound, Work

LARGEST = 1 << 31  # bytes of an array; beyond, some kernels count in integers that are too short
MOST_LAYOUTS = 64  # of operands with gaps, that one kernel remembers
EXPONENT = np.uint16(0x7F80)  # of bfloat16: all ones where it is not finite
# Products that one thread computes: what a second would save is lost again on the way of operands
# and results from one processor to the other, measured within steps of small networks.
SMALL = 1 << 22

Build = Callable[[Work], None]
Check = Callable[[Arrays, Arrays], bool]


class Primitive(Kernel):
    """A kernel from the library; in a forked process, without its threads, the reference body.

    Some code divides its work when it is built, so the number of threads belongs to it; so do the
    strides of operands with gaps, which a Call does not know.
    """

    def __init__(self, call: Call, build: Build, products: int) -> None:
        self.reference = Reference(call)
        self.call = call
        self.build = build
        self.library = library()
        self.most = 1 if products < SMALL else None
        self.gapped = tuple(i for i, spec in enumerate(call.ins) if not spec.contiguous)
        self.bounds: dict[tuple[Any, ...], Bound | None] = {}
        with self.library.lock:
            threads = self.library.use(self.most)
            plain = tuple(row_major(call.ins[i].shape) for i in self.gapped)
            bound = Bound(self._work(plain))
        self.implementation = bound.work.implementation
        size = bound.work.size
        self.scratch = (Spec((size,), uint8),) if size else ()
        if not self.gapped:
            self.bounds[threads,] = bound

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        if not home.forked():
            with self.library.lock:
                bound = self._bound(ins)
                if bound is not None:
                    bound.place(ins, outs, self._base(bound, scratch))
                    bound.run()
                    return
        self.reference.run(ins, outs, ())

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the steps as C calls, for as many threads as are set now."""
        if home.forked():
            return None
        with self.library.lock:
            known = self._bound(ins)
            if known is None:
                return None
            threads = self.library.use(self.most)
            work = self._work(self._steps(ins), fixed) if fixed else known.work
            bound = Bound(work)
            short = work.size > sum(array.nbytes for array in scratch[:1])
            room = space(work.size) if short else scratch[0] if scratch else None
            bound.place(ins, outs, 0 if room is None else address_of(room))
            return bound.calls(bound.settled(), threads, ins, outs, room)

    def _bound(self, ins: Arrays) -> Bound | None:
        """Return the steps for this number of threads and these strides, None where none are."""
        key: tuple[Any, ...] = (self.library.use(self.most),)
        if self.gapped:
            key = (*key, *[ins[i].strides for i in self.gapped])
        try:
            return self.bounds[key]
        except KeyError:
            pass
        if len(self.bounds) >= MOST_LAYOUTS:
            self.bounds.clear()
        try:
            made: Bound | None = Bound(self._work(self._steps(ins)))
        except LibraryError:
            made = None
        self.bounds[key] = made
        return made

    def _steps(self, ins: Arrays) -> tuple[Shape, ...]:
        return tuple(_in_elements(ins[i]) for i in self.gapped)

    def _work(self, strides: tuple[Shape, ...], fixed: frozenset[int] = frozenset()) -> Work:
        given: list[Shape | None] = [None] * len(self.call.ins)
        for i, steps in zip(self.gapped, strides, strict=True):
            given[i] = steps
        work = Work(self.call, given, fixed)
        self.build(work)
        return work

    def _base(self, bound: Bound, scratch: Arrays) -> int:
        size = bound.work.size
        if not size:
            return 0
        if not scratch or scratch[0].nbytes < size:  # other threads or strides want more
            scratch = self.call.device.scratch((Spec((size,), uint8),))
        return address_of(scratch[0])


class Checked(Primitive):
    """A kernel that is wrong for rare operands: then the reference body computes again."""

    def __init__(self, call: Call, build: Build, products: int, right: Check) -> None:
        super().__init__(call, build, products)
        self.right = right

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`, look at them, and compute again if need be."""
        super().run(ins, outs, scratch)
        if not self.right(ins, outs):
            self.reference.run(ins, outs, ())

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return None: looking takes Python."""
        return None


def offer(call: Call, build: Build, products: int, right: Check | None = None) -> Primitive | None:
    """Return the library's kernel for a Call, or None where it has none that is fast.

    Args:
        call: what is to be computed.
        build: adds the steps for it to a Work.
        products: how many multiplications it takes.
        right: tells from operands and results whether the library's are right; None if always.
    """
    whole = [*call.ins, *call.outs]
    if not all(_fits(spec) for spec in whole) or not home.available():
        return None
    try:
        if right is not None:
            return Checked(call, build, products, right)
        return Primitive(call, build, products)
    except LibraryError:
        return None


def finite(array: Any) -> bool:
    """Tell whether all elements are finite; false, too, where their sum is too large."""
    if array.dtype == bfloat16:
        bits = array.view(np.uint16) & EXPONENT
        return not bool((bits == EXPONENT).any())
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(array, axis=None))


def _in_elements(array: Any) -> Shape:
    """Return an array's strides in elements; along axes of one element those without gaps.

    Raises:
        LibraryError: an array runs backwards or repeats elements.
    """
    plain = row_major(array.shape)
    steps = []
    for size, step, easy in zip(array.shape, array.strides, plain, strict=True):
        whole, rest = divmod(step, array.itemsize)
        if size > 1 and (whole <= 0 or rest):
            raise LibraryError(f"oneDNN: strides must be positive; got {array.strides}.")
        steps.append(easy if size == 1 else whole)
    return tuple(steps)


def _fits(spec: Spec) -> bool:
    known = spec.dtype in (float32, bfloat16) or spec.dtype.kind in "ui"
    return bool(known and 0 < spec.nbytes < LARGEST)

"""Products of matrices, in batches too, of operands as they lie.

Float32 is computed in full unless TF32 is allowed; 16-bit numbers are added up in float32.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_double, c_float
from functools import partial
from typing import Any

from ...device.base import Array
from ...kernel import Arrays, Call, Kernel, decline, kernel
from ...ops.matmul import MatMul
from ...spec import (
    DType,
    bfloat16,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    rounded,
)
from .. import tf32
from .gemm import Gemm, Lie, gemms, straight
from .library import Form, handle, why_not

MOST = 64  # calls of one product; with more, stretched factors are written out
_CACHED = 64

# element type -> the library's number of it
KINDS: dict[DType, int] = {
    float32: 0, float64: 1, float16: 2, complex64: 4, complex128: 5, bfloat16: 14,
}  # fmt: skip
FLOAT32, TF32, FLOAT64 = 68, 77, 70  # how products are added up


class _Complex64(ctypes.Structure):
    _fields_ = [("real", c_float), ("imag", c_float)]


class _Complex128(ctypes.Structure):
    _fields_ = [("real", c_double), ("imag", c_double)]


NUMBERS: dict[DType, Any] = {
    float64: c_double, complex64: _Complex64, complex128: _Complex128
}  # fmt: skip


def form_of(factors: DType, result: DType) -> Form | None:
    """Return the library's numbers for element types, or None where it has none."""
    short = factors in (float16, bfloat16) and result == float32
    if factors not in KINDS or not (short or result == factors):
        return None
    wide = factors in (float64, complex128)
    fast = factors in (float32, complex64) and tf32.allowed()
    computed = FLOAT64 if wide else TF32 if fast else FLOAT32
    sizes = factors.itemsize, result.itemsize
    return Form(KINDS[factors], KINDS[result], computed, sizes, NUMBERS.get(factors, c_float))


class Product(Kernel):
    """A product by the library; a float32 factor beside a 16-bit one is rounded aside first."""

    def __init__(self, call: Call, form: Form) -> None:
        self.device = call.device
        self.form = form
        a, b = call.ins
        used = rounded(b, a)
        self.rounds = used != b
        if self.rounds:
            self.scratch = (used.like(),)
        self.known: dict[Any, list[Gemm] | None] = {}
        self.empty = call.outs[0].size == 0
        self.nothing = a.shape[-1] == 0

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Multiply."""
        self.bind(ins, outs, scratch)()

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step with the calls laid out."""
        (a, b), y = ins, outs[0]
        if self.empty:
            return _nothing
        if self.nothing:
            return partial(y.fill, 0)
        with_rounding = [(scratch[0], b)] if self.rounds else []
        used = scratch[0] if self.rounds else b
        calls = self._calls(a, used, y)
        if calls is None:
            return partial(self._copied, ins, y, scratch)
        device, form = self.device, self.form
        places = a.data.ptr, used.data.ptr, y.data.ptr

        def step() -> None:
            for target, source in with_rounding:
                target[...] = source
            handle(device).run(calls, form, *places)

        # the addresses are those of these arrays: they must live as long as the step
        step.keeps = a, used, y  # type: ignore[attr-defined]
        return step

    def _copied(self, ins: Arrays, y: Array, scratch: Arrays) -> None:
        """Multiply factors that cannot be read as they lie, or are stretched in too many ways."""
        xp, (a, b) = self.device.xp, ins
        lead = y.shape[:-2]
        many = a.ndim > 2 and b.ndim > 2
        a, b = (
            xp.ascontiguousarray(xp.broadcast_to(x, (*lead, *x.shape[-2:])) if many else x)
            for x in (a, b.astype(scratch[0].dtype) if self.rounds else b)
        )
        calls = gemms(lie_of(a), lie_of(b), lie_of(y))
        handle(self.device).run(calls, self.form, a.data.ptr, b.data.ptr, y.data.ptr)

    def _calls(self, a: Array, b: Array, y: Array) -> list[Gemm] | None:
        """Return the calls for operands that lie so; None where one has to be copied."""
        key = a.strides, b.strides, y.strides
        if key not in self.known:
            if len(self.known) >= _CACHED:
                self.known.clear()
            lies = lie_of(a), lie_of(b), lie_of(y)
            found = gemms(*lies) if all(straight(one) for one in lies) else None
            self.known[key] = found if found is None or len(found) <= MOST else None
        return self.known[key]


def _nothing() -> None:
    return None


def lie_of(array: Array) -> Lie:
    """Return how an array lies, in elements."""
    return Lie(array.shape, tuple([step // array.itemsize for step in array.strides]))


@kernel(MatMul, on="gpu")
def matmul(call: Call) -> Kernel | None:
    """Offer products of any batches that broadcast."""
    a, y = call.ins[0], call.outs[0]
    form = form_of(a.dtype, y.dtype)
    reason = why_not()
    if form is None:
        reason = f"cuBLAS multiplies no {a.dtype} into {y.dtype}"
    elif not y.contiguous:
        reason = "cuBLAS writes rows without gaps"
    if reason or form is None:
        decline(call, reason)
        return None
    return Product(call, form)

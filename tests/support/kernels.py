"""What tests of fast bodies share: calls from arrays, runs of both kinds, random operands."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from graftgrad.device.find import cpu
from graftgrad.function import Function
from graftgrad.kernel import Call, NativeCall
from graftgrad.kernels.onednn import library
from graftgrad.spec import Spec, bfloat16, is_floating

Array = np.ndarray[Any, Any]
Trial = tuple[Function, tuple[Array, ...]]
Random = np.random.Generator


def specs(arrays: Sequence[Array]) -> tuple[Spec, ...]:
    return tuple(Spec(a.shape, a.dtype, a.flags.c_contiguous) for a in arrays)


def call_of(function: Function, ins: tuple[Array, ...]) -> Call:
    outs = function.infer(*specs(ins))
    return Call(function, specs(ins), outs if isinstance(outs, tuple) else (outs,), cpu)


def empties(call: Call) -> tuple[Array, ...]:
    return tuple(np.full(spec.shape, 77, spec.dtype) for spec in call.outs)


def ran(kernel: Any, call: Call, ins: tuple[Array, ...]) -> tuple[Array, ...]:
    """Run a kernel as the door does; return all results."""
    outs = empties(call)
    kernel.run(ins, outs, call.device.scratch(kernel.scratch) if kernel.scratch else ())
    return outs


def ran_natively(
    kernel: Any, call: Call, ins: tuple[Array, ...], fixed: Sequence[int] = ()
) -> tuple[Array, ...]:
    """Run a kernel's C calls twice, the second time after the results were spoilt."""
    outs = empties(call)
    scratch = tuple(_on_a_line(spec) for spec in kernel.scratch)
    calls = kernel.native(ins, outs, scratch, frozenset(fixed))
    assert calls is not None, f"{call} has no C calls"
    for _ in range(2):
        for out in outs:
            out[...] = 77
        for one in calls:
            made(one)
    return outs


def made(call: NativeCall) -> None:
    """Make a C call as a recorded step makes it: under the lock, with its number of threads."""
    used = library.library()
    kinds = [ctypes.c_ssize_t] * len(call.arguments)
    function = ctypes.CFUNCTYPE(ctypes.c_int, *kinds)(call.function)
    with used.lock:
        if call.threads:
            used.openmp.omp_set_num_threads(call.threads)
        result = function(*call.arguments)
    assert not (call.status and result), f"status {result}"


def _on_a_line(spec: Spec) -> Array:
    whole = np.full(spec.nbytes + 64, 0xAB, np.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + spec.nbytes].view(spec.dtype).reshape(spec.shape)


def close(
    found: Sequence[Array], wanted: Sequence[Array], tolerance: float, message: str = ""
) -> None:
    """Compare results, each against its own largest number."""
    for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
        a, b = a.astype(np.float64), b.astype(np.float64)
        scale = max(1.0, float(np.abs(b).max(initial=0)))
        np.testing.assert_allclose(
            a, b, rtol=tolerance, atol=tolerance * scale, err_msg=f"result {i} of {message}"
        )


def shortened(ins: tuple[Array, ...], but: Sequence[int] = ()) -> tuple[Array, ...]:
    """Return real operands as bfloat16, but for some."""
    return tuple(
        a.astype(bfloat16) if a.dtype == np.float32 and i not in but else a
        for i, a in enumerate(ins)
    )


def widened(ins: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return operands of 16 bits as float32."""
    return tuple(
        a.astype(np.float32) if is_floating(a.dtype) and a.dtype.itemsize == 2 else a for a in ins
    )


def laid(array: Array, layout: str) -> Array:
    """Return the same values in another layout."""
    if layout == "gapped":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    return np.asfortranarray(array) if layout == "turned" else array


def normal(random: Random, *shape: int) -> Array:
    return random.standard_normal(shape, dtype=np.float32)


def integer(random: Random, low: int, high: int) -> int:
    return int(random.integers(low, high + 1))

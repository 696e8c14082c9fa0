"""The calls that the declared cases of all ops make, forwards and backwards, with their values."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

import graftgrad
import graftgrad.function
from architecture.test_completeness import run
from graftgrad.device.find import cpu
from graftgrad.function import Function
from graftgrad.kernel import Call, builders
from graftgrad.spec import Spec
from support.every_case import cases

LARGE = 1 << 14  # elements of an operand from which on a call is left out


class Trial(NamedTuple):
    """A function with operands of NumPy."""

    function: Function
    ins: tuple[Any, ...]

    def call(self) -> Call:
        """The call that it makes on the processor."""
        specs = tuple([Spec(a.shape, a.dtype, a.flags.c_contiguous) for a in self.ins])
        outs = type(self.function).infer(self.function, *specs)
        return Call(self.function, specs, outs if isinstance(outs, tuple) else (outs,), cpu)


def served() -> set[type[Function]]:
    """The functions for which a kernel of ours is registered."""
    return {
        kind
        for (kind, device), builds in builders().items()
        if device == "gpu" and any("kernels.cuda" in build.__module__ for build in builds)
    }


@functools.cache
def trials() -> dict[type[Function], list[Trial]]:
    """The distinct calls that the cases of all ops make of functions that kernels serve."""
    found: dict[type[Function], list[Trial]] = {kind: [] for kind in served()}
    seen: set[Any] = set()
    inner = graftgrad.function.launch

    def launch(call: Call, ins: Any, outs: Any) -> None:
        kind = type(call.function)
        if kind in found and call.device.computes:
            layout = tuple([(a.shape, a.dtype, a.strides) for a in ins])
            key = call.function, layout
            if key not in seen and all(a.size < LARGE for a in ins):
                seen.add(key)
                found[kind].append(Trial(call.function, tuple([_copied(a) for a in ins])))
        inner(call, ins, outs)

    graftgrad.function.launch = launch
    try:
        for case in cases():
            run(case)
    finally:
        graftgrad.function.launch = inner
    return found


def _copied(array: Any) -> Any:
    """Return the same values in memory of their own, lying as they did."""
    low = sum(min(0, s * (n - 1)) for n, s in zip(array.shape, array.strides, strict=True))
    high = sum(max(0, s * (n - 1)) for n, s in zip(array.shape, array.strides, strict=True))
    held = np.zeros(high - low + array.itemsize, np.uint8)
    if not array.size:
        return array.copy()
    made = np.ndarray(array.shape, array.dtype, held.data, -low, array.strides)
    made[...] = array
    return made

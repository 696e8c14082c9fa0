"""Compiled dropout draws the bits of the reference body, on any number of threads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.device.find import cpu
from graftgrad.kernel import Call, Reference, choose, only_reference
from graftgrad.kernels.native import openmp, pages
from graftgrad.kernels.native.steps import Steps
from graftgrad.ops.random import Dropout
from graftgrad.spec import Spec, bfloat16, float32, float64

pytestmark = pytest.mark.skipif(
    not pages.available(), reason=f"native code is not used: {pages.why_not()}"
)


@pytest.fixture(autouse=True)
def shared_early(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let threads share what one of them would compute faster, in kernels that are chosen here."""
    monkeypatch.setattr(openmp, "GRAIN", 1 << 9)
    with only_reference():
        pass  # everything that was chosen is forgotten, before and after
    yield
    with only_reference():
        pass


STATE = np.array([0x89ABCDEF, 0xFFFFFFFF], np.uint32)


def call_of(shape: tuple[int, ...], rate: float, dtype: Any = float32) -> Call:
    made = Dropout(rate, shape)
    ins = (Spec(shape, dtype), Spec((2,), STATE.dtype))
    return Call(made, ins, made.infer(*ins), cpu)


def empties(call: Call) -> tuple[Any, ...]:
    return tuple(np.empty(spec.shape, spec.dtype) for spec in call.outs)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("shape", [(1,), (31,), (32,), (33,), (7, 100), (900, 513)])
def test_the_mask_is_that_of_the_reference(shape: tuple[int, ...], rate: float) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    call = call_of(shape, rate)
    wanted = empties(call)
    Reference(call).run((x, STATE), wanted, ())
    kernel = choose(call)
    assert isinstance(kernel, Steps)
    before = graftgrad.get_num_threads()
    try:
        for count in (1, 2, 3):
            graftgrad.set_num_threads(count)
            found, again = empties(call), empties(call)
            scratch = cpu.scratch(kernel.scratch)
            kernel.run((x, STATE), found, scratch)
            for one in kernel.native((x, STATE), again, scratch) or ():
                ctypes.CFUNCTYPE(None, ctypes.c_int64)(one.function)(*one.arguments)
            for outs in (found, again):
                for one, other in zip(outs, wanted, strict=True):
                    np.testing.assert_array_equal(one, other)
    finally:
        graftgrad.set_num_threads(before)


def test_infinite_elements_that_are_dropped_are_0() -> None:
    x = np.full(200, np.inf, np.float32)
    call = call_of((200,), 0.5)
    y, mask = empties(call)
    kernel = choose(call)
    kernel.run((x, STATE), (y, mask), cpu.scratch(kernel.scratch))
    np.testing.assert_array_equal(y, np.where(mask, np.inf, 0))


def test_bfloat16_is_scaled_in_float32() -> None:
    x = np.random.default_rng(0).standard_normal(100).astype(bfloat16)
    call = call_of((100,), 0.25, bfloat16)
    kernel = choose(call)
    assert isinstance(kernel, Steps)
    y, mask = empties(call)
    kernel.run((x, STATE), (y, mask), cpu.scratch(kernel.scratch))
    wanted = np.where(mask, x.astype("f4") / np.float32(0.75), 0)
    np.testing.assert_allclose(y.astype("f4"), wanted, rtol=2**-8)


def test_what_does_not_fit_stays_with_the_reference() -> None:
    shared = Dropout(0.5, (1, 4))
    ins = (Spec((3, 4)), Spec((2,), STATE.dtype))
    assert isinstance(choose(Call(shared, ins, shared.infer(*ins), cpu)), Reference)
    assert isinstance(choose(call_of((5,), 0.5, float64)), Reference)

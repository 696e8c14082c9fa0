"""Loops over single numbers compute what the reference bodies compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graftgrad.device.find import cpu
from graftgrad.function import Function
from graftgrad.kernel import Call, Reference, choose
from graftgrad.kernels.native import pages
from graftgrad.kernels.native.scalar import MANY, Scalar
from graftgrad.ops.compare import ArgExtremum, Compare
from graftgrad.ops.labels import LabelDistribution, Pick
from graftgrad.ops.update import Accumulate
from graftgrad.plan.chain import Chain
from graftgrad.spec import Spec, float32

pytestmark = pytest.mark.skipif(
    not pages.available(), reason=f"native code is not used: {pages.why_not()}"
)

Array = np.ndarray[Any, Any]


def call_of(function: Function, ins: tuple[Array, ...]) -> Call:
    specs = tuple(Spec(a.shape, a.dtype, bool(a.flags.c_contiguous)) for a in ins)
    outs = type(function).infer(function, *specs)
    return Call(function, specs, outs if isinstance(outs, tuple) else (outs,), cpu)


def agree(function: Function, *ins: Array) -> None:
    call = call_of(function, ins)
    chosen = choose(call)
    assert isinstance(chosen, Scalar)
    for native in (False, True):
        wanted, given = results(call, ins), results(call, ins)
        Reference(call).run(*wanted, ())
        if native:
            calls = chosen.native(*given, ())
            assert calls is not None
            Chain(calls).run()
        else:
            chosen.run(*given, ())
        for one, other in zip(given[1], wanted[1], strict=True):
            np.testing.assert_array_equal(one, other)


def results(call: Call, ins: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    copies = tuple(a.copy() for a in ins)
    if call.function.updates:
        return copies, tuple(copies[i] for i in type(call.function).updated)
    return copies, tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)


def table(rows: int, classes: int) -> Array:
    x = np.random.default_rng(classes).standard_normal((rows, classes)).astype(np.float32)
    x[3, classes // 2] = np.nan
    x[5] = 1
    x[6, -1], x[7], x[8, 0] = np.inf, -np.inf, np.nan
    return x


@pytest.mark.parametrize("classes", [1, 2, 10, 101])
@pytest.mark.parametrize("ignored", [None, -1, 0])
def test_labels_in_and_out_of_range(classes: int, ignored: int | None) -> None:
    labels = np.random.default_rng(1).integers(-2, classes + 2, 40)
    agree(Pick(ignored), table(40, classes), labels)
    for smoothing in (0.0, 0.1):
        agree(LabelDistribution(classes, float32, smoothing, ignored), labels)


@pytest.mark.parametrize("classes", [1, 2, 10, 101])
@pytest.mark.parametrize("largest", [True, False])
def test_places_of_extrema(classes: int, largest: bool) -> None:
    agree(ArgExtremum(1, largest), table(40, classes))


@pytest.mark.parametrize("relation", ["equal", "not_equal"])
def test_whole_numbers_compared(relation: str) -> None:
    a, b = np.random.default_rng(2).integers(-1, 2, (2, 5, 7))
    agree(Compare(relation), a, b)


@pytest.mark.parametrize("pair", [(3, 4), (-(2**40), 1), (0.5, 0.25), (1e300, -np.inf)])
def test_counters(pair: tuple[float, float]) -> None:
    agree(Accumulate(), np.array(pair[0]), np.array(pair[1]))


def test_what_does_not_fit_is_declined() -> None:
    labels = np.zeros(4, np.int32)
    assert not isinstance(choose(call_of(Pick(), (table(10, 3)[:4], labels))), Scalar)
    long = np.zeros((MANY, 2), np.float32)
    assert not isinstance(choose(call_of(ArgExtremum(1), (long,))), Scalar)
    columns = table(10, 4)[:, ::2]
    assert not isinstance(choose(call_of(ArgExtremum(1), (columns,))), Scalar)
    whole = np.array(1), np.array(1)
    assert not isinstance(choose(call_of(Compare("less"), whole)), Scalar)

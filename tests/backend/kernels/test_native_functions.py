"""Functions that serve inside of kernels only, against double precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graftgrad.kernels.native import elementwise, openmp, pages
from graftgrad.kernels.native.functions import falling, logistic, tanh
from graftgrad.kernels.native.vectors import SINGLE
from graftgrad.ops.exponential import Tanh
from support.kernels import call_of, ran

pytestmark = pytest.mark.skipif(
    not (pages.available() and openmp.available()),
    reason=f"native code is not used: {pages.why_not()}",
)

Function = Callable[..., Any]


@pytest.fixture(autouse=True)
def _own_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is made here apart from the code of the op that lends its description."""
    monkeypatch.setattr(elementwise, "_made", {})
    monkeypatch.setattr(elementwise, "_codes", Counter())


def values(function: Function, x: Any) -> Any:
    """What machine code makes of float32."""
    call = call_of(Tanh(), (x,))  # whose operands and results are as those of all three
    elementwise._made.clear()
    made = elementwise.offer(call, [SINGLE, SINGLE], lambda p, v: {1: function(p, v[0])})
    assert made is not None
    return ran(made, call, (x,))[0]


CASES: list[tuple[Function, Function, float, float]] = [
    (falling, np.exp, -86.9, 0.0),
    (logistic, lambda x: 1 / (1 + np.exp(-x)), -86.9, 100.0),
    (tanh, np.tanh, -50.0, 50.0),
    (tanh, np.tanh, -1e-3, 1e-3),
]


@pytest.mark.parametrize(("function", "wanted", "low", "high"), CASES)
def test_errors_are_a_few_units_in_the_last_place(
    function: Function, wanted: Function, low: float, high: float
) -> None:
    x = np.linspace(low, high, 20_011).astype(np.float32)
    np.testing.assert_allclose(values(function, x), wanted(x.astype(np.float64)), rtol=5e-7)


def test_what_lies_far_out_and_what_is_no_number() -> None:
    x = np.array([-np.inf, -1e30, -200, 200, 1e30, np.inf, np.nan, 0, -0.0], np.float32)
    found = values(tanh, x)
    np.testing.assert_array_equal(found, np.tanh(x))
    assert np.signbit(found[-1])
    np.testing.assert_allclose(values(logistic, x)[:6], [0, 0, 0, 1, 1, 1], atol=1e-37)
    assert np.isnan(values(logistic, x)[6])
    np.testing.assert_array_equal(values(falling, x)[:3], 0)
    assert np.isnan(values(falling, x)[6])

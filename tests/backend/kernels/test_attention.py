"""Attention in machine code, all heads at once or one by one, computes what the reference does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import graftgrad
from graftgrad.function import Function
from graftgrad.kernel import Kernel, Reference, choose
from graftgrad.kernels.attention import heads, heads_grad, passes
from graftgrad.kernels.native import openmp, pages
from graftgrad.kernels.native.steps import Steps
from graftgrad.kernels.onednn import library
from graftgrad.kernels.recurrent.sequence import Sequence
from graftgrad.ops.attention import Attention, AttentionGrad
from graftgrad.plan.chain import Chain
from support.kernels import Array, Trial, call_of, normal, ran

pytestmark = pytest.mark.skipif(
    not (library.available() and pages.available()),
    reason=f"oneDNN or native code is not used: {library.why_not()} {pages.why_not()}",
)

SHAPES = [(1, 2, 3, 1, 2, 2), (2, 5, 5, 3, 4, 6), (3, 7, 4, 2, 8, 8), (2, 3, 9, 1, 5, 2),
          (4, 33, 33, 4, 16, 16)]  # fmt: skip
# whole eights of queries and keys, whole sixteens of features: what is computed head by head
EIGHTS = [(1, 8, 8, 1, 16, 16), (2, 40, 40, 3, 16, 32), (2, 24, 48, 2, 32, 16),
          (1, 72, 24, 2, 16, 16), (2, 64, 64, 1, 48, 80)]  # fmt: skip


def trial(shape: tuple[int, ...], causal: bool, backward: bool) -> Trial:
    n, t, u, s, d, e = shape
    random = np.random.default_rng(sum(shape))
    q, k, v = normal(random, n, t, s, d), normal(random, n, u, s, d), normal(random, n, u, s, e)
    ins = (q, k, v, np.zeros(0, np.float32))
    made: Function = Attention(0.7, causal)
    if not backward:
        return made, ins
    call = call_of(made, ins)
    y, level = ran(Reference(call), call, ins)
    return AttentionGrad(0.7, causal), (normal(random, *y.shape), *ins, y, level)


def agree(made: Kernel | None, function: Function, ins: tuple[Array, ...]) -> None:
    """Hold a kernel, and its calls without Python, against the reference body."""
    assert made is not None
    call = call_of(function, ins)
    wanted = ran(Reference(call), call, ins)
    scratch = call.device.scratch(made.scratch)
    outs = tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    made.run(ins, outs, scratch)
    again = tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    calls = made.native(ins, again, scratch)
    assert calls is not None
    Chain(calls).run()
    for one, other, right in zip(outs, again, wanted, strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-4, atol=1e-5 * max(1, abs(right).max()))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [*SHAPES, *EIGHTS])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_passes_agree_with_the_reference(
    shape: tuple[int, ...], causal: bool, backward: bool
) -> None:
    function, ins = trial(shape, causal, backward)
    build = passes.attention_grad if backward else passes.attention
    agree(build(call_of(function, ins)), function, ins)


@pytest.mark.parametrize("shape", EIGHTS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_heads_agree_with_the_reference(
    shape: tuple[int, ...], causal: bool, backward: bool, threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    function, ins = trial(shape, causal, backward)
    monkeypatch.setattr(openmp, "GRAIN", 1)
    before = graftgrad.get_num_threads()
    graftgrad.set_num_threads(threads)
    build = heads_grad.attention_grad if backward else heads.attention
    agree(build(call_of(function, ins)), function, ins)
    graftgrad.set_num_threads(before)


def test_heads_are_asked_before_passes() -> None:
    for shape, kind in ((EIGHTS[0], Steps), (SHAPES[0], Sequence)):
        for backward in (False, True):
            assert isinstance(choose(call_of(*trial(shape, True, backward))), kind)


def test_heads_see_nothing_of_later_steps() -> None:
    function, (q, k, v, mask) = trial((1, 24, 24, 2, 16, 16), True, False)
    call = call_of(function, (q, k, v, mask))
    before, _ = ran(choose(call), call, (q, k, v, mask))
    k[:, 13:], v[:, 13:] = np.nan, np.inf
    after, _ = ran(choose(call), call, (q, k, v, mask))
    np.testing.assert_array_equal(before[:, :8], after[:, :8])
    assert np.isnan(after[:, 13:]).all()


def test_heads_that_do_not_fit_the_code_are_declined() -> None:
    for shape, scale in (((1, 8, 8, 1, 24, 16), 1.0), ((1, 12, 8, 1, 16, 16), 1.0),
                         ((1, 8, 8, 1, 16, 16), -1.0), ((1, 8, 8192, 1, 64, 64), 1.0)):  # fmt: skip
        function, ins = trial(shape, False, False)
        assert heads.attention(call_of(dataclasses.replace(function, scale=scale), ins)) is None


def test_masks_and_shared_heads_are_declined() -> None:
    q, k = np.ones((1, 3, 4, 2), np.float32), np.ones((1, 3, 2, 2), np.float32)
    none = np.zeros(0, np.float32)
    assert isinstance(choose(call_of(Attention(1.0), (q, k, k, none))), Reference)
    mask = np.ones((1, 4, 3, 3), bool)
    assert isinstance(choose(call_of(Attention(1.0), (q, q, q, mask))), Reference)

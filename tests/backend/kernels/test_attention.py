"""Attention out of products and passes computes what the reference body computes."""

from __future__ import annotations

import numpy as np
import pytest

from graftgrad.function import Function
from graftgrad.kernel import Reference, choose
from graftgrad.kernels.native import pages
from graftgrad.kernels.onednn import library
from graftgrad.kernels.recurrent.sequence import Sequence
from graftgrad.ops.attention import Attention, AttentionGrad
from graftgrad.plan.chain import Chain
from support.kernels import Trial, call_of, normal, ran

pytestmark = pytest.mark.skipif(
    not (library.available() and pages.available()),
    reason=f"oneDNN or native code is not used: {library.why_not()} {pages.why_not()}",
)

SHAPES = [(1, 2, 3, 1, 2, 2), (2, 5, 5, 3, 4, 6), (3, 7, 4, 2, 8, 8), (2, 3, 9, 1, 5, 2),
          (4, 33, 33, 4, 16, 16)]  # fmt: skip


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


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_it_agrees_with_the_reference(shape: tuple[int, ...], causal: bool, backward: bool) -> None:
    function, ins = trial(shape, causal, backward)
    call = call_of(function, ins)
    made = choose(call)
    assert isinstance(made, Sequence)
    wanted = ran(Reference(call), call, ins)
    scratch = call.device.scratch(made.scratch)
    outs = tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    made.run(ins, outs, scratch)
    again = tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    calls = made.native(ins, again, scratch)
    assert calls is not None
    Chain(calls).run()
    for one, other, right in zip(outs, again, wanted, strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(one, other)


def test_masks_and_shared_heads_are_declined() -> None:
    q, k = np.ones((1, 3, 4, 2), np.float32), np.ones((1, 3, 2, 2), np.float32)
    none = np.zeros(0, np.float32)
    assert isinstance(choose(call_of(Attention(1.0), (q, k, k, none))), Reference)
    mask = np.ones((1, 4, 3, 3), bool)
    assert isinstance(choose(call_of(Attention(1.0), (q, q, q, mask))), Reference)

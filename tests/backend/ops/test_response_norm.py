"""Normalisation by neighbouring channels and by the largest singular value."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import ShapeError
from graftgrad.ops.response_norm import local_response_norm, spectral_norm
from support.case import CaseChecks, case
from support.golden import GoldenCase, cases


def responded(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        first = max(c - size // 2, 0)
        around = x[..., first : c + (size - 1) // 2 + 1]
        y[..., c] = x[..., c] / (k + alpha * (around**2).sum(axis=-1) / size) ** beta
    return y


class TestResponses(CaseChecks):
    CASES: ClassVar = [
        case(local_response_norm, x=(2, 3, 5), size=3, alpha=0.7, oracle=responded),
        case(local_response_norm, x=(1, 2, 3, 6), size=4, alpha=0.9, beta=0.5, k=2.0,
             oracle=responded),
    ]  # fmt: skip


@pytest.mark.parametrize("golden", cases("torch_images", "local_response_norm"), ids=str)
def test_responses_agree_with_pytorch(golden: GoldenCase) -> None:
    x = graftgrad.tensor(golden["operand/x"], requires_grad=True)
    y = local_response_norm(x, **golden.settings)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-10)
    (gx,) = engine.grad(y, [x], graftgrad.tensor(golden["cotangent"]))
    assert gx is not None
    np.testing.assert_allclose(gx.numpy(), golden["gradient/x"], rtol=1e-9, atol=1e-12)


def test_power_iteration_finds_the_largest_stretch() -> None:
    w = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    u = graftgrad.tensor(np.ones(5))
    largest = np.linalg.svd(w.reshape(-1, 5), compute_uv=False)[0]
    y, v = spectral_norm(graftgrad.tensor(w), u, iterations=200)
    np.testing.assert_allclose(y.numpy(), w / largest, rtol=1e-9)
    np.testing.assert_allclose(float((v * v).sum()), 1.0, rtol=1e-12)


def test_the_gradient_takes_the_vectors_as_fixed() -> None:
    random = np.random.default_rng(1)
    w = graftgrad.tensor(random.normal(size=(4, 3)), requires_grad=True)
    y, u = spectral_norm(w, graftgrad.tensor(random.normal(size=3)), iterations=2)
    g = random.normal(size=(4, 3))
    y.backward(graftgrad.tensor(g))
    held, right = w.detach().numpy(), u.numpy()
    assert w.grad is not None
    assert not u.requires_grad
    sigma = (held / y.detach().numpy())[0, 0]
    along = (g * held).sum() / sigma**2
    difference = (g / sigma - w.grad.numpy()) / along  # v uᵀ, a product of two vectors
    np.testing.assert_allclose(np.linalg.svd(difference, compute_uv=False)[1:], 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(difference), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.abs(difference[0] / np.linalg.norm(difference[0])),
                               np.abs(right), rtol=1e-9)  # fmt: skip


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: local_response_norm(make(4), 3), r"local_response_norm: x must be \(N, …, C\)"),
        (lambda: local_response_norm(make(4, 4), 0), r"and size at least 1; got .*size=0"),
        (lambda: spectral_norm(make(4, 3), make(4)), r"spectral_norm: u must be \(O,\)"),
        (lambda: spectral_norm(make(4, 3), make(3), 0), r"iterations at least 1"),
    ],
)
def test_what_does_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()

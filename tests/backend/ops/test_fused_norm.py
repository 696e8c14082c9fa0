"""Batch normalisation with the rectifier is one after the other."""

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import GradientError, ShapeError
from graftgrad.ops.fused_norm import BatchNormReLU, BatchNormReLUGrad
from support.case import CaseChecks, case, normal, positive

SHAPE = (3, 4, 2, 8)


def expected(x, gamma, beta):
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    y = np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta, 0)
    return y, mean, variance


def rectified(x, gamma, beta):
    """The three results that are no secret."""
    return BatchNormReLU(1e-3)(x, gamma, beta)


def gradient(gy, x, gamma, mean, inverse_std):
    """The gradient where every second element was positive."""
    mask = graftgrad.tensor(np.full(x.spec.size // 8, 0b01010101, np.uint8), device=x.device)
    return BatchNormReLUGrad()(gy, x, gamma, mean, inverse_std, mask)


def expected_gradient(gy, x, gamma, mean, inverse_std):
    gy = gy * np.array([1, 0] * 4)
    axes, count = tuple(range(x.ndim - 1)), x.size // 8
    hat = (x - mean) * inverse_std
    gbeta, ggamma = gy.sum(axis=axes), (gy * hat).sum(axis=axes)
    return gamma * inverse_std * (gy - gbeta / count - hat * ggamma / count), ggamma, gbeta


class TestFusedNorm(CaseChecks):
    CASES = (
        case(rectified, oracle=expected, gradient=False,
             x=normal(*SHAPE), gamma=positive(8), beta=normal(8)),
        case(gradient, oracle=expected_gradient, gradient=False, replay=False,
             gy=normal(*SHAPE), x=normal(*SHAPE), gamma=positive(8), mean=normal(8),
             inverse_std=positive(8)),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(8, 16), (5, 4, 3, 16), (7, 3, 5)])
def test_both_are_what_the_parts_are(shape, dtype):
    random = np.random.default_rng(0)
    x, gamma, beta = (
        graftgrad.tensor(random.standard_normal(s), dtype=dtype, requires_grad=True)
        for s in (shape, shape[-1:], shape[-1:])
    )
    gy = graftgrad.tensor(random.standard_normal(shape), dtype=dtype)
    y, mean, variance = ops.batch_norm(x, gamma, beta)
    y = ops.relu(y)
    (y * gy).sum().backward()
    with graftgrad.no_grad():
        found = BatchNormReLU(1e-3)(x, gamma, beta)
        bits = np.packbits(found[0].numpy().reshape(-1) > 0, bitorder="little")
        inverse_std = 1 / (variance + 1e-3).sqrt()
        gradients = BatchNormReLUGrad()(gy, x, gamma, mean, inverse_std, graftgrad.tensor(bits))
    tolerance = 1e-10 if dtype == "float64" else 2e-5
    pairs = [*zip(found, (y, mean, variance), strict=True)]
    pairs += zip(gradients, (x.grad, gamma.grad, beta.grad), strict=True)
    for one, wanted in pairs:
        wanted = wanted.detach().numpy()
        np.testing.assert_allclose(one.numpy(), wanted, rtol=tolerance, atol=tolerance * 10)


def test_what_is_not_a_number_shows():
    x = np.ones((2, 3, 3, 16), np.float32)
    x[1, 2, 0, 5] = np.nan
    y, mean, _ = BatchNormReLU(1e-3)(
        graftgrad.tensor(x), graftgrad.ones((16,)), graftgrad.ones((16,))
    )
    assert np.flatnonzero(np.isnan(mean.numpy())).tolist() == [5]
    assert np.isnan(y.numpy()).any(axis=(0, 1, 2)).tolist() == [i == 5 for i in range(16)]


def test_gradients_are_refused():
    x = graftgrad.ones((2, 16)).requires_grad_()
    y, _, _ = BatchNormReLU(1e-3)(x, graftgrad.ones((16,)), graftgrad.ones((16,)))
    with pytest.raises(GradientError, match="recorded steps only"):
        y.sum().backward()


def test_a_mask_of_other_elements_is_refused():
    x, c = graftgrad.ones((2, 16)), graftgrad.ones((16,))
    mask = graftgrad.zeros((3,), dtype="uint8")
    with pytest.raises(ShapeError, match="one bit for each element"):
        BatchNormReLUGrad()(x, x, c, c, c, mask)

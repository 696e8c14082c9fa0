"""Functions of statistics, beside numbers that SciPy 1.17 computed."""

import math

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError
from support.case import CaseChecks, between, case, normal, positive

gammaln = np.vectorize(math.lgamma)
area = np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2)


class TestLikelihood(CaseChecks):
    CASES = (
        case(ops.xlogy, a=normal(3, 2), b=positive(2), oracle=lambda a, b: a * np.log(b)),
        case(ops.xlog1py, a=normal(3, 2), b=between((2,), -0.5, 2),
             oracle=lambda a, b: a * np.log1p(b)),
        case(ops.ndtr, x=between((3, 2), -2, 2), oracle=area),
        case(ops.multigammaln, a=between((4,), 2, 5), p=3,
             oracle=lambda a, p: 1.5 * math.log(math.pi)
             + gammaln(a) + gammaln(a - 0.5) + gammaln(a - 1)),
    )  # fmt: skip


def test_zero_times_a_logarithm_is_zero():
    a = graftgrad.tensor([0.0, 0.0, 0.0, 2.0], "float64", requires_grad=True)
    b = graftgrad.tensor([0.0, -1.0, math.nan, 0.5], "float64", requires_grad=True)
    y = ops.xlogy(a, b)
    np.testing.assert_array_equal(y.detach().numpy(), [0, 0, math.nan, 2 * math.log(0.5)])
    y[[0, 3]].sum().backward()
    known = [0, 1, 3]
    np.testing.assert_array_equal(a.grad.numpy()[known], [0, 0, math.log(0.5)])
    np.testing.assert_array_equal(b.grad.numpy()[known], [0, 0, 4])
    assert ops.xlog1py(graftgrad.zeros(2), graftgrad.tensor([-1.0, -3.0])).tolist() == [0, 0]


def test_areas_of_the_normal_distribution():
    x = graftgrad.tensor([-10.0, -1.5, 0.0, 1.5], "float64")
    known = [7.61985302416047e-24, 0.0668072012688581, 0.5, 0.933192798731142]
    np.testing.assert_allclose(ops.ndtr(x).numpy(), known, rtol=1e-13)
    np.testing.assert_allclose(ops.ndtri(ops.ndtr(x[1:])).numpy(), x[1:].numpy(), atol=1e-14)


def test_the_size_of_the_matrices_must_be_positive():
    with pytest.raises(ConfigError, match="multigammaln: p must be positive; got p=0"):
        ops.multigammaln(graftgrad.ones(1), 0)

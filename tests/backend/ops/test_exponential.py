import math

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from support.case import CaseChecks, between, case, integers, positive


def erf(x):
    return np.vectorize(math.erf)(x)


class TestExponentials(CaseChecks):
    CASES = (
        case(ops.exp, x=(2, 3), oracle=np.exp),
        case(ops.exp, x=integers((2, 3), 4), oracle=lambda x: np.exp(x, dtype="float32")),
        case(ops.expm1, x=(2, 3), oracle=np.expm1),
        case(ops.log, x=positive(2, 3), oracle=np.log),
        case(ops.log1p, x=positive(2, 3), oracle=np.log1p),
        case(ops.sqrt, x=positive(2, 3), oracle=np.sqrt),
        case(ops.rsqrt, x=positive(2, 3), oracle=lambda x: 1 / np.sqrt(x)),
        case(ops.sin, x=(2, 3), oracle=np.sin),
        case(ops.cos, x=(2, 3), oracle=np.cos),
        case(ops.tanh, x=(2, 3), oracle=np.tanh),
        case(ops.sigmoid, x=(2, 3), oracle=lambda x: 1 / (1 + np.exp(-x))),
        case(ops.erf, x=(2, 3), oracle=erf),
        case(ops.erf, x=between((40,), -6, 6), oracle=erf),
        case(ops.exp, x=(), oracle=np.exp),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_arguments_stay_quiet(dtype):
    x = graftgrad.tensor([-1e4, 1e4], dtype)
    np.testing.assert_array_equal(ops.sigmoid(x).numpy(), [0, 1])
    np.testing.assert_array_equal(ops.tanh(x).numpy(), [-1, 1])
    np.testing.assert_array_equal(ops.exp(x).numpy(), [0, np.inf])
    np.testing.assert_array_equal(ops.erf(x).numpy(), [-1, 1])


def test_outside_of_the_domain_is_nan_without_a_warning():
    x = graftgrad.tensor([-1.0, 0.0])
    np.testing.assert_array_equal(ops.log(x).numpy(), [np.nan, -np.inf])
    np.testing.assert_array_equal(ops.sqrt(x).numpy(), [np.nan, 0])
    np.testing.assert_array_equal(ops.rsqrt(x).numpy(), [np.nan, np.inf])
    np.testing.assert_array_equal(ops.log1p(x * 2).numpy(), [np.nan, 0])


def test_erf_of_nan_and_infinity():
    y = ops.erf(graftgrad.tensor([np.nan, np.inf, -np.inf], "float64")).numpy()
    np.testing.assert_array_equal(y, [np.nan, 1, -1])


def test_small_arguments_keep_their_digits():
    x = graftgrad.tensor([1e-9, -1e-9], "float64")
    np.testing.assert_allclose(ops.expm1(x).numpy(), x.numpy(), rtol=1e-8)
    np.testing.assert_allclose(ops.log1p(x).numpy(), x.numpy(), rtol=1e-8)
    np.testing.assert_allclose(ops.erf(x).numpy(), x.numpy() * 2 / np.sqrt(np.pi), rtol=1e-14)

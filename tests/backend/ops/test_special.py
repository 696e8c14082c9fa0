import math

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError
from support.case import CaseChecks, between, case, distinct, integers, positive


def lgamma(x):
    return np.vectorize(math.lgamma, otypes=["float64"])(x)


def erfc(x):
    return np.vectorize(math.erfc, otypes=["float64"])(x)


EULER = 0.57721566490153286061  # Abramowitz and Stegun 6.1.3


def zeta_sums(n, x):
    """(−1)^(n+1) n! Σ 1 / (x + k)^(n+1), the first million terms, and the integral of the rest."""
    k = np.arange(1_000_000.0)
    terms = (1 / (x.reshape(-1, 1) + k) ** (n + 1)).sum(1)
    rest = (x.reshape(-1) + 1e6 - 0.5) ** -n / n
    return (-1) ** (n + 1) * math.factorial(n) * (terms + rest).reshape(x.shape)


class TestOtherBases(CaseChecks):
    CASES = (
        case(ops.exp2, x=(2, 3), oracle=np.exp2),
        case(ops.log2, x=positive(2, 3), oracle=np.log2),
        case(ops.log10, x=positive(2, 3), oracle=np.log10),
        case(ops.log2, x=integers((3,), 9, 1), oracle=lambda x: np.log2(x, dtype="float32")),
        case(ops.cbrt, x=distinct(2, 3), oracle=np.cbrt, tolerance=1e-4),
        case(ops.logaddexp, a=(2, 3), b=(3,), oracle=np.logaddexp),
        case(ops.logaddexp2, a=(2, 3), b=(2, 1), oracle=np.logaddexp2),
        case(ops.exp2, x=(0, 2), oracle=np.exp2),
    )


class TestGamma(CaseChecks):
    CASES = (
        case(ops.lgamma, x=between((3, 4), 0.1, 30), oracle=lgamma),
        case(ops.lgamma, x=np.array([-0.7, -1.5, -3.2, 0.3, 1, 2, 100]), oracle=lgamma),
        case(ops.polygamma, n=1, x=between((2, 3), 0.5, 25),
             oracle=lambda n, x: zeta_sums(n, x)),
        case(ops.polygamma, n=3, x=positive(2, 3), oracle=lambda n, x: zeta_sums(n, x),
             tolerance=1e-5, single_tolerance=1e-3),
        case(ops.digamma, x=np.array([1.0, 2.0, 0.5, -0.5, 10.0]),
             oracle=lambda x: np.array([-EULER, 1 - EULER, -EULER - 2 * math.log(2),
                                        2 - EULER - 2 * math.log(2),
                                        2.82896825396825396825 - EULER])),
    )  # fmt: skip


class TestErrorFunctions(CaseChecks):
    CASES = (
        case(ops.erfc, x=between((20,), -4, 8), oracle=erfc),
        case(
            lambda x: ops.erf(ops.erfinv(x)),
            label="erfinv",
            x=between((20,), -0.99, 0.99),
            oracle=lambda x: x,
        ),
        case(ops.erfinv, x=between((5,), -0.9, 0.9)),
        case(ops.i0, x=between((2, 3), -4, 4), oracle=np.i0),
    )


def test_the_inverse_of_erf_far_out():
    x = np.array([1e-300, 1e-8, 1 - 1e-9, 1 - 2.0**-52])
    y = ops.erfinv(graftgrad.tensor(x)).numpy()
    np.testing.assert_allclose(y[:2], x[:2] * math.sqrt(math.pi) / 2, rtol=1e-13)
    np.testing.assert_allclose(erfc(y[2:]), 1 - x[2:], rtol=1e-10)
    edges = ops.erfinv(graftgrad.tensor([-1.0, 1.0, 2.0, 0.0])).numpy()
    np.testing.assert_array_equal(edges, [-np.inf, np.inf, np.nan, 0])


def test_the_right_tail_of_erfc_keeps_its_digits():
    x = np.array([3.0, 6.0, 10.0, 26.0, 40.0])
    np.testing.assert_allclose(ops.erfc(graftgrad.tensor(x)).numpy(), erfc(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("op", "values", "expected"),
    [
        (ops.log2, [-1, 0], [np.nan, -np.inf]),
        (ops.log10, [-1, 0], [np.nan, -np.inf]),
        (ops.exp2, [-1e4, 1e4], [0, np.inf]),
        (ops.lgamma, [0, -1, np.inf], [np.inf, np.inf, np.inf]),
        (ops.digamma, [0, -3], [np.nan, np.nan]),
    ],
)
def test_edges_of_the_domain_are_quiet(op, values, expected):
    np.testing.assert_array_equal(op(graftgrad.tensor(values, "float64")).numpy(), expected)


def test_sums_of_logarithms_do_not_overflow():
    y = ops.logaddexp(graftgrad.tensor([1000.0, -np.inf]), graftgrad.tensor([1000.0, 3.0]))
    np.testing.assert_allclose(y.numpy(), [1000 + math.log(2), 3])


def test_orders_are_not_negative():
    with pytest.raises(ConfigError, match="polygamma: n must not be negative; got n=-1"):
        ops.polygamma(-1, graftgrad.ones(2))


def test_bessel_function_over_its_whole_range():
    x = np.array([0.0, 1e-3, -2.0, 30.0, 85.0])
    short = ops.i0(graftgrad.tensor(x.astype("float32"))).numpy()
    np.testing.assert_allclose(short, np.i0(x.astype("float32")), rtol=2e-6)
    wide = np.append(x, 700.0)
    np.testing.assert_allclose(ops.i0(graftgrad.tensor(wide)).numpy(), np.i0(wide), rtol=1e-13)

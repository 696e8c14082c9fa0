import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from support.case import CaseChecks, between, case, complex_normal, distinct, integers, positive


class TestCircular(CaseChecks):
    CASES = (
        case(ops.tan, x=between((2, 3), -1.2, 1.2), oracle=np.tan),
        case(ops.arcsin, x=between((2, 3), -0.9, 0.9), oracle=np.arcsin),
        case(ops.arccos, x=between((2, 3), -0.9, 0.9), oracle=np.arccos),
        case(ops.arctan, x=(2, 3), oracle=np.arctan),
        case(ops.arctan, x=integers((4,), 9, -9), oracle=lambda x: np.arctan(x, dtype="float32")),
        case(ops.arctan2, a=distinct(2, 3), b=distinct(3), oracle=np.arctan2),
        case(ops.hypot, a=distinct(2, 1), b=distinct(3), oracle=np.hypot),
        case(ops.sinc, x=between((2, 3), -3, 3), oracle=np.sinc),
        case(ops.sinc, x=between((5,), -0.02, 0.02), oracle=np.sinc),
        case(ops.deg2rad, x=(2, 3), oracle=np.deg2rad),
        case(ops.rad2deg, x=(2, 3), oracle=np.rad2deg, tolerance=1e-5),
        case(ops.tan, x=(0, 3), oracle=np.tan),
    )


class TestComplexInverses(CaseChecks):
    CASES = [
        case(getattr(ops, name), x=complex_normal(3, 4), oracle=getattr(np, name))
        for name in ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")
    ] + [case(ops.rsqrt, x=complex_normal(3, 4), oracle=lambda x: 1 / np.sqrt(x))]


class TestHyperbolic(CaseChecks):
    CASES = (
        case(ops.sinh, x=(2, 3), oracle=np.sinh),
        case(ops.cosh, x=(2, 3), oracle=np.cosh),
        case(ops.arcsinh, x=(2, 3), oracle=np.arcsinh),
        case(ops.arccosh, x=between((2, 3), 1.2, 3), oracle=np.arccosh),
        case(ops.arctanh, x=between((2, 3), -0.9, 0.9), oracle=np.arctanh),
        case(ops.sinh, x=positive(), oracle=np.sinh),
    )


@pytest.mark.parametrize(
    ("op", "values", "expected"),
    [
        (ops.arcsin, [-2, 1], [np.nan, np.pi / 2]),
        (ops.arccos, [-2, 1], [np.nan, 0]),
        (ops.arccosh, [0.5, 1], [np.nan, 0]),
        (ops.arctanh, [-2, -1, 1], [np.nan, -np.inf, np.inf]),
        (ops.sinh, [-1e4, 1e4], [-np.inf, np.inf]),
        (ops.cosh, [-1e4, 1e4], [np.inf, np.inf]),
        (ops.sinc, [0, 1], [1, 0]),
    ],
)
def test_edges_of_the_domain_are_quiet(op, values, expected):
    y = op(graftgrad.tensor(values, "float64")).numpy()
    np.testing.assert_allclose(y, expected, atol=1e-15)


def test_the_gradients_of_a_distance_at_the_origin_are_zero():
    a, b = graftgrad.zeros(2, requires_grad=True), graftgrad.zeros(2, requires_grad=True)
    ops.hypot(a, b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [0, 0]


def test_sinc_has_curvature_at_zero():
    x = graftgrad.zeros(1, dtype="float64", requires_grad=True)
    (g,) = graftgrad.grad(ops.sinc(x).sum(), x, create_graph=True)
    (h,) = graftgrad.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), -(np.pi**2) / 3, rtol=1e-12)

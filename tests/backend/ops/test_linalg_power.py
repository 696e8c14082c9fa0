import numpy as np
import pytest

import graftgrad
from graftgrad import linalg
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.ops.linalg_power import _splits
from support.case import CaseChecks, case, complex_normal


def exponential(a):
    """By eigenvectors, which random matrices have."""
    w, v = np.linalg.eig(a)
    y = (v * np.exp(w)[..., None, :]) @ np.linalg.inv(v)
    return y if np.iscomplexobj(a) else y.real


def multi_dot(arrays):
    return np.linalg.multi_dot(arrays)


class TestExponential(CaseChecks):
    CASES = (
        case(linalg.matrix_exp, a=(3, 3), oracle=exponential),
        case(linalg.matrix_exp, a=(2, 2, 2), oracle=exponential),
        case(linalg.matrix_exp, a=complex_normal(3, 3), oracle=exponential),
    )


class TestPowers(CaseChecks):
    CASES = (
        *[
            case(
                linalg.matrix_power,
                a=(3, 3),
                n=n,
                oracle=np.linalg.matrix_power,
                gradient=n != 0,
                single_tolerance=2e-3,
            )
            for n in (0, 1, 2, 5, -2)
        ],
        case(linalg.matrix_power, a=complex_normal(2, 2, 2), n=3, oracle=np.linalg.matrix_power),
    )


class TestProducts(CaseChecks):
    CASES = (
        case(linalg.multi_dot, arrays=[(2, 3), (3, 4), (4, 1)], oracle=multi_dot),
        case(linalg.multi_dot, arrays=[(3,), (3, 4), (4,)], oracle=multi_dot),
        case(linalg.cross, a=(2, 3), b=(3,), oracle=np.cross),
        case(
            linalg.cross,
            a=(3, 2),
            b=(3, 2),
            axis=0,
            oracle=lambda a, b, axis: np.cross(a, b, axis=axis),
        ),
        case(linalg.cross, a=complex_normal(3), b=(3,), oracle=np.cross),
    )


def test_large_and_small_matrices_of_one_batch():
    draw = np.random.default_rng(0)
    a = draw.standard_normal((3, 4, 4)) * np.array([1e-3, 1, 30])[:, None, None]
    y = linalg.matrix_exp(graftgrad.tensor(a)).numpy()
    for one, found in zip(a, y, strict=True):
        wanted = exponential(one)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


def test_what_is_not_finite_stays_so():
    y = linalg.matrix_exp(graftgrad.tensor([[[np.nan, 0], [0, 0]], [[0.0, 0], [0, 0]]]))
    assert np.isnan(y.numpy()[0]).all()
    np.testing.assert_array_equal(y.numpy()[1], np.eye(2))


def test_the_cheapest_order():
    assert _splits([30, 35, 15, 5, 10, 20, 25])[0, 5] == 2  # Cormen's example
    assert _splits([1, 100, 1, 100])[0, 2] == 1


def test_what_does_not_fit():
    x = graftgrad.ones(2, 3)
    with pytest.raises(ShapeError, match="multi_dot: columns of each matrix must be rows"):
        linalg.multi_dot([x, x])
    with pytest.raises(ShapeError, match="multi_dot: there must be at least two"):
        linalg.multi_dot([x])
    with pytest.raises(ShapeError, match="cross: vectors must have three numbers"):
        linalg.cross(x, x, axis=0)
    with pytest.raises(DTypeError, match=r"matrix_power: n must be an integer; got n=0\.5"):
        linalg.matrix_power(graftgrad.eye(2), 0.5)
    with pytest.raises(ShapeError, match="matrix_exp: the matrix must be square"):
        linalg.matrix_exp(x)

import numpy as np
import pytest

import graftgrad
from graftgrad import linalg
from graftgrad.errors import ConfigError, DataError, ShapeError
from support.case import CaseChecks, attribute, case, complex_normal, distinct

INF = np.inf


def vector_norm(x, axis=None, keepdims=False, ord=2):
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def matrix_norm(x, keepdims=False, ord="fro"):
    return np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


class TestVectors(CaseChecks):
    CASES = (
        *[
            case(
                linalg.vector_norm,
                x=distinct(3, 4),
                axis=1,
                ord=p,
                oracle=vector_norm,
                gradient=p != 0,
            )
            for p in (0, 1, 2, 3, -1, 0.5, INF, -INF)
        ],
        case(linalg.vector_norm, x=(2, 3, 4), axis=attribute((0, 2)), oracle=vector_norm),
        case(linalg.vector_norm, x=(2, 3), oracle=vector_norm, keepdims=True),
        case(linalg.vector_norm, x=complex_normal(4), ord=3, oracle=vector_norm),
        case(linalg.vector_norm, x=complex_normal(2, 4), oracle=vector_norm),
    )


class TestMatrices(CaseChecks):
    CASES = (
        *[
            case(linalg.matrix_norm, x=(2, 3, 4), ord=p, oracle=matrix_norm)
            for p in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)
        ],
        case(
            linalg.matrix_norm, x=complex_normal(3, 3), ord="nuc", keepdims=True, oracle=matrix_norm
        ),
    )


class TestNorm(CaseChecks):
    CASES = (
        case(linalg.norm, x=(2, 3, 4), oracle=np.linalg.norm),
        case(linalg.norm, x=(4,), ord=3, oracle=np.linalg.norm),
        case(linalg.norm, x=(3, 4), ord=1, oracle=np.linalg.norm),
        case(linalg.norm, x=(3, 4), ord=INF, axis=1, oracle=np.linalg.norm),
        case(
            linalg.norm,
            x=(2, 3, 4),
            ord="nuc",
            axis=attribute((2, 0)),
            keepdims=True,
            oracle=np.linalg.norm,
        ),
    )


class TestCondition(CaseChecks):
    CASES = (
        case(linalg.cond, a=(2, 3, 4), oracle=np.linalg.cond, single_tolerance=2e-3),
        *[
            case(linalg.cond, a=(3, 3), p=p, oracle=np.linalg.cond, single_tolerance=2e-3)
            for p in (-2, 1, INF, "fro")
        ],
    )


@pytest.mark.parametrize("p", [1, 2, 3, 1.5])
def test_the_gradient_at_zero_is_zero(p):
    x = graftgrad.zeros(3, requires_grad=True)
    y = linalg.vector_norm(x, ord=p)
    y.backward()
    assert y.item() == 0
    assert x.grad.tolist() == [0, 0, 0]


def test_what_is_no_norm():
    x = graftgrad.ones(2, 2)
    with pytest.raises(ConfigError, match=r"matrix_norm: ord must be one of .*; got ord=3"):
        linalg.norm(x, 3)
    with pytest.raises(ShapeError, match="norm: axis must name one axis or two"):
        linalg.norm(graftgrad.ones(2, 2, 2), 1)
    with pytest.raises(ShapeError, match="norm: no axis may be named twice"):
        linalg.norm(x, axis=(1, -1))
    with pytest.raises(DataError, match="inv: every matrix must be invertible"):
        linalg.cond(x, 1)

import numpy as np
import pytest

import graftgrad
from graftgrad import linalg
from graftgrad.errors import DataError, ShapeError
from support.case import CaseChecks, case, complex_normal


def slogdet(a):
    return tuple(np.linalg.slogdet(a))


class TestDeterminant(CaseChecks):
    CASES = (
        case(linalg.det, a=(3, 3), oracle=np.linalg.det),
        case(linalg.det, a=(2, 4, 4), oracle=np.linalg.det),
        case(linalg.det, a=complex_normal(3, 3), oracle=np.linalg.det),
        case(linalg.det, a=(0, 2, 2), oracle=np.linalg.det),
        case(linalg.slogdet, a=(3, 3), oracle=slogdet),
        case(linalg.slogdet, a=(2, 2, 2), oracle=slogdet),
        case(linalg.slogdet, a=complex_normal(3, 3), oracle=slogdet),
    )


def test_a_singular_matrix_has_a_gradient():
    values = np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]])  # of rank 2
    x = graftgrad.tensor(values, requires_grad=True)
    y = linalg.det(x)
    y.backward()
    minors = [
        [np.linalg.det(np.delete(np.delete(values, i, 0), j, 1)) for j in range(3)]
        for i in range(3)
    ]
    signs = np.array([[1, -1, 1], [-1, 1, -1], [1, -1, 1]])
    np.testing.assert_allclose(x.grad.numpy(), signs * minors, atol=1e-12)


def test_the_logarithm_of_zero():
    x = graftgrad.ones(2, 2, requires_grad=True)
    sign, logarithm = linalg.slogdet(x)
    assert (sign.item(), logarithm.item()) == (0, -np.inf)
    with pytest.raises(DataError, match="inv: every matrix must be invertible"):
        logarithm.backward()


def test_what_is_not_square():
    for op in (linalg.det, linalg.slogdet):
        with pytest.raises(ShapeError, match=r"det: the matrix must be square; got x=\(2, 3\)"):
            op(graftgrad.ones(2, 3))

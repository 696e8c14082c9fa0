import numpy as np
import pytest

import graftgrad
from graftgrad import linalg
from graftgrad.errors import DataError, DTypeError, ShapeError
from support.case import CaseChecks, case, complex_normal, normal


def packed(a):
    return linalg.lu_factor(a)[0]


def packed_by_hand(a):
    found = np.array(a)
    for matrix in found.reshape(-1, *a.shape[-2:]):
        for k in range(min(a.shape[-2:])):
            pivot = k + np.abs(matrix[k:, k]).argmax()
            matrix[[k, pivot]] = matrix[[pivot, k]]
            matrix[k + 1 :, k] /= matrix[k, k]
            matrix[k + 1 :, k + 1 :] -= np.outer(matrix[k + 1 :, k], matrix[k, k + 1 :])
    return found


def solved(a, b, left=True, adjoint=False):
    return linalg.lu_solve(*linalg.lu_factor(a), b, left=left, adjoint=adjoint)


def solved_by_numpy(a, b, left=True, adjoint=False):
    a = np.conj(a).swapaxes(-1, -2) if adjoint else a
    if left:
        return np.linalg.solve(a, b)
    return np.linalg.solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)


class TestLuFactor(CaseChecks):
    CASES = (
        case(packed, a=(2, 4, 4), oracle=packed_by_hand),
        case(packed, a=(4, 3), oracle=packed_by_hand),
        case(packed, a=(3, 4), oracle=packed_by_hand),
        case(solved, a=(2, 4, 4), b=(4, 3), oracle=solved_by_numpy),
        case(solved, a=(3, 3), b=(2, 3, 1), adjoint=True, oracle=solved_by_numpy),
        case(solved, a=(3, 3), b=(2, 3), left=False, oracle=solved_by_numpy),
        case(solved, a=complex_normal(3, 3), b=normal(2, 3), left=False, adjoint=True,
             oracle=solved_by_numpy),
    )  # fmt: skip


def test_exchanges_are_told_as_lapack_does():
    a = [[1.0, 2, 3], [4, 5, 6], [7, 8, 10]]  # rows 1 and 3, then 2 and 3
    _, pivots = linalg.lu_factor(graftgrad.tensor(a))
    assert (pivots.tolist(), pivots.dtype) == ([3, 3, 3], "int32")


def test_what_does_not_fit():
    factors, pivots = linalg.lu_factor(graftgrad.eye(3))
    for wrong, error, words in (
        ((factors[:2], pivots, graftgrad.ones(3, 1)), ShapeError, "the matrix must be square"),
        ((factors, pivots[:2], graftgrad.ones(3, 1)), ShapeError, "be one pivot for each row"),
        ((factors, pivots, graftgrad.ones(3)), ShapeError, "b must have as many rows as a"),
        ((factors, pivots + 1, graftgrad.ones(3, 1)), DataError, r"pivots must lie in \[1, 3\]"),
        ((factors, pivots.float(), graftgrad.ones(3, 1)), DTypeError, "lu_solve: .* be integers"),
    ):
        with pytest.raises(error, match=words):
            linalg.lu_solve(*wrong)
    with pytest.raises(ShapeError, match="lu_solve: a matrix must have at least 2 axes"):
        linalg.lu_solve(factors, pivots, graftgrad.ones(3), left=False)

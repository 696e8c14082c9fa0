import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops.matmul import swapped
from support.case import CaseChecks, case, integers


def naive(a, b):
    y = np.zeros((a.shape[0], b.shape[1]), np.result_type(a, b))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                y[i, j] += a[i, k] * b[k, j]
    return y


class TestMatMul(CaseChecks):
    CASES = (
        case(ops.matmul, a=(3, 4), b=(4, 2), oracle=naive),
        case(ops.matmul, a=integers((3, 4), 5), b=integers((4, 2), 5), oracle=naive),
        case(ops.matmul, a=(2, 3, 4), b=(4, 5), oracle=np.matmul),
        case(ops.matmul, a=(0, 4, 1), b=(1, 0), oracle=np.matmul),
        case(ops.matmul, a=(2, 3, 0), b=(0, 2), oracle=np.matmul),
        case(ops.matmul, a=(3, 4), b=(2, 4, 5), oracle=np.matmul),
        case(ops.matmul, a=(2, 1, 3, 4), b=(5, 4, 2), oracle=np.matmul),
        case(ops.matmul, a=(4,), b=(4,), oracle=np.matmul),
        case(ops.matmul, a=(4,), b=(4, 3), oracle=np.matmul),
        case(ops.matmul, a=(4,), b=(2, 4, 3), oracle=np.matmul),
        case(ops.matmul, a=(3, 4), b=(4,), oracle=np.matmul),
        case(ops.matmul, a=(2, 3, 4), b=(4,), oracle=np.matmul),
        case(ops.matmul, a=(0, 4), b=(4, 3), oracle=np.matmul),
        case(ops.matmul, a=(3, 0), b=(0, 2), oracle=np.matmul),
    )


class TestLinear(CaseChecks):
    CASES = (
        case(ops.linear, x=(3, 4), w=(4, 2), b=(2,), oracle=lambda x, w, b: naive(x, w) + b),
        case(ops.linear, x=(2, 3, 4), w=(4, 2), b=(2,), oracle=lambda x, w, b: x @ w + b),
        case(ops.linear, x=(3, 4), w=(4, 2), oracle=naive),
        case(ops.linear, x=(4,), w=(4, 2), oracle=np.matmul),
        case(swapped, x=(2, 3, 4), oracle=lambda x: x.swapaxes(1, 2)),
    )


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ((2, 3), (2, 3), r"columns of a must be rows of b; got a=\(2, 3\).*b=\(2, 3\)"),
        ((2, 2, 3), (3, 3, 4), "equal or 1 on every axis"),
        ((), (3,), "both must have axes"),
        ((3,), (4,), "columns of a must be rows of b"),
    ],
)
def test_matrices_that_do_not_fit(a, b, words):
    with pytest.raises(ShapeError, match=words):
        ops.matmul(graftgrad.zeros(a), graftgrad.zeros(b))


@pytest.mark.parametrize(("x", "w"), [((2, 3), (4, 2)), ((2, 3), (3,)), ((), (1, 1))])
def test_linear_refuses_weights_that_do_not_fit(x, w):
    with pytest.raises(ShapeError, match="features of x must be rows of w"):
        ops.linear(graftgrad.zeros(x), graftgrad.zeros(w))

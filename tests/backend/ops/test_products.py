import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from support.case import CaseChecks, attribute, case

PAIRS = [((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (3,)), ((), (2, 3)), ((2, 4, 3), (5, 3, 2)),
         ((2, 4, 3), (3,)), ((3,), (5, 3, 2))]  # fmt: skip


class TestProducts(CaseChecks):
    CASES = (
        *[case(ops.dot, a=a, b=b, oracle=lambda a, b: np.dot(a, b)) for a, b in PAIRS],
        case(ops.vdot, a=(2, 3), b=(3, 2), oracle=lambda a, b: np.vdot(a, b)),
        case(ops.vecdot, a=(2, 3), b=(4, 1, 3), oracle=lambda a, b: (a * b).sum(-1)),
        case(ops.vecdot, a=(3, 2), b=(3, 2), axis=0, oracle=lambda a, b, axis: (a * b).sum(axis)),
        case(ops.inner, a=(2, 3), b=(4, 5, 3), oracle=lambda a, b: np.inner(a, b)),
        case(ops.inner, a=(), b=(3,), oracle=lambda a, b: np.inner(a, b)),
        case(ops.outer, a=(2, 2), b=(3,), oracle=lambda a, b: np.outer(a, b)),
        case(ops.tensordot, a=(2, 3, 4), b=(3, 4, 5), oracle=lambda a, b: np.tensordot(a, b)),
        case(ops.tensordot, a=(2, 3), b=(4,), axes=0,
             oracle=lambda a, b, axes: np.tensordot(a, b, axes)),
        case(ops.tensordot, a=(2, 3, 4), b=(4, 5, 2), axes=attribute(([0, -1], [2, 0])),
             oracle=lambda a, b, axes: np.tensordot(a, b, axes)),
        case(ops.tensordot, a=(2, 3), b=(5, 3), axes=attribute((1, 1)),
             oracle=lambda a, b, axes: np.tensordot(a, b, axes)),
        case(ops.kron, a=(2, 3), b=(2, 1, 2), oracle=lambda a, b: np.kron(a, b)),
        case(ops.kron, a=(2,), b=(), oracle=lambda a, b: np.kron(a, b)),
        case(ops.dot, a=(0,), b=(0,), oracle=lambda a, b: np.dot(a, b)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: ops.tensordot(x, x, 1), r"tensordot: axes that meet must have one size"),
        (lambda x: ops.tensordot(x, x, 3), r"tensordot: both must have that many axes"),
        (lambda x: ops.vdot(x, x[0]), "vdot: both must have as many elements"),
        (lambda x: ops.inner(x, x.T), "axes that meet must have one size"),
    ],
)
def test_axes_that_do_not_meet(wrong, words):
    with pytest.raises(ShapeError, match=words):
        wrong(graftgrad.zeros(2, 3))

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from support.case import CaseChecks, case, positive


class TestProducts(CaseChecks):
    CASES = (
        case(ops.mm, a=(2, 3), b=(3, 4), oracle=lambda a, b: a @ b),
        case(ops.bmm, a=(2, 2, 3), b=(2, 3, 4), oracle=lambda a, b: a @ b),
        case(ops.mv, a=(2, 3), b=(3,), oracle=lambda a, b: a @ b),
        case(ops.addmm, x=(2, 4), a=(2, 3), b=(3, 4), oracle=lambda x, a, b: x + a @ b),
        case(ops.addmm, x=(4,), a=(2, 3), b=(3, 4), beta=0.5, alpha=-2.0,
             oracle=lambda x, a, b, beta, alpha: beta * x + alpha * (a @ b)),
        case(ops.addmv, x=(2,), a=(2, 3), b=(3,), alpha=3.0,
             oracle=lambda x, a, b, alpha: x + alpha * (a @ b)),
        case(ops.baddbmm, x=(2, 2, 4), a=(2, 2, 3), b=(2, 3, 4), beta=2.0,
             oracle=lambda x, a, b, beta: beta * x + a @ b),
        case(ops.addcmul, x=(2, 3), a=(3,), b=(2, 1), value=0.5,
             oracle=lambda x, a, b, value: x + value * a * b),
        case(ops.addcdiv, x=(2, 3), a=(3,), b=positive(2, 1), value=-0.5,
             oracle=lambda x, a, b, value: x + value * a / b),
    )  # fmt: skip


def test_nothing_counts_with_a_factor_of_zero():
    x = graftgrad.full((2, 2), np.nan)
    assert ops.addmm(x, graftgrad.ones(2, 2), graftgrad.ones(2, 2), beta=0).tolist() == [[2, 2]] * 2


@pytest.mark.parametrize(
    ("name", "shapes", "words"),
    [
        ("mm", [(2, 3, 4), (4, 5)], "mm: a must have 2 axes and b must have 2; got a=(2, 3, 4)"),
        ("mm", [(2, 3), (2, 3)], "matmul: columns of a must be rows of b"),
        ("bmm", [(2, 3), (3, 4)], "bmm: a must have 3 axes and b must have 3"),
        ("bmm", [(2, 3, 4), (1, 4, 5)], "bmm: both must have as many matrices; got a=(2, 3, 4)"),
        ("mv", [(2, 3), (3, 1)], "mv: a must have 2 axes and b must have 1"),
        ("addmm", [(2, 2), (2,), (2, 2)], "addmm: a must have 2 axes and b must have 2"),
    ],
)
def test_what_does_not_fit_is_refused(name, shapes, words):
    with pytest.raises(ShapeError) as error:
        getattr(ops, name)(*[graftgrad.ones(*shape) for shape in shapes])
    assert words in str(error.value)

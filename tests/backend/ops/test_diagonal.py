import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from support.case import CaseChecks, case, integers


class TestDiagonals(CaseChecks):
    CASES = (
        *[case(ops.diagonal, x=(3, 4), offset=k, oracle=lambda x, offset: np.diagonal(x, offset))
          for k in (-3, -1, 0, 2, 9)],
        case(ops.diagonal, x=(3, 2, 4), offset=1, axis1=2, axis2=0,
             oracle=lambda x, offset, axis1, axis2: x.diagonal(offset, axis1, axis2)),
        case(ops.trace, x=(3, 4), oracle=lambda x: np.trace(x)),
        case(ops.trace, x=integers((3, 3, 2), 9), offset=-1,
             oracle=lambda x, offset: np.trace(x, offset)),
        case(ops.diag, x=(3,), k=-1, oracle=lambda x, k: np.diag(x, k)),
        case(ops.diag, x=(3, 4), k=1, oracle=lambda x, k: np.diag(x, k)),
        case(ops.diagflat, x=(2, 2), k=2, oracle=lambda x, k: np.diagflat(x, k)),
        case(ops.diag_embed, x=(2, 3), offset=1,
             oracle=lambda x, offset: np.stack([np.diag(row, offset) for row in x])),
    )  # fmt: skip


def test_a_diagonal_is_a_view_that_can_be_written():
    a = graftgrad.ones(3, requires_grad=True)
    x = graftgrad.zeros(3, 3)
    ops.diagonal(x).add_(a * 2)
    assert x.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    x.sum().backward()
    assert a.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: ops.diagonal(x[0]), "diagonal: there must be at least two axes"),
        (lambda x: ops.diagonal(x, 0, 1, 1), "diagonal: axes must differ"),
        (lambda x: ops.trace(x, 0, 0, 2), r"axis must lie in \[-2, 2\)"),
        (lambda x: ops.diag(x[None]), "diag: must be a vector or a matrix"),
        (lambda x: ops.diag_embed(graftgrad.zeros()), "there must be at least one axis"),
    ],
)
def test_what_has_no_diagonal(wrong, words):
    with pytest.raises(ShapeError, match=words):
        wrong(graftgrad.zeros(2, 3))

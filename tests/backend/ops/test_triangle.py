import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftgrad.ops.triangle import diagonal_matrix, diagonal_of, tril, triu
from support.case import CaseChecks, case, complex_normal


class TestTriangles(CaseChecks):
    CASES = (
        case(tril, x=(2, 3, 4), oracle=np.tril),
        case(triu, x=(4, 3), k=-1, oracle=np.triu),
        case(tril, x=complex_normal(3, 3), k=1, oracle=np.tril),
        case(diagonal_of, x=(2, 3, 4), oracle=lambda x: np.diagonal(x, 0, -2, -1)),
        case(diagonal_matrix, x=(2, 3), oracle=lambda x: np.stack([np.diag(one) for one in x])),
    )


def test_a_vector_has_no_triangle():
    with pytest.raises(ShapeError, match=r"triu: x must have at least 2 axes; got x=\(3,\)"):
        triu(graftgrad.ones(3))

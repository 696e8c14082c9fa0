import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from support.case import CaseChecks, case


def two(equation, a, b):
    return ops.einsum(equation, a, b)


def oracle(a, b, equation):
    return np.einsum(equation, a, b)


def one(equation, a):
    return ops.einsum(equation, a)


class TestEinsum(CaseChecks):
    CASES = (
        case(two, equation="ij,jk->ik", a=(2, 3), b=(3, 4), oracle=oracle),
        case(two, equation="nij,njk->nik", a=(2, 3, 4), b=(2, 4, 2), oracle=oracle),
        case(two, equation="abc,cde->abde", a=(2, 3, 4), b=(4, 2, 2), oracle=oracle),
        case(two, equation="abcd,cde->abe", a=(2, 3, 2, 2), b=(2, 2, 3), oracle=oracle),
        case(two, equation="...x,xy->...y", a=(2, 3, 4), b=(4, 2), oracle=oracle),
        case(two, equation="...i,...i->...", a=(2, 3, 4), b=(3, 4), oracle=oracle),
        case(two, equation="ij,kl->li", a=(2, 3), b=(2, 4), oracle=oracle),
        case(two, equation="ij,jk", a=(2, 3), b=(3, 4), oracle=oracle),
        case(two, equation="i,i->", a=(3,), b=(3,), oracle=oracle),
        case(two, equation="bn,bm->bnm", a=(2, 3), b=(2, 4), oracle=oracle),
        case(one, equation="ij->ji", a=(2, 3), oracle=lambda equation, a: a.T),
        case(
            one, equation="iij->j", a=(3, 3, 2), oracle=lambda equation, a: np.einsum(equation, a)
        ),
        case(one, equation="ii->i", a=(3, 3), oracle=lambda equation, a: np.diag(a)),
    )


def test_three_operands():
    draw = np.random.default_rng(0)
    arrays = [draw.normal(size=s) for s in ((2, 3), (3, 4), (4, 2))]
    found = ops.einsum("ij,jk,kl->il", *map(graftgrad.tensor, arrays))
    np.testing.assert_allclose(found.numpy(), arrays[0] @ arrays[1] @ arrays[2], rtol=1e-12)


@pytest.mark.parametrize(
    ("equation", "words"),
    [
        ("ij,kl", "axis 'i' must have one size|axis"),
        ("ij,jk->iz", "the result's letters must be among the operands'"),
        ("ij->i", "there must be letters for every operand"),
        ("ijk,jk->i", "every axis of an operand must have a letter"),
        ("ij,ij->i", "axis 'i' must have one size"),
    ],
)
def test_equations_that_do_not_fit(equation, words):
    shapes = [(2, 3), (2, 3)] if equation == "ij,kl" else [(2, 3), (3, 4)]
    if equation == "ij,kl":
        assert ops.einsum(equation, *map(graftgrad.ones, shapes)).shape == (2, 3, 2, 3)
        return
    with pytest.raises(ShapeError, match=words):
        ops.einsum(equation, *map(graftgrad.ones, shapes))

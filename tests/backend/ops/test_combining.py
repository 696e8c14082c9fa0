import itertools

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from support.case import CaseChecks, attribute, case


def blocks(a, b, c):
    y = np.zeros((6, 7))
    y[:2, :3], y[2, 3:6], y[3:, 6:] = a, b, c
    return y


def choices(x, r=2, with_replacement=False):
    kind = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return np.array(list(kind(x, r))).reshape(-1, r)


class TestCombining(CaseChecks):
    CASES = (
        case(lambda a, b: ops.broadcast_tensors(a, b), label="broadcast_tensors", a=(3, 1), b=(2,),
             oracle=lambda a, b: np.broadcast_arrays(a, b)),
        case(lambda a, b, c: ops.block_diag(a, b, c), label="block_diag", a=(2, 3), b=(3,),
             c=(3, 1), oracle=blocks),
        case(lambda a, b: ops.cartesian_prod(a, b), label="cartesian_prod", a=(2,), b=(3,),
             oracle=lambda a, b: np.array(list(itertools.product(a, b))).reshape(-1, 2)),
        case(lambda a: ops.cartesian_prod(a), label="cartesian_prod of one", a=(2,),
             oracle=lambda a: a),
        case(ops.combinations, x=(4,), oracle=choices),
        case(ops.combinations, x=(3,), r=attribute(3), with_replacement=True, oracle=choices),
    )  # fmt: skip


def test_no_choice_is_left_of_too_few():
    assert ops.combinations(graftgrad.ones(2), 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.block_diag(graftgrad.ones(1, 1, 1)),
         "block_diag: all must be matrices, vectors or numbers; got x=(1, 1, 1)"),
        (lambda: ops.cartesian_prod(graftgrad.ones(2, 2)), "all must be vectors; got x=(2, 2)"),
        (lambda: ops.combinations(graftgrad.ones(2, 2)),
         "combinations: x must be a vector, and r not negative; got x=(2, 2)"),
        (lambda: ops.broadcast_tensors(graftgrad.ones(2), graftgrad.ones(3)),
         "broadcast_tensors: sizes must be equal or 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ShapeError) as error:
        call()
    assert words in str(error.value)


@pytest.mark.parametrize("op", [ops.broadcast_tensors, ops.block_diag, ops.cartesian_prod])
def test_nothing_at_all_is_refused(op):
    with pytest.raises(TypeError, match=r"at least one operand must be a tensor; got \(\)"):
        op()

"""Sums, extremes and products of segments."""

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, ShapeError
from support.case import CaseChecks, case, distinct, integers, positive

IDS = np.array([0, 2, 0, 1, 2])


def by_rows(function, start):
    def oracle(x, ids, count):
        y = np.full((count, *x.shape[1:]), start, x.dtype)
        function.at(y, ids, x)
        return y

    return oracle


class TestSegments(CaseChecks):
    CASES = (
        case(ops.segment_sum, x=(5, 3), ids=IDS, count=4, oracle=by_rows(np.add, 0)),
        case(ops.segment_max, x=distinct(5, 3), ids=IDS, count=3, oracle=by_rows(np.maximum, -9)),
        case(ops.segment_min, x=distinct(5, 3), ids=IDS, count=3, oracle=by_rows(np.minimum, 9)),
        case(ops.segment_prod, x=positive(5, 3), ids=IDS, count=4, oracle=by_rows(np.multiply, 1)),
        case(ops.segment_max, x=integers((5,), 9), ids=IDS, count=3,
             oracle=by_rows(np.maximum, -99)),
        case(ops.segment_min, x=integers((5,), 9), ids=IDS, count=3,
             oracle=by_rows(np.minimum, 99)),
    )  # fmt: skip


def test_empty_segments_and_numbers_outside():
    x = graftgrad.tensor([1.0, 2.0, 4.0])
    ids = [0, -1, 7]
    assert ops.segment_sum(x, ids, 2).tolist() == [1, 0]
    assert ops.segment_prod(x, ids, 2).tolist() == [1, 1]
    assert ops.segment_max(x, ids, 2).tolist() == [1, -np.inf]
    assert ops.segment_min(x, ids, 2).tolist() == [1, np.inf]


def test_equal_extremes_share_the_gradient():
    x = graftgrad.tensor([3.0, 3.0, 1.0]).requires_grad_()
    ops.segment_max(x, [0, 0, 0], 1).sum().backward()
    assert x.grad.tolist() == [0.5, 0.5, 0]


def test_products_with_zeros_have_gradients():
    x = graftgrad.tensor([2.0, 0.0, 5.0, 0.0, 0.0]).requires_grad_()
    ops.segment_prod(x, [0, 0, 0, 1, 1], 2).sum().backward()
    assert x.grad.tolist() == [0, 10, 0, 0, 0]


def test_numbers_of_segments_must_fit():
    x = graftgrad.ones(3)
    with pytest.raises(DTypeError, match="segment numbers must be integers"):
        ops.segment_sum(x, [0.0, 1.0, 1.0], 2)
    with pytest.raises(ShapeError, match="one segment number for each row"):
        ops.segment_max(x, [0, 1], 2)

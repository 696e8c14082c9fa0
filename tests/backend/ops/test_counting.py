import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from support.case import CaseChecks, case, integers, normal

ROW = np.array([-1.0, 0.0, 0.5, 0.5, 2.0])


def host(op, oracle, **given):
    return case(op, oracle=oracle, meta=False, replay=False, gradient=False, **given)


class TestPlaces(CaseChecks):
    CASES = (
        *[case(ops.searchsorted, row=ROW, values=np.array([[-2.0, 0.5], [0.3, 9.0]]), side=side,
               gradient=False, oracle=lambda row, values, side: np.searchsorted(row, values, side))
          for side in ("left", "right")],
        *[case(ops.digitize, x=np.array([[-2.0, 0.5], [0.3, 9.0]]), bins=ROW, right=right,
               gradient=False, oracle=lambda x, bins, right: np.digitize(x, bins, right))
          for right in (False, True)],
        *[case(ops.bucketize, x=np.array([[-2.0, 0.5], [0.3, 9.0]]), boundaries=ROW, right=right,
               gradient=False, oracle=lambda x, boundaries, right: np.searchsorted(
                   boundaries, x, "right" if right else "left")) for right in (False, True)],
        *[case(ops.isin, x=integers((3, 4), 9), values=np.array([[7, 2], [2, 5]]), invert=invert,
               gradient=False, oracle=lambda x, values, invert: np.isin(x, values, invert=invert))
          for invert in (False, True)],
        case(ops.isin, x=integers((3, 4), 9), values=np.zeros(0, "int64"), gradient=False,
             oracle=lambda x, values: np.isin(x, values)),
    )  # fmt: skip


class TestCounts(CaseChecks):
    CASES = (
        host(ops.bincount, lambda x: np.bincount(x), x=integers((20,), 7)),
        host(ops.bincount, lambda x, minlength: np.bincount(x, minlength=minlength),
             x=integers((5,), 3), minlength=9),
        host(ops.bincount, lambda x, weights: np.bincount(x, weights), x=integers((20,), 7),
             weights=normal(20), single_dtype="float64"),
        host(ops.histogram, lambda x: np.histogram(x), x=(5, 6)),
        host(ops.argwhere, lambda x: np.argwhere(x), x=integers((3, 4), 2)),
        host(ops.nonzero, lambda x: np.nonzero(x), x=integers((3, 4), 2)),
        host(ops.flatnonzero, lambda x: np.flatnonzero(x), x=integers((3, 4), 2)),
        host(ops.unique, lambda x: np.unique(x), x=integers((3, 4), 5)),
        host(ops.histc, lambda x, bins: np.histogram(x, bins)[0].astype(x.dtype), x=(20,), bins=4),
        host(ops.histc, lambda x, bins, min, max: np.histogram(x, bins, (min, max))[0].astype(
            x.dtype), x=(20,), bins=4, min=-0.5, max=1),
        host(ops.unique_consecutive, lambda x: x[np.append(True, x[1:] != x[:-1])],
             x=integers((20,), 3)),
    )  # fmt: skip


def test_everything_that_unique_can_tell():
    x = np.array([[3, 1, 3], [2, 2, 1]])
    found = ops.unique(graftgrad.tensor(x), True, True, True)
    for y, wanted in zip(found, np.unique(x, True, True, True), strict=True):
        np.testing.assert_array_equal(y.numpy(), wanted)
    rows = ops.unique(graftgrad.tensor([[1, 2], [1, 2], [0, 5]]), axis=0)
    assert rows.tolist() == [[0, 5], [1, 2]]


def test_the_places_of_what_is_not_zero_pick_it():
    x = graftgrad.tensor([[0.0, 5.0], [6.0, 0.0]], requires_grad=True)
    y = x[ops.nonzero(x)]
    assert y.tolist() == [5, 6]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 1], [1, 0]]
    assert ops.histogram(graftgrad.tensor([0.1, 0.9]), 2, (0.0, 1.0))[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda x: ops.searchsorted(x, x, "up"), ConfigError, 'side must be "left" or "right"'),
        (lambda x: ops.searchsorted(x[None], x), ShapeError, "sorted row must have one axis"),
        (lambda x: ops.bincount(x), DTypeError, "bincount: indices must be integers"),
        (lambda x: ops.bincount(graftgrad.tensor([-1])), DTypeError, "must not be negative"),
        (lambda x: ops.bincount(graftgrad.tensor([1]), [1, 2]), ShapeError, "one weight for each"),
    ],
)
def test_what_does_not_fit(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong(graftgrad.zeros(3))


def test_equal_neighbours_are_counted():
    x = graftgrad.tensor([[3, 3, 1], [1, 1, 3]])
    found, inverse, counts = ops.unique_consecutive(x, return_inverse=True, return_counts=True)
    assert found.tolist() == [3, 1, 3]
    assert inverse.tolist() == [[0, 0, 1], [1, 1, 2]]
    assert counts.tolist() == [2, 3, 1]
    assert ops.unique_consecutive(graftgrad.zeros(0)).shape == (0,)

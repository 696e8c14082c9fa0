import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DeviceError, ShapeError
from support.case import CaseChecks, case, distinct, integers


def sort(x, axis=-1, descending=False):
    y = np.sort(x, axis)
    return np.flip(y, axis) if descending else y


def top_k(x, k, axis=-1):
    places = np.argsort(-x, axis=axis, kind="stable").take(np.arange(k), axis=axis)
    return np.take_along_axis(x, places, axis), places


class TestOrder(CaseChecks):
    CASES = (
        case(ops.sort, x=distinct(3, 4), oracle=sort),
        case(ops.sort, x=distinct(3, 4), axis=0, descending=True, oracle=sort),
        case(ops.sort, x=integers((9,), 4), oracle=sort),
        case(ops.argsort, x=distinct(3, 4), axis=0, oracle=np.argsort, gradient=False),
        case(ops.top_k, x=distinct(3, 5), k=2, oracle=top_k),
        case(ops.top_k, x=distinct(5, 3), k=5, axis=0, oracle=top_k),
        case(ops.top_k, x=distinct(3, 5), k=0, oracle=top_k),
    )


class TestRunningSums(CaseChecks):
    CASES = (
        case(ops.cumsum, x=(4, 3), oracle=lambda x: np.cumsum(x, axis=0)),
        case(ops.cumsum, x=(4, 3), axis=-1, oracle=np.cumsum),
        case(ops.cumsum, x=integers((5,), 9), axis=0, oracle=np.cumsum),
        case(ops.cumsum, x=(0,), axis=0, oracle=np.cumsum),
    )


def test_what_ties_keeps_its_order_both_ways():
    x = graftgrad.tensor([1, 3, 1, 3, 2])
    assert ops.argsort(x).tolist() == [0, 2, 4, 1, 3]
    assert ops.argsort(x, descending=True).tolist() == [1, 3, 4, 0, 2]
    assert ops.top_k(x, 2)[1].tolist() == [1, 3]


def test_the_gradient_of_top_k_flows_to_the_largest():
    x = graftgrad.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, places = ops.top_k(x, 2)
    assert places.tolist() == [0, 2]
    (values * graftgrad.tensor([10.0, 1.0])).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [10, 0, 1])


def test_nonzero_needs_values():
    assert ops.argwhere(graftgrad.tensor([0, 5, 0, 6])).tolist() == [[1], [3]]
    assert ops.argwhere(graftgrad.zeros(2, 3)).shape == (0, 2)
    assert [places.shape for places in ops.nonzero(graftgrad.zeros(2, 3))] == [(0,), (0,)]
    with pytest.raises(DeviceError, match="no values to read"):
        ops.nonzero(graftgrad.zeros(2, device="meta"))


def test_bad_axes_and_sizes():
    x = graftgrad.zeros(2, 3)
    with pytest.raises(ShapeError, match=r"top_k: k must lie between 0 .*k=4"):
        ops.top_k(x, 4)
    with pytest.raises(ShapeError, match=r"sort: axis must lie in \[-2, 2\)"):
        ops.sort(x, 2)
    with pytest.raises(ShapeError, match=r"cumsum: axis must lie"):
        ops.cumsum(x, -3)

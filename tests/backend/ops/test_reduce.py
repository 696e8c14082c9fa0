import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops.reduce import gradient_for
from graftgrad.spec import Spec, float32
from support.case import CaseChecks, booleans, case, distinct, integers, positive


def variance(x, axis=None, keepdims=False, correction=0):
    return np.var(x, axis=axis, keepdims=keepdims, ddof=correction)


class TestSums(CaseChecks):
    CASES = (
        case(ops.sum, x=(2, 3, 4), oracle=np.sum),
        case(ops.sum, x=(2, 3, 4), axis=1, oracle=np.sum),
        case(ops.sum, x=(2, 3, 4), axis=(0, -1), oracle=np.sum),
        case(ops.sum, x=(2, 3, 4), axis=(0, 2), keepdims=True, oracle=np.sum),
        case(ops.sum, x=(2, 0, 4), axis=1, oracle=np.sum),
        case(ops.sum, x=(), oracle=np.sum),
        case(ops.sum, x=integers((3, 4), 9), axis=0, oracle=np.sum),
        case(ops.mean, x=(2, 3, 4), oracle=np.mean),
        case(ops.mean, x=(2, 3, 4), axis=(1, 2), keepdims=True, oracle=np.mean),
        case(ops.var, x=(2, 3, 4), oracle=variance),
        case(ops.var, x=(2, 3, 4), axis=1, correction=1, oracle=variance),
        case(ops.var, x=(2, 3, 4), axis=(0, 2), keepdims=True, oracle=variance),
        case(ops.sum_to, x=(2, 3, 4), shape=(3, 1), oracle=lambda x, shape: _sum_to(x, shape)),
        case(ops.sum_to, x=(2, 3), shape=(), oracle=lambda x, shape: x.sum()),
    )


def _sum_to(x, shape):
    wanted = np.zeros(shape)
    for place in np.ndindex(x.shape):
        behind = place[len(place) - len(shape) :]
        wanted[tuple(0 if n == 1 else i for i, n in zip(behind, shape, strict=True))] += x[place]
    return wanted


class TestExtrema(CaseChecks):
    CASES = (
        case(ops.max, x=distinct(2, 3, 4), oracle=np.max),
        case(ops.max, x=distinct(2, 3, 4), axis=-1, oracle=np.max),
        case(ops.max, x=distinct(2, 3, 4), axis=(0, 2), keepdims=True, oracle=np.max),
        case(ops.min, x=distinct(2, 3, 4), axis=1, oracle=np.min),
        case(ops.max, x=integers((3, 4), 99), axis=0, oracle=np.max),
    )


class TestProducts(CaseChecks):
    CASES = (
        case(ops.prod, x=positive(2, 3), oracle=np.prod),
        case(ops.prod, x=np.array([[2.0, 0.0, -3.0], [0.0, 0.0, 4.0]]), axis=1, oracle=np.prod),
        case(ops.prod, x=np.array([0.0]), oracle=np.prod),
        case(ops.prod, x=(0, 3), axis=1, oracle=np.prod),
        case(ops.prod, x=positive(2, 3, 2), axis=(0, 2), oracle=np.prod),
        case(ops.prod, x=positive(2, 3), axis=1, keepdims=True, oracle=np.prod),
    )


class TestTruth(CaseChecks):
    CASES = (
        case(ops.all, x=booleans(3, 4), axis=1, oracle=np.all),
        case(ops.any, x=booleans(3, 4), axis=(0, 1), keepdims=True, oracle=np.any),
        case(ops.any, x=integers((3, 4), 2), oracle=np.any),
    )


def test_ties_share_the_gradient_evenly():
    x = graftgrad.tensor([[1.0, 1.0], [0.0, 1.0]], requires_grad=True)
    ops.max(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1 / 3, 1 / 3], [0, 1 / 3]], rtol=1e-6)


def test_nothing_to_reduce():
    with pytest.raises(ShapeError, match="mean: there must be at least one element"):
        ops.mean(graftgrad.zeros(0, 3))
    with pytest.raises(ShapeError, match="reduced axis must not be empty"):
        ops.max(graftgrad.zeros(2, 0), axis=1)
    with pytest.raises(ShapeError, match=r"more elements than `correction`.*correction=1"):
        ops.var(graftgrad.zeros(1, 3), axis=0, correction=1)


@pytest.mark.parametrize("axis", [3, -4, (0, 3)])
def test_no_such_axis(axis):
    with pytest.raises(ShapeError, match=r"axis must lie in \[-3, 3\)"):
        ops.sum(graftgrad.zeros(1, 2, 3), axis)


def test_an_axis_named_twice():
    with pytest.raises(ShapeError, match="no axis may be named twice"):
        ops.sum(graftgrad.zeros(2, 3), (0, -2))


def test_a_gradient_takes_its_operands_shape_and_type():
    g = gradient_for(graftgrad.ones(2, 3, 4, dtype="float64"), Spec((3, 1), float32))
    assert (g.shape, g.dtype) == ((3, 1), float32)
    np.testing.assert_array_equal(g.numpy(), 8)


def test_means_of_integers_are_real():
    y = ops.mean(graftgrad.tensor([1, 2]))
    assert y.dtype == float32
    assert y.item() == 1.5

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, ShapeError
from support.case import CaseChecks, booleans, case, distinct, integers

ODD = np.array([[np.nan, np.inf, -np.inf], [0.0, 1.0, -2.0]])


class TestComparisons(CaseChecks):
    CASES = (
        *(
            case(op, a=integers((3, 4), 3), b=integers((4,), 3), oracle=oracle)
            for op, oracle in (
                (ops.equal, np.equal),
                (ops.not_equal, np.not_equal),
                (ops.less, np.less),
                (ops.less_equal, np.less_equal),
                (ops.greater, np.greater),
                (ops.greater_equal, np.greater_equal),
                (ops.logical_and, np.logical_and),
                (ops.logical_or, np.logical_or),
            )
        ),
        case(ops.less, a=(2, 3), b=0.5, oracle=np.less, gradient=False),
        case(ops.logical_not, x=booleans(2, 3), oracle=np.logical_not),
        case(ops.isfinite, x=ODD, oracle=np.isfinite, gradient=False),
        case(ops.isnan, x=ODD, oracle=np.isnan, gradient=False),
        case(ops.count_nonzero, x=integers((3, 4), 2), oracle=np.count_nonzero),
    )


class TestPlaces(CaseChecks):
    CASES = (
        case(ops.argmax, x=distinct(3, 4), oracle=np.argmax, gradient=False),
        case(ops.argmax, x=distinct(3, 4), axis=0, oracle=np.argmax, gradient=False),
        case(ops.argmin, x=distinct(3, 4), axis=-1, oracle=np.argmin, gradient=False),
        case(ops.argmin, x=integers((9,), 3), oracle=np.argmin),
    )


def test_the_first_of_several_extrema_is_found():
    assert ops.argmax(graftgrad.tensor([1, 3, 3])).item() == 1
    assert ops.argmin(graftgrad.tensor([3, 1, 1])).item() == 1


def test_results_of_comparisons_want_no_gradient():
    x = graftgrad.ones(3, requires_grad=True)
    for y in (x > 0, ops.isnan(x), ops.argmax(x), x == x, ops.sign(x)):
        assert not y.requires_grad


def test_nothing_to_compare():
    with pytest.raises(DTypeError, match=r"signbit: operands must be real numbers; got x=.*real"):
        ops.signbit(graftgrad.ones(2) * 1j)
    with pytest.raises(ShapeError, match="the axis must not be empty"):
        ops.argmax(graftgrad.zeros(3, 0), axis=1)
    with pytest.raises(ShapeError, match=r"axis must lie in \[-1, 1\)"):
        ops.argmax(graftgrad.zeros(3), axis=1)


def test_tensors_compare_by_element_and_hash_by_identity():
    x, y = graftgrad.tensor([1, 2]), graftgrad.tensor([1, 3])
    assert (x == y).tolist() == [True, False]
    assert (x != y).tolist() == [False, True]
    assert len({x, y, x}) == 2


NUMBERS = np.array([1.0, -0.0, np.nan, np.inf, -np.inf])


class TestMoreQuestions(CaseChecks):
    CASES = (
        *[
            case(getattr(ops, name), x=NUMBERS, oracle=getattr(np, name), gradient=False)
            for name in ("isinf", "isposinf", "isneginf", "signbit")
        ],
        case(ops.logical_xor, a=booleans(3, 4), b=booleans(4), oracle=np.logical_xor),
        case(ops.isclose, a=NUMBERS, b=NUMBERS * (1 + 1e-6), oracle=np.isclose, gradient=False),
        case(ops.isclose, a=NUMBERS, b=NUMBERS[::-1].copy(), equal_nan=True, gradient=False,
             oracle=np.isclose),
        case(ops.isclose, a=integers((9,), 3), b=integers((9,), 3), oracle=np.isclose),
        case(ops.argmax, x=distinct(3, 4), axis=1, keepdims=True, oracle=np.argmax, gradient=False),
        case(ops.argmin, x=distinct(3, 4), keepdims=True, oracle=np.argmin, gradient=False),
        case(ops.count_nonzero, x=integers((3, 4), 2), axis=0, oracle=np.count_nonzero),
        case(ops.count_nonzero, x=booleans(3, 4), axis=1, keepdims=True, oracle=np.count_nonzero),
    )  # fmt: skip


def test_everything_at_once():
    x = graftgrad.tensor([1.0, 2.0])
    assert ops.allclose(x, x + 1e-7) is True
    assert ops.allclose(x, [1.0, 2.1]) is False
    assert ops.array_equal(x, [1, 2]) is True
    assert ops.array_equal(x, [1]) is False
    assert not ops.allclose(graftgrad.tensor([np.nan]), [np.nan])
    assert ops.allclose(graftgrad.tensor([np.nan]), [np.nan], equal_nan=True)

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops.running import Recurrence
from support.case import CaseChecks, booleans, case, distinct, integers, positive

ZEROS = np.array([[2.0, 0.0, -3.0, 1.5], [0.0, 0.0, 4.0, 2.0]])


def recurrence(a, b):
    y = np.zeros_like(a)
    for i in range(a.shape[1]):
        y[:, i] = a[:, i] * y[:, i - 1] + b[:, i] if i else b[:, i]
    return y


def running(x, axis, largest):
    best = (np.maximum if largest else np.minimum).accumulate(x, axis)
    flat, found = np.moveaxis(x, axis, 0), np.moveaxis(best, axis, 0)
    places = np.zeros(flat.shape, int)
    for i in range(len(flat)):
        places[i] = np.where(flat[i] == found[i], i, places[i - 1])
    return best, np.moveaxis(places, 0, axis)


class TestRunning(CaseChecks):
    CASES = (
        case(ops.cumprod, x=positive(4, 3), oracle=lambda x: np.cumprod(x, 0)),
        case(ops.cumprod, x=ZEROS, axis=1, oracle=lambda x, axis: np.cumprod(x, axis)),
        case(ops.cumprod, x=(2, 0), axis=1, oracle=lambda x, axis: np.cumprod(x, axis)),
        case(ops.cumprod, x=integers((5,), 5, dtype="int8"), oracle=lambda x: np.cumprod(x)),
        case(ops.cumsum, x=booleans(5), oracle=lambda x: np.cumsum(x)),
        case(Recurrence(1), a=(2, 4), b=(2, 4), oracle=recurrence),
        case(ops.cummax, x=distinct(4, 3), oracle=lambda x: running(x, 0, True)),
        case(ops.cummin, x=distinct(3, 4), axis=-1, oracle=lambda x, axis: running(x, 1, False)),
        case(ops.cummax, x=integers((9,), 4), oracle=lambda x: running(x, 0, True)),
        case(ops.diff, x=(3, 4), oracle=lambda x: np.diff(x)),
        case(ops.diff, x=(5, 2), n=2, axis=0, oracle=lambda x, n, axis: np.diff(x, n, axis)),
        case(ops.diff, x=booleans(6), oracle=lambda x: np.diff(x)),
        case(ops.diff, x=(1, 2), axis=0, oracle=lambda x, axis: np.diff(x, axis=axis)),
    )


def test_nan_stays_the_largest():
    values, places = ops.cummax(graftgrad.tensor([1.0, np.nan, 5.0]))
    np.testing.assert_array_equal(values.numpy(), [1, np.nan, np.nan])
    assert places.tolist() == [0, 1, 1]


def test_bad_axes_and_counts():
    x = graftgrad.zeros(2, 3)
    with pytest.raises(ShapeError, match="diff: n must not be negative"):
        ops.diff(x, -1)
    for op in (ops.cumprod, ops.cummax, ops.cummin):
        with pytest.raises(ShapeError, match=rf"{op.__name__}: axis must lie in \[-2, 2\)"):
            op(x, 2)
    with pytest.raises(ShapeError, match="recurrence: operands must have one shape"):
        Recurrence(0)(x, x[:1])

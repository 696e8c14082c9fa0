import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops.running import Recurrence
from support.case import CaseChecks, booleans, case, distinct, integers, normal, positive

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


def log_sums(x, axis=0):
    return np.log(np.cumsum(np.exp(x), axis))


class TestIntegrals(CaseChecks):
    CASES = (
        case(ops.logcumsumexp, x=(7,), oracle=log_sums),
        case(ops.logcumsumexp, x=(2, 5, 3), axis=1, oracle=log_sums),
        case(ops.logcumsumexp, x=(0, 3), oracle=log_sums),
        case(ops.trapezoid, y=(3, 4), oracle=lambda y: np.trapezoid(y)),
        case(ops.trapezoid, y=(3, 4), dx=0.5, axis=0,
             oracle=lambda y, dx, axis: np.trapezoid(y, dx=dx, axis=axis)),
        case(ops.trapezoid, y=(3, 4, 2), x=normal(4), axis=1,
             oracle=lambda y, x, axis: np.trapezoid(y, x, axis=axis)),
        case(ops.trapezoid, y=(3, 4), x=normal(3, 4), axis=0,
             oracle=lambda y, x, axis: np.trapezoid(y, x, axis=axis)),
        case(ops.cumulative_trapezoid, y=(3, 4), x=normal(4),
             oracle=lambda y, x: np.cumsum((y[:, 1:] + y[:, :-1]) / 2 * np.diff(x), 1)),
    )  # fmt: skip


def test_running_sums_of_exponentials_do_not_overflow():
    x = graftgrad.tensor([1000.0, 1000.0, -1000.0, 2000.0], "float64", requires_grad=True)
    y = ops.logcumsumexp(x)
    np.testing.assert_allclose(y.tolist(), [1000, 1000 + np.log(2), 1000 + np.log(2), 2000])
    y[1].backward()
    assert x.grad.tolist() == [0.5, 0.5, 0, 0]
    masked = graftgrad.tensor([-np.inf, -np.inf, 0.0], "float64")
    assert ops.logcumsumexp(masked).tolist() == [-np.inf, -np.inf, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda y: ops.trapezoid(y, y[0], axis=0), "trapezoid: x must be as long as y along"),
        (lambda y: ops.trapezoid(y[0], y), "x must be a vector, or have as many axes as y"),
        (lambda y: ops.cumulative_trapezoid(y[:0], axis=0),
         "cumulative_trapezoid: there must be at least one value along the axis"),
        (lambda y: ops.logcumsumexp(y, 3), r"logcumsumexp: axis must lie in \[-2, 2\)"),
    ],
)  # fmt: skip
def test_integrals_that_do_not_fit_are_refused(call, words):
    with pytest.raises(ShapeError, match=words):
        call(graftgrad.ones(3, 4))


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

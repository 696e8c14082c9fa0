import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, ShapeError
from support.case import CaseChecks, attribute, case, distinct, integers, positive

HOLES = np.array([[1.0, np.nan, 3.5, -2.0], [np.nan, 0.5, np.nan, 4.0]])


def numpys(name):
    return lambda x, *rest, **named: getattr(np, name)(x, *rest, **named)


class TestSpread(CaseChecks):
    CASES = (
        case(ops.std, x=(3, 4), oracle=lambda x: np.std(x)),
        case(ops.std, x=(3, 4), axis=1, keepdims=True, correction=1,
             oracle=lambda x, axis, keepdims, correction:
             np.std(x, axis, keepdims=keepdims, ddof=correction)),
        case(ops.ptp, x=distinct(3, 4), axis=0, oracle=lambda x, axis: np.ptp(x, axis)),
        case(ops.average, x=(3, 4), oracle=lambda x: np.average(x)),
        case(ops.average, x=(3, 4), axis=1, weights=positive(4),
             oracle=lambda x, axis, weights: np.average(x, axis, weights)),
        case(ops.average, x=(3, 4), weights=positive(3, 4), keepdims=True,
             oracle=lambda x, weights, keepdims:
             np.average(x, weights=weights, keepdims=keepdims)),
        case(ops.cov, x=(3, 5), oracle=lambda x: np.cov(x)),
        case(ops.cov, x=(5,), correction=0, oracle=lambda x, correction: np.cov(x, ddof=0)),
        case(ops.corrcoef, x=(3, 5), oracle=lambda x: np.corrcoef(x)),
    )  # fmt: skip


class TestRanks(CaseChecks):
    CASES = (
        case(ops.median, x=distinct(3, 4), oracle=lambda x: np.median(x)),
        case(ops.median, x=distinct(3, 4), axis=0, oracle=lambda x, axis: np.median(x, axis)),
        case(ops.median, x=integers((4,), 9), oracle=lambda x: np.median(x).astype("float32")),
        case(ops.quantile, x=distinct(3, 4, 2), q=0.3, axis=attribute((0, 2)), keepdims=True,
             oracle=lambda x, q, axis, keepdims: np.quantile(x, q, axis, keepdims=keepdims)),
        case(ops.quantile, x=distinct(3, 4), q=attribute([0.0, 0.25, 1.0]), axis=1,
             oracle=lambda x, q, axis: np.quantile(x, q, axis)),
        case(ops.percentile, x=distinct(3, 4), q=60, oracle=lambda x, q: np.percentile(x, q)),
        case(ops.kthvalue, x=distinct(3, 5), k=2,
             oracle=lambda x, k: (np.sort(x)[:, 1], np.argsort(x)[:, 1])),
        case(ops.kthvalue, x=distinct(5, 3), k=5, axis=0, keepdims=True,
             oracle=lambda x, k, axis, keepdims: (x.max(0)[None], x.argmax(0)[None])),
        case(ops.topk, x=distinct(3, 5), k=2, largest=False,
             oracle=lambda x, k, largest: (np.sort(x)[:, :2], np.argsort(x)[:, :2])),
    )  # fmt: skip


class TestWithoutNaN(CaseChecks):
    CASES = (
        *[case(getattr(ops, name), x=(3, 4), axis=1, oracle=numpys(name))
          for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd")],
        *[case(getattr(ops, name), x=distinct(3, 4), axis=0, keepdims=True, oracle=numpys(name))
          for name in ("nanmax", "nanmin")],
        case(ops.nanmax, x=integers((3, 4), 9), oracle=numpys("nanmax")),
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"]
)
def test_holes_are_passed_over_and_get_no_gradient(name):
    x = graftgrad.tensor(HOLES, requires_grad=True)
    y = getattr(ops, name)(x, 1)
    np.testing.assert_allclose(y.detach().numpy(), getattr(np, name)(HOLES, 1))
    y.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    np.testing.assert_array_equal(x.grad.numpy()[np.isnan(HOLES)], 0)


def test_where_nothing_is_left():
    x = graftgrad.tensor([[np.nan, np.nan]])
    for op in (ops.nanmean, ops.nanmax, ops.nanmin, ops.nanvar):
        assert np.isnan(op(x, 1).numpy()).all()
    assert ops.nansum(x).item() == 0


def test_nan_among_the_elements_has_no_rank():
    y = ops.median(graftgrad.tensor(HOLES), 1)
    assert np.isnan(y.numpy()).all()


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda x: ops.quantile(x, 1.5), ConfigError, r"quantile: q must lie in \[0, 1\]; got q="),
        (lambda x: ops.percentile(x, -1), ConfigError, r"percentile: q must lie in \[0, 100\]"),
        (lambda x: ops.median(x[:0]), ShapeError, "quantile: there must be at least one element"),
        (lambda x: ops.kthvalue(x, 0), ShapeError, "kthvalue: k must lie between 1 and"),
        (lambda x: ops.topk(x, 4, largest=False), ShapeError, "topk: k must lie between 0 and"),
        (lambda x: ops.average(x, 0, x[0]), ShapeError, "average: weights must have the shape"),
        (lambda x: ops.cov(x[None]), ShapeError, "cov: must be a vector or a matrix"),
        (lambda x: ops.cov(x[:, :1]), ShapeError, "cov: there must be more elements than"),
        (
            lambda x: ops.corrcoef(x[0]),
            ShapeError,
            "corrcoef: must be a matrix, a row per",
        ),
    ],
)
def test_what_does_not_fit(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong(graftgrad.zeros(2, 3))

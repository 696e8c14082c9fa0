import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DataError, DTypeError, ShapeError
from support.case import CaseChecks, booleans, case, integers

MASK = np.array([[True, False, True], [False, False, True]])


def scattered(x, axis, indices, values):
    y = x.copy()
    np.put_along_axis(y, indices, values, axis)
    return y


def added(x, axis, indices, values):
    y = x.copy()
    np.add.at(y, (slice(None),) * axis + (indices,), values)
    return y


def filled(x, mask, source):
    stretched, wide = np.broadcast_arrays(x, mask)
    y = stretched.copy()
    y[wide] = source.ravel()[: wide.sum()]
    return y


PLACES = np.array([[2, 0, 1], [1, 1, 0]])


class TestSelection(CaseChecks):
    CASES = (
        case(ops.masked_fill, x=(3, 4), mask=booleans(4), value=(),
             oracle=lambda x, mask, value: np.where(mask, value, x)),
        case(ops.masked_select, x=(2, 3), mask=MASK, meta=False, replay=False,
             oracle=lambda x, mask: x[mask]),
        case(ops.masked_select, x=(3,), mask=MASK, meta=False, replay=False,
             oracle=lambda x, mask: np.broadcast_to(x, (2, 3))[mask]),
        case(ops.index_select, x=(3, 4), axis=1, indices=integers((5,), 4),
             oracle=lambda x, axis, indices: np.take(x, indices, axis)),
        case(ops.index_add, x=(3, 4), axis=1, indices=integers((5,), 4), values=(3, 5),
             oracle=added),
        case(ops.index_add, x=(3, 4), axis=0, indices=integers((2,), 3), values=(2, 4),
             oracle=added),
        case(ops.scatter, x=(2, 3), axis=1, indices=PLACES[:, :2], values=(2, 2),
             oracle=scattered),
        case(ops.scatter, x=(3, 3), axis=0, indices=PLACES, values=(2, 3), oracle=scattered),
        case(ops.put_along_axis, x=(2, 3), indices=PLACES[:, 1:], values=(2, 1), axis=1,
             oracle=lambda x, indices, values, axis:
             scattered(x, axis, indices, np.broadcast_to(values, indices.shape))),
        case(ops.narrow, x=(3, 5), axis=1, start=1, length=3,
             oracle=lambda x, axis, start, length: x[:, 1:4]),
        case(ops.narrow, x=(3, 5), axis=0, start=-2, length=2,
             oracle=lambda x, axis, start, length: x[-2:]),
        case(ops.index_fill, x=(3, 5), axis=1, indices=np.array([0, 3, 3]), value=(),
             oracle=lambda x, axis, indices, value: np.where(np.isin(range(5), indices), value, x)),
        case(ops.index_copy, x=(3, 4), axis=1, indices=np.array([3, 0]), values=(3, 2),
             oracle=lambda x, axis, indices, values: np.stack(
                 [values[:, 1], x[:, 1], x[:, 2], values[:, 0]], 1)),
        case(ops.masked_scatter, x=(2, 3), mask=MASK, source=(2, 2), oracle=filled),
        case(ops.masked_scatter, x=(2, 1), mask=np.array([True, False]), source=(2,),
             oracle=filled),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda x: ops.masked_select(x, x), DTypeError, "masked_select: the mask must be bool"),
        (lambda x: ops.masked_select(x, graftgrad.ones(2, 2) > 0), ShapeError,
         "masked_select: sizes must be equal or 1"),
        (lambda x: ops.index_add(x, 0, [0], x), ShapeError, "one slice for each index"),
        (lambda x: ops.scatter(x, 0, [0], x), ShapeError, "scatter: indices must have the axes"),
        (lambda x: ops.scatter(x, 0, [[9, 0, 0]], 1.0), DataError, "must lie in"),
        (lambda x: ops.narrow(x, 0, 1, 9), ShapeError,
         "narrow: start and length must lie within an axis of size"),
        (lambda x: ops.index_fill(x, 0, [0], x), ShapeError, "the value must be one number"),
        (lambda x: ops.index_fill(x, 0, [7], 1.0), DataError, "must lie in"),
        (lambda x: ops.index_copy(x, 0, [0, 1], x[:1]), ShapeError, "one slice for each index"),
        (lambda x: ops.masked_scatter(x, x, x), DTypeError, "masked_scatter: the mask must be"),
        (lambda x: ops.masked_scatter(x, x > -1, x[:1]), DataError, "must lie in"),
        (lambda x: ops.index_select(x, 2, [0]), ShapeError, r"axis must lie in \[-2, 2\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong(graftgrad.zeros(2, 3))

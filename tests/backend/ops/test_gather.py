import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DataError, DTypeError, ShapeError
from graftgrad.ops.gather import FlatPlaces, Untake
from support.case import CaseChecks, case, integers


def naive_take(x, indices, axis=None):
    return np.take(x, indices, axis=axis)


def naive_gather(x, indices, axis=-1):
    y = np.zeros(indices.shape)
    for place in np.ndindex(indices.shape):
        source = list(place)
        source[axis] = indices[place]
        y[place] = x[tuple(source)]
    return y


def naive_scatter_add(x, axis, indices, values):
    y = x.copy()
    for place in np.ndindex(indices.shape):
        target = list(place)
        target[axis] = indices[place]
        y[tuple(target)] += values[place]
    return y


def naive_untake(x, indices):
    y = np.zeros((2, 5, 3))
    for i, j in np.ndindex(indices.shape):
        y[:, indices[i, j]] += x[:, i, j]
    return y


class TestTake(CaseChecks):
    CASES = (
        case(ops.take, x=(5, 3), indices=integers((4,), 5), axis=0, oracle=naive_take),
        case(ops.take, x=(2, 5, 3), indices=integers((2, 4), 5, -5), axis=1, oracle=naive_take),
        case(ops.take, x=(2, 5, 3), indices=integers((), 3), axis=-1, oracle=naive_take),
        case(ops.take, x=(2, 3), indices=integers((4,), 6), oracle=naive_take),
        case(ops.take, x=(2, 3), indices=integers((0,), 3), axis=1, oracle=naive_take),
        case(
            ops.take, x=(9,), indices=integers((20,), 9, dtype="uint8"), axis=0, oracle=naive_take
        ),
        case(ops.take, x=integers((5, 2), 9), indices=integers((3,), 5), axis=0, oracle=naive_take),
        case(Untake(1, 5, 2), x=(2, 2, 4, 3), indices=integers((2, 4), 5), oracle=naive_untake),
    )


class TestAlong(CaseChecks):
    CASES = (
        case(ops.take_along_axis, x=(3, 4), indices=integers((3, 6), 4, -4), oracle=naive_gather),
        case(ops.take_along_axis, x=(3, 4), indices=integers((2, 4), 3), axis=0,
             oracle=naive_gather),
        case(ops.take_along_axis, x=(2, 3, 4), indices=integers((2, 5, 4), 3), axis=1,
             oracle=naive_gather),
        case(ops.take_along_axis, x=(2, 3, 4), indices=integers((2, 5, 1), 3), axis=1,
             oracle=lambda x, indices, axis: np.take_along_axis(x, indices, axis)),
        case(ops.take_along_axis, x=(1, 4, 3), indices=integers((2, 2, 1), 4), axis=1,
             oracle=lambda x, indices, axis: np.take_along_axis(x, indices, axis)),
        case(ops.gather, x=(3, 4), axis=1, indices=integers((3, 2), 4), oracle=naive_gather),
        case(ops.scatter_add, x=(3, 4), axis=1, indices=integers((3, 6), 4, -4), values=(3, 6),
             oracle=naive_scatter_add),
        case(ops.scatter_add, x=(3, 4), axis=0, indices=integers((5, 2), 3), values=(5, 2),
             oracle=naive_scatter_add),
        case(ops.scatter_add, x=integers((4,), 9), axis=0, indices=integers((9,), 4),
             values=integers((9,), 9), oracle=naive_scatter_add),
    )  # fmt: skip


class TestLabels(CaseChecks):
    CASES = (
        case(ops.one_hot, labels=integers((2, 3), 4), classes=4,
             oracle=lambda labels, classes: np.eye(classes)[labels]),
        case(ops.one_hot, labels=integers((), 4), classes=5, dtype="int32",
             oracle=lambda labels, classes, dtype: np.eye(classes)[labels]),
        case(ops.embedding, indices=integers((2, 3), 5), weights=(5, 4),
             oracle=lambda indices, weights: weights[indices]),
        case(FlatPlaces((3, 4)), a=integers((5,), 3, -3), b=integers((5,), 4),
             oracle=lambda a, b: a % 3 * 4 + b),
    )  # fmt: skip


def test_repeated_indices_add_their_gradients():
    table = graftgrad.zeros(3, 2, requires_grad=True)
    ops.embedding(graftgrad.tensor([[1, 1], [0, 1]]), table).sum().backward()
    np.testing.assert_array_equal(table.grad.numpy(), [[1, 1], [3, 3], [0, 0]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_gradients_in_every_precision(dtype):
    x = graftgrad.zeros(3, dtype=dtype, requires_grad=True)
    (ops.take(x, [1, 1, 0], axis=0) * 2).sum().backward()
    assert str(x.grad.dtype) == dtype
    assert x.grad.tolist() == [2, 4, 0]


def test_lists_and_arrays_serve_as_indices():
    x = graftgrad.arange(5)
    assert ops.take(x, [1, 3]).tolist() == [1, 3]
    assert ops.take(x, np.array([[0], [4]])).tolist() == [[0], [4]]
    assert ops.take(x, []).shape == (0,)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda x: ops.take(x, [[0, 1], [1, 3]], axis=1), DataError,
         r"take: indices must lie in \[-3, 3\); got index=3, position=\(1, 1\), size=3"),
        (lambda x: ops.take(x, [-3], axis=0), DataError, r"index=-3, position=\(0,\)"),
        (lambda x: ops.take(x, [0.0], axis=0), DTypeError, "take: indices must be integers"),
        (lambda x: ops.take(x, [True], axis=0), DTypeError, "indices must be integers"),
        (lambda x: ops.take(x, [0], axis=2), ShapeError, r"axis must lie in \[-2, 2\)"),
        (lambda x: ops.embedding([0, -1], x), DataError, r"lie in \[0, 2\); got index=-1"),
        (lambda x: ops.embedding([2], x), DataError, r"embedding: .*index=2, position=\(0,\)"),
        (lambda x: ops.embedding([0], x[0]), ShapeError, "weights must have 2 axes"),
        (lambda x: ops.take_along_axis(x, [0]), ShapeError, "indices must have the axes of x"),
        (lambda x: ops.take_along_axis(x, [[0]] * 3), ShapeError, "fit into x on all but one"),
        (lambda x: ops.gather(x, 0, [[0, 1, 2]]), DataError, r"index=2, position=\(0, 2\), size=2"),
        (lambda x: ops.scatter_add(x, 0, [[0, 1, 0]], [[1.0, 2.0]]), ShapeError, "one value per"),
        (lambda x: ops.scatter_add(x, 0, [[5]], [[1.0]]), DataError, "index=5"),
        (lambda x: ops.one_hot(graftgrad.tensor([0, 3]), 3), DataError,
         r"one_hot: indices must lie in \[0, 3\); got index=3, position=\(1,\)"),
        (lambda x: ops.one_hot(graftgrad.tensor([-1]), 3), DataError, "index=-1"),
        (lambda x: ops.one_hot(x, 3), DTypeError, "one_hot: indices must be integers"),
    ],
)  # fmt: skip
def test_bad_indices(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong(graftgrad.zeros(2, 3))

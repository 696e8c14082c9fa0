"""Assignment to parts: values and gradients; what may be changed stands in test_inplace."""

import numpy as np
import pytest

import graftgrad
from graftgrad.ops.put import Cleared, LastWritten
from support.case import CaseChecks, case, integers

PLACES = np.array([[3, 1], [3, 0]])


def assigned(index):
    """x with a part replaced, by our assignment and by NumPy's."""

    def ours(x, v):
        y = x * 1
        y[index] = v * v
        return y

    def numpys(x, v):
        y = x.copy()
        y[index] = v * v
        return y

    return ours, numpys


def assignment(label, index, x=(3, 4), v=()):
    ours, numpys = assigned(index)
    readable = not isinstance(index, np.ndarray) or index.dtype != bool
    return case(ours, label=label, x=x, v=v, oracle=numpys, meta=readable)


def through_a_view(x, v):
    """A view of a view is changed; its base and another view follow."""
    base = x * 1
    other = base[:, 1:]
    inner = base.T[1:3][:, None, ::-1]
    inner.mul_(v)
    return base, other, inner


def through_a_view_in_numpy(x, v):
    base = x.copy()
    other = base[:, 1:]
    inner = base.T[1:3][:, None, ::-1]
    inner *= v
    return base, other, inner


class TestAssignment(CaseChecks):
    CASES = (
        assignment("whole", slice(None), v=(4,)),
        assignment("dots", ..., v=(3, 1)),
        assignment("row", 1, v=(4,)),
        assignment("leading_axes", 1, v=(1, 1, 4)),
        assignment("backwards", (slice(None, None, -2), slice(1, 3)), v=(2, 2)),
        assignment("new_axis", (None, slice(1), 2), v=(1, 1)),
        assignment("element", (0, -1)),
        assignment("rows_by_number", np.array([2, 0]), v=(2, 4)),
        assignment("elements", (np.array([0, 2]), np.array([1, -1])), v=(2,)),
        assignment("apart", (np.array([0, 2]), slice(None), None), v=(2, 4, 1)),
        assignment("repeated", np.array([1, 1, 0]), v=(3, 4)),
        assignment("mask", np.arange(12).reshape(3, 4) % 3 == 0),
        assignment("mask_of_rows", np.array([True, False, True]), v=(2, 4)),
        assignment("nothing", slice(0, 0), v=(4,)),
        assignment("number", (), x=()),
    )


class TestViews(CaseChecks):
    CASES = (
        case(through_a_view, x=(3, 4), v=(2, 1, 3), oracle=through_a_view_in_numpy),
        case(
            Cleared(),
            x=(2, 3),
            places=integers((2,), 6),
            oracle=lambda a, p: np.where(np.isin(np.arange(6).reshape(2, 3), p), 0, a),
        ),
        case(
            LastWritten(5, np.dtype("float64")),
            places=PLACES,
            oracle=lambda p: np.array([[0.0, 1], [1, 1]]),
        ),
    )


@pytest.mark.parametrize("index", [(slice(1, None),), (np.array([2, 0]),)])
def test_an_element_type_is_kept_and_gradients_come_back_in_theirs(index):
    x = graftgrad.ones(3, dtype="float32", requires_grad=True)
    v = graftgrad.ones(2, dtype="float64", requires_grad=True)
    y = x * 2
    y[index] = v * 3
    (y * graftgrad.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert (y.dtype, v.grad.dtype, x.grad.dtype) == ("float32", "float64", "float32")
    assert y.sum().item() == 8
    assert v.grad.sum().item() == 330 if isinstance(index[0], slice) else 303

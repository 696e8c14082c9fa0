import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftgrad.ops.overwrite import copy_slices, overwrite
from graftgrad.ops.shape import Reshape, Slice, Transpose
from support.case import CaseChecks, attribute, case

BENT = (Transpose((1, 0)), Reshape((12,)), Slice(((0, 3, 1),)))  # no view of row-major memory
CORNER = (Transpose((1, 0)), Slice(((0, 4, 2), (1, 3, 1))))  # of (3, 4): a part of (2, 2)


def with_corner(x, value, views):
    y = x.copy()
    y.T[0:4:2, 1:3] = value
    return y


def with_column(x, value, views):
    return np.concatenate([value[:, None], x[:, 1:]], axis=1)


class TestWritten(CaseChecks):
    CASES = (
        case(
            overwrite,
            x=(2, 3),
            value=(3,),
            oracle=lambda x, value: np.broadcast_to(value, x.shape),
        ),
        case(copy_slices, x=(3, 4), value=(2, 2), views=attribute(CORNER), oracle=with_corner),
        case(copy_slices, x=(3, 4), value=(3,), views=attribute(BENT), oracle=with_column),
    )


def test_a_number_is_written_everywhere():
    x = graftgrad.zeros(2, 2, dtype="int32")
    y = overwrite(x, 7)
    assert y.dtype == "int32"
    np.testing.assert_array_equal(y.numpy(), 7)


def test_values_that_do_not_fit():
    x = graftgrad.zeros(3, 4)
    with pytest.raises(ShapeError, match=r"overwrite: the value must stretch to the shape of x"):
        overwrite(x, graftgrad.zeros(2, 3, 4))
    with pytest.raises(ShapeError, match=r"copy_slices: the value must have the part's shape; got "
                       r"part=\(2, 2\)"):  # fmt: skip
        copy_slices(x, graftgrad.zeros(2), CORNER)

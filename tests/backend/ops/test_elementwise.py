import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from support.case import CaseChecks, between, case, distinct, integers, positive

GAPS = np.array([1.0, np.nan, 3.0, np.nan, -2.0])
OTHERS = np.array([2.0, 5.0, np.nan, np.nan, -3.0])
WILD = np.array([1.5, np.nan, np.inf, -np.inf, -2.0])


def between_two(a, b, weight):
    return a + weight * (b - a)


class TestElementwise(CaseChecks):
    CASES = (
        case(ops.reciprocal, x=positive(2, 3), oracle=np.reciprocal),
        case(ops.float_power, a=positive(2, 3), b=(3,), oracle=np.float_power),
        case(
            ops.float_power,
            a=integers((3,), 9, 1),
            b=integers((3,), 4, -3),
            oracle=lambda a, b: np.float_power(a, b).astype("float32"),
        ),
        case(
            ops.lerp,
            a=(2, 3),
            b=(3,),
            weight=(2, 1),
            oracle=lambda a, b, weight: a + weight * (b - a),
        ),
        case(ops.fmax, a=distinct(3, 4), b=between((4,), -0.04, 0.04), oracle=np.fmax),
        case(ops.fmin, a=distinct(3, 4), b=between((4,), -0.04, 0.04), oracle=np.fmin),
        case(ops.fmax, a=integers((4,), 9), b=integers((4,), 9), oracle=np.fmax),
        case(ops.copysign, a=distinct(2, 3), b=distinct(3), oracle=np.copysign, gradient=("a",)),
        case(
            ops.heaviside,
            x=np.array([-1.0, 0.0, 2.0]),
            values=positive(2, 3),
            oracle=np.heaviside,
            gradient=("values",),
        ),
        case(
            ops.nextafter,
            a=distinct(2, 3),
            b=distinct(3),
            oracle=lambda a, b: np.nextafter(a, b),
            gradient=(),
        ),
        case(
            ops.bitcast,
            x=np.arange(6, dtype="float32").reshape(2, 3),
            dtype="int32",
            oracle=lambda x, dtype: x.view("int32"),
            gradient=(),
        ),
        case(ops.nan_to_num, x=(2, 3), oracle=np.nan_to_num),
        case(ops.nan_to_num, x=integers((3,), 9), oracle=np.nan_to_num),
        case(ops.clip, x=distinct(3, 4), min=-0.3, oracle=lambda x, min: np.clip(x, min, None)),
        case(
            ops.clip,
            x=distinct(3, 4),
            min=-0.3,
            max=0.2,
            oracle=lambda x, min, max: np.clip(x, min, max),
        ),
    )


def test_what_is_not_a_number_is_passed_over():
    for op, numpys in ((ops.fmax, np.fmax), (ops.fmin, np.fmin)):
        a = graftgrad.tensor(GAPS, requires_grad=True)
        b = graftgrad.tensor(OTHERS, requires_grad=True)
        y = op(a, b)
        np.testing.assert_array_equal(y.detach().numpy(), numpys(GAPS, OTHERS))
        y[:3].sum().backward()
        np.testing.assert_array_equal((a.grad + b.grad).numpy(), [1, 1, 1, 0, 0])
        assert a.grad.tolist()[1] == 0
        assert b.grad.tolist()[2] == 0


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_replaced_infinities(dtype):
    x = WILD.astype(dtype)
    np.testing.assert_array_equal(ops.nan_to_num(graftgrad.tensor(x)).numpy(), np.nan_to_num(x))
    y = ops.nan_to_num(graftgrad.tensor(x), nan=1.0, posinf=2.0, neginf=-3.0)
    np.testing.assert_array_equal(y.numpy(), [1.5, 1, 2, -3, -2])


def test_no_gradient_where_something_was_replaced():
    x = graftgrad.tensor(WILD, requires_grad=True)
    (ops.nan_to_num(x, posinf=0.0, neginf=0.0) * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3, 0, 0, 0, 3])


def test_the_sign_of_zero_is_copied():
    y = ops.copysign(graftgrad.tensor([1.0, 1.0]), graftgrad.tensor([-0.0, 0.0]))
    assert y.tolist() == [-1, 1]


def test_bytes_are_read_as_more_or_fewer_elements():
    x = np.arange(4, dtype="int32").reshape(1, 4)
    for dtype in ("int16", "int64", "uint8"):
        found = ops.bitcast(graftgrad.tensor(x), dtype).numpy()
        np.testing.assert_array_equal(found, x.view(dtype))
    with pytest.raises(ShapeError, match="whole numbers of the new elements"):
        ops.bitcast(graftgrad.tensor(x[:, :3]), "int64")

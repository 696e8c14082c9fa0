import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DeviceError, DTypeError
from graftgrad.ops.operand import together
from support.case import CaseChecks, case, integers


class TestCopies(CaseChecks):
    CASES = (
        case(ops.copy, x=(2, 3), oracle=np.copy),
        case(ops.contiguous, x=(2, 3), oracle=np.copy),
        case(
            ops.full_like,
            x=(2, 3),
            value=2.5,
            oracle=lambda x, value: x * 0 + value,
            gradient=False,
        ),
        case(
            ops.cast,
            x=(2, 3),
            dtype="float32",
            oracle=lambda x, dtype: x.astype(dtype),
            tolerance=0.1,
            gradient=False,
        ),
        case(
            ops.cast,
            x=integers((2, 3), 300, -300),
            dtype="int8",
            oracle=lambda x, dtype: x.astype(dtype),
        ),
        case(ops.cast, x=integers((2, 3), 3), dtype="bool", oracle=lambda x, dtype: x != 0),
        case(ops.floating, x=integers((2, 3), 9), oracle=lambda x: x.astype("float32")),
        case(ops.floating, x=(2, 3), oracle=np.copy),
    )


def test_gradients_of_casts_return_to_the_operands_type():
    x = graftgrad.ones(3, dtype="float64", requires_grad=True)
    (ops.cast(x, "float32") * 2).sum().backward()
    assert x.grad.dtype == graftgrad.float64
    np.testing.assert_array_equal(x.grad.numpy(), 2)


def test_a_cast_to_integers_ends_the_graph():
    x = graftgrad.ones(3, requires_grad=True)
    assert not ops.cast(x, "int32").requires_grad
    assert ops.cast(x, "float16").requires_grad
    assert ops.cast(x, "float32") is x


@pytest.mark.parametrize(
    ("dtype", "number", "wanted"),
    [
        ("float32", 2, "float32"),
        ("float32", 2.5, "float32"),
        ("float32", True, "float32"),
        ("float16", 2.5, "float16"),
        ("float64", 2.5, "float64"),
        ("bfloat16", 2.5, "bfloat16"),
        ("int64", 2, "int64"),
        ("int8", 2, "int8"),
        ("uint8", 2.5, "float32"),
        ("int64", 2.5, "float32"),
        ("bool", True, "bool"),
        ("bool", 2, "int64"),
        ("bool", 2.5, "float32"),
    ],
)
def test_python_numbers_are_weak(dtype, number, wanted):
    x = graftgrad.ones(2, dtype=dtype)
    for a, b in (together(x, number), together(number, x)):
        assert str(a.dtype) == str(b.dtype) == wanted


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("float32", "float64", "float64"),
        ("float16", "float32", "float32"),
        ("int32", "int64", "int64"),
        ("uint8", "int8", "int16"),
        ("bool", "uint8", "uint8"),
        ("int32", "float32", "float64"),
        ("bfloat16", "float32", "float32"),
    ],
)
def test_tensors_meet_at_the_type_that_holds_both(first, second, wanted):
    a, b = together(graftgrad.ones(2, dtype=first), graftgrad.ones(2, dtype=second))
    assert str(a.dtype) == str(b.dtype) == wanted


def test_arrays_become_tensors():
    x = graftgrad.ones(2)
    a, b = together(np.float64(3.0), x)
    assert str(a.dtype) == "float64"
    assert b.dtype == a.dtype
    assert together(x, np.array([1, 2], "float32"))[1].tolist() == [1, 2]


def test_types_with_nothing_in_common():
    with pytest.raises(DTypeError, match="dtypes must have a common one; got bfloat16, float16"):
        together(graftgrad.ones(2, dtype="bfloat16"), graftgrad.ones(2, dtype="float16"))


def test_a_number_that_does_not_fit():
    with pytest.raises(DTypeError, match="must fit into int8; got number=300"):
        graftgrad.ones(2, dtype="int8") + 300


def test_devices_do_not_mix_but_meta_wins():
    x = graftgrad.ones(2, device="meta") + graftgrad.ones(2)
    assert x.device.kind == "meta"
    with pytest.raises(DeviceError, match="no values to read"):
        x.numpy()

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.ops.bitwise import Bitwise
from support.case import CaseChecks, booleans, case, integers


class TestBits(CaseChecks):
    CASES = (
        *[
            case(getattr(ops, name), a=integers((3, 4), 99), b=integers((4,), 99),
                 oracle=getattr(np, name))
            for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm")
        ],
        *[
            case(getattr(ops, name), a=booleans(3, 4), b=booleans(4), oracle=getattr(np, name))
            for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
        ],
        case(ops.left_shift, a=integers((3, 4), 99), b=integers((4,), 9), oracle=np.left_shift),
        case(ops.right_shift, a=integers((3, 4), 999, -999), b=integers((4,), 9),
             oracle=np.right_shift),
        case(ops.invert, x=integers((3,), 99, -99), oracle=np.invert),
        case(ops.invert, x=integers((3,), 99, dtype="uint8"), oracle=np.invert),
        case(ops.invert, x=booleans(5), oracle=np.invert),
    )  # fmt: skip


def test_operators_read_bits():
    a, b = np.array([12, 10, 7]), np.array([10, 3, 1])
    x, y = graftgrad.tensor(a), graftgrad.tensor(b)
    for found, wanted in (
        (x & y, a & b), (x | y, a | b), (x ^ y, a ^ b), (x << y, a << b), (x >> y, a >> b),
        (~x, ~a), (x & 6, a & 6), (6 & x, 6 & a), (1 ^ x, 1 ^ a), (1 << y, 1 << b),
        (99 >> y, 99 >> b), (a & y, a & b),
    ):  # fmt: skip
        assert isinstance(found, graftgrad.Tensor)
        np.testing.assert_array_equal(found.numpy(), wanted)
        assert found.dtype == wanted.dtype
    t = x > 9
    assert (t ^ True).tolist() == [False, False, True]
    assert (~t).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x & 1.0, r"bitwise_and: operands must be whole numbers or truth values; got a="),
        (lambda x: ~x, r"invert: operands must be whole numbers or truth values; got x=\(2,\) fl"),
        (lambda x: (x > 0) << (x > 0), "left_shift: operands must be whole numbers; got"),
    ],
)
def test_real_numbers_have_no_bits(wrong, words):
    with pytest.raises(DTypeError, match=words):
        wrong(graftgrad.ones(2))


def test_an_operation_that_does_not_exist():
    with pytest.raises(ShapeError, match=r"bitwise: must be one of .*operation='nand'"):
        Bitwise("nand")(graftgrad.arange(2), graftgrad.arange(2))

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, ShapeError
from support.case import CaseChecks, between, booleans, case, distinct, integers, positive


class TestRules(CaseChecks):
    CASES = (
        case(ops.add, a=(2, 3), b=(2, 3), oracle=np.add),
        case(ops.add, a=(2, 1, 3), b=(4, 1), oracle=np.add),
        case(ops.add, a=(), b=(3,), oracle=np.add),
        case(ops.add, a=(0, 3), b=(3,), oracle=np.add),
        case(ops.add, a=integers((2, 3), 9), b=(3,), oracle=np.add, single_dtype="float64"),
        case(lambda a: ops.add(a, 2.5), label="add_number", a=(2, 3), oracle=lambda a: a + 2.5),
        case(ops.sub, a=(2, 3), b=(3,), oracle=np.subtract),
        case(ops.sub, a=(1,), b=(2, 3), oracle=np.subtract),
        case(lambda b: ops.sub(1, b), label="sub_from", b=(2, 3), oracle=lambda b: 1 - b),
        case(ops.mul, a=(2, 3), b=(2, 1), oracle=np.multiply),
        case(ops.div, a=(2, 3), b=positive(3), oracle=np.divide),
        case(
            ops.div,
            a=integers((2, 3), 9),
            b=positive(2, 3),
            oracle=np.divide,
            single_dtype="float64",
        ),
        case(ops.square, x=(2, 3), oracle=np.square),
        case(ops.neg, x=(2, 3), oracle=np.negative),
        case(ops.abs, x=distinct(2, 3), oracle=np.abs),
        case(ops.sign, x=distinct(2, 3), oracle=np.sign, gradient=False),
    )


class TestDivisionThatRounds(CaseChecks):
    CASES = (
        case(
            ops.floor_divide,
            a=integers((2, 3), 20, -20),
            b=integers((3,), 5, 1),
            oracle=np.floor_divide,
        ),
        case(
            ops.floor_divide,
            a=np.array([7.5, -7.5, 3.2]),
            b=np.array([2.0, 2.0, -1.5]),
            oracle=np.floor_divide,
            gradient=False,
        ),
        case(
            ops.remainder,
            a=np.array([7.5, -7.5, 3.2]),
            b=np.array([2.0, 2.0, -1.5]),
            oracle=np.remainder,
        ),
        case(
            ops.remainder,
            a=integers((2, 3), 20, -20),
            b=integers((3,), 5, 1),
            oracle=np.remainder,
        ),
    )


class TestPower(CaseChecks):
    CASES = (
        case(ops.power, a=positive(2, 3), b=(3,), oracle=np.power),
        case(ops.power, a=(2, 3), b=2, oracle=np.power),
        case(ops.power, a=(2, 3), b=3, oracle=np.power),
        case(ops.power, a=positive(2, 3), b=-1.5, oracle=np.power),
        case(lambda b: ops.power(2.0, b), label="power_of_2", b=(2, 3), oracle=np.exp2),
    )


class TestExtremes(CaseChecks):
    CASES = (
        case(ops.maximum, a=distinct(3, 4), b=between((4,), -0.04, 0.04), oracle=np.maximum),
        case(ops.minimum, a=distinct(3, 4), b=between((4,), -0.04, 0.04), oracle=np.minimum),
        case(
            ops.maximum,
            a=integers((5,), 9),
            b=integers((5,), 9),
            oracle=np.maximum,
            label="max_int",
        ),
        case(
            ops.clip,
            x=distinct(3, 4),
            min=-0.3,
            max=0.2,
            oracle=lambda x, min, max: np.clip(x, min, max),
        ),
        case(ops.clip, x=distinct(3, 4), min=0.1, oracle=lambda x, min: np.maximum(x, min)),
        case(ops.clip, x=distinct(3, 4), max=0.1, oracle=lambda x, max: np.minimum(x, max)),
    )


class TestWhere(CaseChecks):
    CASES = (
        case(ops.where, condition=booleans(2, 3), a=(2, 3), b=(2, 3), oracle=np.where),
        case(ops.where, condition=booleans(3), a=(2, 1), b=(), oracle=np.where),
        case(ops.where, condition=booleans(2, 3), a=(2, 3), b=0.5, oracle=np.where),
        case(ops.where, condition=booleans(2, 3), a=1.0, b=0.0, oracle=np.where),
    )


def test_ties_share_the_gradient():
    a = graftgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = graftgrad.tensor([1.0, 3.0, 2.0], requires_grad=True)
    for extreme, wanted in ((ops.maximum, [0.5, 0, 1]), (ops.minimum, [0.5, 1, 0])):
        ga, gb = graftgrad.grad(extreme(a, b).sum(), (a, b))
        np.testing.assert_array_equal(ga.numpy(), wanted)
        np.testing.assert_array_equal(gb.numpy(), 1 - np.array(wanted))


def test_the_gradient_of_abs_at_zero_is_zero():
    x = graftgrad.tensor([0.0, -2.0], requires_grad=True)
    ops.abs(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, -1])


def test_power_of_zero_has_a_finite_gradient():
    a = graftgrad.tensor([0.0, 0.0, 2.0], "float64", requires_grad=True)
    b = graftgrad.tensor([2.0, 3.0, 2.0], "float64", requires_grad=True)
    ga, gb = graftgrad.grad(ops.power(a, b).sum(), (a, b))
    np.testing.assert_allclose(ga.numpy(), [0, 0, 4])
    np.testing.assert_allclose(gb.numpy(), [0, 0, 4 * np.log(2)])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_whole_powers_at_zero(exponent):
    x = graftgrad.tensor([0.0, 2.0], "float64", requires_grad=True)
    (g,) = graftgrad.grad(ops.power(x, exponent).sum(), x, create_graph=True, allow_unused=True)
    wanted = [0.0 if exponent != 1 else 1.0, exponent * 2.0 ** (exponent - 1)]
    np.testing.assert_allclose(g.detach().numpy(), wanted)
    if exponent > 1:
        (g2,) = graftgrad.grad(g.sum(), x)
        assert np.isfinite(g2.numpy()).all()
        np.testing.assert_allclose(g2.numpy()[1], exponent * (exponent - 1) * 2.0 ** (exponent - 2))


def test_division_by_zero_is_infinite_without_a_warning():
    x = graftgrad.tensor([1.0, -1.0, 0.0]) / 0.0
    np.testing.assert_array_equal(x.numpy(), [np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("op", [ops.add, ops.sub, ops.mul, ops.div, ops.power, ops.maximum])
def test_shapes_that_do_not_stretch(op):
    with pytest.raises(ShapeError, match=r"equal or 1 on every axis.*\(2, 3\).*\(2, 4\)"):
        op(graftgrad.zeros(2, 3), graftgrad.zeros(2, 4))


def test_where_wants_a_bool_condition():
    for op in (lambda x: x - x, lambda x: -x, ops.sign):
        with pytest.raises(DTypeError, match=r"operands must be numbers, not truth values; got "):
            op(graftgrad.tensor([True, False]))
    with pytest.raises(DTypeError, match=r"where: the condition must be bool; got .*int64"):
        ops.where(graftgrad.tensor([1, 0]), 1.0, graftgrad.zeros(2))


def test_where_of_two_numbers():
    y = ops.where(graftgrad.tensor([True, False]), 2.0, 3)
    assert y.tolist() == [2.0, 3.0]


def test_no_operand_is_a_tensor():
    with pytest.raises(TypeError, match="at least one operand must be a tensor"):
        ops.add(1, 2)

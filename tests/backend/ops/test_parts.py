import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, GradientError
from support.case import CaseChecks, case, complex_normal, integers


class TestParts(CaseChecks):
    CASES = (
        case(ops.conj, x=complex_normal(2, 3), oracle=np.conj),
        case(ops.real, x=complex_normal(2, 3), oracle=np.real),
        case(ops.imag, x=complex_normal(2, 3), oracle=np.imag),
        case(ops.real, x=(2, 3), oracle=np.real, label="real_of_real"),
        case(ops.imag, x=(2, 3), oracle=np.imag, gradient=False, label="imag_of_real"),
        case(
            ops.complex,
            re=(2, 3),
            im=(3,),
            oracle=lambda re, im: re + 1j * im,
            single_dtype="complex64",
        ),
        case(
            ops.complex,
            re=(),
            im=(0, 2),
            oracle=lambda re, im: re + 1j * im,
            single_dtype="complex64",
        ),
        case(
            lambda x: x.real * x.imag,
            label="parts",
            x=complex_normal(3),
            oracle=lambda x: x.real * x.imag,
        ),
    )


def numbers(*values, requires_grad=True):
    return graftgrad.tensor(np.array(values, "complex128"), requires_grad=requires_grad)


def test_the_gradient_points_upward():
    z = numbers(3 - 4j)
    (z.abs() ** 2).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [6 - 8j])  # of x² + y²: 2 x + 2 y i


def test_a_real_operand_gets_the_real_part():
    a = graftgrad.tensor([2.0], requires_grad=True)
    z = graftgrad.tensor([1 + 2j])
    (a * z).imag.sum().backward()
    assert a.grad.dtype == "float32"
    assert a.grad.tolist() == [2.0]


def test_parts_are_views():
    z = numbers(1 + 2j, requires_grad=False)
    z.real[0] = 5.0
    z.imag[0] = -1.0
    assert z.tolist() == [5 - 1j]
    assert z.conj().tolist() == [5 + 1j]
    x = graftgrad.tensor([1.0])
    assert ops.real(x) is x
    assert ops.conj(x) is x


def test_creation():
    assert graftgrad.tensor(1j).dtype == graftgrad.tensor([1j, 2]).dtype == "complex64"
    assert graftgrad.tensor(np.complex128(1)).dtype == "complex128"
    assert graftgrad.full((2,), 1 + 1j).tolist() == [1 + 1j, 1 + 1j]
    assert graftgrad.zeros(2, dtype="complex128").dtype == "complex128"
    assert complex(graftgrad.tensor(2 + 1j)) == 2 + 1j
    assert ops.complex(1, graftgrad.tensor([2])).tolist() == [1 + 2j]


@pytest.mark.parametrize(
    ("operand", "number", "wanted"),
    [
        ("float32", 1j, "complex64"),
        ("float64", 1j, "complex128"),
        ("int64", 1j, "complex64"),
        ("bool", 1j, "complex64"),
        ("complex64", 1.5, "complex64"),
        ("complex64", 1j, "complex64"),
        ("complex64", True, "complex64"),
    ],
)
def test_python_numbers_are_weak(operand, number, wanted):
    x = graftgrad.ones(2, dtype=operand)
    assert (x * number).dtype == (number * x).dtype == wanted
    np.testing.assert_array_equal((x * number).numpy(), np.ones(2) * number)


def test_a_real_type_takes_the_real_part():
    z = numbers(1 + 2j)
    y = z.to("float64")
    y.sum().backward()
    assert y.tolist() == [1.0]
    assert z.grad.tolist() == [1]
    assert numbers(0, 1j, requires_grad=False).to("bool").tolist() == [False, True]


def test_backward_of_a_complex_root():
    z = numbers(1 + 2j)
    with pytest.raises(GradientError, match=r"a complex root needs a gradient.*Take \.real"):
        (z * z).sum().backward()
    (z * z).sum().backward(gradient=graftgrad.tensor(1.0))
    np.testing.assert_allclose(z.grad.numpy(), [2 - 4j])


def test_what_has_no_order_or_no_real_part_is_refused():
    z = numbers(1 + 2j, requires_grad=False)
    for refused in (
        lambda: z < z,
        lambda: ops.maximum(z, z),
        lambda: ops.relu(z),
        lambda: ops.sort(z),
        lambda: z.max(),
        lambda: z // z,
    ):
        with pytest.raises(DTypeError, match=r"must be real numbers; got .*complex128.*\.real"):
            refused()
    assert (z == z).tolist() == [True]
    assert (z != z.conj()).tolist() == [True]


def test_no_complex_value_enters_a_real_target():
    x = graftgrad.zeros(1)
    with pytest.raises(DTypeError, match="assign: a complex value needs a complex target"):
        x.copy_(numbers(1j, requires_grad=False))
    y = graftgrad.zeros(2, requires_grad=True) * 1
    for change in (
        lambda: y.copy_(numbers(1j)),
        lambda: y.__setitem__(0, 1j),
        lambda: y.__setitem__([0, 1], 1j),
        lambda: x.__setitem__([0], 1j),
        lambda: x.__setitem__(x == 0, 1j),
    ):
        with pytest.raises(DTypeError, match="a complex value needs a complex target"):
            change()
    with pytest.raises(DTypeError, match="complex: parts must be float32 or float64"):
        ops.complex(x.to("bfloat16"), x.to("bfloat16"))


def written(x, value):
    """Changes in place inside a graph, through views of parts."""
    y = x * 1
    y.imag[1] = value
    y[0, :2] = 2j
    return y * y


def numpy_written(x, value):
    y = x.copy()
    y.imag[1] = value
    y[0, :2] = 2j
    return y * y


class TestOpsOfComplexNumbers(CaseChecks):
    """The rules and functions that stand in other rooms, on complex operands."""

    CASES = (
        case(ops.add, a=complex_normal(2, 3), b=complex_normal(3), oracle=np.add),
        case(ops.sub, a=complex_normal(2, 3), b=(3,), oracle=np.subtract),
        case(ops.mul, a=complex_normal(2, 3), b=complex_normal(2, 1), oracle=np.multiply),
        case(ops.mul, a=(2, 3), b=complex_normal(3), oracle=np.multiply, label="real_first"),
        case(ops.div, a=complex_normal(3), b=complex_normal(2, 3), oracle=np.divide),
        case(ops.power, a=complex_normal(3), b=complex_normal(3), oracle=np.power),
        case(ops.power, a=complex_normal(3), b=3, oracle=np.power),
        case(ops.neg, x=complex_normal(3), oracle=np.negative),
        case(ops.abs, x=complex_normal(3), oracle=np.abs),
        case(ops.sign, x=complex_normal(3), oracle=np.sign),
        case(ops.exp, x=complex_normal(3), oracle=np.exp),
        case(ops.log, x=complex_normal(3), oracle=np.log),
        case(ops.sqrt, x=complex_normal(3), oracle=np.sqrt),
        case(ops.sin, x=complex_normal(3), oracle=np.sin),
        case(ops.cos, x=complex_normal(3), oracle=np.cos),
        case(ops.tanh, x=complex_normal(3), oracle=np.tanh),
        case(ops.tan, x=complex_normal(3), oracle=np.tan),
        case(ops.sinh, x=complex_normal(3), oracle=np.sinh),
        case(ops.cosh, x=complex_normal(3), oracle=np.cosh),
        case(written, x=complex_normal(2, 3), value=(3,), oracle=numpy_written),
        case(
            lambda a, b: ops.einsum("ij,jk->ki", a, b),
            label="einsum",
            a=complex_normal(2, 3),
            b=complex_normal(3, 2),
            oracle=lambda a, b: np.einsum("ij,jk->ki", a, b),
        ),
        case(ops.matmul, a=complex_normal(2, 2, 3), b=complex_normal(3, 4), oracle=np.matmul),
        case(ops.matmul, a=(2, 3), b=complex_normal(3), oracle=np.matmul),
        case(ops.sum, x=complex_normal(2, 3), axis=1, oracle=np.sum),
        case(ops.mean, x=complex_normal(2, 3), axis=0, oracle=np.mean),
        case(ops.var, x=complex_normal(2, 3), axis=0, oracle=np.var),
        case(ops.prod, x=complex_normal(2, 3), axis=1, oracle=np.prod),
        case(ops.cumsum, x=complex_normal(2, 3), axis=1, oracle=np.cumsum),
        case(ops.transpose, x=complex_normal(2, 3), oracle=np.transpose),
        case(ops.pad, x=complex_normal(2), pads=((1, 2),), oracle=lambda x, pads: np.pad(x, pads)),
        case(
            lambda x: x[:, 1:][[1, 0]],
            label="indexing",
            x=complex_normal(2, 3),
            oracle=lambda x: x[:, 1:][[1, 0]],
        ),
        case(ops.stack, xs=[complex_normal(2), complex_normal(2)], oracle=np.stack),
        case(
            ops.gather,
            x=complex_normal(3, 2),
            indices=integers((2, 2), 3),
            axis=0,
            oracle=lambda x, indices, axis: np.take_along_axis(x, indices, axis),
        ),
    )


def test_gradient_of_a_modulus_at_zero():
    z = numbers(0, 1j)
    z.abs().sum().backward()
    np.testing.assert_array_equal(z.grad.numpy(), [0, 1j])
    np.testing.assert_array_equal(ops.sign(z.detach()).numpy(), [0, 1j])

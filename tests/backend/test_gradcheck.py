import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, GradientError
from graftgrad.function import Function, function
from graftgrad.gradcheck import gradcheck, gradgradcheck


@function
class WrongAtOnePlace(Function):
    """x², whose gradient is wrong by a thousandth at the third element."""

    def infer(self, x):
        return x.like()

    def compute(self, xp, x, y):
        y[...] = x * x

    def grad_x(self, gy, x):
        return gy * x * np.array([2.0, 2.0, 2.01])


@function
class WrongInSecondOrder(Function):
    """x³, whose gradient is right but forgets how it depends on x."""

    def infer(self, x):
        return x.like()

    def compute(self, xp, x, y):
        y[...] = x**3

    def grad_x(self, gy, x):
        return gy * 3 * x.detach() ** 2


def leaf(*values, dtype="float64"):
    return graftgrad.tensor(list(values), dtype, requires_grad=True)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_gradients_pass(fast_mode):
    a, b = leaf(1.0, 2.0, 3.0), leaf(0.5, -1.0, 2.0)
    for check in (gradcheck, gradgradcheck):
        assert check(lambda a, b: ops.exp(a) * b, (a, b), fast_mode=fast_mode)
        assert check(lambda a, b: (a * b, ops.sin(a)), (a, b), fast_mode=fast_mode)
        assert check(lambda a: (a * a).sum(), a, fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_wrong_gradient_is_told_with_its_place_and_both_numbers(fast_mode):
    x = leaf(1.0, 2.0, 3.0)
    wrong = WrongAtOnePlace()
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda x: (ops.sin(x), wrong(x)), x, fast_mode=fast_mode)
    message = str(caught.value)
    assert "output 1 at (2,) by input 0 at (2,)" in message
    assert "gradient=6.0299" in message
    assert "difference=6.0000" in message
    assert not gradcheck(wrong, x, raise_exception=False)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_only_the_second_order_is_wrong(fast_mode):
    x = leaf(1.0, 2.0)
    assert gradcheck(WrongInSecondOrder(), x, fast_mode=fast_mode)
    assert not gradgradcheck(WrongInSecondOrder(), x, raise_exception=False, fast_mode=fast_mode)
    with pytest.raises(GradientError, match="must agree with its difference"):
        gradgradcheck(WrongInSecondOrder(), x, fast_mode=fast_mode)


def test_a_forgotten_dependence_is_found():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradientError, match=r"gradient=0\.0, difference=2\.00"):
        gradcheck(lambda x: x.detach() * x.detach(), x)


def test_inputs_without_gradient_are_not_checked():
    a, b = leaf(1.0, 2.0), graftgrad.tensor([1, 2])
    assert gradcheck(lambda a, b: a * b, (a, b))


def test_functions_may_read_the_inputs_from_outside():
    x = leaf(1.0, 2.0)
    assert gradcheck(lambda _: x * x * x, x)


def test_inputs_are_restored_even_after_an_error():
    x = leaf(1.0, 2.0)
    calls = []

    def fails_later(x):
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError
        return x * x

    with pytest.raises(ZeroDivisionError):
        gradcheck(fails_later, x)
    np.testing.assert_array_equal(x.detach().numpy(), [1.0, 2.0])
    assert x.grad is None


def test_given_gradients_of_the_outputs():
    x = leaf(1.0, 2.0)
    assert gradgradcheck(ops.exp, x, grad_outputs=graftgrad.tensor([0.5, 2.0], "float64"))


def test_a_nan_agrees_with_nothing():
    assert not gradcheck(ops.log, leaf(-1.0), raise_exception=False)


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        (graftgrad.tensor([1.0], "float64"), GradientError, "at least one input must require"),
        (
            leaf(1.0, dtype="float32"),
            DTypeError,
            "inputs must be float64 or complex128",
        ),
        (leaf(1.0) * 2, GradientError, "inputs must be leaves"),
        (
            graftgrad.as_tensor(np.broadcast_to(np.float64(1), (3,))).requires_grad_(),
            GradientError,
            "values of their own in every place",
        ),
        (
            graftgrad.zeros(2, dtype="float64", device="meta", requires_grad=True),
            GradientError,
            "values of their own",
        ),
    ],
)
def test_inputs_that_cannot_be_checked(inputs, error, words):
    for check in (gradcheck, gradgradcheck):
        with pytest.raises(error, match=words):
            check(lambda x: x * x, inputs)


def test_a_function_without_floating_result():
    with pytest.raises(GradientError, match="must return a floating tensor"):
        gradcheck(lambda x: x > 0, leaf(1.0))


@function
class WrongConjugate(Function):
    """z², whose gradient forgets the conjugate."""

    takes_complex = True

    def infer(self, x):
        return x.like()

    def compute(self, xp, x, y):
        y[...] = x * x

    def grad_x(self, gy, x):
        return gy * x * 2


class TestComplex:
    def z(self):
        return graftgrad.tensor(np.array([0.5 + 1j, -1.0 + 0.25j]), requires_grad=True)

    @pytest.mark.parametrize("fast_mode", [False, True])
    def test_right_gradients_pass(self, fast_mode):
        a = leaf(0.5, 2.0)
        for check in (gradcheck, gradgradcheck):
            assert check(lambda z, a: z * z * a, (self.z(), a), fast_mode=fast_mode)
            assert check(lambda z: (ops.conj(z) * z, ops.abs(z)), self.z(), fast_mode=fast_mode)

    @pytest.mark.parametrize("fast_mode", [False, True])
    def test_a_forgotten_conjugate_is_told_with_place_and_part(self, fast_mode):
        with pytest.raises(
            GradientError, match=r"output 0 at \(0,\)\.\w+ by input 0 at \(0,\)\.\w"
        ):
            gradcheck(WrongConjugate(), self.z(), fast_mode=fast_mode)

    def test_single_precision_is_too_coarse(self):
        with pytest.raises(DTypeError, match=r"float64 or complex128; got .*complex64"):
            gradcheck(lambda z: z * z, self.z().detach().to("complex64").requires_grad_())

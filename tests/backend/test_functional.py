"""Products with Jacobians and Hessians against their closed forms, and against each other."""

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.errors import GradientError, ShapeError
from graftgrad.functional import hessian, hvp, jacobian, jvp, vhp, vjp

DRAW = np.random.default_rng(0)
A, B = DRAW.normal(size=(3, 4)), DRAW.normal(size=(4, 4))
X, Y = DRAW.normal(size=4), DRAW.normal(size=3)
V, U = DRAW.normal(size=4), DRAW.normal(size=3)


def tensor(values, **settings):
    return gg.tensor(values, **settings)


def linear(x):
    return tensor(A) @ x


def quadratic(x):
    return (x * (tensor(B) @ x)).sum()


def mixed(x, y):
    return (ops.sin(x[:3]) * y).sum() + (x * x).sum()


def test_a_linear_function_has_its_matrix():
    y, product = vjp(linear, tensor(X), tensor(U))
    np.testing.assert_allclose(y.numpy(), A @ X)
    np.testing.assert_allclose(product.numpy(), U @ A)
    y, product = jvp(linear, tensor(X), tensor(V))
    np.testing.assert_allclose(y.numpy(), A @ X)
    np.testing.assert_allclose(product.numpy(), A @ V)
    np.testing.assert_allclose(jacobian(linear, tensor(X)).numpy(), A)


def test_a_quadratic_function_has_its_matrix():
    symmetric = B + B.T
    np.testing.assert_allclose(hessian(quadratic, tensor(X)).numpy(), symmetric)
    for product in (vhp, hvp):
        y, found = product(quadratic, tensor(X), tensor(V))
        np.testing.assert_allclose(float(y), X @ B @ X)
        np.testing.assert_allclose(found.numpy(), symmetric @ V)


def test_several_inputs_and_results():
    def function(x, y):
        return x[:3] * y, (x * x).sum()

    xs = tensor(X), tensor(Y)
    (by_x, by_y), (number_x, number_y) = jacobian(function, xs)
    np.testing.assert_allclose(by_x.numpy(), np.hstack([np.diag(Y), np.zeros((3, 1))]))
    np.testing.assert_allclose(by_y.numpy(), np.diag(X[:3]))
    np.testing.assert_allclose(number_x.numpy(), 2 * X)
    np.testing.assert_array_equal(number_y.numpy(), np.zeros(3))
    _, (gx, gy) = vjp(function, xs, (tensor(U), tensor(2.0, dtype="float64")))
    np.testing.assert_allclose(gx.numpy(), U @ by_x.numpy() + 4 * X)
    np.testing.assert_allclose(gy.numpy(), U @ by_y.numpy())
    _, (first, second) = jvp(function, xs, (tensor(V), tensor(U)))
    np.testing.assert_allclose(first.numpy(), by_x.numpy() @ V + by_y.numpy() @ U)
    np.testing.assert_allclose(float(second), 2 * X @ V)


def test_blocks_of_a_hessian():
    xs = tensor(X), tensor(Y)
    (hxx, hxy), (hyx, hyy) = hessian(mixed, xs)
    cross = np.hstack([np.diag(np.cos(X[:3])), np.zeros((3, 1))])
    np.testing.assert_allclose(
        hxx.numpy(), np.diag(np.append(-np.sin(X[:3]) * Y, 0) + 2), atol=1e-15
    )
    np.testing.assert_allclose(hyx.numpy(), cross)
    np.testing.assert_allclose(hxy.numpy(), cross.T)
    np.testing.assert_array_equal(hyy.numpy(), np.zeros((3, 3)))
    for product in (vhp, hvp):
        _, (px, py) = product(mixed, xs, (tensor(V), tensor(U)))
        np.testing.assert_allclose(px.numpy(), hxx.numpy() @ V + hxy.numpy() @ U)
        np.testing.assert_allclose(py.numpy(), hyx.numpy() @ V)


def test_shapes_follow_each_other():
    x = tensor(DRAW.normal(size=(2, 3)))
    assert jacobian(lambda x: x @ x.transpose(), x).shape == (2, 2, 2, 3)
    assert hessian(lambda x: (x**3).sum(), x).shape == (2, 3, 2, 3)
    assert jacobian(lambda x: x[:, :0], x).shape == (2, 0, 2, 3)
    rows = jacobian(lambda x: ops.exp(x), x).numpy().reshape(6, 6)
    np.testing.assert_allclose(rows, np.diag(np.exp(x.numpy()).ravel()))


def test_the_vector_may_be_left_out_for_one_element():
    _, slope = vjp(quadratic, tensor(X))
    np.testing.assert_allclose(slope.numpy(), (B + B.T) @ X)
    _, slope = jvp(lambda x: x * tensor(U), tensor([2.0], dtype="float64"))
    np.testing.assert_allclose(slope.numpy(), U)


@pytest.mark.parametrize("product", [vjp, jvp, vhp, hvp])
def test_products_have_gradients_themselves(product):
    def function(x, v):
        return product(lambda x: (x**3).sum(), x, v, create_graph=True)[1]

    x = tensor(X, requires_grad=True)
    v = tensor(2.0 if product is vjp else V, dtype="float64", requires_grad=True)
    assert gg.gradcheck(function, [x, v])
    _, plain = product(lambda x: (x**3).sum(), x, v)
    assert not plain.requires_grad


@pytest.mark.parametrize("matrix", [jacobian, hessian])
def test_matrices_have_gradients_themselves(matrix):
    x = tensor(X, requires_grad=True)
    assert gg.gradcheck(lambda x: matrix(lambda x: (x**4).sum(), x, create_graph=True), x)
    assert not matrix(lambda x: (x**4).sum(), x).requires_grad


def test_the_inputs_are_left_alone():
    x = tensor(X, requires_grad=True)
    hessian(quadratic, x)
    with gg.no_grad():
        vjp(quadratic, x)
    assert x.grad is None


def test_where_nothing_depends():
    x = tensor(X)
    constant = tensor(U)
    np.testing.assert_array_equal(jacobian(lambda x: constant, x).numpy(), np.zeros((3, 4)))
    np.testing.assert_array_equal(jvp(lambda x: constant, x, tensor(V))[1].numpy(), np.zeros(3))
    np.testing.assert_array_equal(hessian(lambda x: x.sum(), x).numpy(), np.zeros((4, 4)))
    for call in (
        lambda: jacobian(lambda x: constant, x, strict=True),
        lambda: jvp(lambda x: constant, x, tensor(V), strict=True),
        lambda: vjp(lambda x: constant, x, tensor(U), strict=True),
        lambda: hessian(lambda x: x.sum(), x, strict=True),
        lambda: vhp(lambda x: constant.sum(), x, tensor(V), strict=True),
    ):
        with pytest.raises(GradientError, match=r"must depend on .*strict=False"):
            call()
    with pytest.raises(GradientError, match="every result must depend on every input"):
        vjp(lambda x, y: x * 2, (x, x), tensor(V), strict=True)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: vjp(linear, x), ShapeError, "vjp: v may be left out only where there is one"),
        (lambda x: vjp(linear, x, x), ShapeError, r"vjp: v must have the shapes of what it is "
         r"multiplied with; got wanted=\[\(3,\)\], got=\[\(4,\)\]"),
        (lambda x: hessian(linear, x), ShapeError, r"hessian: the function must return one "
         r"element; got returned=\[\(3,\)\]"),
        (lambda x: vhp(linear, x, x), ShapeError, "vhp: the function must return one element"),
        (lambda x: hvp(linear, x, x), ShapeError, "hvp: the function must return one element"),
        (lambda x: jacobian(lambda x: 3.0, x), GradientError, "jacobian: the function must return "
         "a tensor or a tuple of tensors; got returned='float'"),
        (lambda x: jacobian(linear, [x, 3.0]), GradientError, r"the inputs must be tensors; got "
         r"index=1, got='float'"),
    ],
)  # fmt: skip
def test_bad_calls(call, error, words):
    with pytest.raises(error, match=words):
        call(tensor(X))

"""Transforms of functions against closed forms and against `functional`."""

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import func, functional, ops
from graftgrad.errors import DTypeError, GradientError

DRAW = np.random.default_rng(0)
X, V = gg.tensor(DRAW.normal(size=3)), gg.tensor(DRAW.normal(size=3))
A = gg.tensor(DRAW.normal(size=(2, 3)))


def curve(x):
    return ops.sin(x) * x.sum()


def number(x):
    return (ops.exp(x) * ops.flip(x)).sum() ** 2


def close(found, wanted):
    np.testing.assert_allclose(found.numpy(), wanted.detach().numpy(), rtol=1e-12)


def test_a_gradient_may_be_transformed_again():
    cube = func.grad(lambda x: x**3)
    assert float(func.grad(func.grad(cube))(gg.tensor(2.0))) == 6.0
    inside = func.grad(lambda x: x * func.grad(lambda y: x * y * y)(gg.tensor(3.0)))
    assert float(inside(gg.tensor(2.0))) == 24.0  # d/dx 6x²
    found = func.grad(number)(X)
    assert found.grad_fn is None
    assert not found.requires_grad


def test_what_somebody_else_differentiates_by_is_recorded():
    w = gg.tensor(2.0, requires_grad=True)
    found = func.grad(lambda x: w * x * x)(gg.tensor(3.0))
    found.backward()
    assert float(w.grad) == 6.0
    with gg.no_grad():
        assert not func.grad(lambda x: w * x * x)(gg.tensor(3.0)).requires_grad


def test_arguments_and_what_is_beside():
    def function(a, b, *, scale):
        y = (a["x"] * b).sum() * scale
        return y, {"twice": y * 2}

    (ga, gb), (value, beside) = func.grad_and_value(function, (0, -1), has_aux=True)(
        {"x": X}, V, scale=2.0
    )
    close(ga["x"], 2 * V)
    close(gb, 2 * X)
    assert float(beside["twice"]) == 2 * float(value)
    gradient, beside = func.grad(function, 1, has_aux=True)({"x": X}, V, scale=1.0)
    close(gradient, X)
    assert not beside["twice"].requires_grad


def test_products_with_a_jacobian():
    matrix = functional.jacobian(curve, X)
    value, pull = func.vjp(curve, X)
    close(value, curve(X))
    close(pull(V)[0], V @ matrix)
    close(pull(V)[0], V @ matrix)  # as often as one likes
    value, product, beside = func.jvp(lambda x: (curve(x), x), (X,), (V,), has_aux=True)
    close(product, matrix @ V)
    close(beside, X)
    assert not value.requires_grad


@pytest.mark.parametrize("transform", [func.jacrev, func.jacfwd])
def test_jacobians_of_structures(transform):
    def function(x, a):
        return {"row": a @ x, "all": (a * x).sum()}

    found = transform(function, (0, 1))(X, A)
    xs = X, A
    wanted = functional.jacobian(lambda *some: tuple(function(*some).values()), xs)
    for row, expected in zip(found.values(), wanted, strict=True):
        for block, reference in zip(row, expected, strict=True):
            assert block.shape == reference.shape
            close(block, reference)
    close(transform(curve, chunk_size=2)(X), functional.jacobian(curve, X))
    matrix, beside = transform(lambda x: (x * 2, x.sum()), has_aux=True)(X)
    close(matrix, gg.eye(3, dtype="float64") * 2)
    close(beside, X.sum())
    assert transform(lambda x: x[:0])(X).shape == (0, 3)
    close(transform(lambda x: X)(X), gg.zeros(3, 3, dtype="float64"))


def test_hessians_for_each_sample():
    points = gg.tensor(DRAW.normal(size=(4, 3)))
    found = func.vmap(func.hessian(number))(points)
    for one, x in zip(found, points, strict=True):
        close(one, functional.hessian(number, x))
    mixed = func.jacrev(func.jacfwd(number))(X)
    close(mixed, functional.hessian(number, X))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: func.grad(curve)(X), GradientError, "grad: the function must return one element"),
        (lambda: func.grad(number)(2.0), GradientError, "what is differentiated by must be a ten"),
        (lambda: func.grad(number, 1)(X), GradientError, "argnums must name arguments by place"),
        (lambda: func.grad(number, (0, 0))(X), GradientError, "argnums must name each argument o"),
        (lambda: func.grad(lambda x: 1.0)(X), GradientError, "the function must return tensors"),
        (lambda: func.grad(number, has_aux=True)(X), GradientError, "under has_aux the function"),
        (lambda: func.vjp(curve, X)[1](A), GradientError, "v must have the shapes of what it is"),
        (lambda: func.jvp(curve, (X,), (2.0,)), GradientError, "v must have the shapes of what"),
        (lambda: func.jacrev(lambda x: x * 1j)(X), DTypeError, "arguments and results must be r"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()

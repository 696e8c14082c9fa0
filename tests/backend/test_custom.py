"""Functions with a gradient of the user's own."""

import gc
import weakref

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.autograd import Function, once_differentiable
from graftgrad.errors import GradientError
from graftgrad.plan import captured


def leaf(*values):
    return gg.tensor(list(values), "float64", requires_grad=True)


class Cube(Function):
    """x³, with tensors: differentiable to any order."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 3 * x * x


class Exp(Function):
    """e^x with NumPy; the gradient is made of the result, and has one itself."""

    @staticmethod
    def forward(ctx, x):
        y = gg.as_tensor(np.exp(x.numpy()))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return gradient * y


class Moments(Function):
    """A scaled sum and a product of two tensors, and something that has no gradient."""

    @staticmethod
    def forward(ctx, a, b, scale):
        ctx.save_for_backward(a, b)
        ctx.scale = scale
        places = np.argsort(a.numpy())
        total, product = (a + b) * scale, (a * b).numpy()
        return total, product, places

    @staticmethod
    def backward(ctx, by_total, by_product, by_places):
        a, b = ctx.saved_tensors
        assert by_places is not None
        return by_total * ctx.scale + by_product * b, by_total * ctx.scale + by_product * a, None


class Sort(Function):
    """Sorting with NumPy both ways."""

    @staticmethod
    def forward(ctx, x):
        ctx.order = np.argsort(x.numpy())
        return x.numpy()[ctx.order]

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        found = np.empty_like(gradient.numpy())
        found[ctx.order] = gradient.numpy()
        return found


@pytest.mark.parametrize("function", [Cube.apply, Exp.apply, lambda x: Exp.apply(Cube.apply(x))])
def test_first_and_second_order(function):
    x = leaf(0.5, -0.7, 1.1)
    assert gg.gradcheck(function, x)
    assert gg.gradgradcheck(function, x)


def test_third_order():
    x = leaf(2.0)
    orders = [Cube.apply(x)]
    for _ in range(3):
        orders.append(gg.grad(orders[-1], x, create_graph=True)[0])
    np.testing.assert_allclose([float(y) for y in orders], [8, 12, 12, 6])


def test_several_results_and_arguments_that_are_no_tensors():
    a, b = leaf(1.0, 3.0, 2.0), leaf(4.0, 5.0, 6.0)
    total, product, places = Moments.apply(a, b, 10)
    assert repr(total.grad_fn) == "<Moments>"
    assert total.grad_fn is product.grad_fn
    assert not places.requires_grad
    np.testing.assert_array_equal(places.numpy(), [0, 2, 1])
    product.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), b.detach().numpy())

    def sums(a, b):
        total, product, _ = Moments.apply(a, b, 10)
        return total * product

    assert gg.gradcheck(sums, [a, b])
    assert gg.gradgradcheck(sums, [a, b])


def test_only_what_wants_a_gradient_is_recorded():
    x, w = leaf(1.0, 2.0), gg.tensor([3.0, 4.0], "float64")
    total, *_ = Moments.apply(x, w, 1)
    assert [node is None for node, _ in total.grad_fn.next_functions] == [False, True, True]
    assert not Cube.apply(w).requires_grad
    with gg.no_grad():
        assert not Cube.apply(x).requires_grad


def test_arrays_both_ways():
    x = leaf(3.0, 1.0, 2.0)
    y = Sort.apply(x)
    np.testing.assert_array_equal(y.detach().numpy(), [1, 2, 3])
    (y * leaf(1.0, 10.0, 100.0).detach()).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [100, 1, 10])
    with pytest.raises(GradientError, match=r"once_differentiable: this backward has no gradient"):
        gg.grad((Sort.apply(x * x) ** 2).sum(), x, create_graph=True)


def test_results_that_nobody_used():
    class Two(Function):
        materialize = True

        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(Two.materialize)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, first, second):
            seen.append(second if second is None else second.tolist())
            return first * 2

    seen = []
    for Two.materialize in (True, False):
        Two.apply(leaf(1.0, 2.0))[0].sum().backward()
    assert seen == [[0.0, 0.0], None]


def test_results_without_a_gradient():
    class Rounded(Function):
        @staticmethod
        def forward(ctx, x):
            y = gg.as_tensor(np.round(x.numpy()))
            ctx.mark_non_differentiable(y)
            return x * 1, y

        @staticmethod
        def backward(ctx, gradient, _):
            return gradient

    y, rounded = Rounded.apply(leaf(1.4))
    assert y.requires_grad
    assert not rounded.requires_grad


def test_an_argument_that_is_handed_back_is_another_tensor():
    class Straight(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 10

    x = leaf(1.0)
    y = Straight.apply(x)
    assert y is not x
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 10)


def test_hooks_and_versions():
    x, seen = leaf(1.0, 2.0), []
    base = x * 1
    y = Cube.apply(base)
    y.register_hook(lambda g: seen.append("tensor"))
    y.grad_fn.register_hook(lambda found, arrived: seen.append(len(found)))
    y.sum().backward(retain_graph=True)
    assert seen == ["tensor", 1]
    with gg.no_grad():
        base.add_(1)
    with pytest.raises(GradientError, match=r"backward of Cube: saved tensor 0, which this"):
        y.sum().backward()


def test_backward_twice():
    y = Cube.apply(leaf(1.0))
    y.backward()
    with pytest.raises(
        GradientError, match=r"backward of Cube: the graph must not have been freed"
    ):
        y.backward()


def bad(forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g):
    return type("Bad", (Function,), {"forward": staticmethod(forward),
                                     "backward": staticmethod(backward)})  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bad(lambda ctx, x: "no"), r"Bad.forward: must return tensors or arrays; got place=0"),
        (bad(lambda ctx, x: ctx.save_for_backward(3) or x * 1), "save_for_backward takes tensors"),
        (bad(backward=lambda ctx, g: (g, g)), r"Bad.backward: must return one gradient for every "
         r"argument of forward.*arguments=1, returned=2"),
        (bad(backward=lambda ctx, g: g.sum()), r"Bad.backward: a gradient must have the shape of "
         r"its argument; got place=0, argument=\(2,\) float64, gradient=\(\)"),
    ],
)  # fmt: skip
def test_what_a_function_must_do(kind, words):
    with pytest.raises(GradientError, match=words):
        kind.apply(leaf(1.0, 2.0)).sum().backward()


def test_an_argument_must_be_a_tensor():
    with pytest.raises(GradientError, match=r"Cube.apply: an argument must be a tensor"):
        Cube.apply(3.0)


def test_of_tensors_it_is_repeated_as_a_plan_and_of_arrays_it_stays_in_python():
    x = leaf(1.0, 2.0)
    for function, replayed in ((Cube, True), (Exp, False)):

        @captured
        def step(scale, function=function):
            return gg.grad((function.apply(x) * scale).sum(), x)[0]

        for i in range(6):
            found = step(gg.tensor([float(i)], "float64")).numpy()
            x0 = x.detach().numpy()
            np.testing.assert_allclose(found, i * (3 * x0**2 if function is Cube else np.exp(x0)))
        assert (step.replayed > 0) is replayed
    assert "values are read in the middle of the step" in step.report()


@pytest.mark.parametrize("function", [Cube, Exp])
def test_the_graph_is_freed_by_counting_alone(function):
    x = leaf(1.0, 2.0)
    gc.collect()
    gc.disable()
    try:
        y = function.apply(x * 1)
        gone = weakref.ref(y.grad_fn)
        (g,) = gg.grad(y.sum(), x, create_graph=True)
        g.sum().backward()
        del y, g
        x.grad = None
        assert gone() is None
    finally:
        gc.enable()


def test_beside_other_functions_in_two_threads():
    x = leaf(0.3)
    (first,) = gg.grad(ops.sin(Exp.apply(x)), x)
    np.testing.assert_allclose(float(first), np.cos(np.exp(0.3)) * np.exp(0.3))

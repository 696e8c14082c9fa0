"""Hooks on several tensors, and what steps of every kind leave behind: nothing."""

from collections.abc import Callable

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import func, ops, optim
from graftgrad.autograd import Function, graph, register_multi_grad_hook
from graftgrad.errors import ConfigError, GradientError
from support.garbage import left_behind

DRAW = np.random.default_rng(0)


def leaf(*shape: int) -> gg.Tensor:
    return gg.tensor(DRAW.normal(size=shape), "float64", requires_grad=True)


def values(gradients):
    return [None if g is None else g.tolist() for g in gradients]


class TestSeveral:
    def test_all_gradients_come_at_once(self):
        a, b, seen = leaf(), leaf(), []
        y = a * 2
        register_multi_grad_hook([a, b, y], lambda found: seen.append(values(found)))
        (y * 3 + b).backward(retain_graph=True)
        (y * 1.0 + b * 5).backward()
        assert seen == [[6, 1, 3], [2, 5, 1]]

    def test_what_was_not_reached_is_none(self):
        a, b, seen = leaf(), leaf(), []
        register_multi_grad_hook((a, b), lambda found: seen.append(values(found)))
        (a * 2).backward()
        gg.grad(b * 3, b)
        leaf().backward()
        assert seen == [[2, None], [None, 3]]

    def test_any_is_called_once_with_the_first(self):
        a, seen = leaf(), []
        y = a * 2
        z = y * 3
        register_multi_grad_hook([a, y, z], lambda g: seen.append(g.tolist()), mode="any")
        z.backward()
        assert seen == [1]

    def test_gradients_are_seen_as_earlier_hooks_left_them(self):
        a, seen = leaf(), []
        a.register_hook(lambda g: g * 10)
        register_multi_grad_hook([a], lambda found: seen.append(values(found)) or found)
        a.register_hook(lambda g: g + 1)
        (a * 2).backward()
        assert seen == [[20]]
        assert a.grad.tolist() == 21  # what it returns replaces nothing

    def test_higher_gradients_are_passes_of_their_own(self):
        a, seen = gg.tensor(3.0, requires_grad=True), []
        register_multi_grad_hook([a], lambda found: seen.append(values(found)))
        (slope,) = gg.grad(a**3, a, create_graph=True)
        slope.backward()
        assert seen == [[27], [18]]

    def test_a_backward_within_a_hook_is_another_one(self):
        a, b, seen = leaf(), leaf(), []
        register_multi_grad_hook([a, b], lambda found: seen.append(values(found)))

        def hook(gradient):
            with gg.enable_grad():
                (b * 7).backward()

        a.register_hook(hook)
        (a * 2).backward()
        assert seen == [[None, 7], [2, None]]

    def test_it_can_be_removed(self):
        a, seen = leaf(), []
        with register_multi_grad_hook([a], seen.append) as handle:
            pass
        handle.remove()
        (a * 2).backward()
        assert seen == []

    def test_a_pass_that_failed_is_forgotten(self):
        a, seen = leaf(), []
        y = a * 2
        register_multi_grad_hook([y], lambda found: seen.append(values(found)))
        handle = a.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            y.backward(retain_graph=True)
        handle.remove()
        y.backward()
        assert seen == [[1]]

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(ConfigError, match='mode must be "all" or "any"; got mode=\'some\''):
            register_multi_grad_hook([leaf()], print, mode="some")
        with pytest.raises(GradientError, match="register_hook: the tensor must require"):
            graph.register_multi_grad_hook([gg.ones(1)], print)


class Cubed(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 3 * x**2


X, W = leaf(5, 3), leaf(3, 4)
SEQUENCES = DRAW.normal(size=(2, 4, 3))
HEADS = DRAW.normal(size=(2, 2, 4, 4))
STEPS: dict[str, Callable[[], object]] = {}


def step(function: Callable[[], object]) -> Callable[[], object]:
    STEPS[function.__name__] = function
    return function


def scalar(x: gg.Tensor, w: gg.Tensor) -> gg.Tensor:
    return (ops.tanh(x @ w) ** 2).sum()


@step
def each_gradient():
    return func.vmap(func.grad(scalar, (0, 1)), (0, None))(X.detach(), W.detach())


@step
def jacobians():
    x = X[0].detach()
    return func.jacrev(ops.sin)(x), func.jacfwd(ops.sin)(x), func.hessian(scalar)(x, W.detach())


@step
def products():
    x = X.detach()
    return (
        func.vjp(ops.exp, x)[1](x),
        func.jvp(ops.exp, (x,), (x,)),
        func.grad_and_value(scalar)(x, W.detach()),
    )


@step
def functional():
    gg.functional.hvp(lambda w: scalar(X.detach(), w), W, W.detach())
    gg.functional.jacobian(ops.sin, X[0].detach(), create_graph=True)


@step
def checkpoints():
    gg.checkpoint(lambda x: ops.tanh(x @ W), X).sum().backward()
    gg.checkpoint_sequential([ops.sin, ops.exp, ops.tanh], 2, X).sum().backward()


@step
def saved_in_another_type():
    with gg.save_in("bfloat16"):
        scalar(X, W).backward()
    with gg.saved_tensors_hooks(lambda x: x.numpy(), gg.tensor):
        scalar(X, W).backward()


@step
def hooks_on_several():
    x = leaf(3)
    y = ops.exp(x)
    register_multi_grad_hook([x, y], lambda found: None)
    register_multi_grad_hook([x, y], lambda found: None, mode="any")
    (y * y).sum().backward()


@step
def hooks_that_are_never_called():
    x = leaf(3)
    register_multi_grad_hook([x, ops.exp(x)], lambda found: found)


@step
def functions_of_ones_own():
    (g,) = gg.grad(Cubed.apply(X).sum(), X, create_graph=True)
    g.sum().backward()


@step
def ctc():
    x = ops.log_softmax(gg.tensor(SEQUENCES, requires_grad=True))
    ops.ctc_loss(x, np.array([[1, 2], [2, 1]])).backward()


@step
def recurrent_networks():
    x = gg.tensor(SEQUENCES, requires_grad=True)
    weights = [(leaf(3, 8), leaf(2, 8), leaf(8)), (leaf(3, 8), leaf(2, 8), None)]
    ops.stacked_lstm(x, weights, bidirectional=True)[0].sum().backward()
    ops.gru(x, leaf(3, 6), leaf(2, 6))[0].sum().backward()
    y = ops.simple_rnn(x, leaf(3, 2), leaf(2, 2))[0].sum()
    (g,) = gg.grad(y, x, create_graph=True)
    (g * g).sum().backward()


@step
def attention():
    q = gg.tensor(HEADS, requires_grad=True)
    y = ops.scaled_dot_product_attention(q, q, q, is_causal=True)
    (g,) = gg.grad((y * y).sum(), q, create_graph=True)
    (g * g).sum().backward()


@step
def changes_in_place():
    y = X * 1
    y[1:].mul_(2)
    y[:, 0] = W[0, 0]
    y.sum().backward()


@step
def penalties_with_anomalies_looked_for():
    with gg.detect_anomaly():
        (g,) = gg.grad(scalar(X, W), X, create_graph=True)
        (g * g).sum().backward()


@step
def training():
    w = leaf(3, 4)
    optimizer = optim.AdamW([w], lr=0.1)
    schedule = optim.lr_scheduler.SequentialLR(
        optimizer,
        [optim.lr_scheduler.LinearLR(optimizer), optim.lr_scheduler.StepLR(optimizer, 2)],
        [2],
    )
    for _ in range(3):
        optimizer.zero_grad()
        scalar(X.detach(), w).backward()
        optim.clip_grad_norm_([w], 1.0)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("name", STEPS)
def test_nothing_waits_for_the_collector(name: str) -> None:
    def once() -> None:
        STEPS[name]()
        X.grad = W.grad = None

    for _ in range(20):  # what is remembered of functions and shapes, and of the last views
        once()
    # What grows, grows in every round; what is remembered is remembered once.
    assert min(left_behind(once, 10) for _ in range(3)) < 10

"""A checkpoint changes what is kept, and no number."""

import weakref

import numpy as np
import pytest

import graftgrad as gg
import graftwork as gw
from graftgrad import ops
from graftgrad.errors import ConfigError, GradientError
from graftgrad.plan import captured
from support.garbage import left_behind


def leaf(*shape, seed=0):
    draw = np.random.default_rng(seed)
    return gg.tensor(draw.normal(size=shape), requires_grad=True)


W = leaf(3, 3, seed=1)


def block(x):
    return ops.tanh(x @ W) * ops.sin(x)


def deep(x):
    return gg.checkpoint(lambda y: block(gg.checkpoint(block, block(y))), x)


@pytest.mark.parametrize("call", [lambda x: gg.checkpoint(block, x), deep])
def test_gradients_of_all_orders(call):
    x = leaf(2, 3)
    plain = block if call is not deep else lambda x: block(block(block(x)))
    found = gg.grad(call(x).sum(), (x, W))
    for g, expected in zip(found, gg.grad(plain(x).sum(), (x, W)), strict=True):
        np.testing.assert_array_equal(g.numpy(), expected.numpy())
    assert gg.gradcheck(call, x)
    assert gg.gradgradcheck(call, x)


def test_nothing_between_is_kept():
    x, kept = leaf(4, 3), []

    def watched(y):
        middle = ops.exp(y)
        kept.append(weakref.ref(middle.array))
        return ops.sin(middle) * 2

    y = gg.checkpoint(watched, x)
    assert kept[0]() is None
    y.sum().backward()
    assert len(kept) == 2
    assert kept[1]() is None
    np.testing.assert_allclose(
        x.grad.numpy(), 2 * np.cos(np.exp(x.detach().numpy())) * np.exp(x.detach().numpy())
    )


def test_each_backward_computes_again():
    x, calls = leaf(3), []

    def counted(y):
        calls.append(1)
        return ops.exp(ops.exp(y))

    y = gg.checkpoint(counted, x).sum()
    y.backward(retain_graph=True)
    assert len(calls) == 2
    y.backward()
    assert len(calls) == 3
    once = x.grad.numpy() / 2
    np.testing.assert_allclose(once, gg.grad(ops.exp(ops.exp(x)).sum(), x)[0].numpy())


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_same_random_numbers(wrapped):
    generator, x = gg.Generator(3), leaf(50)

    def noisy(y):
        return ops.random.dropout(ops.exp(y), generator.next(), 0.5) * gg.rand(
            50, generator=generator, dtype="float64"
        )

    call = (lambda y: gg.checkpoint(noisy, y)) if wrapped else (lambda y: gg.checkpoint(
        lambda z: gg.checkpoint(noisy, z * 1), y))  # fmt: skip
    y = call(x)
    after = generator.state.numpy().copy()
    y.sum().backward()
    np.testing.assert_array_equal(generator.state.numpy(), after)
    again = gg.Generator(3)
    generator = again
    expected = noisy(x)
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(x.grad.numpy(), gg.grad(expected.sum(), x)[0].numpy())


def test_what_the_function_changes_is_changed_once():
    x, mean = leaf(4), gg.zeros(4, dtype="float64")

    def moving(y):
        mean[:2].add_(y.detach()[:2])
        mean.mul_(0.5)
        return ops.exp(y) * mean.clone()

    y = gg.checkpoint(moving, x)
    after = mean.numpy().copy()
    y.sum().backward()
    np.testing.assert_array_equal(mean.numpy(), after)
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


def test_arguments_of_every_kind():
    x, w = leaf(3), leaf(3, seed=2)

    def function(a, factor, *, b):
        return a * factor + ops.exp(b) * a, 7

    y, seven = gg.checkpoint(function, x * 1, 3, b=w)
    assert seven == 7
    found = gg.grad(y.sum(), (x, w))
    expected = gg.grad(function(x, 3, b=w)[0].sum(), (x, w))
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(g.numpy(), e.numpy())


def test_without_recording_it_is_a_call():
    with gg.no_grad():
        assert not gg.checkpoint(block, leaf(2, 3)).requires_grad


def test_an_argument_that_changed_in_between():
    x = leaf(3) * 1
    y = gg.checkpoint(lambda a: ops.exp(a) * a, x)
    with gg.no_grad():
        x.add_(1)
    with pytest.raises(GradientError, match=r"checkpoint: an argument must not change before "
                       r"backward; .*changes_in_place=1.*clone"):  # fmt: skip
        y.sum().backward()


def test_a_function_that_does_something_else():
    x, turns = leaf(3), []

    def fickle(y):
        turns.append(1)
        return ops.exp(y) if len(turns) == 1 else ops.exp(ops.sin(y))

    y = gg.checkpoint(fickle, x * 1)
    with pytest.raises(GradientError, match=r"must do the same when it is called again in backward"
                       r"; got kept_first=1, kept_again=2"):  # fmt: skip
        y.sum().backward()


def test_in_segments():
    x = leaf(2, 3)
    layers = [block, ops.tanh, block, ops.exp, block]
    y = gg.checkpoint_sequential(layers, 2, x)
    expected = x
    for one in layers:
        expected = one(expected)
    np.testing.assert_array_equal(
        gg.grad(y.sum(), x)[0].numpy(), gg.grad(expected.sum(), x)[0].numpy()
    )
    with pytest.raises(ConfigError, match=r"a function for every segment; got functions=5, "
                       r"segments=6"):  # fmt: skip
        gg.checkpoint_sequential(layers, 6, x)


def test_a_recorded_step_repeats_it():
    x, generator = leaf(6), gg.Generator(5)

    def noisy(y):
        return ops.random.dropout(ops.exp(y), generator.next(), 0.5)

    @captured
    def step(scale):
        return gg.grad((gg.checkpoint(noisy, x) * scale).sum(), x)[0]

    def plain(scale):
        return gg.grad((noisy(x) * scale).sum(), x)[0]

    scales = [gg.tensor([float(i)], "float64") for i in range(6)]
    found = [step(one).numpy() for one in scales]
    assert step.replayed > 0
    generator.manual_seed(5)
    for one, scale in zip(found, scales, strict=True):
        np.testing.assert_array_equal(one, plain(scale).numpy())


def test_in_fit():
    class Block(gw.layers.Layer):
        def __init__(self, kept, **settings):
            super().__init__(**settings)
            self.kept = kept
            self.inner = gw.Sequential(
                [gw.layers.Dense(8, activation="tanh"), gw.layers.Dropout(0.3, seed=1),
                 gw.layers.BatchNormalization()]
            )  # fmt: skip

        def call(self, x, training=None):
            if self.kept:
                return self.inner(x, training=training)
            return gg.checkpoint(self.inner, x, training=training)

    def trained(kept):
        gw.set_random_seed(0)
        model = gw.Sequential([gw.Input((4,)), Block(kept), gw.layers.Dense(1)])
        model.compile("sgd", "mse")
        draw = np.random.default_rng(0)
        x, y = draw.normal(size=(32, 4)), draw.normal(size=(32, 1))
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, shuffle=False)
        return model.get_weights()

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_loop_leaves_nothing_behind():
    x = leaf(2, 3)

    def step():
        (g,) = gg.grad(deep(x).sum(), x, create_graph=True)
        g.sum().backward()
        x.zero_grad()
        W.zero_grad()

    assert left_behind(step, 20) < 20

"""What gradients ask for may be kept anywhere, as long as it comes back."""

import threading

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.errors import DTypeError, GradientError
from graftgrad.plan import captured
from support.garbage import left_behind


def leaf(*shape, dtype="float64"):
    draw = np.random.default_rng(0)
    return gg.tensor(draw.normal(size=shape), dtype, requires_grad=True)


def function(x):
    a, b = ops.split(ops.exp(x), 2)
    return ops.tanh(a * b) @ ops.softmax(b.transpose())


def test_values_go_and_come_back_in_their_order():
    x, log = leaf(4, 3), []

    def pack(t):
        assert not t.requires_grad
        assert not gg.is_grad_enabled()
        log.append("pack")
        return len(log), t.numpy().copy()

    def unpack(packed):
        log.append("unpack")
        return gg.tensor(packed[1])

    def hooked(x):
        with gg.saved_tensors_hooks(pack, unpack):
            return function(x)

    y = hooked(x)
    packed = len(log)
    assert packed > 0
    (g,) = gg.grad(y.sum(), x)
    assert log.count("unpack") == packed
    np.testing.assert_array_equal(g.numpy(), gg.grad(function(x).sum(), x)[0].numpy())
    assert gg.gradcheck(hooked, x)
    assert gg.gradgradcheck(hooked, x)


def test_leaves_that_want_a_gradient_are_kept_as_they_are():
    x, w, seen = leaf(2, 3), leaf(3, 2), []
    with gg.saved_tensors_hooks(lambda t: seen.append(t.shape) or t, lambda t: t):
        y = x @ w
        z = ops.exp(y)
    assert seen == [(2, 2)]
    z.sum().backward()


def test_on_disk(tmp_path):
    x = leaf(40, 30, dtype="float32")
    with gg.save_on_disk(tmp_path, smallest=1000):
        y = ops.tanh(ops.exp(x)) * gg.ones(30)
    assert len(list(tmp_path.iterdir())) == 2
    assert y.grad_fn.kept_arrays() == []
    (g,) = gg.grad(y.sum(), x, retain_graph=True)
    np.testing.assert_array_equal(g.numpy(), gg.grad(ops.tanh(ops.exp(x)).sum(), x)[0].numpy())
    del y
    assert list(tmp_path.iterdir()) == []


def test_on_disk_keeps_every_element_type(tmp_path):
    for dtype in ("bfloat16", "float16", "float64"):
        x = leaf(20, 30, dtype=dtype)
        with gg.save_on_disk(tmp_path, smallest=1):
            y = ops.exp(x)
        np.testing.assert_array_equal(
            gg.grad(y.sum(), x)[0].to("float64").numpy(), ops.exp(x).detach().to("float64").numpy()
        )


def test_in_a_smaller_type():
    x = leaf(5, 4, dtype="float32")
    with gg.save_in("bfloat16"):
        y = ops.exp(x)
    assert y.dtype == "float32"
    (g,) = gg.grad(y.sum(), x)
    assert g.dtype == "float32"
    rounded = ops.exp(x).detach().to("bfloat16").to("float32").numpy()
    np.testing.assert_array_equal(g.numpy(), rounded)
    with gg.save_in("float64"):
        y = ops.exp(x)
    np.testing.assert_array_equal(gg.grad(y.sum(), x)[0].numpy(), ops.exp(x).detach().numpy())
    with pytest.raises(DTypeError, match="save_in: the element type must be a floating one"):
        gg.save_in("int8")


def test_what_was_not_converted_is_watched():
    x = leaf(3)
    with gg.save_in("float64"):
        y = ops.exp(x)
    with gg.no_grad():
        y.add_(1)
    with pytest.raises(GradientError, match=r"save_in: what a gradient needs must not change"):
        y.sum().backward()


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda t: t.numpy(), r"backward of Exp: the unpack hook must return y as a tensor like "
         r"the one that was packed; got packed=\(3,\) float64, unpacked='ndarray'"),
        (lambda t: t[:2], r"unpacked=\(2,\) float64"),
        (lambda t: t.to("float32"), r"unpacked=\(3,\) float32"),
    ],
)  # fmt: skip
def test_what_unpack_must_return(returned, words):
    with gg.saved_tensors_hooks(lambda t: t, returned):
        y = ops.exp(leaf(3))
    with pytest.raises(GradientError, match=words):
        y.sum().backward()


def test_the_innermost_hooks_and_this_thread_alone():
    x, seen = leaf(3), []

    def noting(name):
        return gg.saved_tensors_hooks(lambda t: seen.append(name) or t, lambda t: t)

    with noting("outer"), noting("inner"):
        ops.exp(x)
        worker = threading.Thread(target=lambda: ops.exp(x))
        worker.start()
        worker.join()
    assert seen == ["inner"]


def test_around_a_checkpoint_the_arguments_are_packed():
    x, seen = leaf(3), []
    doubled = x * 2
    with gg.saved_tensors_hooks(lambda t: seen.append(t.numpy().copy()) or t, lambda t: t * 1):
        y = gg.checkpoint(lambda a: ops.exp(ops.sin(a)), doubled)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], 2 * x.detach().numpy())
    (g,) = gg.grad(y.sum(), x)
    np.testing.assert_allclose(g.numpy(), gg.grad(ops.exp(ops.sin(x * 2)).sum(), x)[0].numpy())


def test_plans():
    x = leaf(3, dtype="float32")
    for hooks, replayed in ((gg.save_in("bfloat16"), True), (gg.save_on_disk(smallest=1), False)):

        @captured
        def step(scale, hooks=hooks):
            with hooks:
                y = ops.exp(x)
            return gg.grad((y * scale).sum(), x)[0]

        found = [step(gg.tensor([float(i)])).numpy() for i in range(5)]
        assert (step.replayed > 0) is replayed
        np.testing.assert_array_equal(found[4], 4 * found[1])
    assert "a saved-tensor hook is called" in step.report()


def test_a_loop_leaves_nothing_behind():
    x = leaf(4, 3)

    def step():
        with gg.save_in("float32"):
            (g,) = gg.grad(function(x).sum(), x, create_graph=True)
        g.sum().backward()
        x.zero_grad()

    assert left_behind(step, 20) < 20

"""Changes in place inside a graph: the gradients are those of the same program without them."""

import gc
import weakref

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import GradientError, ShapeError
from graftgrad.inplace import rebase
from graftgrad.ops.overwrite import overwrite
from support.garbage import left_behind


def leaf(*values):
    return graftgrad.tensor(list(values), "float64", requires_grad=True)


def grad(y, *xs):
    return [g.numpy() for g in graftgrad.grad(y, xs)]


class TestRebase:
    def test_the_memory_stays_and_the_history_goes_on(self):
        x, w = leaf(1.0, 2.0), leaf(3.0, 5.0)
        y = x * 2
        memory, version = y.detach(), y.version
        assert rebase(y, y.clone() * w) is y
        assert np.shares_memory(memory.numpy(), y.detach().numpy())
        assert y.version == version + 1
        gx, gw = grad((y * y).sum(), x, w)
        np.testing.assert_allclose(gx, 2 * 4 * np.array([1, 2]) * np.array([3, 5]) ** 2)
        np.testing.assert_allclose(gw, 2 * 4 * np.array([1, 2]) ** 2 * np.array([3, 5]))

    def test_a_kept_value_that_changed_is_refused_by_name(self):
        x, w = leaf(1.0, 2.0), leaf(3.0, 5.0)
        y = x * 2
        rebase(y, y * w)  # the gradient by w needs the old y
        with pytest.raises(GradientError, match=r"backward of Mul: a, which this gradient needs"):
            y.sum().backward()

    def test_a_tensor_without_history_gets_one(self):
        x, total = leaf(1.0, 2.0), graftgrad.zeros(2, dtype="float64")
        for _ in range(3):
            rebase(total, total + x * x)
        assert total.requires_grad
        assert not total.is_leaf
        np.testing.assert_allclose(grad(total.sum(), x)[0], [6, 12])

    def test_a_value_is_stretched_and_converted(self):
        x = leaf(1.0)
        y = graftgrad.zeros(2, 3)
        rebase(y, x * 3)
        assert y.dtype == "float32"
        np.testing.assert_array_equal(y.detach().numpy(), 3)
        np.testing.assert_allclose(grad(y.sum(), x)[0], 18)
        with pytest.raises(ShapeError, match="value must stretch to the shape of the tensor"):
            rebase(y, graftgrad.ones(2, 2, 3))
        with pytest.raises(ShapeError, match="change in place: sizes must be equal or 1"):
            rebase(y, leaf(1.0, 2.0))

    def test_what_is_written_over_has_the_gradient_zero(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        rebase(y, overwrite(y, 7.0))
        np.testing.assert_array_equal(y.detach().numpy(), 7)
        np.testing.assert_array_equal(grad(y.sum(), x)[0], 0)

    def test_where_nothing_is_recorded_only_the_values_change(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        before = y.grad_fn
        with graftgrad.no_grad():
            rebase(x, x + 1)
            rebase(y, y * 5)
        assert y.grad_fn is before
        assert x.is_leaf
        np.testing.assert_array_equal(x.detach().numpy(), [2, 3])

    def test_retained_gradients_move_along(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        y.retain_grad()
        rebase(y, y * 3)
        (y * 5).sum().backward()
        np.testing.assert_array_equal(y.grad.numpy(), 5)
        np.testing.assert_array_equal(x.grad.numpy(), 30)

    def test_hooks_stay_with_the_value_they_were_set_on(self):
        x, seen = leaf(1.0, 2.0), []
        y = x * 2
        y.register_hook(lambda g: seen.append(g.numpy().copy()))
        rebase(y, y * 3)
        (y * 5).sum().backward()
        np.testing.assert_array_equal(seen, [[15, 15]])


class TestViews:
    def test_a_change_of_a_view_reaches_the_whole(self):
        x, w = leaf(1.0, 2.0, 3.0), leaf(10.0)
        whole = x * 2
        part = whole[1:]
        rebase(part, part.clone() * w)
        np.testing.assert_array_equal(whole.detach().numpy(), [2, 40, 60])
        np.testing.assert_allclose(grad_kept(part.sum(), x), [0, 20, 20])
        gx, gw = grad((whole * leaf(1.0, 2.0, 3.0).detach()).sum(), x, w)
        np.testing.assert_allclose(gx, [2, 40, 60])
        np.testing.assert_allclose(gw, [2 * 4 + 3 * 6])

    def test_a_change_of_the_whole_reaches_its_views(self):
        x = leaf(1.0, 2.0, 3.0)
        whole = x * 2
        first, row = whole[0], whole.reshape(1, 3)
        deep = row[0, 1:]
        rebase(whole, whole.clone() ** 2)
        for view, expected in ((first, [8, 0, 0]), (row, [8, 16, 24]), (deep, [0, 16, 24])):
            np.testing.assert_allclose(grad_kept(view.sum(), x), expected)

    def test_views_of_one_whole_follow_each_other(self):
        x = leaf(1.0, 2.0, 3.0, 4.0)
        whole = (x * 1).reshape(2, 2)
        column, row = whole[:, 0], whole[0]
        rebase(column, column * 10)
        np.testing.assert_array_equal(row.detach().numpy(), [10, 2])
        np.testing.assert_allclose(grad_kept(row.sum(), x), [10, 1, 0, 0])
        rebase(row, row.clone() * row.clone())
        np.testing.assert_allclose(grad_kept(column.sum(), x), [2 * 10 * 10, 0, 10, 0])
        np.testing.assert_allclose(grad_kept(whole.sum(), x), [200, 4, 10, 1])

    def test_a_view_of_plain_memory_brings_a_history_into_it(self):
        x, out = leaf(3.0), graftgrad.zeros(2, 2, dtype="float64")
        for i in range(2):
            for j in range(2):
                part = out[i, j]
                rebase(part, (x * (i + 2 * j)).reshape(()))
        np.testing.assert_array_equal(out.detach().numpy(), [[0, 6], [3, 9]])
        np.testing.assert_allclose(grad(out.sum(), x)[0], [6])

    def test_second_order_through_views(self):
        def function(x, w):
            whole = x * w
            part = whole.reshape(2, 3)[:, ::2]
            rebase(part, part.clone() * part.clone() * w[:2].reshape(2, 1))
            rebase(whole, whole.clone() * x)
            return whole.sum(), part.transpose() * 1

        draw = np.random.default_rng(0)
        xs = [graftgrad.tensor(draw.normal(size=6), requires_grad=True) for _ in range(2)]
        assert graftgrad.gradcheck(function, xs)
        assert graftgrad.gradgradcheck(function, xs)

    def test_detached_values_share_memory_and_no_history(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        cut = y.detach()
        rebase(y, y + x)
        assert not cut.requires_grad
        assert cut.grad_fn is None
        np.testing.assert_array_equal(cut.numpy(), [3, 6])


class TestRefusals:
    def test_a_leaf(self):
        x = leaf(1.0, 2.0)
        with pytest.raises(GradientError, match=r"change in place: a leaf that requires a gradient "
                           r"must not be changed .*no_grad"):  # fmt: skip
            rebase(x, x + 1)
        np.testing.assert_array_equal(x.detach().numpy(), [1, 2])
        assert x.version == 0

    def test_a_view_of_a_leaf(self):
        x = leaf(1.0, 2.0)
        with pytest.raises(GradientError, match="a view of a leaf that requires a gradient"):
            rebase(x[0], leaf(3.0))

    def test_a_leaf_that_is_a_view(self):
        flat = graftgrad.zeros(4, dtype="float64")
        x = flat[1:3].requires_grad_()
        with pytest.raises(GradientError, match="change in place: a leaf"):
            rebase(x, x * 2)
        rebase(flat, flat + leaf(1.0))
        assert x.is_leaf

    def test_a_view_that_was_made_while_nothing_was_recorded(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        with graftgrad.no_grad():
            part = y[0]
        with pytest.raises(GradientError, match="a view that was made while nothing was recorded"):
            rebase(part, x[1])

    def test_a_stretched_view(self):
        y = leaf(1.0) * 2
        wide = y.expand(3)
        with pytest.raises(GradientError, match=r"memory of its own.*clone"):
            rebase(wide, wide * 2)


class TestMemory:
    @pytest.fixture(autouse=True)
    def without_collector(self):
        gc.collect()
        gc.disable()
        yield
        gc.enable()

    def test_a_node_that_keeps_what_is_changed_later_makes_no_cycle(self):
        x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
        y = ops.exp(x)
        rebase(y, y + y * w)  # the product keeps y, and y goes on from the product
        gone = weakref.ref(y.grad_fn)
        del y
        assert gone() is None

    def test_a_loop_leaves_nothing_behind(self):
        x = leaf(*range(50))

        def step():
            whole = ops.sin(x)
            part = whole[::2]
            rebase(part, part.clone() * part.clone())
            rebase(whole, whole.clone() * x)
            (part.sum() + whole.sum()).backward()
            x.zero_grad()

        assert left_behind(step, 50) < 50

    def test_many_views_of_one_tensor_are_forgotten(self):
        x = leaf(*range(8)) * 1
        for _ in range(1000):
            x[2:]
        assert len(x.counter.views) <= 16


def grad_kept(y, x):
    return graftgrad.grad(y, x, retain_graph=True)[0].numpy()

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, modes, ops
from graftgrad.errors import GradientError, ShapeError
from graftgrad.node import Node
from support.garbage import left_behind


def leaf(*values, dtype="float64"):
    return graftgrad.tensor(list(values), dtype, requires_grad=True)


class TestAccumulation:
    def test_backward_adds_to_what_is_there(self):
        x = leaf(1.0, 2.0)
        for times in (1, 2, 3):
            (x * 3).sum().backward()
            np.testing.assert_array_equal(x.grad.numpy(), 3 * times)
        x.zero_grad()
        assert x.grad is None

    def test_the_first_gradient_is_memory_of_its_own(self):
        x, upstream = leaf(1.0, 2.0), graftgrad.ones(2, dtype="float64")
        (x + 0).backward(upstream)
        upstream.fill_(9)
        np.testing.assert_array_equal(x.grad.numpy(), 1)
        x.backward(upstream)
        np.testing.assert_array_equal(x.grad.numpy(), 10)

    def test_two_leaves_never_share_a_gradient(self):
        a, b = leaf(1.0), leaf(2.0)
        (a + b).backward()
        a.grad.fill_(7)
        np.testing.assert_array_equal(b.grad.numpy(), 1)

    def test_the_gradient_lands_in_a_given_buffer(self):
        x, flat = leaf(1.0, 2.0), graftgrad.full((5,), 9.0, dtype="float64")
        x.grad_buffer = flat[1:3]
        (x * x).sum().backward()
        assert np.shares_memory(x.grad.numpy(), flat.numpy())
        np.testing.assert_array_equal(flat.numpy(), [9, 2, 4, 9, 9])
        (x * x).sum().backward()
        np.testing.assert_array_equal(flat.numpy(), [9, 4, 8, 9, 9])

    def test_several_roots_in_one_walk(self):
        x = leaf(2.0)
        engine.backward([x * x, x * 3], [graftgrad.tensor([1.0]), [10.0]])
        np.testing.assert_array_equal(x.grad.numpy(), 34)

    def test_a_leaf_is_its_own_root(self):
        x = leaf(5.0)
        x.backward()
        np.testing.assert_array_equal(x.grad.numpy(), 1)

    def test_leaves_that_want_nothing_get_nothing(self):
        x, y = leaf(1.0), graftgrad.tensor([2.0], "float64")
        (x * y).backward()
        assert y.grad is None


class TestShapesOfGraphs:
    def test_diamond(self):
        x = leaf(3.0)
        a = x * x
        (a * 2 + a * a).backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * 2 * 3 + 4 * 27)

    def test_the_same_operand_twice(self):
        x = leaf(3.0)
        (x * x).backward()
        np.testing.assert_array_equal(x.grad.numpy(), 6)

    def test_each_node_is_visited_once(self):
        x, seen = leaf(1.0), []
        y = x * 1
        for _ in range(40):  # 2 to the 40 paths
            y = y + y
        y.register_hook(lambda g: seen.append(1))
        y.backward()
        np.testing.assert_array_equal(x.grad.numpy(), 2.0**40)
        assert len(seen) == 1

    def test_a_shared_part_serves_two_roots(self):
        x = leaf(2.0)
        shared = ops.exp(x)
        (shared * 3).backward(retain_graph=True)
        (shared * shared).backward()
        np.testing.assert_allclose(x.grad.numpy(), 3 * np.exp(2) + 2 * np.exp(4))

    def test_several_results_of_one_function(self):
        x = leaf(1.0, 2.0, 3.0, 4.0)
        a, b = ops.split(x, 2)
        (a * b).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [3, 4, 1, 2])

    @pytest.mark.parametrize("inputs", [False, True])
    def test_depth_needs_no_recursion(self, inputs):
        x = leaf(1.0)
        y = x
        for _ in range(20_000):
            y = y * 1.0
        if inputs:
            (g,) = graftgrad.grad(y, x)
        else:
            y.backward()
            g = x.grad
        np.testing.assert_array_equal(g.numpy(), 1)

    def test_freeing_a_long_chain_does_not_exhaust_the_stack(self):
        x = leaf(1.0)
        y = x
        for _ in range(200_000):
            y = y + x
        ends = weakref.ref(y.grad_fn)
        del y
        assert ends() is None

    def test_freeing_a_long_chain_of_kept_operands(self):
        def free_in_thread():
            x = leaf(1.0)
            y = x
            for _ in range(200_000):
                y = ops.sin(y)
            del y
            done.append(True)

        done = []
        worker = threading.Thread(target=free_in_thread)
        worker.start()
        worker.join()
        assert done


class TestRetainGraph:
    def test_a_freed_graph_says_so(self):
        x = leaf(1.0)
        y = ops.exp(x)
        y.backward()
        with pytest.raises(GradientError, match=r"backward of Exp: .*freed.*retain_graph=True"):
            y.backward()

    def test_retained_it_serves_again(self):
        x = leaf(1.0)
        y = ops.exp(x)
        for _ in range(3):
            y.backward(retain_graph=True)
        np.testing.assert_allclose(x.grad.numpy(), 3 * np.e)

    def test_create_graph_retains_unless_told(self):
        x = leaf(1.0)
        y = ops.exp(x)
        graftgrad.grad(y, x, create_graph=True)
        graftgrad.grad(y, x, create_graph=True, retain_graph=False)
        with pytest.raises(GradientError, match="freed"):
            graftgrad.grad(y, x)

    def test_freeing_lets_go_of_what_was_kept(self):
        x = leaf(1.0)
        a = ops.exp(x)
        kept = weakref.ref(a.array)
        y = a * a
        y.backward()
        del a
        assert kept() is None
        assert y.grad_fn.kept_arrays() == []


class TestHigherOrders:
    def test_third_order(self):
        x = leaf(2.0)
        y = x * x * x * x
        (g1,) = graftgrad.grad(y, x, create_graph=True)
        (g2,) = graftgrad.grad(g1, x, create_graph=True)
        (g3,) = graftgrad.grad(g2, x, create_graph=True)
        (g4,) = graftgrad.grad(g3, x)
        found = [float(g) for g in (g1, g2, g3, g4)]
        np.testing.assert_allclose(found, [32, 48, 48, 24])
        assert not g4.requires_grad

    def test_third_order_of_functions_that_keep_their_output(self):
        x = leaf(0.3)
        orders = [ops.tanh(x)]
        for _ in range(3):
            orders.append(graftgrad.grad(orders[-1], x, create_graph=True)[0])
        t = np.tanh(0.3)
        s = 1 - t * t
        np.testing.assert_allclose(
            [float(g) for g in orders], [t, s, -2 * t * s, s * (6 * t * t - 2)]
        )

    def test_a_hessian_of_two_variables(self):
        x, y = leaf(1.5), leaf(0.5)
        z = ops.sin(x) * ops.exp(y)
        gx, gy = graftgrad.grad(z, (x, y), create_graph=True)
        hxx, hxy = graftgrad.grad(gx, (x, y), retain_graph=True)
        hyx, hyy = graftgrad.grad(gy, (x, y))
        s, c, e = np.sin(1.5), np.cos(1.5), np.exp(0.5)
        found = [float(h) for h in (hxx, hxy, hyx, hyy)]
        np.testing.assert_allclose(found, [-s * e, c * e, c * e, s * e])

    def test_backward_through_a_gradient(self):
        x = leaf(1.0, 2.0)
        (g,) = graftgrad.grad((x**3).sum(), x, create_graph=True)
        (g * g).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * 3 * np.array([1, 4]) * 6 * np.array([1, 2]))

    def test_backward_with_create_graph_fills_a_differentiable_grad(self):
        x = leaf(2.0)
        (x * x * x).backward(create_graph=True)
        assert x.grad.requires_grad
        (g2,) = graftgrad.grad(x.grad, x)
        np.testing.assert_allclose(g2.numpy(), 12)

    def test_without_create_graph_gradients_have_no_history(self):
        x = leaf(2.0)
        (g,) = graftgrad.grad(x * x, x)
        assert not g.requires_grad
        (x * x).backward()
        assert not x.grad.requires_grad

    def test_by_the_gradient_that_arrives(self):
        x, v = leaf(2.0), leaf(1.0)
        (g,) = graftgrad.grad(ops.exp(x), x, v, create_graph=True)
        (gv,) = graftgrad.grad(g, v)
        np.testing.assert_allclose(gv.numpy(), np.exp(2))


class TestGrad:
    def test_leaves_no_grad_behind(self):
        x, y = leaf(1.0), leaf(2.0)
        graftgrad.grad(x * y, x)
        assert x.grad is None
        assert y.grad is None

    def test_by_intermediate_results(self):
        x = leaf(2.0)
        a = x * x
        y = ops.exp(a)
        ga, gx = graftgrad.grad(y, (a, x))
        np.testing.assert_allclose([float(ga), float(gx)], [np.exp(4), 4 * np.exp(4)])

    def test_by_the_root_itself(self):
        x = leaf(2.0)
        y = x * x
        (g,) = graftgrad.grad(y, y)
        np.testing.assert_array_equal(g.numpy(), 1)

    def test_only_the_way_to_the_inputs_is_walked(self):
        x, y, walked = leaf(2.0), leaf(3.0), []
        other = ops.exp(y)
        other.register_hook(lambda g: walked.append(1))
        graftgrad.grad(x * other, x)
        assert not walked

    def test_an_unused_input(self):
        x, y = leaf(1.0), leaf(2.0)
        with pytest.raises(GradientError, match="must depend on every input; got index=1"):
            graftgrad.grad(x * 2, (x, y))
        gx, gy = graftgrad.grad(x * 2, (x, y), allow_unused=True)
        assert gy is None
        np.testing.assert_array_equal(gx.numpy(), 2)

    def test_zeros_in_place_of_nothing(self):
        x, y = leaf(1.0), leaf(2.0, 3.0)
        gx, gy = graftgrad.grad(x * 2, (x, y), materialize_grads=True)
        np.testing.assert_array_equal(gx.numpy(), 2)
        np.testing.assert_array_equal(gy.numpy(), [0, 0])
        with pytest.raises(GradientError, match=r"an unused input must be allowed where zeros"):
            graftgrad.grad(x * 2, (x, y), allow_unused=False, materialize_grads=True)

    def test_an_input_that_wants_nothing(self):
        x, y = leaf(1.0), graftgrad.tensor([1.0])
        with pytest.raises(
            GradientError, match=r"every input must require a gradient; got index=0"
        ):
            graftgrad.grad(x * y, y)

    def test_several_outputs_are_added(self):
        x = leaf(1.0, 2.0)
        (g,) = graftgrad.grad([x.sum(), x * x], x, [None, graftgrad.ones(2, dtype="float64")])
        np.testing.assert_array_equal(g.numpy(), [3, 5])

    def test_backward_to_some_inputs_only(self):
        x, y = leaf(2.0), leaf(3.0)
        middle = x * y
        (middle * middle).backward(inputs=[x, middle])
        assert y.grad is None
        np.testing.assert_array_equal(x.grad.numpy(), 2 * 6 * 3)
        np.testing.assert_array_equal(middle.grad.numpy(), 12)


class TestBadCalls:
    def test_a_root_without_history(self):
        with pytest.raises(GradientError, match="root must require a gradient"):
            graftgrad.tensor([1.0]).backward()
        with modes.no_grad():
            y = leaf(1.0) * 2
        with pytest.raises(GradientError, match="recording was off"):
            y.backward()

    def test_several_elements_need_a_gradient(self):
        with pytest.raises(GradientError, match=r"several elements.*\(2,\).*sum\(\) or .mean\(\)"):
            (leaf(1.0, 2.0) * 2).backward()

    def test_a_gradient_of_another_shape(self):
        with pytest.raises(ShapeError, match=r"must have the root's shape; got root=\(2,\)"):
            (leaf(1.0, 2.0) * 2).backward(graftgrad.ones(3))

    def test_not_one_gradient_for_every_root(self):
        x = leaf(1.0)
        with pytest.raises(
            ShapeError, match="one gradient for every root; got roots=2, gradients=1"
        ):
            engine.backward([x * 2, x * 3], [None])


class TestHooks:
    def test_a_hook_sees_and_replaces(self):
        x, seen = leaf(1.0, 2.0), []
        a = x * 2
        a.register_hook(seen.append)
        a.register_hook(lambda g: g * 10)
        x.register_hook(lambda g: g + 1)
        a.sum().backward()
        np.testing.assert_array_equal(seen[0].numpy(), 1)
        np.testing.assert_array_equal(x.grad.numpy(), 21)

    def test_a_hook_sees_the_whole_sum_once(self):
        x, seen = leaf(1.0), []
        x.register_hook(lambda g: seen.append(float(g)))
        (x * 2 + x * 3).backward()
        assert seen == [5.0]

    @pytest.mark.parametrize("of_leaf", [True, False])
    def test_removal(self, of_leaf):
        x, seen = leaf(1.0), []
        target = x if of_leaf else x * 1
        handles = [target.register_hook(lambda g, n=n: seen.append(n)) for n in range(3)]
        handles[1].remove()
        handles[1].remove()
        (target * 2).backward(retain_graph=True)
        assert seen == [0, 2]
        handles[0].remove()
        handles[2].remove()
        (target * 2).backward(retain_graph=True)
        assert seen == [0, 2]

    def test_the_same_hook_twice_is_removed_once_per_handle(self):
        x, seen = leaf(1.0), []
        first, second = x.register_hook(seen.append), x.register_hook(seen.append)
        first.remove()
        first.remove()
        x.backward()
        assert len(seen) == 1
        second.remove()
        x.backward()
        assert len(seen) == 1

    def test_after_accumulation(self):
        x, seen = leaf(1.0), []
        handle = x.register_post_accumulate_grad_hook(lambda x: seen.append(float(x.grad)))
        (x * 2).backward()
        (x * 2).backward()
        handle.remove()
        (x * 2).backward()
        assert seen == [2.0, 4.0]
        with pytest.raises(GradientError, match="must be a leaf"):
            (x * 2).register_post_accumulate_grad_hook(seen.append)

    def test_after_accumulation_the_handles_are_independent(self):
        x, seen = leaf(1.0), []
        first = x.register_post_accumulate_grad_hook(lambda _: seen.append(1))
        x.register_post_accumulate_grad_hook(lambda _: seen.append(2))
        first.remove()
        x.backward()
        assert seen == [2]

    def test_hooks_run_in_grad_too(self):
        x, a = leaf(1.0), None
        a = x * 2
        a.register_hook(lambda g: g * 10)
        x.register_hook(lambda g: g * 100)
        gx, ga = graftgrad.grad(a * 3, (x, a))
        np.testing.assert_array_equal([float(gx), float(ga)], [6000, 30])

    def test_a_hook_is_recorded_under_create_graph(self):
        x = leaf(2.0)
        x.register_hook(lambda g: g * g)
        (g,) = graftgrad.grad(x * x, x, create_graph=True)
        (g2,) = graftgrad.grad(g, x, retain_graph=True)
        np.testing.assert_allclose([float(g), float(g2)], [16, (2 * 4 * 2) ** 2])

    def test_no_hook_where_no_gradient_is_wanted(self):
        with pytest.raises(GradientError, match="register_hook: the tensor must require"):
            graftgrad.tensor([1.0]).register_hook(print)


class TestNodeHooks:
    def test_before_and_after_a_node(self):
        x, w, seen = leaf(2.0), leaf(3.0), []
        y = x * w
        y.grad_fn.register_prehook(lambda arrived: seen.append(("before", float(arrived[0]))))
        y.grad_fn.register_hook(
            lambda found, arrived: seen.append(("after", *map(float, (*found, *arrived))))
        )
        (y * 5).backward()
        assert seen == [("before", 5.0), ("after", 15.0, 10.0, 5.0)]

    def test_they_replace_gradients(self):
        x, w = leaf(2.0), leaf(3.0)
        y = x * w
        y.grad_fn.register_prehook(lambda arrived: (arrived[0] * 10,))
        y.grad_fn.register_hook(lambda found, arrived: (found[0], None))
        y.backward()
        np.testing.assert_array_equal(x.grad.numpy(), 30)
        assert w.grad is None

    def test_in_the_order_that_pytorch_documents(self):
        x, seen = leaf(1.0), []
        y = x * 2
        y.grad_fn.register_hook(lambda found, arrived: seen.append("node"))
        y.grad_fn.register_prehook(lambda arrived: seen.append("before the node"))
        y.register_hook(lambda g: seen.append("tensor"))
        y.register_hook(lambda g: seen.append("tensor again"))
        x.register_post_accumulate_grad_hook(lambda x: seen.append("accumulated"))
        x.register_hook(lambda g: seen.append("leaf"))
        y.backward()
        assert seen == [
            "tensor", "tensor again", "before the node", "node", "leaf", "accumulated",
        ]  # fmt: skip

    def test_handles(self):
        x, seen = leaf(1.0), []
        y = x * 2
        with y.grad_fn.register_hook(lambda found, arrived: seen.append(1)) as handle:
            y.backward(retain_graph=True)
        handle.remove()
        before = y.grad_fn.register_prehook(lambda arrived: seen.append(2))
        before.remove()
        y.backward()
        assert seen == [1]

    def test_several_outputs(self):
        x, seen = leaf(4.0, 1.0), []
        y, _ = ops.top_k(x, 1)
        y.grad_fn.register_prehook(lambda arrived: seen.append(len(arrived)))
        y.sum().backward()
        assert seen == [len(y.grad_fn.call.outs)]
        np.testing.assert_array_equal(x.grad.numpy(), [1, 0])

    @pytest.mark.parametrize(
        ("returned", "words"),
        [
            ((), r"register_hook of Mul: a hook must return one gradient for each that it was "
                 r"given, or None; got given=2, returned=0"),
            ((1.0, None), r"must return tensors of the shapes.*returned='float'"),
            ((graftgrad.ones(3), None), r"index=0, given=\(1,\) float64, returned=\(3,\)"),
        ],
    )  # fmt: skip
    def test_what_a_node_hook_must_return(self, returned, words):
        y = leaf(2.0) * leaf(3.0)
        y.grad_fn.register_hook(lambda found, arrived: returned)
        with pytest.raises(GradientError, match=words):
            y.backward()

    @pytest.mark.parametrize("of_leaf", [True, False])
    def test_what_a_tensor_hook_must_return(self, of_leaf):
        x = leaf(2.0, 3.0)
        (x if of_leaf else (x := x * 1)).register_hook(lambda g: g.sum())
        words = r"hook: must return None or a gradient of the shape that it was given; got "
        with pytest.raises(GradientError, match=words + r"given=\(2,\) float64, returned=\(\)"):
            (x * 2).sum().backward()


class TestRetainGrad:
    def test_of_an_intermediate_result(self):
        x = leaf(2.0)
        a = x * x
        a.retain_grad()
        (a * 3).backward(retain_graph=True)
        (a * 3).backward()
        np.testing.assert_array_equal(a.grad.numpy(), 6)

    def test_without_it_there_is_none(self):
        x = leaf(2.0)
        a = x * x
        (a * 3).backward()
        assert a.grad is None

    def test_it_does_not_keep_the_tensor_alive(self):
        x = leaf(2.0)
        a = x * x
        a.retain_grad()
        y, gone = a * 3, weakref.ref(a)
        del a
        assert gone() is None
        y.backward()
        np.testing.assert_array_equal(x.grad.numpy(), 12)

    def test_of_a_leaf_and_of_what_wants_nothing(self):
        leaf(1.0).retain_grad()
        with pytest.raises(GradientError, match="retain_grad"):
            graftgrad.tensor([1.0]).retain_grad()


class TestVersions:
    def test_a_kept_operand_that_changed(self):
        x, w = leaf(1.0, 2.0), graftgrad.tensor([3.0, 4.0], "float64")
        y = (x * w).sum()
        w[0] = 9
        with pytest.raises(
            GradientError, match=r"backward of Mul: b, .*kept version=0, version now=1"
        ):
            y.backward()
        assert x.grad is None

    def test_a_kept_output_that_changed(self):
        x = leaf(1.0)
        y = ops.exp(x)
        y.detach().zero_()
        with pytest.raises(GradientError, match="backward of Exp: y"):
            y.backward()

    def test_a_change_that_nobody_needs(self):
        x, w = leaf(1.0), graftgrad.tensor([3.0], "float64")
        y = x + w
        w.zero_()
        y.backward()
        np.testing.assert_array_equal(x.grad.numpy(), 1)

    def test_a_change_through_a_view(self):
        x, w = leaf(1.0, 2.0), graftgrad.ones(2, 2, dtype="float64")
        y = (x * w[0]).sum()
        w[1] = 5  # another row: it is the buffer that counts
        with pytest.raises(GradientError, match="must not change before backward"):
            y.backward()


class TestMemory:
    def test_a_dropped_graph_is_freed_by_counting_alone(self):
        gc.collect()
        gc.disable()
        try:
            x = leaf(1.0, 2.0)
            y = ops.tanh(ops.exp(x) * x).sum() + ops.max(ops.sigmoid(x))
            nodes = [weakref.ref(node) for node in _nodes(y)]
            assert len(nodes) > 5
            del y
            assert all(node() is None for node in nodes)
        finally:
            gc.enable()

    @pytest.mark.parametrize("create_graph", [False, True])
    def test_a_loop_of_steps_leaves_nothing_behind(self, create_graph):
        x = leaf(*np.linspace(0.1, 1, 50))

        def step():
            y = ops.tanh(ops.exp(x) * x)
            y.retain_grad()
            y.register_hook(lambda g: g * 2)
            (g,) = graftgrad.grad(y.sum(), x, create_graph=create_graph)
            if create_graph:
                (g * g).sum().backward()
            x.zero_grad()

        assert left_behind(step, 50) < 50

    def test_hooks_of_every_kind_leave_nothing_behind(self):
        def step():
            x = leaf(1.0, 2.0)
            x.register_post_accumulate_grad_hook(lambda x: None)
            y = ops.exp(x * 2)
            y.grad_fn.register_hook(lambda found, arrived: None)
            y.grad_fn.register_prehook(lambda arrived: None)
            with graftgrad.detect_anomaly():
                z = y * y
            z.sum().backward()

        assert left_behind(step, 50) < 50

    def test_frozen_operands_make_no_graph(self):
        x, w = graftgrad.ones(3), graftgrad.ones(3)
        y = ops.exp(x * w) + x
        assert y.grad_fn is None
        w.requires_grad = True
        y = ops.exp(x) * w
        assert [name for name, _ in y.grad_fn.kept_arrays()] == ["a"]
        assert y.grad_fn.next_functions[0] == (None, 0)


class TestModes:
    def test_no_grad_and_enable_grad(self):
        x = leaf(1.0)
        with graftgrad.no_grad():
            assert not graftgrad.is_grad_enabled()
            assert not (x * 2).requires_grad
            with graftgrad.enable_grad():
                assert (x * 2).requires_grad
            assert not (x * 2).requires_grad
        assert (x * 2).requires_grad

    def test_as_decorators(self):
        x = leaf(1.0)
        off = graftgrad.no_grad()(lambda: (x * 2).requires_grad)
        on = graftgrad.enable_grad()(lambda: (x * 2).requires_grad)
        assert not off()
        assert graftgrad.is_grad_enabled()
        with graftgrad.set_grad_enabled(False):
            assert on()
            assert not graftgrad.is_grad_enabled()

    def test_an_exception_restores_it(self):
        with pytest.raises(ZeroDivisionError), graftgrad.no_grad():
            raise ZeroDivisionError
        assert graftgrad.is_grad_enabled()

    def test_as_decorators_without_parentheses(self):
        @graftgrad.no_grad
        def off():
            return graftgrad.is_grad_enabled()

        @graftgrad.enable_grad
        def on():
            return graftgrad.is_grad_enabled()

        @graftgrad.inference_mode
        def inference():
            return graftgrad.is_inference_mode_enabled()

        assert not off()
        assert inference()
        with graftgrad.no_grad():
            assert on()

    def test_set_grad_enabled_holds_at_once(self):
        try:
            graftgrad.set_grad_enabled(False)
            assert not graftgrad.is_grad_enabled()
        finally:
            graftgrad.set_grad_enabled(True)
        with graftgrad.set_grad_enabled(False) as nothing:
            assert nothing is None
            assert not graftgrad.is_grad_enabled()
        assert graftgrad.is_grad_enabled()

        @graftgrad.set_grad_enabled(False)
        def off():
            return graftgrad.is_grad_enabled()

        assert graftgrad.is_grad_enabled()
        assert not off()

    def test_inference_mode_has_the_last_word(self):
        x = leaf(1.0)
        with graftgrad.inference_mode():
            with graftgrad.enable_grad():
                assert not (x * 2).requires_grad
            with graftgrad.set_grad_enabled(True):
                assert not graftgrad.is_grad_enabled()
            assert graftgrad.is_inference_mode_enabled()
        with graftgrad.inference_mode(False):
            assert (x * 2).requires_grad
        assert graftgrad.is_grad_enabled()
        assert not graftgrad.is_inference_mode_enabled()

    def test_a_generator_keeps_its_mode_to_itself(self):
        @graftgrad.no_grad()
        def modes_seen(count):
            for _ in range(count):
                try:
                    sent = yield graftgrad.is_grad_enabled()
                    heard.append(sent)
                except ValueError:
                    heard.append("thrown")
            return graftgrad.is_grad_enabled()

        heard = []
        source = modes_seen(3)
        assert next(source) is False
        assert graftgrad.is_grad_enabled()
        assert source.send("sent") is False
        assert source.throw(ValueError) is False
        assert graftgrad.is_grad_enabled()
        with pytest.raises(StopIteration) as end:
            next(source)
        assert end.value.value is False
        assert heard == ["sent", "thrown", None]
        closing = modes_seen(3)
        next(closing)
        closing.close()
        assert graftgrad.is_grad_enabled()

    def test_a_coroutine_keeps_its_mode_to_itself(self):
        @graftgrad.no_grad()
        async def waits(turns):
            for _ in range(turns):
                seen.append(graftgrad.is_grad_enabled())
                await asyncio.sleep(0)
            return seen[-1]

        @graftgrad.no_grad()
        async def yields():
            for i in range(2):
                await asyncio.sleep(0)
                yield i, graftgrad.is_grad_enabled()

        async def main():
            others = asyncio.ensure_future(watching())
            assert await waits(3) is False
            found = [(one, graftgrad.is_grad_enabled()) async for one in yields()]
            assert found == [((0, False), True), ((1, False), True)]
            return await others

        async def watching():
            found = []
            for _ in range(3):
                found.append(graftgrad.is_grad_enabled())
                await asyncio.sleep(0)
            return found

        seen = []
        assert asyncio.run(main()) == [True] * 3
        assert seen == [False] * 3

    def test_one_instance_may_be_entered_twice(self):
        off = graftgrad.no_grad()
        with off, off:
            assert not graftgrad.is_grad_enabled()
        assert graftgrad.is_grad_enabled()

    def test_another_thread_is_not_touched(self):
        x, found = leaf(1.0), []

        def work():
            found.append((x * 2).requires_grad)
            with graftgrad.no_grad():
                inside.set()
                go_on.wait(10)

        inside, go_on = threading.Event(), threading.Event()
        with graftgrad.no_grad():
            worker = threading.Thread(target=work)
            worker.start()
            assert inside.wait(10)
        assert (x * 2).requires_grad
        go_on.set()
        worker.join()
        assert found == [True]

    def test_the_tape_of_another_thread_hears_nothing(self):
        heard = []
        with modes.taped(heard):
            worker = threading.Thread(target=lambda: graftgrad.ones(2) + 1)
            worker.start()
            worker.join()
        assert heard == []

    def test_threads_differentiate_beside_each_other(self):
        x, errors = leaf(*range(1, 100)), []

        def work():
            for _ in range(50):
                (g,) = graftgrad.grad((ops.exp(x * 0.01) * x).sum(), x)
                if not np.array_equal(g.numpy(), expected):
                    errors.append(g)

        (g,) = graftgrad.grad((ops.exp(x * 0.01) * x).sum(), x)
        expected = g.numpy().copy()
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not errors


def _nodes(y):
    waiting, found = [y.grad_fn], []
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [edge[0] for edge in node.edges if edge and isinstance(edge[0], Node)]
    return found

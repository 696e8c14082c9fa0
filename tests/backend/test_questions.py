"""What people who know PyTorch ask of an engine; docs/guides/autograd.md has the answers."""

import operator
import re
import threading

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.errors import DTypeError, GradientError, ShapeError


def leaf(*values):
    return gg.tensor(list(values), "float64", requires_grad=True)


def test_do_gradients_of_small_batches_add_up_to_that_of_the_whole():
    draw = np.random.default_rng(0)
    x, y, w = draw.normal(size=(8, 3)), draw.normal(size=8), leaf(0.1, -0.2, 0.3)

    def loss_of(part):
        return ((gg.tensor(x[part]) @ w - gg.tensor(y[part])) ** 2).sum()

    for start in range(0, 8, 2):
        loss_of(slice(start, start + 2)).backward()
    added = w.grad.numpy().copy()
    w.grad = None
    loss_of(slice(None)).backward()
    np.testing.assert_allclose(added, w.grad.numpy())


def test_do_gradients_of_threads_add_up():
    x = leaf(*range(1000))

    def work():
        for _ in range(50):
            (x * 2).sum().backward()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    np.testing.assert_array_equal(x.grad.numpy(), 4 * 50 * 2)


def test_may_i_call_backward_twice():
    y = (leaf(1.0, 2.0) ** 2).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(GradientError, match=r"must not have been freed .* retain_graph=True"):
        y.backward()


def test_may_i_change_a_weight_in_place():
    w = leaf(1.0)
    with pytest.raises(GradientError, match=r"a leaf that requires a gradient .*no_grad"):
        w.add_(1)
    with gg.no_grad():
        w.add_(1)
    assert w.is_leaf
    assert float(w) == 2


def test_why_can_i_not_call_backward_on_a_vector():
    x = leaf(1.0, 2.0)
    with pytest.raises(GradientError, match=r"several elements needs a gradient.*\.sum\(\)"):
        (x * 2).backward()
    (x * 2).backward(gg.tensor([1.0, 10.0], "float64"))
    np.testing.assert_array_equal(x.grad.numpy(), [2, 20])


def test_how_do_i_get_the_gradient_of_an_intermediate_result():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    (y**2).backward(retain_graph=True)
    np.testing.assert_array_equal(y.grad.numpy(), 12)
    z = y**2
    np.testing.assert_array_equal(gg.grad(z, y)[0].numpy(), 12)


def test_how_do_i_freeze_half_of_a_network():
    x, first, second = gg.ones(1, 2), gg.ones(2, 2), gg.ones(2, 1, requires_grad=True)
    y = ops.tanh(x @ first) @ second
    assert [one for one, _ in y.grad_fn.next_functions] != [None, None]
    assert y.grad_fn.next_functions[0][0] is None
    y.sum().backward()
    assert first.grad is None
    assert second.grad is not None


def test_does_a_gradient_pass_through_a_frozen_layer():
    x, frozen = leaf(1.0, 2.0), gg.tensor([[2.0, 0.0], [0.0, 3.0]], "float64")
    (x @ frozen).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 3])
    assert frozen.grad is None


def test_when_is_a_gradient_none_and_when_zero():
    x, unused, times_zero = leaf(1.0), leaf(1.0), leaf(1.0)
    (x + times_zero * 0).backward()
    assert unused.grad is None
    np.testing.assert_array_equal(times_zero.grad.numpy(), 0)
    assert gg.grad(x * 2, [unused], allow_unused=True) == (None,)
    np.testing.assert_array_equal(gg.grad(x * 2, [unused], materialize_grads=True)[0].numpy(), 0)


def test_what_is_the_difference_of_detach_and_no_grad():
    x = leaf(2.0)
    y = x * 3
    (y.detach() * x).backward()  # one factor is a constant
    np.testing.assert_array_equal(x.grad.numpy(), 6)
    with gg.no_grad():
        z = y * x
    assert not z.requires_grad
    cut = y.detach()
    cut.fill_(0)
    np.testing.assert_array_equal(y.detach().numpy(), 0)
    with pytest.raises(GradientError, match="must not change before backward"):
        (y2 := x * 1, z := y2 * y2, y2.detach().fill_(0), z.backward())


def test_does_writing_into_a_view_reach_the_whole():
    x, w = leaf(1.0, 2.0, 3.0, 4.0), leaf(10.0)
    y = x * 1
    square = y.reshape(2, 2)
    square[0].mul_(w)
    square[:, 1] = 0
    np.testing.assert_array_equal(y.detach().numpy(), [10, 0, 3, 0])
    gx, gw = gg.grad(y.sum(), (x, w))
    np.testing.assert_array_equal(gx.numpy(), [10, 0, 1, 0])
    np.testing.assert_array_equal(gw.numpy(), [1])


def test_how_do_i_write_a_gradient_penalty():
    x, w = leaf(0.5, -0.5), leaf(1.5, 2.5)

    def penalty(w):
        (slope,) = gg.grad(ops.tanh(x * w).sum(), x, create_graph=True)
        return ((slope * slope).sum() - 1) ** 2

    penalty(w).backward()
    step = 1e-6
    moved = [float(penalty(leaf(1.5 + s, 2.5))) for s in (step, -step)]
    np.testing.assert_allclose(float(w.grad[0]), (moved[0] - moved[1]) / (2 * step), rtol=1e-6)


def test_in_which_order_do_hooks_run():
    x, seen = leaf(1.0), []
    y = x * 2
    for n in range(3):
        y.register_hook(lambda g, n=n: seen.append(n))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(float(g)))
    y.backward()
    assert seen == [0, 1, 2, 10.0]


def test_does_a_hook_see_the_sum_of_all_uses():
    x, seen = leaf(1.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(float(g)))
    (y * 3 + y * 4).backward()
    assert seen == [7.0]


def test_does_the_old_value_matter_after_it_was_overwritten():
    x = leaf(1.0, 2.0)
    y = x * 3
    y.zero_()
    y.add_(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 1)


def test_how_do_i_train_without_an_optimizer():
    w, x, y = leaf(0.0, 0.0), gg.tensor([[1.0, 2.0], [3.0, 1.0]], "float64"), gg.tensor([5.0, 5.0])
    same = w
    for _ in range(500):
        ((x @ w - y) ** 2).sum().backward()
        with gg.no_grad():
            w -= 0.03 * w.grad
            w.grad.zero_()
    np.testing.assert_allclose(w.detach().numpy(), [1, 2], atol=1e-4)
    assert w is same
    assert w.is_leaf
    assert w.requires_grad


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (operator.iadd, [3, 4]), (operator.isub, [-1, 0]), (operator.imul, [2, 4]),
        (operator.itruediv, [0.5, 1]),
    ],
)  # fmt: skip
def test_what_does_plus_equals_change(change, expected):
    w = leaf(1.0, 2.0)
    with pytest.raises(GradientError, match="must not be changed while the graph is recorded"):
        change(w, 2)
    with gg.no_grad():
        assert change(w, 2) is w
    assert w.tolist() == expected
    y = w * 1  # whatever else it is goes on under its name as a new tensor
    assert change(y, 2) is not y
    assert change(w.detach(), 2) is not w
    assert w.tolist() == expected


def test_may_i_assign_to_data():
    w = leaf(1.0, 2.0)
    w.data -= 0.5 * gg.ones(2, dtype="float64")
    w.data = w.data * 2
    assert w.tolist() == [1, 3]
    assert w.requires_grad
    y = (w * w).sum()
    w.data = gg.zeros(2)
    with pytest.raises(GradientError, match="must not change before backward"):
        y.backward()  # PyTorch returns a wrong gradient here
    with pytest.raises(ShapeError, match=r"data: must have the tensor's shape; got .*data=\(3,\)"):
        w.data = gg.zeros(3)


def test_what_may_a_gradient_be_set_to():
    w = leaf(1.0, 2.0)
    w.grad = gg.ones(2, dtype="float64")
    (w * 3).sum().backward()
    assert w.grad.tolist() == [4, 4]
    for wrong, says in (
        (3, "grad: must be a tensor or None; got type='int'"),
        (gg.ones(3, dtype="float64"), "grad: must have the tensor's shape; got x=(2,)"),
        (gg.ones(2), "grad: must have the tensor's element type; got x=(2,) float64"),
    ):
        with pytest.raises((DTypeError, ShapeError), match=re.escape(says)):
            w.grad = wrong
    assert w.grad.tolist() == [4, 4]


def test_which_errors_are_those_of_python():
    x = leaf(1.0, 2.0)
    for index in (2, -3, (0, 0)):
        with pytest.raises(IndexError):
            x[index]
    with pytest.raises(ValueError, match="only one element is true or false"):
        assert x > 0
    with pytest.raises(TypeError):
        x + "1"


def test_how_is_a_loss_printed():
    loss = gg.tensor(0.123456, "float64", requires_grad=True) * 2
    assert f"{loss}" == "0.246912"
    assert f"{loss:.3f} {gg.tensor(3):04d} {gg.ones(2)}" == "0.247 0003 tensor([1., 1.])"
    assert repr(loss) == "tensor(0.246912, dtype=float64, grad_fn=<Mul>)"


def test_do_lists_of_tensors_add_up():
    xs = [leaf(1.0, 2.0), leaf(3.0, 4.0)]
    total = sum(xs)
    total.sum().backward()
    assert total.tolist() == [4, 6]
    assert xs[0].grad.tolist() == [1, 1]
    smallest, largest = xs[0]
    assert (smallest.item(), max(xs[0]).item(), largest in xs[0]) == (1, 2, True)


def test_may_truth_values_choose_what_is_assigned():
    x, v = leaf(1.0, -2.0, 3.0), leaf(7.0, 8.0)
    y = x * 2
    y[y > 0] = v
    (y * gg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert y.tolist() == [7, -4, 8]
    assert x.grad.tolist() == [0, 4, 0]
    assert v.grad.tolist() == [1, 3]


def test_which_gradient_has_what_lies_on_a_bound():
    x = leaf(0.0, 1.0, 2.0)
    x.clip(0, 1).sum().backward()
    assert x.grad.tolist() == [0.5, 0.5, 0]  # the bound and the value tie; PyTorch hands on all


def test_are_threads_apart():
    x, told = leaf(1.0), []

    def work():
        told.append(gg.is_grad_enabled())
        (x * 2).backward()

    with gg.no_grad():
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    assert told == [True]
    assert x.grad.tolist() == [2]

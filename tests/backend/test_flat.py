"""Flat groups: views, runs of active weights, the freezing contract, what users do in between."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graftgrad
from graftgrad import modes, optim
from graftgrad.errors import DeviceError, DTypeError, GradientError, ShapeError
from graftgrad.flat import FlatGroup
from graftgrad.flat_groups import FlatGroups, flat_gradients

SHAPES = [(3, 2), (), (0, 4), (5,), (1, 1, 2), (4,)]
RULES = {
    "SGD": {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    "SGD nesterov": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Adam": {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.1, "weight_decay": 0.1},
    "RMSprop": {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
    "Adagrad": {"lr_decay": 0.1, "initial_accumulator_value": 0.2, "weight_decay": 0.1},
}
# for every step: which weights are frozen, and which have no gradient
plans = st.lists(st.tuples(*[st.sets(st.integers(0, len(SHAPES) - 1))] * 2), min_size=1, max_size=7)


def drawn(shape, *seed, dtype="float32"):
    values = np.random.default_rng([7, *seed]).standard_normal(shape)
    return graftgrad.tensor(np.asarray(values), dtype)


def parameters(dtype="float32"):
    return [drawn(s, i, dtype=dtype).requires_grad_() for i, s in enumerate(SHAPES)]


def bits(weight):
    return weight.detach().numpy().tobytes()


def optimizer_of(rule, weights):
    return getattr(optim, rule.split()[0])(weights, **RULES[rule])


def follow(optimizer, weights, plan, start=0):
    """Take the steps of a plan, in PyTorch's idiom, and check that nothing else moves."""
    for step, (frozen, without) in enumerate(plan, start):
        optimizer.zero_grad()
        for i, weight in enumerate(weights):
            weight.requires_grad = i not in frozen
            if i not in frozen | without:
                weight.grad = drawn(weight.shape, 99, step, i, dtype=weight.dtype)
        before = [bits(weight) for weight in weights]
        state = {p: {k: bits(v) for k, v in s.items()} for p, s in optimizer.state.items()}
        optimizer.step()
        after = optimizer.state
        for i in frozen | without:
            assert bits(weights[i]) == before[i]
            if weights[i] in state:
                assert {k: bits(v) for k, v in after[weights[i]].items()} == state[weights[i]]


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=40, deadline=None)
@given(plan=plans)
def test_every_weight_is_trained_as_if_it_were_alone(rule, plan) -> None:
    """Frozen weights and their state stay; the others move bit for bit as without them."""
    weights = parameters()
    follow(optimizer_of(rule, weights), weights, plan)
    for i, found in enumerate(weights):
        alone = drawn(SHAPES[i], i).requires_grad_()
        optimizer = optimizer_of(rule, [alone])
        for step, (frozen, without) in enumerate(plan):
            if i not in frozen | without:
                alone.grad = drawn(alone.shape, 99, step, i)
                optimizer.step()
        assert bits(found) == bits(alone)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25, deadline=None)
@given(plan=plans, cut=st.integers(0, 7))
def test_resumed_training_equals_uninterrupted(rule, plan, cut) -> None:
    """The state loaded before the first step of a new optimizer goes on bit for bit."""
    whole = parameters()
    follow(optimizer_of(rule, whole), whole, plan)
    first = parameters()
    optimizer = optimizer_of(rule, first)
    follow(optimizer, first, plan[:cut])
    second = [weight.detach().clone().requires_grad_() for weight in first]
    for before, after in zip(first, second, strict=True):
        after.requires_grad = before.requires_grad
    resumed = optimizer_of(rule, second)
    resumed.load_state_dict(optimizer.state_dict())
    follow(resumed, second, plan[cut:], start=min(cut, len(plan)))
    updated = {i for i in range(len(SHAPES)) if any(i not in f | n for f, n in plan)}
    assert resumed.state_dict()["state"].keys() == updated
    assert [bits(w) for w in second] == [bits(w) for w in whole]


def one_step(optimizer, weights):
    for i, weight in enumerate(weights):
        weight.grad = drawn(weight.shape, 1, i, dtype=weight.dtype)
    optimizer.step()


def test_one_launch_updates_all_and_thawing_adds_a_run() -> None:
    weights = parameters()
    for weight in weights[:3]:
        weight.requires_grad = False
    frozen = [weight.array for weight in weights[:3]]
    optimizer = optim.SGD(weights, lr=0.1, momentum=0.9)

    def launches():
        heard = []
        with modes.taped(heard):
            optimizer.step()
        return sum(type(one.call.function).__name__ == "Momentum" for one in heard)

    one_step(optimizer, weights)
    assert launches() == 1
    for weight, array in zip(weights[:3], frozen, strict=True):
        assert weight.array is array
    weights[0].requires_grad = True
    assert launches() == 2  # it has a count of steps of its own
    weights[4].requires_grad = False
    assert launches() == 3  # a gap
    assert optimizer.state[weights[0]]["momentum_buffer"].shape == (3, 2)


def test_backward_writes_into_the_buffer() -> None:
    w, b = drawn((3, 2)).requires_grad_(), drawn((2,)).requires_grad_()
    optimizer = optim.SGD([w, b], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        ((graftgrad.ones(4, 3) @ w + b) ** 2).sum().backward()
        expected = w.detach().numpy() - np.float32(0.1) * w.grad.numpy()
        optimizer.step()
        np.testing.assert_array_equal(w.detach().numpy(), expected)
    assert w.grad is w.grad_buffer
    (group,) = optimizer.flats[0].groups.values()
    assert np.shares_memory(w.grad.array, group.gradients.array)
    assert np.shares_memory(w.array, group.values.array)


def test_a_kept_weight_that_was_updated_is_noticed() -> None:
    w, still = drawn((3,)).requires_grad_(), drawn((3,)).requires_grad_()
    optimizer = optim.SGD([w, still], lr=0.1)
    one_step(optimizer, [w, still])
    optimizer.zero_grad()
    y = (w * w).sum()
    of_still = (still * still).sum()
    w.grad = graftgrad.ones(3)
    optimizer.step()
    with pytest.raises(GradientError, match="must not change before backward"):
        y.backward()
    of_still.backward()  # it lies in the same buffer, but was not updated
    np.testing.assert_array_equal(still.grad.numpy(), 2 * still.detach().numpy())


def test_weights_and_gradients_that_users_put_in_place() -> None:
    weights = [drawn((3,), 1).requires_grad_(), drawn((2,), 2).requires_grad_()]
    optimizer = optim.SGD(weights, lr=1.0)
    one_step(optimizer, weights)
    first, second = weights
    first.array = np.array([1, 2, 3], "float32")  # replaced behind the optimizer's back
    given = graftgrad.tensor([0.5, 0.5, 0.5])
    first.grad = given
    second.grad.mul_(0.0)  # changed in place
    before = second.detach().numpy().copy()
    optimizer.step()
    np.testing.assert_array_equal(first.detach().numpy(), [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(second.detach().numpy(), before)
    assert first.grad is given
    np.testing.assert_array_equal(given.numpy(), [0.5] * 3)


def test_exchanged_gradients_are_not_mixed_up() -> None:
    a, b = graftgrad.zeros(2).requires_grad_(), graftgrad.zeros(2).requires_grad_()
    optimizer = optim.SGD([a, b], lr=1.0)
    one_step(optimizer, [a, b])
    start = a.detach().numpy().copy(), b.detach().numpy().copy()
    a.grad = b.grad = None
    (a.sum() + (2 * b).sum()).backward()
    a.grad, b.grad = b.grad, a.grad
    optimizer.step()
    np.testing.assert_array_equal(a.detach().numpy(), start[0] - 2)
    np.testing.assert_array_equal(b.detach().numpy(), start[1] - 1)


def test_a_weight_in_two_optimizers_is_trained_by_both() -> None:
    w = graftgrad.tensor([1.0, 2.0], requires_grad=True)
    first, second = optim.SGD([w], lr=1.0), optim.SGD([w], lr=0.5)
    for _ in range(2):
        for optimizer in (first, second):
            optimizer.zero_grad()
            w.sum().backward()
            optimizer.step()
    np.testing.assert_array_equal(w.detach().numpy(), [-2.0, -1.0])


def test_tied_weights_are_updated_once() -> None:
    w = graftgrad.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w, w], lr=1.0)
    (w + w).sum().backward()
    optimizer.step()
    assert w.item() == -1.0


def test_element_types_have_groups_of_their_own() -> None:
    kinds = ("float32", "float64", "float32")
    weights = [drawn((2,), i, dtype=kind).requires_grad_() for i, kind in enumerate(kinds)]
    optimizer = optim.Adam(weights)
    one_step(optimizer, weights)
    assert [len(group.weights) for group in optimizer.flats[0].groups.values()] == [2, 1]
    assert [weight.dtype for weight in weights] == [np.float32, np.float64, np.float32]


def test_strided_weights_become_contiguous_and_keep_their_values() -> None:
    base = np.arange(6, dtype="float32").reshape(2, 3).T
    w = graftgrad.as_tensor(base).detach().requires_grad_()
    assert not w.spec.contiguous
    optimizer = optim.SGD([w], lr=0.0)
    w.grad = graftgrad.ones(3, 2)
    optimizer.step()
    assert w.spec.contiguous
    np.testing.assert_array_equal(w.detach().numpy(), base)


def test_a_copied_model_and_optimizer_go_their_own_way() -> None:
    weights = parameters()
    optimizer = optim.Adam(weights, lr=0.1)
    one_step(optimizer, weights)
    other_weights, other = copy.deepcopy((weights, optimizer))
    before = [bits(weight) for weight in weights]
    one_step(other, other_weights)
    assert [bits(weight) for weight in weights] == before
    one_step(optimizer, weights)
    assert [bits(w) for w in weights] == [bits(w) for w in other_weights]


def test_nothing_to_do_is_no_error() -> None:
    w = graftgrad.zeros(2).requires_grad_()
    optimizer = optim.SGD([w])
    optimizer.step()
    w.requires_grad = False
    w.grad = graftgrad.ones(2)
    optimizer.step()
    assert not optimizer.flats
    np.testing.assert_array_equal(w.numpy(), 0)


def test_what_cannot_be_held_is_refused() -> None:
    flats = FlatGroups()
    w = graftgrad.zeros(3).requires_grad_()
    with pytest.raises(GradientError, match="only leaves"):
        flats.hold([w * 2])
    with pytest.raises(DeviceError, match="must have values on meta"):
        flats.hold([graftgrad.zeros(3, device="meta")])
    with pytest.raises(DTypeError, match="float32"):
        FlatGroup(w.device, w.dtype).add([graftgrad.zeros(3, dtype="float64")])
    with pytest.raises(ShapeError, match=r"weight=\(3,\) float32, gradient=\(2,\) float32"):
        flats.active([(w, graftgrad.zeros(2))])
    flats.hold([w])
    w.array, w.spec = np.zeros(2, "float32"), graftgrad.zeros(2).spec
    with pytest.raises(ShapeError, match="must keep its shape"):
        flats.active([(w, graftgrad.zeros(3))])


def test_flat_gradients_are_stretches_of_the_buffer() -> None:
    weights = parameters()
    optimizer = optim.SGD(weights, lr=0.0)
    one_step(optimizer, weights)
    optimizer.zero_grad()
    sum((w * w).sum() for w in weights if w.size).backward()
    weights[0].grad = graftgrad.ones(3, 2)  # a gradient of the user's own
    weights[3].requires_grad = False
    found = flat_gradients(weights)
    assert sorted(g.size for g in found) == [1, 6, 6]
    assert flat_gradients([]) == []

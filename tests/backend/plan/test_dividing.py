"""Steps shared by two threads: the bits of one thread and of Python; what does not fit stays."""

import math
from itertools import pairwise

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.errors import LibraryError
from graftgrad.kernels.native import team
from graftgrad.optim import Adam
from graftgrad.plan import captured
from graftgrad.plan.records import Record

pytestmark = pytest.mark.skipif(not team.available(2), reason="two threads cannot share a step")
BATCH, SIZES = 48, (800, 96, 10)


@pytest.fixture(autouse=True)
def given_back():
    before = gg.get_num_threads()
    yield
    gg.set_num_threads(before)


def trained(threads, wrap, steps=6, work=lambda x: x, sizes=SIZES):
    """Train a perceptron; return the losses and the weights, and the step."""
    gg.set_num_threads(threads)
    random = np.random.default_rng(3)

    def drawn(*shape):
        return random.standard_normal(shape, dtype="float32")

    shapes = [shape for i, o in pairwise(sizes) for shape in ((i, o), (o,))]
    weights = [gg.tensor(drawn(*s) / math.sqrt(s[0]), requires_grad=True) for s in shapes]
    optimizer = Adam(weights, lr=1e-3)

    def step(x, y):
        first, second = weights[:2], weights[2:]
        hidden = ops.relu(ops.linear(work(x), *first))
        loss = ops.cross_entropy(ops.linear(hidden, *second), y).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    called = wrap(step)
    losses = []
    for _ in range(steps):
        x, y = drawn(BATCH, sizes[0]), random.integers(0, sizes[-1], BATCH)
        losses.append(float(called(gg.tensor(x), gg.tensor(y))))
    return [*losses, *[w.detach().numpy().copy() for w in weights]], called


def plan_of(step):
    (known,) = [one for one in step.kinds.values() if one.plans]
    return known.plans[0].plan


def same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_two_threads_give_the_bits_of_one_and_of_python():
    wanted, _ = trained(1, lambda step: step)
    python, _ = trained(2, lambda step: step)
    alone, single = trained(1, captured)
    found, shared = trained(2, captured)
    assert shared.replayed == single.replayed == 3
    assert plan_of(shared).lanes == 2
    assert plan_of(single).lanes == 1
    for one in (python, alone, found):
        same(one, wanted)
    assert "divided among 2 threads" in shared.report(timed=False)
    assert "divided" not in single.report(timed=False)


def test_each_thread_updates_the_rows_whose_gradients_it_makes():
    _, step = trained(2, captured)
    entries = [one for one in plan_of(step).entries if isinstance(one, Record)]
    updates = [e for e in entries if type(e.call.function).__name__ == "Adam"]
    sizes = [(e.lane, e.ins[0].shape[0]) for e in updates]
    half = SIZES[0] // 2 * SIZES[1]
    rest = SIZES[1] + SIZES[1] * SIZES[2] + SIZES[2]
    assert sorted(sizes) == sorted([(0, half), (1, half), (0, rest)])
    gradients = [e for e in entries if e.outs[0].shape == (SIZES[0] // 2, SIZES[1])]
    assert [e.lane for e in gradients] == [0, 1]


def test_a_step_with_launches_that_ask_for_all_threads_is_not_divided():
    kernel = gg.tensor(np.full((5, 5, 8, 8), 0.1, "float32"))

    def convolved(x):
        images = ops.conv2d(x.reshape(BATCH, 10, 10, 8), kernel, padding="same")
        return images.reshape(BATCH, 800)

    found, step = trained(2, captured, work=convolved)
    wanted, _ = trained(2, lambda step: step, work=convolved)
    assert step.replayed == 3
    assert plan_of(step).lanes == 1
    same(found, wanted)


def test_small_products_are_not_divided():
    _, step = trained(2, captured, sizes=(64, 32, 10))
    assert step.replayed == 3
    assert plan_of(step).lanes == 1


def test_a_step_is_repeated_undivided_where_no_thread_can_be_had(monkeypatch):
    def none(count):
        raise LibraryError("plan: a thread must begin; got 'none'.")

    monkeypatch.setattr(team, "members", none)
    found, step = trained(2, captured)
    assert step.replayed == 3
    assert plan_of(step).lanes == 1
    same(found, trained(1, lambda step: step)[0])

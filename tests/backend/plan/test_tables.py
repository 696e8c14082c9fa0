"""Gradients of tables of which only the picked rows are touched: bits are those of the whole."""

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops, optim
from graftgrad.kernels.native import pages
from graftgrad.kernels.native.touched import MarkedUpdate, TouchedRows
from graftgrad.kernels.threads import get_num_threads, set_num_threads
from graftgrad.plan import captured

ROWS, WIDTH = 5000, 56  # a row is no whole number of vectors or lines
RULES = {
    "adam": lambda ps: optim.Adam(ps, lr=0.01),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.01, weight_decay=0.1),
    "momentum": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "descent": lambda ps: optim.SGD(ps, lr=0.1),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01),
}

pytestmark = pytest.mark.skipif(not pages.available(), reason="machine code cannot be made here")


def batches(count, size=20):
    draw = np.random.default_rng(2)
    for i in range(count):
        rows = draw.integers(0, ROWS, (size, 3))
        rows[0] = 7, 7, ROWS - 1  # one that is picked often, also within a batch
        yield gg.tensor(rows.astype("int32" if i < 100 else "int64"))


def parameters():
    draw = np.random.default_rng(1)
    sizes = (ROWS, WIDTH), (WIDTH, 5)
    return [gg.tensor(draw.normal(size=s).astype("float32"), requires_grad=True) for s in sizes]


def scenario(wrap, rule, between=lambda ps, i: None, count=12, first=0):
    ps = parameters()[::-1] if first else parameters()
    table, w = ps[::-1] if first else ps
    optimizer = RULES[rule](ps)

    def step(rows):
        optimizer.zero_grad()
        loss = (ops.tanh(ops.embedding(rows, table)).sum(1) @ w).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    step = wrap(step)
    found = []
    for i, rows in enumerate(batches(count)):
        found.append(step(rows).item())
        between(ps, i)
        found.append(table.grad.numpy().copy())
    return [*found, *[p.detach().numpy().copy() for p in ps]]


def held(*args, **kwargs):
    wanted = scenario(lambda step: step, *args, **kwargs)
    made = []

    def wrap(step):
        made.append(captured(step))
        return made[-1]

    found = scenario(wrap, *args, **kwargs)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    (known,) = [k for k in made[0].kinds.values() if k.plans]
    return [getattr(entry, "kernel", None) for entry in known.plans[0].plan.entries]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("rule", RULES)
def test_gradients_and_weights(rule, first):
    kernels = held(rule, first=first)
    assert sum(isinstance(one, TouchedRows) for one in kernels) == 1
    assert sum(isinstance(one, MarkedUpdate) for one in kernels) == 1


def test_on_one_thread():
    before = get_num_threads()
    set_num_threads(1)
    try:
        assert any(isinstance(one, TouchedRows) for one in held("adam"))
    finally:
        set_num_threads(before)


def test_gradients_that_are_written_between_steps():
    def between(ps, i):
        if i % 3 == 2:
            with gg.no_grad():
                ps[0].grad += 1.0  # it is the whole gradient that the next step begins anew

    assert any(isinstance(one, TouchedRows) for one in held("adam", between))


def test_another_plan_over_the_same_table():
    ps = parameters()
    other = [p.detach().clone().requires_grad_() for p in ps]
    outcomes = []
    for wrap, (table, w) in ((captured, ps), (lambda step: step, other)):
        optimizer = optim.Adam([table, w], lr=0.01)

        def step(rows, table=table, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (ops.tanh(ops.embedding(rows, table)).sum(1) @ w).sum().backward()
            optimizer.step()

        step = wrap(step)
        sizes = [20, 20, 20, 20, 9, 9, 9, 9, 20, 9, 20, 20, 9]
        grads = []
        for i, size in enumerate(sizes):
            rows = np.random.default_rng(i).integers(0, ROWS, (size, 3)).astype("int32")
            step(gg.tensor(rows))
            grads.append(table.grad.numpy().copy())
        outcomes.append([*grads, table.detach().numpy(), w.detach().numpy()])
    for one, wanted in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(one, wanted)


def test_a_gradient_that_is_read_otherwise_stays_whole():
    def step_of(wrap):
        table, w = parameters()
        optimizer = optim.Adam([table, w], lr=0.01)

        def step(rows):
            optimizer.zero_grad()
            (ops.tanh(ops.embedding(rows, table)).sum(1) @ w).sum().backward()
            norm = optim.clip_grad_norm_([table, w], 0.5)
            optimizer.step()
            return norm

        step = wrap(step)
        return [step(rows).item() for rows in batches(8)], table.detach().numpy(), step

    wanted = step_of(lambda step: step)
    found = step_of(captured)
    assert found[0] == wanted[0]
    np.testing.assert_array_equal(found[1], wanted[1])
    (known,) = [k for k in found[2].kinds.values() if k.plans]
    kernels = [getattr(entry, "kernel", None) for entry in known.plans[0].plan.entries]
    assert not any(isinstance(one, TouchedRows) for one in kernels)


def test_the_report_changes_nothing():
    table, w = parameters()
    again, v = (p.detach().clone().requires_grad_() for p in (table, w))
    reported = []
    for ps, wrap in (((table, w), captured), ((again, v), lambda step: step)):
        optimizer = optim.Adam(ps, lr=0.01)

        def step(rows, ps=ps, optimizer=optimizer):
            optimizer.zero_grad()
            (ops.tanh(ops.embedding(rows, ps[0])).sum(1) @ ps[1]).sum().backward()
            optimizer.step()

        step = wrap(step)
        for i, rows in enumerate(batches(9)):
            step(rows)
            if i == 6 and wrap is captured:
                reported.append(step.report())
    assert "TouchedRows" in reported[0]
    assert "MarkedUpdate" in reported[0]
    np.testing.assert_array_equal(table.detach().numpy(), again.detach().numpy())

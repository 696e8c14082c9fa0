"""Plans that a device records, on a device that does as a GPU does with the processor's arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import Tensor, ops, optim
from graftgrad.device.base import Frozen
from graftgrad.errors import DataError
from graftgrad.plan import captured
from graftgrad.plan.graphed import Graphed
from support.recording import Recording

HERE = Recording(77)


def placed(array: Any, **how: Any) -> Tensor:
    return graftgrad.tensor(np.asarray(array), device=HERE, **how)


def network(device: Any) -> tuple[list[Tensor], Callable[[Tensor, Tensor], Tensor], Any]:
    """A small network with dropout, batch statistics and a schedule, and its step."""
    rng = np.random.default_rng(3)
    shapes = ((5, 8), (8,), (8, 3), (3,), (8,), (8,))
    weights = [
        graftgrad.tensor(rng.standard_normal(s).astype("f4"), device=device, requires_grad=True)
        for s in shapes
    ]
    w, b, v, c, gamma, beta = weights
    mean = graftgrad.zeros(8, device=device)
    random = graftgrad.Generator(1, device)
    sgd = optim.Adam(weights, lr=0.05)
    schedule = optim.lr_scheduler.StepLR(sgd, 2, 0.5)

    def step(x: Tensor, y: Tensor) -> Tensor:
        h, seen, _ = ops.batch_norm(ops.linear(x, w, b), gamma, beta)
        ops.update.ema(mean, seen, 0.9)
        h = ops.dropout(ops.relu(h), random.next(), 0.25)
        loss = ops.cross_entropy(ops.linear(h, v, c), y).mean()
        loss.backward()
        sgd.step()
        sgd.zero_grad()
        return loss.detach()

    return [*weights, mean], step, schedule


def plan_of(run: Any) -> Graphed:
    (known,) = run.kinds.values()
    (kept,) = known.plans
    assert isinstance(kept.plan, Graphed)
    return kept.plan


def batches(count: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((6, 5)).astype("f4"), rng.integers(0, 3, 6)) for _ in range(count)]


@pytest.mark.parametrize("refuses", [False, True])
def test_recorded_steps_give_the_bits_of_plain_ones(
    refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HERE, "refuses", refuses)
    plain, step, schedule = network(HERE)
    mine, again, own = network(HERE)
    run = captured(again)
    for number, (x, y) in enumerate(batches(9)):
        wanted = step(placed(x), placed(y))
        found = run(placed(x), placed(y))
        assert float(found) == float(wanted)
        for one, other in zip(mine, plain, strict=True):
            np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())
        schedule.step()
        own.step()
        if number > 4:  # what is in between is nobody's business
            plan = plan_of(run)
            plan.arena[...] = 255
            plan.spare[...] = 255
    assert run.replayed > 4
    told = run.report()
    assert ("the stream is capturing" in told) == refuses
    assert "launches recorded in" in told


def test_looking_at_a_plan_changes_nothing() -> None:
    weights, step, _ = network(HERE)
    run = captured(step)
    for x, y in batches(4):
        run(placed(x), placed(y))
    before = [one.detach().numpy().copy() for one in weights]
    plan_of(run).table(timed=True)
    for one, other in zip(weights, before, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other)


def test_checks_stand_between_and_raise_before_anything_is_changed() -> None:
    weights, step, _ = network(HERE)
    run = captured(step)
    for x, y in batches(5):
        run(placed(x), placed(y))
    plan = plan_of(run)
    assert len(plan.checks) == 1
    assert [isinstance(part, Frozen) for part in plan.parts] == [True]
    before = [one.detach().numpy().copy() for one in weights]
    with pytest.raises(DataError, match="labels must lie in"):
        run(placed(x), placed(np.full(6, 9)))
    for one, other in zip(weights, before, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other)


def test_buffers_begin_on_lines_of_the_device() -> None:
    _, step, _ = network(HERE)
    run = captured(step)
    for x, y in batches(4):
        run(placed(x), placed(y))
    plan = plan_of(run)
    assert plan.arena.ctypes.data % HERE.line == 0
    assert all(offset % HERE.line == 0 for offset in plan.offsets.values())


def test_constants_of_the_host_are_read_anew() -> None:
    rate = np.ones(20_000, "f4")  # of so large an array a look does not see the values

    def step(x: Tensor) -> Tensor:
        return x * placed(rate)

    run = captured(step)
    x = placed(np.full(20_000, 3, "f4"))
    for factor in (1.0, 1.0, 1.0, 2.0, 3.0):
        rate[...] = factor
        np.testing.assert_array_equal(run(x).numpy(), x.numpy() * factor)
    assert run.replayed > 0


def test_a_step_that_computes_on_two_devices_is_left_to_python() -> None:
    one, other = placed(np.ones(3, "f4")), graftgrad.ones(3)

    def step(x: Tensor) -> Tensor:
        other.mul_(2)
        return x + one

    run = captured(step)
    for _ in range(3):
        run(placed(np.ones(3, "f4")))
    assert run.replayed == 0
    assert "it computes on several devices" in run.report()


def test_arguments_are_filled_in_by_whoever_has_them() -> None:
    plain, step, _ = network(HERE)
    mine, again, _ = network(HERE)
    run = captured(again)
    for x, y in batches(4):
        step(placed(x), placed(y))
        run(placed(x), placed(y))
    rest = batches(7)[4:]
    for x, y in rest:
        wanted = step(placed(x), placed(y))

    def fills() -> Any:
        for x, y in rest:
            yield lambda targets, pick, x=x, y=y: [np.copyto(*p) for p in zip(targets, (x, y))]  # noqa: B905

    form = run.form(placed(rest[0][0]), placed(rest[0][1]))
    count, last = run.repeat(form, fills())
    assert count == 3 and last is not None and float(last) == float(wanted)
    for one, other in zip(mine, plain, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())


def looking(plan: Graphed, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note for each array that a check looks at whether it lies on the device."""
    seen: list[bool] = []

    def inspect(array: Any) -> Any:
        seen.append(any(np.shares_memory(array, one) for one in plan.inputs))
        return array

    monkeypatch.setattr(HERE, "inspect", inspect)
    return seen


def test_what_the_host_has_is_looked_at_there(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, step, _ = network(HERE)
    run = captured(step)
    for x, y in batches(4):
        run(placed(x), placed(y))
    plan = plan_of(run)
    seen = looking(plan, monkeypatch)
    before = [one.copy() for one in (*plan.inputs, *[w.detach().numpy() for w in weights])]
    x, y = batches(1)[0]
    form = run.form(placed(x), placed(y))

    def fills(*labels: Any) -> Any:
        for one in labels:
            yield lambda targets, pick, one=one: [np.copyto(*p) for p in zip(targets, (x, one))]  # noqa: B905

    wrong = y.copy()
    wrong[2] = 3
    with pytest.raises(DataError, match=r"must lie in \[0, 3\); got label=3, position=2"):
        run.repeat(form, fills(wrong))
    for one, old in zip(
        (*plan.inputs, *[w.detach().numpy() for w in weights]), before, strict=True
    ):
        np.testing.assert_array_equal(one, old)
    assert run.repeat(form, fills(y, y))[0] == 2
    assert seen == [False] * 3


def test_the_same_arguments_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, step, _ = network(HERE)
    mine, again, _ = network(HERE)
    run = captured(again)
    x, y = (placed(one) for one in batches(1)[0])
    for _ in range(4):
        step(x, y)
        run(x, y)
    seen = looking(plan_of(run), monkeypatch)
    for _ in range(3):
        step(x, y)
        run(x, y)
    looked = sum(seen)
    assert looked <= 1
    y[0] = 2
    x.mul_(2)
    step(x, y)
    run(x, y)
    assert sum(seen) == looked + 1
    y[0] = 7
    for _ in range(2):
        with pytest.raises(DataError, match="label=7"):
            run(x, y)
    for one, other in zip(mine, plain, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())

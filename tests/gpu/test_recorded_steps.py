"""Steps recorded as CUDA graphs: equal to plain ones, of constant memory, fed from the host."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import Tensor, ops, optim
from graftgrad.device.base import Frozen
from graftgrad.plan import captured
from graftgrad.plan.graphed import Graphed

pytestmark = pytest.mark.gpu


def network() -> tuple[list[Tensor], Callable[[Tensor, Tensor], Tensor], Any]:
    """Convolution, normalisation, dropout, a moving average and a schedule, on the GPU."""
    rng = np.random.default_rng(3)
    shapes = ((3, 3, 4, 8), (8,), (8,), (8, 3), (3,))
    weights = [
        graftgrad.tensor(0.3 * rng.standard_normal(s), "float32", "gpu", requires_grad=True)
        for s in shapes
    ]
    w, gamma, beta, v, c = weights
    mean = graftgrad.zeros(8, device="gpu")
    random = graftgrad.Generator(1, "gpu")
    adam = optim.Adam(weights, lr=0.05)
    schedule = optim.lr_scheduler.StepLR(adam, 3, 0.5)

    def step(x: Tensor, y: Tensor) -> Tensor:
        h, seen, _ = ops.batch_norm(ops.conv2d(x, w, padding="same"), gamma, beta)
        ops.update.ema(mean, seen, 0.9)
        h = ops.dropout(ops.relu(h), random.next(), 0.25).mean((1, 2))
        loss = ops.cross_entropy(ops.linear(h, v, c), y).mean()
        loss.backward()
        adam.step()
        adam.zero_grad()
        return loss.detach()

    return [*weights, mean], step, schedule


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(0)
    return [
        (graftgrad.tensor(rng.standard_normal((6, 8, 8, 4)), "float32", "gpu"),
         graftgrad.tensor(rng.integers(0, 3, 6), device="gpu"))
        for _ in range(count)
    ]  # fmt: skip


def plan_of(run: Any) -> Graphed:
    (known,) = run.kinds.values()
    (kept,) = known.plans
    assert isinstance(kept.plan, Graphed)
    return kept.plan


def test_repeated_steps_give_the_bits_of_plain_ones() -> None:
    plain, step, schedule = network()
    mine, again, own = network()
    run = captured(again)
    for number, (x, y) in enumerate(batches(12)):
        wanted, found = float(step(x, y)), float(run(x, y))
        assert found == wanted, number
        for one, other in zip(mine, plain, strict=True):
            np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())
        schedule.step()
        own.step()
        if run.replayed > 1:  # what other work leaves in this memory must not matter
            plan = plan_of(run)
            plan.arena.fill(255)
            plan.spare.fill(255)
    assert run.replayed > 6
    graphs = [part for part in plan_of(run).parts if isinstance(part, Frozen)]
    assert [part.reason for part in graphs] == [""] * len(graphs), run.report(False)


def test_memory_does_not_grow_over_a_thousand_steps() -> None:
    _, step, _ = network()
    run = captured(step)
    data = batches(4)
    for number in range(1000):
        run(*data[number % 4])
        if number == 20:
            before = graftgrad.cuda.memory_reserved()
    graftgrad.cuda.synchronize()
    assert graftgrad.cuda.memory_reserved() == before
    assert run.replayed > 990


def model() -> Any:
    gw.set_random_seed(0)
    with graftgrad.device("gpu"):
        made = gw.Sequential([
            gw.Input((8, 8, 3)), gw.layers.Conv2D(16, 3, padding="same"),
            gw.layers.BatchNormalization(), gw.layers.ReLU(),
            gw.layers.GlobalAveragePooling2D(), gw.layers.Dense(4),
        ])  # fmt: skip
        loss = gw.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(gw.optimizers.Adam(1e-2), loss)
    return made


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_fit_repeats_what_it_does_step_by_step(policy: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((96, 8, 8, 3)).astype("f4")
    y = rng.integers(0, 4, 96)
    gw.mixed_precision.set_global_policy(policy)
    try:
        found = []
        for eagerly in (True, False):
            one = model()
            one.run_eagerly = eagerly
            with graftgrad.device("gpu"):
                told = one.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0)
            found.append((told.history["loss"], [w.numpy() for w in one.variables]))
        assert one.recorded.steps["train_step"].replayed > 15
    finally:
        gw.mixed_precision.set_global_policy("float32")
    assert found[0][0] == found[1][0]
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_larger_than_a_piece_travel_whole() -> None:
    rng = np.random.default_rng(0)
    host = rng.standard_normal((3, 7_000_001)).astype("f4")
    for _ in range(5):
        found, before = graftgrad.tensor(host, device="gpu"), host.copy()
        host += 1
        np.testing.assert_array_equal(found.numpy(), before)

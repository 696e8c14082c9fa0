"""A captured function does what the function does, in loops of PyTorch's idiom above all.

Every scenario runs twice, captured and not; what it returns and leaves must be equal bit for bit.
"""

import copy
import random

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import modes, ops, optim
from graftgrad.kernel import only_reference
from graftgrad.optim import clip_grad_norm_, clip_grad_value_, lr_scheduler
from graftgrad.plan import captured

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype("float32")
T = RNG.normal(size=(64, 3)).astype("float32")


def parameters():
    draw = np.random.default_rng(1)
    values = [draw.normal(size=(6, 8)), np.zeros(8), draw.normal(size=(8, 3))]
    return [gg.tensor(v.astype("float32"), requires_grad=True) for v in values]


def network(ps, x):
    return ops.tanh(x @ ps[0] + ps[1]) @ ps[2]


def batches(count=24):
    for i in range(count):
        rows = slice(8 * i % 64, 8 * i % 64 + 8)
        yield gg.tensor(X[rows]), gg.tensor(T[rows])


def same(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def held(scenario, replayed=True):
    wanted = scenario(lambda step: step)
    made = []

    def wrap(step):
        made.append(captured(step))
        return made[-1]

    found = scenario(wrap)
    same(found, wanted)
    assert (made[0].replayed > 0) is replayed, made[0].report(timed=False)
    return made[0]


def loop(optimizer, do=lambda o, ps, i: None, clip=None, inside=True):
    def scenario(wrap):
        ps = parameters()
        o = optimizer(ps)
        found = []

        def step(x, y):
            if inside:
                o.zero_grad()
            loss = ((network(ps, x) - y) ** 2).mean()
            loss.backward()
            norm = clip(ps) if clip else None
            o.step()
            return loss.detach(), norm

        step = wrap(step)
        for i, (x, y) in enumerate(batches()):
            if not inside:
                o.zero_grad()
            do(o, ps, i)
            found += [one.numpy().copy() for one in step(x, y) if one is not None]
        left = [p.grad.numpy().copy() for p in ps if p.grad is not None]
        return [*found, *(p.detach().numpy() for p in ps), *left]

    return scenario


def momentum(ps):
    return optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01)


OPTIMIZERS = {
    "SGD": lambda ps: optim.SGD(ps, lr=0.1),
    "momentum": momentum,
    "Adam": lambda ps: optim.Adam(ps, lr=0.01),
    "AdamW": lambda ps: optim.AdamW(ps, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_loop(name):
    held(loop(OPTIMIZERS[name]))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_that_are_forgotten_outside_keep_the_step_in_python(name):
    step = held(loop(OPTIMIZERS[name], inside=False), replayed=False)
    assert "leaves a gradient behind" in step.report(timed=False)


@pytest.mark.parametrize(
    "clip", [lambda ps: clip_grad_norm_(ps, 0.1), lambda ps: clip_grad_value_(ps, 0.01)]
)
def test_clipped_gradients(clip):
    held(loop(momentum, clip=clip))


def settings(o, ps, i):
    if i == 12:
        o.param_groups[0]["momentum"] = 0.5
    if i == 16:
        o.param_groups[0]["weight_decay"] = 0.5


def rates(o, ps, i):
    o.param_groups[0]["lr"] = 0.1 / (i + 1)


def frozen(o, ps, i):
    if i % 6 == 5:
        ps[0].requires_grad = not ps[0].requires_grad


def groups(o, ps, i):
    if i == 10:
        o.add_param_group({"params": [gg.tensor(1.0, requires_grad=True)]})
    if i == 16:
        o.param_groups.clear()


def written(o, ps, i):
    if i == 12:
        with gg.no_grad():
            ps[0].mul_(0.5)


@pytest.mark.parametrize("do", [settings, rates, frozen, groups, written])
def test_what_is_changed_between_steps(do):
    step = held(loop(momentum, do=do))
    if do in (rates, written):
        assert step.replayed >= 20


def test_a_state_that_is_loaded_between_steps():
    box = []

    def do(o, ps, i):
        if i == 6:
            box.append(o.state_dict())
        if i == 14:
            o.load_state_dict(box[-1])

    held(loop(OPTIMIZERS["Adam"], do=do))


def test_schedulers():
    def scenario(wrap):
        ps = parameters()
        o = momentum(ps)
        schedule = lr_scheduler.StepLR(o, 5, 0.5)
        found = []

        def step(x, y):
            o.zero_grad()
            loss = ((network(ps, x) - y) ** 2).mean()
            loss.backward()
            o.step()
            return loss.detach()

        step = wrap(step)
        for x, y in batches():
            found.append(step(x, y).numpy())
            schedule.step()
        return [*found, *(p.detach().numpy() for p in ps)]

    held(scenario)


def test_updates_by_hand_and_results_in_structures():
    def scenario(wrap):
        ps = parameters()
        found = []

        def step(x, y):
            loss = ((network(ps, x) - y) ** 2).mean()
            grads = gg.grad(loss, ps)
            with gg.no_grad():
                for p, g in zip(ps, grads, strict=True):
                    p.sub_(g * 0.1)
            return {"loss": loss.detach(), "grads": list(grads)}

        step = wrap(step)
        for x, y in batches():
            told = step(x, y)
            found += [told["loss"].numpy(), *(g.numpy() for g in told["grads"])]
        return [*found, *(p.detach().numpy() for p in ps)]

    held(scenario)


def test_gradients_for_an_update_outside_stay_right():
    def scenario(wrap):
        ps = parameters()
        found = []

        def step(x, y):
            for p in ps:
                p.grad = None
            loss = ((network(ps, x) - y) ** 2).mean()
            loss.backward()
            return loss.detach()

        step = wrap(step)
        for x, y in batches():
            found.append(step(x, y).numpy())
            with gg.no_grad():
                for p in ps:
                    p.sub_(p.grad * 0.1)
        return [*found, *(p.detach().numpy() for p in ps)]

    held(scenario, replayed=False)


# -- arguments and results -----------------------------------------------------------------------


def called(step, calls):
    """Call a step with each of some arguments."""

    def scenario(wrap):
        inner = wrap(step)
        found = []
        for arguments in calls:
            result = inner(*arguments)
            found += result if isinstance(result, (tuple, list)) else [result]
        return [one.numpy().copy() if isinstance(one, gg.Tensor) else one for one in found]

    return scenario


A, B = gg.tensor([1.0, 2.0]), gg.tensor([3.0, 5.0])


def test_one_argument_twice_is_not_two():
    held(called(lambda a, b: a * 2 - b, [(A, A)] * 4 + [(A, B)] * 4 + [(B, B)] * 4 + [(B, A)] * 4))


def test_numbers_are_part_of_the_step():
    numbers = [0.0, -0.0, 1.0, True, 1, 0.0, -0.0] * 4
    held(called(lambda a, k: ops.where(a > 0, a * k, a) / (1 + abs(k)), [(A, k) for k in numbers]))
    found = called(lambda a, k: a * k, [(A, k) for k in numbers])(captured)
    signs = [bool(np.signbit(y).all()) for y in found]
    assert signs == [str(k).startswith("-") for k in numbers]


def test_operands_that_change_places_are_seen():
    def scenario(wrap):
        random.seed(0)
        step = wrap(lambda a, b: a - b if random.random() < 0.5 else b - a)
        return [step(A, B).numpy() for _ in range(20)]

    held(scenario, replayed=False)


def test_an_argument_that_is_changed_in_place_is_changed():
    def scenario(wrap):
        x = gg.tensor([1.0, 2.0])
        step = wrap(lambda a: a.add_(1.0) * 2)
        return [*[step(x).numpy().copy() for _ in range(6)], x.numpy()]

    held(scenario, replayed=False)


def test_results_that_belong_to_the_graph_keep_the_step_in_python():
    def scenario(wrap):
        ps = parameters()
        step = wrap(lambda x: network(ps, x))
        found = []
        for x, _ in batches(6):
            y = step(x)
            y.sum().backward()
            found.append(y.detach().numpy())
        return [*found, *(p.grad.numpy() for p in ps)]

    held(scenario, replayed=False)


def test_plain_results_must_be_the_same_every_time():
    def scenario(wrap):
        seen = []
        step = wrap(lambda a: (seen.append(1), (a * 2, len(seen)))[1])
        found = [step(A) for _ in range(8)]
        return [one.numpy() if hasattr(one, "numpy") else one for pair in found for one in pair]

    held(scenario, replayed=False)
    held(called(lambda a: [a * 2, 3, "x", None], [(A,)] * 6))


@pytest.mark.parametrize(
    "argument", [np.ones(2, "float32"), gg.tensor([1.0, 2.0], requires_grad=True)]
)
def test_arguments_that_are_no_plain_tensors_keep_the_step_in_python(argument):
    step = captured(lambda a: A * a)
    for _ in range(4):
        step(argument)
    assert step.replayed == 0
    assert "left to Python: an argument" in step.report(timed=False)


def test_results_are_copies():
    step = captured(lambda a: a * 2)
    found = [step(gg.tensor([float(k)])) for k in range(6)]
    assert [float(y) for y in found] == [0, 2, 4, 6, 8, 10]


# -- what a step depends on ----------------------------------------------------------------------


def test_tensors_of_the_closure():
    def scenario(wrap):
        ps = parameters()
        step = wrap(lambda x: network(ps, x))
        found = []
        with gg.no_grad():
            for i, (x, _) in enumerate(batches()):
                if i == 10:
                    ps[1] = gg.tensor(np.ones(8, "float32"), requires_grad=True)
                if i == 15:
                    ps[1].copy_(gg.tensor(np.full(8, 2.0, "float32")))
                found.append(step(x).numpy())
        return found

    held(scenario)


def test_hooks_are_called_every_time():
    def scenario(wrap):
        w = gg.tensor([2.0], requires_grad=True)
        calls, found = [], []

        def step(a):
            (g,) = gg.grad((a * w).sum(), w)
            return g

        step = wrap(step)
        for i in range(20):
            if i == 6:
                handle = w.register_hook(lambda g: calls.append(1) or g * 3)
            if i == 10:
                handle.remove()
            found.append(step(gg.tensor([float(i)])).numpy())
        return [*found, len(calls)]

    held(scenario)


def test_whether_gradients_are_recorded():
    def scenario(wrap):
        w = gg.tensor([2.0], requires_grad=True)
        step = wrap(lambda a: (a * w).detach())
        found = []
        for i in range(8):
            with gg.set_grad_enabled(i % 2 == 0):
                found.append(step(gg.tensor([float(i)])).numpy())
        return found

    held(scenario)


def test_state_of_the_step_is_memory():
    def scenario(wrap):
        total = gg.tensor([0.0, 0.0])
        step = wrap(lambda a: total.add_(a) * 1.0)
        return [*[step(A).numpy() for _ in range(6)], total.numpy()]

    held(scenario)


def test_random_numbers_go_on():
    def scenario(wrap):
        gg.manual_seed(3)
        step = wrap(lambda a: a + gg.rand(2) + gg.randn(2))
        found = []
        for i in range(12):
            if i == 8:
                gg.manual_seed(1)
            found.append(step(A).numpy())
        return found

    held(scenario)


def test_other_bodies_are_other_plans():
    step = captured(lambda a: a @ a.T)
    x = gg.tensor(X[:8])
    for _ in range(4):
        step(x)
    before = step.replayed
    with only_reference():
        step(x)
    assert step.replayed == before


def test_who_listens_hears_every_launch():
    step = captured(lambda a: a * 2 + 1)
    for _ in range(5):
        step(A)
    heard = []
    with modes.taped(heard):
        step(A)
    assert len(heard) == 2


def test_a_captured_function_in_another_is_part_of_it():
    inner = captured(lambda a: a * 3)
    outer = captured(lambda a: inner(a) + 1)
    for k in range(6):
        np.testing.assert_array_equal(outer(A * k).numpy(), A.numpy() * k * 3 + 1)
    assert outer.replayed > 0
    assert inner.replayed == 0


def test_a_copy_begins_without_plans():
    step = captured(lambda a: a * 2)
    for _ in range(4):
        step(A)
    again = copy.deepcopy(step)
    assert (again.replayed, again.eager) == (0, 0)
    np.testing.assert_array_equal(again(A).numpy(), step(A).numpy())


def test_the_arena_is_smaller_than_what_lies_in_it():
    w = gg.tensor(np.ones((64, 64), "float32"))

    def step(x):
        for _ in range(10):
            x = ops.tanh(x @ w)
        return x

    step = captured(step)
    for _ in range(3):
        step(gg.tensor(np.ones((64, 64), "float32")))
    plan = next(iter(step.kinds.values())).plans[0].plan
    assert 0 < plan.nbytes < plan.unshared / 2


def test_the_report_names_launches_and_lines():
    step = captured(lambda a: ops.exp(a @ A))
    for _ in range(3):
        step(A)
    told = step.report(timed=False)
    assert "1 runs repeated a plan, 2 ran in Python" in told
    assert "Exp" in told
    assert "test_capture.py:" in told


def test_arguments_that_no_plan_can_be_made_for_say_why() -> None:
    step = captured(lambda x, some: x * len(some))
    assert step(gg.ones(2), {3, 4}).tolist() == [2, 2]
    assert step.unfit == "an argument is a set, not a tensor"
    assert step.eager == 1

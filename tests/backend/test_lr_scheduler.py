"""Learning rates by their formulas, one after the other and at once; their states, their errors."""

import numpy as np
import pytest

import graftgrad
from graftgrad import optim
from graftgrad.errors import ConfigError
from graftgrad.optim import lr_scheduler


def weight(values):
    return graftgrad.tensor(values, "float64", requires_grad=True)


def rates(make, epochs=9):
    optimizer = optim.SGD(
        [{"params": [weight([1.0])]}, {"params": [weight([1.0])], "lr": 0.01}], lr=0.1
    )
    scheduler = make(optimizer)
    found = []
    for _ in range(epochs):
        found.append(scheduler.get_last_lr())
        optimizer.step()
        scheduler.step()
    return np.array(found).T, optimizer, scheduler


@pytest.mark.parametrize(
    ("make", "factor"),
    [
        (lambda o: lr_scheduler.StepLR(o, 3, 0.5), lambda e: 0.5 ** (e // 3)),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.9), lambda e: 0.9**e),
        (lambda o: lr_scheduler.LambdaLR(o, lambda e: 1 / (1 + e)), lambda e: 1 / (1 + e)),
        (
            lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
            lambda e: (1 + np.cos(np.pi * e / 4)) / 2,
        ),
    ],
)
def test_rates_follow_their_formula(make, factor) -> None:
    (first, second), _, _ = rates(make)
    np.testing.assert_allclose(first, 0.1 * factor(np.arange(9)), atol=1e-15)
    np.testing.assert_allclose(second, 0.01 * factor(np.arange(9)), atol=1e-15)


def test_cosine_does_not_fall_below_its_least_rate() -> None:
    (first, _), _, _ = rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 4, eta_min=0.02))
    expected = 0.02 + 0.08 * (1 + np.cos(np.pi * np.arange(9) / 4)) / 2
    np.testing.assert_allclose(first, expected, atol=1e-15)


def test_a_scheduler_goes_on_from_its_state() -> None:
    whole, _, _ = rates(lambda o: lr_scheduler.StepLR(o, 3, 0.5), epochs=8)
    _, optimizer, scheduler = rates(lambda o: lr_scheduler.StepLR(o, 3, 0.5), epochs=4)
    state, groups = scheduler.state_dict(), optimizer.state_dict()
    assert "optimizer" not in state
    _, other, resumed = rates(lambda o: lr_scheduler.StepLR(o, 7, 0.9), epochs=0)
    other.load_state_dict(groups)
    resumed.load_state_dict(state)
    found = []
    for _ in range(4):
        found.append(resumed.get_last_lr())
        resumed.step()
    np.testing.assert_array_equal(np.array(found).T, whole[:, 4:])


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_plateau(mode, sign) -> None:
    optimizer = optim.SGD([weight([1.0])], lr=1.0)
    plateau = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode,
        factor=0.5,
        patience=1,
        cooldown=1,
        min_lr=0.2,
        threshold=0.1,
        threshold_mode="abs",
    )
    found = []
    for measure in (5, 4, 3.95, 4, 3.95, 3.95, 3.95, 3.0, 3, 3, 3, 3, 3, 3):
        plateau.step(sign * measure)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2]
    other = lr_scheduler.ReduceLROnPlateau(optimizer)
    other.load_state_dict(plateau.state_dict())
    assert other.best == sign * 3.0 and other.get_last_lr() == [0.2]


def test_unfit_schedulers_are_refused() -> None:
    optimizer = optim.SGD([weight([1.0])], lr=1.0)
    for make, text in (
        (lambda: lr_scheduler.StepLR("sgd", 3), "must be one of graftgrad.optim"),
        (lambda: lr_scheduler.StepLR(optimizer, 0), "step_size must be positive"),
        (lambda: lr_scheduler.ExponentialLR(optimizer, 0.9, last_epoch=3), "needs initial_lr"),
        (lambda: lr_scheduler.LambdaLR(optimizer, [abs, abs]), "one function for each group"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, "low"), 'mode must be "min"'),
        (
            lambda: lr_scheduler.ReduceLROnPlateau(optimizer, threshold_mode="far"),
            'threshold_mode must be "rel" or "abs"; got',
        ),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, factor=1.0), "factor must be less"),
    ):
        with pytest.raises(ConfigError, match=text):
            make()


def line(e, start=0.25, end=1.0, total=4):
    return start + (end - start) * np.minimum(e, total) / total


@pytest.mark.parametrize(
    ("make", "factor"),
    [
        (lambda o: lr_scheduler.MultiStepLR(o, [6, 2, 2], 0.5),
         lambda e: 0.25 ** (e >= 2) * 0.5 ** (e >= 6)),
        (lambda o: lr_scheduler.MultiplicativeLR(o, lambda e: 1 / e),
         lambda e: 1 / np.cumprod(np.maximum(e, 1))),
        (lambda o: lr_scheduler.ConstantLR(o, 0.5, 3), lambda e: np.where(e < 3, 0.5, 1)),
        (lambda o: lr_scheduler.LinearLR(o, 0.25, 1.0, 4), line),
        (lambda o: lr_scheduler.PolynomialLR(o, 5, 2.0), lambda e: np.maximum(1 - e / 5, 0) ** 2),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
         lambda e: (1 + np.cos(np.pi * (e % 3) / 3)) / 2),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
         lambda e: (1 + np.cos(np.pi * np.where(e < 2, e / 2, np.where(e < 6, (e - 2) / 4,
                                                                     (e - 6) / 8)))) / 2),
        (lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.25, 1.0, 4), lr_scheduler.ExponentialLR(o, 0.5)], [4]),
         lambda e: np.where(e < 4, line(e), 0.5 ** np.maximum(e - 4, 0))),
        (lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(o, 0.5, 3), lr_scheduler.ExponentialLR(o, 0.9)]),
         lambda e: np.where(e < 3, 0.5, 1) * 0.9**e),
    ],
)  # fmt: skip
def test_more_rates_follow_their_formula(make, factor) -> None:
    (first, second), _, _ = rates(make)
    np.testing.assert_allclose(first, 0.1 * factor(np.arange(9)), atol=1e-15)
    np.testing.assert_allclose(second, 0.01 * factor(np.arange(9)), atol=1e-15)


def cycled(make, steps, **options):
    """Rates and momenta over the steps of a training."""
    optimizer = optim.Adam([weight([1.0])], lr=0.1, **options)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        (group,) = optimizer.param_groups
        found.append((group["lr"], group["betas"][0]))
        optimizer.step()
        scheduler.step()
    return np.array(found).T, scheduler


@pytest.mark.parametrize(
    ("options", "height"),
    [
        ({}, lambda e, cycle: 1.0),
        ({"mode": "triangular2"}, lambda e, cycle: 0.5 ** (cycle - 1)),
        ({"mode": "exp_range", "gamma": 0.9}, lambda e, cycle: 0.9**e),
        ({"scale_fn": lambda c: 1 / c}, lambda e, cycle: 1 / cycle),
        ({"scale_fn": lambda e: 1 / (1 + e), "scale_mode": "iterations"},
         lambda e, cycle: 1 / (1 + e)),
    ],
)  # fmt: skip
def test_rates_go_up_and_down_and_momenta_against_them(options, height) -> None:
    (rate, momentum), _ = cycled(lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.5, 4, 2, **options), 18)
    steps = np.arange(18)
    part = np.interp(steps % 6, [0, 4, 6], [0, 1, 0]) * height(steps, steps // 6 + 1)
    np.testing.assert_allclose(rate, 0.1 + 0.4 * part, atol=1e-14)
    np.testing.assert_allclose(momentum, 0.9 - 0.1 * part, atol=1e-14)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("phases", [2, 3])
def test_one_cycle(strategy: str, phases: int) -> None:
    (rate, momentum), scheduler = cycled(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, epochs=4, steps_per_epoch=5, pct_start=0.3, anneal_strategy=strategy,
            div_factor=10.0, final_div_factor=100.0, three_phase=phases == 3,
        ),
        20,
    )  # fmt: skip
    ends = [0, 5, 10, 19] if phases == 3 else [0, 5, 19]
    marks = [0.1, 1.0, 0.1, 0.001] if phases == 3 else [0.1, 1.0, 0.001]
    against = [0.95, 0.85, 0.95, 0.95] if phases == 3 else [0.95, 0.85, 0.95]
    for place in range(len(ends) - 1):
        first, last = ends[place : place + 2]
        part = (np.arange(first, last + 1) - first) / (last - first)
        part = (1 - np.cos(np.pi * part)) / 2 if strategy == "cos" else part
        for found, values in ((rate, marks), (momentum, against)):
            wanted = values[place] + (values[place + 1] - values[place]) * part
            np.testing.assert_allclose(found[first : last + 1], wanted, atol=1e-14)
    with pytest.raises(ConfigError, match=r"no more steps than total_steps; got step=21, total_st"):
        scheduler.step()


def test_momentum_of_plain_descent_is_cycled_too() -> None:
    optimizer = optim.SGD([weight([1.0])], lr=0.1, momentum=0.5)
    lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, 4, max_momentum=0.7)
    assert optimizer.param_groups[0]["momentum"] == 0.7


@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, 12),
        lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.5, 3, scale_fn=lambda c: 1 / c),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o), lr_scheduler.CosineAnnealingLR(o, 5)], [3]
        ),
    ],
)
def test_a_training_that_goes_on_has_the_rates_of_one_that_was_not_cut(make) -> None:
    whole, _ = cycled(make, 8)
    _, before = cycled(make, 4)
    optimizer = optim.Adam([weight([1.0])], lr=0.1)
    resumed = make(optimizer)
    optimizer.load_state_dict(before.optimizer.state_dict())
    resumed.load_state_dict(before.state_dict())
    found = []
    for _ in range(4):
        (group,) = optimizer.param_groups
        found.append((group["lr"], group["betas"][0]))
        resumed.step()
    np.testing.assert_allclose(np.array(found).T, whole[:, 4:], rtol=1e-14)


def test_schedulers_that_do_not_fit_are_refused() -> None:
    optimizer = optim.SGD([weight([1.0])], lr=1.0)
    other = lr_scheduler.StepLR(optim.SGD([weight([1.0])], lr=1.0), 2)
    step = lr_scheduler.StepLR(optimizer, 2)
    bare = optim.Adagrad([weight([1.0])])
    for make, text in (
        (lambda: lr_scheduler.ConstantLR(optimizer, 0), r"factor must lie in \(0, 1\]"),
        (lambda: lr_scheduler.LinearLR(optimizer, 0), r"start_factor must lie in \(0, 1\]"),
        (lambda: lr_scheduler.LinearLR(optimizer, 1, 2), r"end_factor must lie in \[0, 1\]"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 0), "T_0 must be at least 1"),
        (lambda: lr_scheduler.CosineAnnealingLR(optimizer, 0), "T_max must be positive; got T_max"),
        (lambda: lr_scheduler.CyclicLR(optimizer, 0.1, 1, mode="up"), "mode must be one of"),
        (lambda: lr_scheduler.CyclicLR(optimizer, [0.1, 0.2], 1), "one base_lr for each group"),
        (lambda: lr_scheduler.CyclicLR(bare, 0.1, 1),
         "CyclicLR: cycle_momentum needs momentum or betas; got optimizer='Adagrad'. Pass cycle"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=3),
         "total_steps, or epochs and steps_per_epoch, must be positive"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, 9, pct_start=2.0),
         r"pct_start must lie in \[0, 1\]"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, 9, anneal_strategy="exp"),
         'anneal_strategy must be "cos" or "linear"'),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=[0, 0]),
         "there must be one min_lr for each group"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [], []), "there must be at least one sched"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [step], [3]),
         "there must be one milestone between each two schedulers"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [step, other], [3]),
         "all schedulers must belong to the same optimizer"),
        (lambda: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(optimizer)]),
         "only schedulers that are stepped without a measure can be joined"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=text):
            make()

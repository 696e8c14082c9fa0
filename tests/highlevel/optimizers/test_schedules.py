"""Schedules: Keras' rates, configurations, refused settings."""

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError
from graftwork import registry
from graftwork.optimizers import SGD, schedules
from support.golden import GoldenCase, cases

GOLDEN = cases("schedules")


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_rates_are_keras(case: GoldenCase) -> None:
    schedule = getattr(schedules, case.class_name)(**case.settings)
    found = [schedule(int(step)) for step in case["step"]]
    np.testing.assert_allclose(found, case["rate"], rtol=1e-12, atol=1e-15)
    assert all(type(rate) is float for rate in found)
    assert schedule(graftgrad.tensor(3)) == schedule(3)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_a_configuration_makes_an_equal_schedule(case: GoldenCase) -> None:
    schedule = getattr(schedules, case.class_name)(**case.settings)
    config = registry.configuration(schedule)
    assert config["module"] == "keras.optimizers.schedules"
    again = registry.schedules.get(config)
    assert again.get_config() == schedule.get_config()
    optimizer = SGD(config)
    assert float(optimizer.learning_rate) == schedule(0)
    assert SGD.from_config(optimizer.get_config()).get_config() == optimizer.get_config()


def test_a_schedule_of_the_users_own_is_asked_for_every_step() -> None:
    class Halving(schedules.LearningRateSchedule):
        def __init__(self, first: float) -> None:
            self.first = first

        def __call__(self, step: int) -> float:
            return self.first / 2**step

    w = graftgrad.tensor([0.0], "float64", requires_grad=True)
    optimizer = SGD(Halving(1.0))
    for _ in range(3):
        optimizer.apply([graftgrad.tensor([1.0])], [w])
    assert w.item() == -1.75


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be greater than 0"),
        (lambda: schedules.CosineDecay(0.1, -1), "decay_steps must be greater than 0; got"),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps must be greater"),
        (lambda: schedules.PolynomialDecay("a", 1), "initial_learning_rate must be a finite"),
        (lambda: schedules.PiecewiseConstantDecay([1], [1.0]), r"boundaries=\[1\], values=\[1.0\]"),
    ],
)
def test_unfit_settings_are_refused(make, text) -> None:
    with pytest.raises(ConfigError, match=text):
        make()


def test_the_base_class_says_that_a_rule_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(0)

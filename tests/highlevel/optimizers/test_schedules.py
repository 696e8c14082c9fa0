"""Schedules: Keras' rates, configurations, refused settings."""

import graftgrad
import numpy as np
import pytest
from graftgrad.errors import ConfigError
from graftwork import registry
from graftwork.optimizers import SGD, schedules
from support.golden import GoldenCase, cases

GOLDEN = cases("schedules")


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_rates_are_keras(case: GoldenCase) -> None:
    schedule = getattr(schedules, case.class_name)(**case.settings)
    found = [schedule(int(step)) for step in case["step"]]
    np.testing.assert_allclose(found, case["rate"], rtol=1e-6, atol=1e-9)
    assert all(type(rate) is float for rate in found)
    assert schedule(graftgrad.tensor(3)) == schedule(3)

"""Metrics against Keras over several updates; names, state and errors."""

import inspect
from typing import Any

import graftgrad
import numpy as np
import pytest
from graftgrad.errors import ConfigError, ShapeError
from graftwork import metrics, registry
from support.golden import GoldenCase, cases


@pytest.mark.parametrize("golden", cases("metrics"), ids=str)
def test_results_and_state_are_those_of_keras(golden: GoldenCase) -> None:
    metric = getattr(metrics, golden.class_name)(dtype="float64", **golden.settings)
    roles = [role for role in ("y_true", "y_pred", "values", "sample_weight") if f"{role}/0" in golden]
    for i in range(golden.facts["updates"]):
        metric.update_state(**{role: golden[f"{role}/{i}"] for role in roles})
        np.testing.assert_allclose(
            metric.result().numpy(), golden[f"result/{i}"], rtol=2e-6, atol=1e-7
        )
    kept = {variable.name: variable.numpy() for variable in metric.variables}
    for name, value in golden.group("state").items():
        np.testing.assert_allclose(kept[name], value, rtol=2e-6, atol=1e-7)

"""Optimizers in Keras' vocabulary: its trajectories, its slots in its order, its settings."""

import inspect

import graftgrad
import numpy as np
import pytest
from graftgrad.errors import ConfigError, GradientError, ShapeError
from graftwork import optimizers, registry
from graftwork.weight import Weight
from support.golden import GoldenCase, cases

GOLDEN = cases("optimizers")
CLASSES = sorted({case.class_name for case in GOLDEN})


def weight(values, name="kernel", **told):
    return Weight(graftgrad.tensor(np.asarray(values, "float64")), name, **told)


def made(case: GoldenCase):
    settings = dict(case.settings)
    return getattr(optimizers, case.class_name)(**settings)


def trained(case: GoldenCase, steps, optimizer=None, start=0):
    """The weights after some steps of a case, and the optimizer."""
    names = list(case.group("gradient"))
    weights = {name: weight(case[f"weight/{name}"][start], name) for name in names}
    optimizer = made(case) if optimizer is None else optimizer
    for step in steps:
        gradients = [graftgrad.tensor(case[f"gradient/{name}"][step]) for name in names]
        optimizer.apply(gradients, list(weights.values()))
    return weights, optimizer


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_trajectory_is_keras(case: GoldenCase) -> None:
    for last in range(7):
        weights, _ = trained(case, range(last))
        for name, found in weights.items():
            close(found.numpy(), case[f"weight/{name}"][last])


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_variables_are_keras_in_its_order(case: GoldenCase) -> None:
    _, optimizer = trained(case, range(6))
    expected = {path: case[f"slot/{path}"] for path in case.facts["slots"]}
    assert [one.name for one in optimizer.variables] == list(expected)
    for one, value in zip(optimizer.variables, expected.values(), strict=True):
        close(one.numpy(), value)


@pytest.mark.parametrize("case", [c for c in GOLDEN if c.settings.get("use_ema")], ids=str)
def test_final_values_are_the_averages(case: GoldenCase) -> None:
    weights, optimizer = trained(case, range(6))
    optimizer.finalize_variable_values(weights.values())
    for name, found in weights.items():
        close(found.numpy(), case[f"final/{name}"])

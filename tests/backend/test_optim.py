"""Optimizers in PyTorch's vocabulary: its trajectories, its state, its errors; and clipping."""

import graftgrad
import numpy as np
import pytest
from graftgrad import optim
from graftgrad.errors import ConfigError, GradientError, ShapeError
from graftgrad.optim import lr_scheduler
from support.golden import GoldenCase, cases

KNOWN = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")
GOLDEN = cases("torch_optimizers", *KNOWN)


def weight(values, dtype="float64"):
    return graftgrad.tensor(np.asarray(values), dtype, requires_grad=True)


def trained(case: GoldenCase, steps=range(6), start=0, state=None):
    """Weights after some steps of a case, and the optimizer."""
    names = list(case.group("gradient"))
    weights = [weight(case[f"weight/{name}"][start]) for name in names]
    optimizer = getattr(optim, case.class_name)(weights, **case.settings)
    if state is not None:
        optimizer.load_state_dict(state)
    for step in steps:
        for one, name in zip(weights, names, strict=True):
            one.grad = graftgrad.tensor(case[f"gradient/{name}"][step])
        optimizer.step()
    return dict(zip(names, weights, strict=True)), optimizer


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_trajectory_is_pytorchs(case: GoldenCase) -> None:
    for last in range(7):
        weights, _ = trained(case, range(last))
        for name, found in weights.items():
            np.testing.assert_allclose(
                found.detach().numpy(), case[f"weight/{name}"][last], rtol=1e-12, atol=1e-14
            )


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_state_is_pytorchs(case: GoldenCase) -> None:
    weights, optimizer = trained(case)
    for number, name in enumerate(weights):
        expected = {
            path.split(".", 1)[1]: value
            for path, value in case.group("slot").items()
            if path.startswith(f"{name}.")
        }
        found = optimizer.state_dict()["state"].get(number, {})
        assert found.keys() == expected.keys()
        for entry, value in expected.items():
            np.testing.assert_allclose(found[entry], value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_a_state_from_pytorch_goes_on(case: GoldenCase) -> None:
    """Four steps, then the state alone carried over in PyTorch's form: the last two agree."""
    _, before = trained(case, range(4))
    state = before.state_dict()
    assert all(isinstance(v, np.ndarray) for entries in state["state"].values() for v in entries.values())
    weights, _ = trained(case, range(4, 6), start=4, state=state)
    for name, found in weights.items():
        np.testing.assert_allclose(
            found.detach().numpy(), case[f"weight/{name}"][6], rtol=1e-12, atol=1e-14
        )

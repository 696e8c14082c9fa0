"""Penalties and projections of weights, as written out in NumPy."""

import json

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError
from graftwork import constraints, registry, regularizers
from graftwork.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from graftwork.layers import ActivityRegularization, Dense
from graftwork.registry import configuration
from graftwork.regularizers import L1, L1L2, L2

W = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")


def test_penalties() -> None:
    w = graftgrad.tensor(W)
    assert float(L1(0.5)(w)) == pytest.approx(0.5 * np.abs(W).sum(), rel=1e-6)
    assert float(L2(0.5)(w)) == pytest.approx(0.5 * (W**2).sum(), rel=1e-6)
    both = 0.1 * np.abs(W).sum() + 0.2 * (W**2).sum()
    assert float(L1L2(0.1, 0.2)(w)) == pytest.approx(both, rel=1e-6)
    assert (L1().l1, L2().l2, L1L2().l1, L1L2().l2) == (0.01, 0.01, 0.0, 0.0)


@pytest.mark.parametrize(("name", "kind"), [("l1", L1), ("L2", L2), ("l1_l2", L1L2)])
def test_names_and_configurations(name: str, kind: type) -> None:
    made = regularizers.get(name)
    assert type(made) is kind
    told = json.loads(json.dumps(regularizers.serialize(made)))
    assert told["module"] == "keras.regularizers"
    assert repr(regularizers.deserialize(told)) == repr(made)


def test_a_layer_tells_the_penalty_of_what_is_trained() -> None:
    layer = Dense(3, kernel_regularizer="l2", bias_regularizer=L1(1.0), bias_initializer="ones")
    layer(np.ones((1, 4), "float32"))
    found = [float(one) for one in layer.regularization()]
    assert found == pytest.approx([0.01 * (layer.kernel.numpy() ** 2).sum(), 3.0], rel=1e-5)
    layer.kernel.requires_grad = False
    assert len(layer.regularization()) == 1
    layer.trainable = False
    assert layer.regularization() == []


def test_penalties_on_activity_are_losses_of_the_layer() -> None:
    x = np.full((2, 3), 2.0, "float32")
    layer = Dense(3, kernel_initializer="identity", activity_regularizer=L2(0.5))
    assert layer.losses == []
    layer(x)
    assert [float(one) for one in layer.losses] == [6.0]  # of each sample
    own = ActivityRegularization(l1=0.25)
    own(x)
    own(x)
    assert [float(one) for one in own.losses] == [1.5]  # the last call's


def test_projections() -> None:
    w = graftgrad.tensor(W * 3)
    norms = np.linalg.norm(W * 3, axis=0)
    np.testing.assert_array_equal(NonNeg()(w).numpy(), np.maximum(W * 3, 0))
    np.testing.assert_allclose(
        np.linalg.norm(MaxNorm(2.0)(w).numpy(), axis=0), np.minimum(norms, 2), rtol=1e-5
    )
    np.testing.assert_allclose(np.linalg.norm(UnitNorm(1)(w).numpy(), axis=1), 1, rtol=1e-5)
    drawn = MinMaxNorm(1.0, 2.0, rate=0.5)(w).numpy()
    wanted = 0.5 * np.clip(norms, 1, 2) + 0.5 * norms
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=0), wanted, rtol=1e-5)
    np.testing.assert_array_equal(UnitNorm()(graftgrad.zeros(3, 2)).numpy(), np.zeros((3, 2)))
    assert UnitNorm((0, 1))(w).shape == (4, 3)


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm"])
def test_projections_by_name(name: str) -> None:
    made = constraints.get(name)
    told = json.loads(json.dumps(constraints.serialize(made)))
    assert told["module"] == "keras.constraints"
    assert configuration(constraints.deserialize(told)) == configuration(made)
    assert Dense(1, kernel_constraint=name).kernel_constraint is not None
    assert name in registry.constraints.known


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: L1(-1), "l1 must not be negative; got l1=-1"),
        (lambda: L2(float("inf")), "l2 must be a finite number"),
        (lambda: regularizers.get("l3"), r"regularizer: must be a known name; got 'l3'"),
        (lambda: MaxNorm(-1), "max_value must not be negative"),
        (lambda: MinMaxNorm(rate=2), "rate must lie between 0 and 1"),
        (lambda: UnitNorm("a"), "axis must be an axis or several"),
        (lambda: Dense(1, kernel_regularizer=3), "kernel_regularizer must be a known regularizer"),
    ],
)
def test_what_cannot_be_made(make: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()  # type: ignore[operator]

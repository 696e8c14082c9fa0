"""Functional models are copied and pickled: graphs, functions in them, optimizers, plans."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftwork import layers, ops

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
WAYS: list[Callable[[Any], Any]] = [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]


def network() -> Any:
    """A tower used twice, an inner model, operators and functions."""
    gw.set_random_seed(1)
    x, tower = gw.Input((4,)), layers.Dense(4, activation="tanh")
    i = gw.Input((4,))
    inner = gw.Model(i, layers.Dense(4)(i) * 2 + i, name="inner")
    y = ops.concatenate([tower(x) + tower(inner(x)), ops.maximum(x, 0.0)], axis=-1)
    return gw.Model(x, layers.Dense(1)(y[:, 1:]))


@pytest.mark.parametrize("copied", WAYS, ids=["deepcopy", "pickle"])
def test_a_copy_computes_the_same_and_goes_its_own_way(copied: Any) -> None:
    model = network()
    model.compile("adam", "mse")
    model.fit(X, Y, batch_size=4, epochs=4, verbose=0, shuffle=False)
    again = copied(model)
    wanted = model.predict(X, verbose=0)
    np.testing.assert_array_equal(again.predict(X, verbose=0), wanted)
    assert not {id(w) for w in again.weights} & {id(w) for w in model.weights}
    assert again.to_json() == model.to_json()
    for one in (model, again):
        one.fit(X, Y, batch_size=4, epochs=4, verbose=0, shuffle=False)
        assert one.recorded.steps["train_step"].replayed > 0
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    again.get_layer("inner").trainable = False
    assert model.get_layer("inner").trainable


@pytest.mark.parametrize("copied", WAYS, ids=["deepcopy", "pickle"])
def test_deep_models_are_copied_without_deep_recursion(copied: Any) -> None:
    x = y = gw.Input((4,))
    for i in range(200):
        y = layers.Dense(4, name=f"d{i}")(y) + y
    model = gw.Model(x, y)
    again = copied(model)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))

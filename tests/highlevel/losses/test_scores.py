"""Logits where probabilities are expected, and the other way round, are told once."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import ops
from graftwork import layers, losses
from graftwork.losses.scores import LOOKS

SPARSE = np.arange(12) % 3
LOGITS = np.random.default_rng(0).normal(0, 2, (12, 3)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[SPARSE]
SOFTMAX = (np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)).astype("float32")
TAKE_PROBABILITIES = [
    losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy, losses.BinaryCrossentropy,
    losses.CategoricalFocalCrossentropy, losses.BinaryFocalCrossentropy, losses.KLDivergence,
    losses.Dice, losses.Tversky, losses.CategoricalGeneralizedCrossEntropy,
]  # fmt: skip
EACH = pytest.mark.parametrize("kind", TAKE_PROBABILITIES, ids=lambda one: one.__name__)


def targets(loss: Any) -> Any:
    sparse = ("Sparse", "CategoricalGeneralized")
    return SPARSE if type(loss).__name__.startswith(sparse) else ONE_HOT


@EACH
def test_logits_are_told_once_and_what_to_do(kind: Callable[[], Any]) -> None:
    loss = kind()
    with pytest.warns(UserWarning, match=r"between 0 and 1; got lowest=-\d\.\d+, highest=") as told:
        loss(targets(loss), LOGITS)
        loss(targets(loss), LOGITS)
    assert len(told) == 1
    text = str(told[0].message)
    assert text.startswith(f"{loss.name}: predictions must be probabilities")
    assert f'end the model in activation="{loss.expects}"' in text
    assert ("or say from_logits=True" in text) == hasattr(loss, "from_logits")


@EACH
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_softmax_returns_is_no_matter(kind: Callable[[], Any], dtype: str) -> None:
    loss = kind()
    loss(targets(loss), graftgrad.tensor(SOFTMAX).to(dtype))  # warnings are errors here


def test_a_function_in_the_place_of_a_loss_is_looked_at_too() -> None:
    model = gw.Sequential([layers.Input((3,)), layers.Dense(3)])
    model.compile("sgd", losses.sparse_categorical_crossentropy)
    with pytest.warns(UserWarning, match=r"sparse_categorical_crossentropy: .* or say from_logits"):
        model.fit(LOGITS, SPARSE, verbose=0)
    wrapped = losses.LossFunctionWrapper(losses.categorical_crossentropy, from_logits=True)
    wrapped(ONE_HOT, LOGITS)


@pytest.mark.parametrize("made", [ops.softmax, ops.sigmoid])
def test_probabilities_for_logits_are_told_once(made: Any) -> None:
    loss = losses.CategoricalCrossentropy(from_logits=True)
    x = graftgrad.tensor(LOGITS, requires_grad=True)
    name = made.__name__
    rule = rf'must be logits; got predictions=.*output of {name}.* out activation="{name}"'
    with pytest.warns(UserWarning, match=rule) as told:
        loss(ONE_HOT, made(x))
        loss(ONE_HOT, made(x))
    assert len(told) == 1
    losses.CategoricalCrossentropy(from_logits=True)(ONE_HOT, x * 1.0)


def test_a_loss_of_ones_own_that_extends_another_knows_what_it_takes() -> None:
    class Own(losses.CategoricalCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return super().call(y_true, ops.softmax(y_pred))

    Own()(ONE_HOT, LOGITS)


def test_a_repeated_step_does_not_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    whole = losses.Loss._check
    monkeypatch.setattr(
        losses.Loss, "_check", lambda self, *given: (looked.append(1), whole(self, *given))
    )
    model = gw.Sequential([layers.Input((3,)), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.tile(LOGITS, (8, 1)), np.tile(SPARSE, 8), batch_size=12, epochs=3, verbose=0)
    assert 2 <= len(looked) < LOOKS
    model.run_eagerly = True
    for _ in range(6):
        model.train_on_batch(LOGITS, SPARSE)
    assert len(looked) == LOOKS


def test_nothing_is_told_where_there_is_nothing_to_look_at() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses.BinaryCrossentropy()(np.zeros((0, 1)), np.zeros((0, 1), "float32"))
        losses.BinaryCrossentropy()(np.ones((2, 1)), np.full((2, 1), np.nan, "float32"))
        symbol = graftgrad.empty((2, 1), device="meta")
        losses.BinaryCrossentropy()(symbol, symbol)


def test_where_shares_are_scaled_they_may_be_large() -> None:
    losses.CategoricalCrossentropy()(ONE_HOT, SOFTMAX * 7)
    with pytest.warns(UserWarning, match="highest=6"):
        losses.BinaryCrossentropy()(ONE_HOT, SOFTMAX * 7)

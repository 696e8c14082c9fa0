"""Metrics beside Keras': the result after each batch, plain and weighted, and after a reset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare, metrics
from .compare import Case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


def results(metric: Any, one: Case, weights: Any, given: Any) -> list[Any]:
    """Return the results after each batch, after a reset, and after one batch more."""
    found = []
    batches = [[given(x[i]) for x in one.inputs] for i in range(metrics.BATCHES)]
    for i, batch in enumerate(batches):
        settings = {} if weights is None else {"sample_weight": given(weights[i])}
        metric.update_state(*batch, **settings)
        found.append(metric.result())
    metric.reset_state()
    if one.name not in metrics.EMPTY_DIFFERS:
        found.append(metric.result())
    metric.update_state(*batches[1], **settings)
    found.append(metric.result())
    return found


def agrees(ours: Any, theirs: Any, one: Case, weights: Any) -> None:
    wanted = results(theirs, one, weights, compare.jaxed)
    found = results(ours, one, weights, compare.tensors)
    for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
        compare.close(a, b, one.rtol, f"{one}: result {i}")


# Along another axis than the last, Keras' own weights do not fit its values.
WEIGHTED = [one for one in metrics.CASES if one.settings.get("axis") != -2]


@pytest.mark.parametrize("one", metrics.CASES, ids=str)
def test_batches(one: Case) -> None:
    ours = getattr(graftwork.metrics, one.name)(**one.settings)
    theirs = getattr(keras.metrics, one.name)(**one.settings)
    if str(one) not in metrics.UNWEIGHTED_DIFFERS:
        agrees(ours, theirs, one, None)
    if one.config:
        freely = ("dtype",) if one.name in metrics.OVERLAPS else ()
        compare.same_configuration(ours, theirs, freely)


@pytest.mark.parametrize("one", WEIGHTED, ids=str)
def test_weighted_batches(one: Case) -> None:
    """Weights of samples; of places, in whole numbers, where Keras counts in whole numbers."""
    weights = metrics.WHOLE if one.name in metrics.OVERLAPS else metrics.WEIGHTS
    ours = getattr(graftwork.metrics, one.name)(**one.settings)
    theirs = getattr(keras.metrics, one.name)(**one.settings)
    agrees(ours, theirs, one, weights)


@pytest.mark.parametrize("one", metrics.BAD, ids=str)
def test_what_is_refused(one: Case) -> None:
    compare.made_refuses("metrics", one)


@pytest.mark.parametrize("one", metrics.FUNCTIONS, ids=str)
def test_functions(one: Case) -> None:
    ours, theirs = compare.both(f"metrics.{one.name}")
    compare.function_agrees(ours, theirs, one)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", metrics.VALUES)
def test_values(name: str, weighted: bool) -> None:
    ours, theirs = (getattr(package.metrics, name)() for package in (graftwork, keras))
    for i in range(metrics.BATCHES):
        settings = {"sample_weight": metrics.WEIGHTS[i]} if weighted else {}
        ours.update_state(metrics.TRUTH[i][:, 0], **settings)
        theirs.update_state(metrics.TRUTH[i][:, 0], **settings)
        compare.close(ours.result(), theirs.result(), 2e-5, name)
    compare.same_configuration(ours, theirs)
    ours.reset_state()
    theirs.reset_state()
    compare.close(ours.result(), theirs.result(), 2e-5, name)
    ours.update_state(3.0)
    theirs.update_state(3.0)
    compare.close(ours.result(), theirs.result(), 2e-5, name)


def test_a_function_is_wrapped() -> None:
    def wrapped(package: Any, function: Any) -> Any:
        return package.metrics.MeanMetricWrapper(function, name="wrapped", delta=0.5)

    case = compare.case("MeanMetricWrapper", metrics.TRUTH, metrics.GUESS)
    ours = wrapped(graftwork, graftwork.losses.huber)
    agrees(ours, wrapped(keras, keras.losses.huber), case, metrics.WEIGHTS)
    assert ours.name == "wrapped"


def test_losses_and_metrics_share_their_functions() -> None:
    for name in vars(keras.metrics):
        if hasattr(keras.losses, name) and name.islower() and not name.startswith("_"):
            assert callable(getattr(graftwork.metrics, name)), name
            if name not in ("get", "serialize", "deserialize"):
                assert getattr(graftwork.metrics, name) is getattr(graftwork.losses, name), name


def test_pooled_weights_are_numbers_too() -> None:
    ours, theirs = graftwork.metrics.MeanSquaredError(), keras.metrics.MeanSquaredError()
    for weight in (2.0, np.float32(0.5)):
        ours.update_state(metrics.TRUTH[0], metrics.GUESS[0], sample_weight=weight)
        theirs.update_state(metrics.TRUTH[0], metrics.GUESS[0], sample_weight=weight)
    compare.close(ours.result(), theirs.result(), 2e-5, "one weight for all")

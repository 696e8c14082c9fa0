"""Activations, regularizers, constraints and initializers beside Keras' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare, rules
from .compare import Case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("one", rules.ACTIVATIONS, ids=str)
def test_activations(one: Case) -> None:
    ours, theirs = compare.both(f"activations.{one.name}")
    compare.function_agrees(ours, theirs, one)
    compare.close(ours(one.inputs[0], **one.settings), theirs(*one.inputs, **one.settings),
                  one.rtol, f"{one}: of a host array")  # fmt: skip


@pytest.mark.parametrize("one", rules.ACTIVATIONS, ids=str)
def test_activations_of_symbols(one: Case) -> None:
    shape = (None, *one.inputs[0].shape[1:])

    def told(package: Any) -> tuple[int | None, ...]:
        symbol = package.KerasTensor(shape)
        return tuple(getattr(package.activations, one.name)(symbol, **one.settings).shape)

    assert told(graftwork) == (shape if one.name in rules.NO_SYMBOL else told(keras))


@pytest.mark.parametrize("one", rules.REGULARIZERS, ids=str)
def test_regularizers(one: Case) -> None:
    ours, theirs = (getattr(p.regularizers, one.name)(**one.settings) for p in (graftwork, keras))
    compare.function_agrees(ours, theirs, compare.case(one.name, *one.inputs))
    compare.same_configuration(ours, theirs)


@pytest.mark.parametrize("one", rules.CONSTRAINTS, ids=str)
def test_constraints(one: Case) -> None:
    ours, theirs = (getattr(p.constraints, one.name)(**one.settings) for p in (graftwork, keras))
    compare.function_agrees(ours, theirs, compare.case(one.name, *one.inputs, gradient=False))
    compare.same_configuration(ours, theirs)


@pytest.mark.parametrize("one", rules.BAD_REGULARIZERS, ids=str)
def test_regularizers_refuse_what_keras_refuses(one: Case) -> None:
    compare.made_refuses("regularizers", one)


@pytest.mark.parametrize("one", rules.FIXED, ids=str)
def test_values_that_nothing_draws(one: Case) -> None:
    ours, theirs = (getattr(p.initializers, one.name)(**one.settings) for p in (graftwork, keras))
    found, wanted = ours(**one.call), theirs(**one.call)
    compare.close(found, wanted, one.rtol, str(one))
    assert str(found.dtype) == str(wanted.dtype)
    compare.same_configuration(ours, theirs)


def statistics(values: Any) -> tuple[float, float, float, float]:
    """Return mean, deviation, least and greatest value."""
    x = compare.host(values).astype("float64")
    return float(x.mean()), float(x.std()), float(x.min()), float(x.max())


def alike(found: Any, wanted: Any, what: str) -> None:
    """Hold two samples of one distribution against each other: moments, ends, quartiles."""
    assert tuple(found.shape) == tuple(wanted.shape)
    count = int(np.prod(found.shape))
    (mean, spread, *_), (mean_, spread_, *_) = map(statistics, (found, wanted))
    error = 6 * spread_ * np.sqrt(2 / count)  # of a difference of two means, at six deviations
    assert abs(mean - mean_) < error, f"{what}: mean {mean}, Keras has {mean_}"
    assert abs(spread - spread_) < error, f"{what}: deviation {spread}, Keras has {spread_}"
    a, b = (np.sort(compare.host(x).astype("float64").ravel()) for x in (found, wanted))
    for part in (0.1, 0.25, 0.5, 0.75, 0.9):  # the density is flat enough between these
        place = int(part * count)
        assert abs(a[place] - b[place]) < 2 * error, f"{what}: quantile {part}"


@pytest.mark.parametrize("one", rules.DRAWN, ids=str)
def test_statistics_of_what_is_drawn(one: Case) -> None:
    ours, theirs = (
        getattr(p.initializers, one.name)(**one.settings, seed=5) for p in (graftwork, keras)
    )
    for shape in rules.SHAPES:
        alike(ours(shape), theirs(shape), f"{one}{shape}")
    compare.same_configuration(ours, theirs)


def test_chosen_axes_count() -> None:
    ours, theirs = (
        getattr(p.initializers, rules.AXES.name)(**rules.AXES.settings, seed=5)
        for p in (graftwork, keras)
    )
    alike(ours(**rules.AXES.call), theirs(**rules.AXES.call), str(rules.AXES))
    compare.same_configuration(ours, theirs)


BOUNDED = [
    one
    for one in rules.DRAWN
    if one.name != "RandomNormal" and "untruncated" not in str(one.settings)
]


@pytest.mark.parametrize("one", BOUNDED, ids=str)
def test_bounds(one: Case) -> None:
    """Uniform and truncated distributions end where Keras' do."""
    ours, theirs = (
        getattr(p.initializers, one.name)(**one.settings, seed=5) for p in (graftwork, keras)
    )
    found, wanted = (statistics(made((120, 130))) for made in (ours, theirs))
    for mine, other in zip(found[2:], wanted[2:], strict=True):
        assert abs(mine - other) < 0.01 * abs(wanted[3] - wanted[2])


@pytest.mark.parametrize("gain", [1.0, 0.5])
@pytest.mark.parametrize("shape", rules.ORTHOGONAL, ids=str)
def test_orthogonal(shape: tuple[int, ...], gain: float) -> None:
    ours, theirs = (
        p.initializers.Orthogonal(gain=gain, seed=5) for p in (graftwork, keras)
    )  # fmt: skip
    for made in (ours, theirs):
        matrix = compare.host(made(shape)).reshape(-1, shape[-1])
        rows, columns = matrix.shape
        product = matrix @ matrix.T if rows < columns else matrix.T @ matrix
        compare.close(product, gain**2 * np.eye(min(rows, columns)), 2e-5, str(shape))
    compare.same_configuration(ours, theirs)


@pytest.mark.parametrize("name", ["GlorotUniform", "RandomNormal", "Orthogonal", "HeNormal"])
def test_seeds(name: str) -> None:
    """A seed gives the same numbers each time, another seed others: on both sides."""
    for package in (graftwork, keras):
        kind = getattr(package.initializers, name)
        first, again, other = (compare.host(kind(seed=s)((4, 5))) for s in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-3
        made = kind(seed=3)
        np.testing.assert_array_equal(compare.host(made((4, 5))), compare.host(made((4, 5))))
        assert np.abs(compare.host(kind()((4, 5))) - compare.host(kind()((4, 5)))).max() > 1e-4


@pytest.mark.parametrize("one", rules.BAD_INITIALIZERS, ids=str)
def test_initializers_refuse_what_keras_refuses(one: Case) -> None:
    def run(package: Any) -> Any:
        made = getattr(package.initializers, one.name)(**one.settings)
        return made(**one.call) if one.call else made((16, 1, 9))

    compare.both_refuse(lambda: run(graftwork), lambda: run(keras), str(one))


def test_the_pull_of_a_penalty_reaches_the_weights() -> None:
    """A regularizer by name in a layer: the loss that both models report."""
    x = rules.X
    losses = []
    for package in (graftwork, keras):
        layer = package.layers.Dense(3, kernel_regularizer="L1L2", use_bias=False)
        layer.build((None, 6))
        layer.set_weights([x[:3].T])
        layer(x)
        losses.append(float(sum(float(one) for one in layer.losses)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)

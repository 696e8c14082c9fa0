"""Random tensors: seeds, ranges, moments."""

from __future__ import annotations

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import random

MANY = (20_000,)
MOMENTS = [
    (random.normal(MANY, 1.0, 2.0, seed=1), 1.0, 2.0),
    (random.truncated_normal(MANY, seed=1), 0.0, 0.8796),
    (random.uniform(MANY, -1.0, 3.0, seed=1), 1.0, 4 / 12**0.5),
    (random.gamma(MANY, 2.5, seed=1), 2.5, 2.5**0.5),
    (random.beta(MANY, 2.0, 3.0, seed=1), 0.4, 0.2),
    (random.binomial(MANY, 9.0, 0.3, seed=1), 2.7, 1.89**0.5),
    (random.randint(MANY, 0, 10, seed=1), 4.5, 8.25**0.5),
]


@pytest.mark.parametrize(("x", "mean", "deviation"), MOMENTS)
def test_moments(x: gw.Variable, mean: float, deviation: float) -> None:
    values = x.numpy()
    assert abs(values.mean() - mean) < 5 * deviation / len(values) ** 0.5
    assert abs(values.std() / deviation - 1) < 0.03


def test_seeds() -> None:
    assert random.normal((3,), seed=4).tolist() == random.normal((3,), seed=4).tolist()
    assert random.normal((3,)).tolist() != random.normal((3,)).tolist()
    source = random.SeedGenerator(4)
    first, second = (random.uniform((3,), seed=source).tolist() for _ in range(2))
    assert first != second
    gw.set_random_seed(3)
    before = random.normal((3,)).tolist()
    gw.set_random_seed(3)
    assert random.normal((3,)).tolist() == before
    with pytest.raises(ConfigError, match="seed must be"):
        random.normal((3,), seed=-1)


def test_classes_orders_and_zeros() -> None:
    found = random.categorical(np.log([[0.7, 0.2, 0.1]]), 5000, seed=1).numpy()
    assert found.shape == (1, 5000)
    np.testing.assert_allclose(np.bincount(found[0]) / 5000, [0.7, 0.2, 0.1], atol=0.03)
    x = np.arange(12).reshape(4, 3)
    mixed = random.shuffle(x, seed=2).numpy()
    assert sorted(mixed.tolist()) == x.tolist()
    assert sorted(random.shuffle(x, axis=1, seed=2).numpy()[0].tolist()) == [0, 1, 2]
    kept = random.dropout(np.ones((1000,), "float32"), 0.25, seed=1).numpy()
    assert set(np.unique(kept)) == {np.float32(0), np.float32(4 / 3)}
    assert abs(kept.mean() - 1) < 0.1


def test_element_types_must_fit() -> None:
    assert str(random.normal((2,), dtype="float16").dtype) == "float16"
    with pytest.raises(ConfigError, match="must be a floating type"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ConfigError, match="type of whole numbers"):
        random.randint((2,), 0, 4, dtype="float32")

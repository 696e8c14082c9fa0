"""First values of weights: Keras' numbers for their spread, and values that a seed repeats."""

import json
import math
import random
from typing import Any

import numpy as np
import pytest

import graftwork.initializers as known
from graftgrad.errors import ConfigError, ShapeError
from graftwork.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    Identity,
    Initializer,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    Scaled,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    fans,
)  # fmt: skip
from graftwork.layers import Dense, SeedGenerator
from graftwork.registry import configuration, initializers
from graftwork.seeds import set_random_seed
from support.golden import GoldenCase, cases

NAMED = {
    "zeros": Zeros, "ones": Ones, "constant": Constant, "identity": Identity,
    "random_normal": RandomNormal, "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal, "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform, "glorot_normal": GlorotNormal, "he_uniform": known.HeUniform,
    "he_normal": HeNormal, "lecun_uniform": known.LecunUniform, "lecun_normal": known.LecunNormal,
    "orthogonal": Orthogonal,
}  # fmt: skip
MANY = (200, 150)


@pytest.mark.parametrize("case", cases("initializers"), ids=str)
def test_spread_as_keras(case: GoldenCase) -> None:
    made = getattr(known, case.class_name)(**case.settings)
    assert isinstance(made, Scaled)
    shape = tuple(case.facts["shape"])
    assert fans(shape) == tuple(case.facts["fans"])
    extent = (
        case.facts["maxval"] if case.facts["distribution"] == "uniform" else case.facts["stddev"]
    )
    assert made.extent(shape) == pytest.approx(extent, rel=1e-12)
    assert made.distribution in (case.facts["distribution"], "untruncated_normal")
    assert made(shape).shape == shape


@pytest.mark.parametrize("name", NAMED)
def test_names_and_configurations(name: str) -> None:
    made = initializers.get(name)
    assert type(made) is NAMED[name]
    assert type(known.get(NAMED[name].__name__)) is NAMED[name]
    told = json.loads(json.dumps(configuration(made)))
    again = known.deserialize(told)
    assert configuration(again) == configuration(made) == known.serialize(made)
    assert repr(made.clone()) == repr(made)
    for dtype in ("float32", "float64"):
        value = made((4, 3), dtype=dtype)
        assert (value.shape, str(value.dtype)) == ((4, 3), dtype)


def test_constants() -> None:
    np.testing.assert_array_equal(Zeros()((2, 3)).numpy(), np.zeros((2, 3)))
    np.testing.assert_array_equal(Ones()((2,), dtype="int32").numpy(), [1, 1])
    np.testing.assert_array_equal(Constant(2.5)((2, 2)).numpy(), np.full((2, 2), 2.5))
    np.testing.assert_array_equal(Constant([1.0, 2.0])((3, 2)).numpy(), [[1, 2]] * 3)
    np.testing.assert_array_equal(Identity(2.0)((2, 3)).numpy(), 2 * np.eye(2, 3))
    with pytest.raises(ShapeError, match="must have two axes"):
        Identity()((2, 2, 2))


def test_uniform_numbers_fill_their_range() -> None:
    values = RandomUniform(-2.0, 1.0, seed=1)(MANY).numpy()
    assert values.min() >= -2
    assert values.max() < 1
    assert values.mean() == pytest.approx(-0.5, abs=0.03)
    assert values.std() == pytest.approx(3 / math.sqrt(12), rel=0.02)


def test_normal_numbers_have_their_moments() -> None:
    values = RandomNormal(1.0, 0.5, seed=2)(MANY).numpy()
    assert values.mean() == pytest.approx(1.0, abs=0.02)
    assert values.std() == pytest.approx(0.5, rel=0.02)
    assert np.abs(values - 1).max() > 1.5
    cut = TruncatedNormal(1.0, 0.5, seed=3)(MANY).numpy()
    assert np.abs(cut - 1).max() <= 1.0
    assert cut.mean() == pytest.approx(1.0, abs=0.02)
    assert cut.std() == pytest.approx(0.5 * 0.8796, rel=0.02)


@pytest.mark.parametrize("name", ["GlorotNormal", "HeNormal", "LecunNormal", "HeUniform"])
def test_variance_is_what_was_asked_for(name: str) -> None:
    made = getattr(known, name)(seed=4)
    fan_in, fan_out = MANY
    count = (fan_in + fan_out) / 2 if name.startswith("Glorot") else fan_in
    assert made(MANY).numpy().var() == pytest.approx(made.scale / count, rel=0.03)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (3, 2, 4)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    matrix = Orthogonal(2.0, seed=5)(shape, dtype="float64").numpy().reshape(-1, shape[-1])
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)
    with pytest.raises(ShapeError, match="at least two axes"):
        Orthogonal()((3,))


def test_a_number_as_seed_gives_the_same_values_and_none_gives_others() -> None:
    fixed, free = GlorotUniform(seed=7), GlorotUniform()
    np.testing.assert_array_equal(fixed((3, 4)).numpy(), fixed((3, 4)).numpy())
    assert not np.array_equal(free((3, 4)).numpy(), free((3, 4)).numpy())
    generator = SeedGenerator(7)
    drawn = RandomNormal(seed=generator)
    assert not np.array_equal(drawn((3, 4)).numpy(), drawn((3, 4)).numpy())


def test_one_seed_for_a_whole_program() -> None:
    def run() -> list[Any]:
        layer = Dense(3)
        layer(np.ones((1, 4), "float32"))
        return [layer.kernel.numpy().tolist(), random.random(), np.random.rand()]  # noqa: NPY002

    set_random_seed(11)
    first = run()
    second = run()
    set_random_seed(11)
    assert run() == first
    assert first != second
    for bent in (-1, 2**32, 1.5, "a", None, True):
        with pytest.raises(ConfigError, match="set_random_seed: seed must be a whole number"):
            set_random_seed(bent)  # type: ignore[arg-type]


def test_named_axes_count_alone() -> None:
    assert fans((2, 3, 4, 5), (0, 2), (3,)) == (8, 5)
    assert VarianceScaling(input_axes=1, output_axes=[0]).extent((3, 4)) > 0
    with pytest.raises(ShapeError, match="axes must lie within the shape"):
        fans((2, 3), (2,), (0,))


def test_an_initializer_of_ones_own() -> None:
    class Twos(Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return Ones()(shape, dtype) * 2

    layer = Dense(
        2, kernel_initializer=Twos(), bias_initializer=lambda shape, dtype: np.ones(shape)
    )
    layer(np.ones((1, 3), "float32"))
    np.testing.assert_array_equal(layer.kernel.numpy(), np.full((3, 2), 2.0))
    np.testing.assert_array_equal(layer.bias.numpy(), [1, 1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VarianceScaling(0), "scale must be positive; got scale=0"),
        (lambda: VarianceScaling(mode="fan"), "mode must be one of 'fan_in'"),
        (lambda: VarianceScaling(distribution="cauchy"), "distribution must be one of"),
        (lambda: RandomNormal(stddev="a"), "stddev must be a finite number"),
        (lambda: HeNormal(seed=-1), "seed must be a whole number from 0"),
        (lambda: GlorotUniform(seed="a"), "seed must be a whole number"),
        (lambda: known.get("glorot"), r"got 'glorot'.*Did you mean"),
    ],
)
def test_what_cannot_be_made(make: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()  # type: ignore[operator]

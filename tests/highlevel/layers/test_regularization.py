"""Noise and dropout: what they draw, when they are silent, and how they resume."""

from typing import Any

import numpy as np
import pytest

from graftgrad.errors import ConfigError, ShapeError
from graftwork.initializers import GlorotUniform
from graftwork.layers import (
    ActivityRegularization,
    AlphaDropout,
    Dense,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Input,
    Layer,
    SeedGenerator,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)  # fmt: skip
from graftwork.models.sequential import Sequential
from graftwork.registry import configuration, decoded
from graftwork.seeds import set_random_seed
from support.layer_checks import check_layer

ONES = np.ones((100, 80), "float32")


def test_every_promise() -> None:
    check_layer(lambda: Dropout(0.5), (4, 6), stateful=True)
    check_layer(lambda: Dropout(0.5, noise_shape=(None, 1)), (4, 6), stateful=True)
    check_layer(lambda: SpatialDropout1D(0.5), (2, 4, 6), stateful=True)
    check_layer(lambda: SpatialDropout2D(0.5), (2, 3, 4, 6), stateful=True)
    check_layer(lambda: SpatialDropout3D(0.5), (2, 3, 2, 2, 6), stateful=True)
    check_layer(lambda: AlphaDropout(0.3), (4, 6), stateful=True)
    check_layer(lambda: GaussianNoise(0.5), (4, 6), stateful=True)
    check_layer(lambda: GaussianDropout(0.5), (4, 6), stateful=True)
    check_layer(lambda: ActivityRegularization(0.5), (4, 6))


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    y = Dropout(0.25, seed=1)(ONES, training=True).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)


def test_whole_channels_fall_together() -> None:
    x = np.ones((3, 4, 5, 40), "float32")
    y = SpatialDropout2D(0.5, seed=1)(x, training=True).numpy()
    assert (y == y[:, :1, :1]).all()
    assert 0 < (y[:, 0, 0] == 0).mean() < 1
    y = SpatialDropout1D(0.5, seed=1)(x[:, 0], training=True).numpy()
    assert (y == y[:, :1]).all()


def test_a_noise_shape_is_stretched() -> None:
    y = Dropout(0.5, noise_shape=[None, 1], seed=1)(ONES, training=True).numpy()
    assert (y == y[:, :1]).all()
    with pytest.raises(ShapeError, match="noise_shape must stretch to the input"):
        Dropout(0.5, noise_shape=(7, 1))(ONES, training=True)


def test_noise_has_its_moments() -> None:
    y = GaussianNoise(0.5, seed=1)(ONES, training=True).numpy()
    assert y.mean() == pytest.approx(1, abs=0.02)
    assert y.std() == pytest.approx(0.5, rel=0.03)
    y = GaussianDropout(0.2, seed=1)(ONES, training=True).numpy()
    assert y.mean() == pytest.approx(1, abs=0.02)
    assert y.var() == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("make", [lambda: Dropout(0), lambda: GaussianNoise(0)])
def test_nothing_is_drawn_where_nothing_is_disturbed(make: Any) -> None:
    layer = make()
    np.testing.assert_array_equal(layer(ONES, training=True).numpy(), ONES)
    assert layer.seed_generator.state.numpy()[1] == 0


def test_each_call_draws_anew_and_a_seed_draws_the_same_again() -> None:
    def three(layer: Layer) -> list[bytes]:
        return [layer(ONES, training=True).numpy().tobytes() for _ in range(3)]

    first = three(Dropout(0.5, seed=5))
    assert len(set(first)) == 3
    assert three(Dropout(0.5, seed=5)) == first
    assert three(Dropout(0.5, seed=6)) != first
    set_random_seed(1)
    free = three(Dropout(0.5))
    set_random_seed(1)
    assert three(Dropout(0.5)) == free


def test_the_state_is_a_weight_that_resumes_the_drawing() -> None:
    layer = Dropout(0.5, seed=5, name="drop")
    assert layer.weights == []  # Keras' get_weights() does not hold the states of generators
    (state,) = layer.variables
    assert (state.name, state.shape, str(state.dtype)) == ("seed_generator_state", (2,), "uint32")
    assert (state.kind, state.trainable) == ("state", False)
    assert [path for path, _ in layer.named_weights()] == ["seed_generator/seed_generator_state"]
    assert state.numpy().tolist() == [5, 0]
    layer(ONES, training=True)
    kept = state.numpy()
    assert kept[1] != 0
    wanted = layer(ONES, training=True).numpy()
    other = Dropout(0.5, seed=9)
    other.seed_generator.state.assign(kept)
    np.testing.assert_array_equal(other(ONES, training=True).numpy(), wanted)


def test_a_frozen_model_draws_nothing() -> None:
    model = Sequential([Input((80,)), Dropout(0.5)])
    model.trainable = False
    np.testing.assert_array_equal(model(ONES, training=True).numpy(), ONES)
    model.trainable = True
    assert (model(ONES, training=True).numpy() == 0).any()


def test_a_generator_of_ones_own_serves_several_layers() -> None:
    generator = SeedGenerator(3)
    a, b = Dropout(0.5, seed=generator), Dropout(0.5, seed=generator)
    assert a.seed_generator is generator
    found = [layer(ONES, training=True).numpy().tobytes() for layer in (a, b)]
    assert found[0] != found[1]
    assert generator.get_config()["seed"] == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dropout(1.0), r"rate must lie in \[0, 1\); got rate=1.0"),
        (lambda: Dropout(-0.1), "rate"),
        (lambda: Dropout("x"), "rate must be a finite number"),
        (lambda: Dropout(0.5, noise_shape=(0,)), "noise_shape must be positive sizes"),
        (lambda: GaussianNoise(-1), "stddev must not be negative"),
        (lambda: Dropout(0.5, seed=1.5), "seed must be a whole number"),
        (lambda: SpatialDropout2D(0.5, data_format="sideways"), "data_format must be"),
    ],
)
def test_what_cannot_be_made(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_configurations_that_keras_reads() -> None:
    assert "trainable" not in SpatialDropout2D(0.5).get_config()  # Keras' constructor has none
    assert SpatialDropout2D(0.5, trainable=False).get_config()["trainable"] is False
    drawn = GlorotUniform(seed=SeedGenerator(4))
    told = configuration(Dense(2, kernel_initializer=drawn))["config"]["kernel_initializer"]
    assert told["config"]["seed"]["module"] == "keras.random"
    again = decoded(told, None)
    assert isinstance(again.seed, SeedGenerator)
    assert again.seed.seed == 4


def test_axes_are_checked() -> None:
    with pytest.raises(ShapeError, match="must have 4 axes"):
        SpatialDropout2D(0.5)(ONES)


@pytest.mark.parametrize("layer", [SpatialDropout2D, SpatialDropout3D])
@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_whole_channels_are_dropped_in_both_orders(layer: Any, order: str) -> None:
    rank = 4 if layer is SpatialDropout2D else 5
    axis = 1 if order == "channels_first" else rank - 1
    shape = [3] * rank
    shape[axis] = 40
    y = layer(0.5, data_format=order, seed=1)(np.ones(shape, "float32"), training=True).numpy()
    channels = np.moveaxis(y, (0, axis), (0, 1)).reshape(3, 40, -1)
    assert (channels.min(-1) == channels.max(-1)).all()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert 30 < (channels[:, :, 0] == 0).sum() < 90


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = np.random.default_rng(0).standard_normal((400, 500)).astype("float32")
    y = AlphaDropout(0.4, seed=3)(x, training=True).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03
    values, counts = np.unique(y, return_counts=True)
    assert abs(counts.max() / y.size - 0.4) < 0.01  # one value stands for what was dropped
    assert values[counts.argmax()] < -0.5
    np.testing.assert_array_equal(AlphaDropout(0.4)(x, training=False).numpy(), x)

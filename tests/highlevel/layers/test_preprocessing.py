"""Layers that bring raw data into range and size."""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork.layers import CenterCrop, Input, Normalization, Rescaling, Resizing
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer

X = np.random.default_rng(2).normal(3.0, 2.0, (50, 4)).astype("float32")


@pytest.mark.parametrize("case", cases("layers", "Rescaling", "Normalization"), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_every_promise() -> None:
    check_layer(lambda: Rescaling([1.0, 2.0, 3.0], offset=-1), (2, 4, 3))
    check_layer(lambda: Rescaling(1 / 255), (2, 4), integers=256)
    check_layer(lambda: Normalization(mean=1.0, variance=2.0, axis=None), (2, 4))
    check_layer(Normalization, (2, 4))
    check_layer(lambda: CenterCrop(3, 2), (2, 6, 5, 3))
    check_layer(lambda: Resizing(4, 7), (2, 6, 5, 3))
    check_layer(lambda: Resizing(4, 7, "bicubic", antialias=True), (2, 6, 5, 3))
    check_layer(lambda: Resizing(4, 7, pad_to_aspect_ratio=True, fill_value=2.0), (2, 6, 5, 3))
    check_layer(lambda: Resizing(4, 7, data_format="channels_first"), (2, 3, 6, 5))
    check_layer(lambda: CenterCrop(3, 2, data_format="channels_first"), (2, 3, 6, 5))
    check_layer(lambda: Resizing(4, 3, "nearest", crop_to_aspect_ratio=True), (2, 6, 5, 3))


def test_numbers_given_as_arrays_are_told_as_lists() -> None:
    layer = Rescaling(np.array([0.5, 2.0]), offset=np.float32(1))
    assert layer.get_config()["scale"] == [0.5, 2.0]
    np.testing.assert_array_equal(layer(np.ones((1, 2), "float32")).numpy(), [[1.5, 3.0]])
    again = Rescaling.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() | {"name": again.name}


class TestAdapt:
    def test_arrays_and_batches_give_the_same(self) -> None:
        def batches() -> Any:
            for start in range(0, 50, 8):
                yield X[start : start + 8]

        def with_labels() -> Any:
            for batch in batches():
                yield batch, np.zeros(len(batch))

        for data in (X, graftgrad.tensor(X), X.tolist(), batches(), with_labels(), list(batches())):
            layer = Normalization()
            layer.adapt(data, batch_size=16)
            assert [w.name for w in layer.weights] == ["mean", "variance", "count"]
            mean, variance, _ = (w.numpy() for w in layer.weights)
            np.testing.assert_allclose(mean, X.mean(0), rtol=1e-6)
            np.testing.assert_allclose(variance, X.var(0), rtol=1e-5)
            y = layer(X).numpy()
            np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
            np.testing.assert_allclose(y.std(0), 1, rtol=1e-5)

    def test_a_second_time_forgets_the_first(self) -> None:
        layer = Normalization()
        layer.adapt(X + 100)
        layer.adapt(X)
        np.testing.assert_allclose(layer.weights[0].numpy(), X.mean(0), rtol=1e-6)
        assert not layer.trainable_weights

    def test_fewer_steps(self) -> None:
        layer = Normalization(axis=None)
        layer.adapt(X, batch_size=10, steps=2)
        np.testing.assert_allclose(layer.weights[0].numpy(), X[:20].mean(), rtol=1e-6)

    def test_what_it_refuses(self) -> None:
        with pytest.raises(ConfigError, match="must not replace a given mean"):
            Normalization(mean=1.0, variance=1.0).adapt(X)
        with pytest.raises(DataError, match="must be given a sample; got samples=0"):
            Normalization().adapt(X[:0])
        with pytest.raises(DataError, match="array or an iterable of batches; got data=3"):
            Normalization().adapt(3)
        layer = Normalization()
        layer.adapt(X)
        with pytest.raises(ShapeError, match="must have size 4"):
            layer.adapt(X[:, :3])
        np.testing.assert_allclose(layer.weights[0].numpy(), X.mean(0), rtol=1e-6)

    def test_a_failure_halfway_keeps_what_was_known(self) -> None:
        layer = Normalization()
        layer.adapt(X)
        with pytest.raises(ShapeError):
            layer.adapt(iter([X + 9, X[:, :2]]))
        np.testing.assert_allclose(layer.weights[0].numpy(), X.mean(0), rtol=1e-6)


def test_the_middle_of_an_image() -> None:
    x = np.arange(5 * 6).reshape(1, 5, 6, 1)
    np.testing.assert_array_equal(CenterCrop(3, 2)(x).numpy(), x[:, 1:4, 2:4])
    assert CenterCrop(10, 4)(x).shape == (1, 10, 4, 1)


def test_resizing_keeps_constants_and_knows_its_size() -> None:
    x = np.full((2, 6, 5, 3), 7.0, "float32")
    np.testing.assert_allclose(Resizing(9, 4)(x).numpy(), np.full((2, 9, 4, 3), 7.0), rtol=1e-6)
    assert Resizing(8, 8)(Input((None, None, 3))).shape == (None, 8, 8, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Normalization(mean=1.0), "mean and variance must be given together"),
        (lambda: Rescaling("a"), "scale must be finite numbers"),
        (lambda: Rescaling(float("nan")), "scale must be finite numbers"),
        (lambda: Resizing(0, 3), "height must be a positive integer"),
        (lambda: Resizing(3, 3, "cubic"), "interpolation must be one of"),
        (lambda: Resizing(3, 3, "nearest", True, True), "cropped or padded, not both"),
        (lambda: Normalization(axis="x"), "axis must be an axis or several"),
    ],
)
def test_what_cannot_be_made(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="sizes of axis"):
        Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])(X)
    with pytest.raises(ShapeError, match="within the input"):
        Normalization(axis=3)(X)
    with pytest.raises(ConfigError, match="axis must not be the batch"):
        Normalization(axis=0)(X)


def test_mean_and_variance_are_tensors_for_the_input_once_it_is_built() -> None:
    layer = Normalization()
    assert layer.mean is None
    layer.adapt(X.reshape(10, 5, 4))
    np.testing.assert_allclose(layer.mean.numpy(), X.mean(0).reshape(1, 1, 4), rtol=1e-5)
    np.testing.assert_allclose(layer.variance.numpy(), X.var(0).reshape(1, 1, 4), rtol=1e-5)
    assert layer.get_config()["mean"] is None
    given = Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0])
    given.build((None, 2))
    assert given.mean.tolist() == [[1.0, 2.0]] and given.variance.tolist() == [[4.0, 9.0]]
    assert given.get_config()["mean"] == [1.0, 2.0]
    assert Normalization.from_config(given.get_config()).get_config() == given.get_config()

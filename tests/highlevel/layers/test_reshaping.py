"""Layers that put elements into another frame, against Keras' values."""

import numpy as np
import pytest

from graftgrad.errors import ConfigError, ShapeError
from graftwork.layers import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Input,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)  # fmt: skip
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer

GOLDEN = cases("layers", "Flatten", "Reshape", "Permute", "ZeroPadding2D", "UpSampling2D")
IMAGES = (2, 5, 6, 3)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_every_promise() -> None:
    check_layer(Flatten, IMAGES)
    check_layer(lambda: Reshape((-1, 9)), IMAGES)
    check_layer(lambda: Permute((3, 1, 2)), IMAGES)
    check_layer(lambda: RepeatVector(4), (2, 3))
    check_layer(lambda: ZeroPadding1D((1, 2)), (2, 3, 4))
    check_layer(lambda: ZeroPadding2D(((1, 0), (2, 3))), IMAGES)
    check_layer(lambda: Cropping1D((1, 0)), (2, 3, 4))
    check_layer(lambda: Cropping2D(((1, 0), (2, 1))), IMAGES)
    check_layer(lambda: UpSampling1D(3), (2, 3, 4))
    check_layer(lambda: UpSampling2D((2, 3)), IMAGES)
    check_layer(lambda: UpSampling2D(2, interpolation="bilinear"), IMAGES)


def test_repeated_steps_stand_side_by_side() -> None:
    x = np.arange(6.0).reshape(1, 3, 2)
    np.testing.assert_array_equal(UpSampling1D(2)(x).numpy(), np.repeat(x, 2, axis=1))
    np.testing.assert_array_equal(RepeatVector(3)(x[0]).numpy(), np.repeat(x[0][:, None], 3, 1))
    np.testing.assert_array_equal(Cropping1D((1, 1))(x).numpy(), x[:, 1:-1])


def test_unknown_sizes_stay_unknown() -> None:
    x = Input((None, 6, 3))
    assert ZeroPadding2D(1)(x).shape == (None, None, 8, 3)
    assert Cropping2D(1)(x).shape == (None, None, 4, 3)
    assert UpSampling2D(2)(x).shape == (None, None, 12, 3)
    assert Flatten()(x).shape == (None, None)


def test_whole_numbers_stay_whole() -> None:
    x = np.arange(6, dtype="int32").reshape(2, 3)
    assert str(Flatten()(x).dtype) == "int32"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Reshape((-1, -1)), r"target_shape.*one may be -1.*\(-1, -1\)"),
        (lambda: Reshape((0, 2)), r"positive.*\(0, 2\)"),
        (lambda: Reshape("ab"), "target_shape must be a sequence of integers"),
        (lambda: Permute((0, 1)), r"permutation of 1, 2.*\(0, 1\)"),
        (lambda: RepeatVector(0), "n must be a positive integer; got n=0"),
        (lambda: ZeroPadding2D(-1), "padding must be one or two integers that are not negative"),
        (lambda: ZeroPadding2D((1, 2, 3)), r"padding=\(1, 2, 3\)"),
        (lambda: Cropping2D(((1,), 2)), "cropping"),
        (lambda: UpSampling2D(2, interpolation="cubic"), "interpolation must be one of"),
        (lambda: Flatten(data_format="channels"), "data_format must be one of .channels_last."),
    ],
)
def test_what_cannot_be_made(make: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()  # type: ignore[operator]


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"fill target_shape; got input=\(2, 3\)"):
        Reshape((4,))(np.zeros((2, 3), "float32"))
    with pytest.raises(ShapeError, match="something must be left"):
        Cropping2D(2)(np.zeros((1, 4, 5, 1), "float32"))
    with pytest.raises(ShapeError, match="must have 4 axes"):
        ZeroPadding2D(1)(np.zeros((2, 3), "float32"))
    with pytest.raises(ShapeError, match="must have 3 axes"):
        Permute((2, 1))(np.zeros((2, 3), "float32"))

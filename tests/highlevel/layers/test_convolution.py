"""Convolutions against Keras' values, and what only they promise."""

import numpy as np
import pytest

from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from graftwork.layers import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
    Input,
    SeparableConv2D,
)  # fmt: skip
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer, normal

NAMES = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")
IMAGES = (2, 6, 5, 4)


@pytest.mark.parametrize("case", cases("layers", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_every_promise() -> None:
    check_layer(lambda: Conv2D(6, (3, 2), strides=2, padding="same", groups=2), IMAGES)
    check_layer(lambda: Conv2D(3, 2, dilation_rate=2, activation="silu"), IMAGES)
    check_layer(lambda: Conv1D(3, 2, use_bias=False), (2, 5, 3))
    check_layer(lambda: DepthwiseConv2D(2, depth_multiplier=2, activation="elu"), IMAGES)
    check_layer(lambda: SeparableConv2D(3, 2, padding="same"), IMAGES)
    check_layer(lambda: Conv2DTranspose(3, 3, strides=2, padding="same"), IMAGES)


def test_sequences_as_written_out() -> None:
    x, kernel, bias = normal(2, 7, 3), normal(3, 3, 4), normal(4)
    for padding, before, after in (("valid", 0, 0), ("same", 2, 2), ("causal", 4, 0)):
        layer = Conv1D(4, 3, padding=padding, dilation_rate=2, dtype="float64")
        layer.build_for((None, 7, 3))
        layer.set_weights([kernel, bias])
        wide = np.pad(x, ((0, 0), (before, after), (0, 0)))
        count = wide.shape[1] - 4
        wanted = bias + sum(wide[:, 2 * a : 2 * a + count] @ kernel[a] for a in range(3))
        np.testing.assert_allclose(layer(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)


def test_a_causal_output_does_not_see_what_comes_later() -> None:
    layer = Conv1D(2, 3, padding="causal")
    x = normal(1, 6, 2).astype("float32")
    before = layer(x).detach().numpy().copy()
    x[:, 4:] += 1
    np.testing.assert_array_equal(layer(x).detach().numpy()[:, :4], before[:, :4])


def test_aliases_and_shapes_of_weights() -> None:
    assert layers.Convolution2D is Conv2D
    separable = SeparableConv2D(5, 3, depth_multiplier=2)
    assert separable(Input((None, None, 4))).shape == (None, None, None, 5)
    assert [w.shape for w in separable.weights] == [(3, 3, 4, 2), (1, 1, 8, 5), (5,)]
    transposed = Conv2DTranspose(5, 3, strides=2, padding="same")
    assert transposed(Input((None, 8, 4))).shape == (None, None, 16, 5)
    assert transposed.kernel.shape == (3, 3, 5, 4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv2D(0, 3), "filters must be a positive integer; got filters=0"),
        (lambda: Conv2D(4, (1, 2, 3)), "kernel_size must be one integer or two"),
        (lambda: Conv2D(4, 3, padding="full"), "padding must be one of 'valid', 'same'"),
        (lambda: Conv2D(4, 3, groups=3), "groups must divide filters; got filters=4, groups=3"),
        (lambda: Conv2D(4, 3, strides=2, dilation_rate=2), "must not both exceed 1"),
        (lambda: Conv2D(4, 3, data_format="channels"), "must be one of 'channels_last'"),
        (lambda: Conv2D(4, 3, activation="rilu"), "Did you mean"),
        (lambda: Conv2D(4, 3, kernel_initializer="glorot"), "initializer: must be a known name"),
        (lambda: Conv1D(4, (2, 2)), "kernel_size must be one integer"),
        (lambda: Conv2DTranspose(4, 3, output_padding=1), "less than strides"),
        (lambda: Conv2D(4), r"Conv2D\(filters, kernel_size, strides"),
        (lambda: Conv2D(4, 3, kernal_constraint=None), "kernal_constraint"),
    ],
)
def test_what_cannot_be_made(make: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()  # type: ignore[operator]


def test_what_does_not_fit() -> None:
    layer = Conv2D(4, 3, name="edge")
    with pytest.raises(ShapeError, match=r'layer "edge": the input must have 4 axes'):
        layer(np.zeros((2, 3), "float32"))
    assert not layer.built
    layer(np.zeros((1, 5, 5, 3), "float32"))
    with pytest.raises(ShapeError, match=r'"edge": axis -1 of the input must have size 3'):
        layer(np.zeros((1, 5, 5, 4), "float32"))
    with pytest.raises(ShapeError, match="number of channels must be known"):
        Conv2D(4, 3)(Input((5, 5, None)))
    with pytest.raises(ShapeError, match="groups must divide the channels"):
        Conv2D(4, 3, groups=2)(Input((5, 5, 3)))
    with pytest.raises(ShapeError, match="window"):
        Conv2D(4, 3)(np.zeros((1, 2, 2, 3), "float32"))

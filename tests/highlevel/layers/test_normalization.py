"""Normalization against Keras' values, and the contract of frozen statistics."""

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, ShapeError
from graftwork.layers import (
    BatchNormalization,
    Dense,
    GroupNormalization,
    Input,
    LayerNormalization,
    UnitNormalization,
)  # fmt: skip
from graftwork.models.sequential import Sequential
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer, normal

NAMES = ("BatchNormalization", "LayerNormalization")
X = np.random.default_rng(3).normal(2.0, 3.0, (8, 4)).astype("float32")


@pytest.mark.parametrize("case", cases("layers", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_every_promise() -> None:
    check_layer(BatchNormalization, (4, 3, 2, 5), stateful=True)
    check_layer(lambda: BatchNormalization(1, scale=False), (4, 3, 2), stateful=True)
    plain = {"center": False, "scale": False}
    check_layer(lambda: BatchNormalization(**plain), (4, 3), stateful=True)
    check_layer(lambda: LayerNormalization([1, 2]), (4, 3, 2))
    check_layer(lambda: GroupNormalization(2), (3, 4, 2, 6))
    check_layer(lambda: GroupNormalization(-1, axis=1), (3, 4, 5))
    check_layer(UnitNormalization, (3, 4))


# A layer without parameters cannot be frozen by them, so PyTorch's idiom stands for one case alone.
@pytest.mark.parametrize(
    ("idiom", "plain"),
    [("torch", False), *[(i, p) for i in ("keras", "model", "before") for p in (False, True)]],
)
def test_frozen_statistics_stay_bit_for_bit(idiom: str, plain: bool) -> None:
    layer = BatchNormalization(center=not plain, scale=not plain, momentum=0.5)
    model = Sequential([layer, Dense(2)])
    if idiom == "before":
        layer.trainable = False
    model(X)
    if idiom == "keras":
        layer.trainable = False
    elif idiom == "model":
        model.trainable = False
    elif idiom == "torch":
        for parameter in layer.parameters():
            parameter.requires_grad = False
    before = [w.numpy() for w in layer.weights]
    for _ in range(3):
        model(X, training=True)
    for weight, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    model.trainable = True
    model(X, training=True)
    assert not np.array_equal(layer.moving_mean.numpy(), np.zeros(4))


def test_a_half_frozen_layer_still_trains() -> None:
    layer = BatchNormalization()
    layer(X)
    layer.gamma.requires_grad = False
    y = layer(X, training=True)
    (y * y * y).sum().backward()
    assert layer.gamma.grad is None
    assert layer.beta.grad is not None
    assert not np.array_equal(layer.moving_mean.numpy(), np.zeros(4))


def test_statistics_move_without_a_graph_too_and_never_in_inference() -> None:
    layer = BatchNormalization(momentum=0.9)
    layer(X)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(4))
    with graftgrad.no_grad():
        layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * X.var(0), rtol=1e-5)


def test_groups_as_written_out() -> None:
    x = normal(2, 3, 6)
    layer = GroupNormalization(3, epsilon=0.0, dtype="float64")
    parts = x.reshape(2, 3, 3, 2)
    wanted = (parts - parts.mean((1, 3), keepdims=True)) / parts.std((1, 3), keepdims=True)
    np.testing.assert_allclose(layer(x).detach().numpy(), wanted.reshape(2, 3, 6), rtol=1e-10)
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    found = UnitNormalization(dtype="float64")(x).numpy()
    np.testing.assert_allclose(found, x / lengths, rtol=1e-12)


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="renorm must be False"):
        BatchNormalization(renorm=True)
    with pytest.raises(ConfigError, match="momentum must lie between 0 and 1"):
        BatchNormalization(momentum=1.5)
    with pytest.raises(ConfigError, match="axis must be one axis"):
        BatchNormalization(axis=(1, 2))
    with pytest.raises(ConfigError, match="groups must be a positive integer"):
        GroupNormalization(0)
    with pytest.raises(ShapeError, match="groups must divide the channels"):
        GroupNormalization(4)(Input((3, 6)))
    with pytest.raises(ShapeError, match="axis must lie within the input"):
        BatchNormalization(axis=3)(Input((3, 6)))
    with pytest.raises(ShapeError, match="sizes of the named axes must be known"):
        LayerNormalization(axis=1)(Input((None, 6)))
    layer = BatchNormalization()
    layer(X)
    with pytest.raises(ShapeError, match="axis 1 of the input must have size 4"):
        layer(X[:, :3])

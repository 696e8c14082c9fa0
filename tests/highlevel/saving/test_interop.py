"""The other direction: Keras and PyTorch open what was saved here and compute the same."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork.losses
import graftwork.metrics
from graftwork import layers, optimizers
from graftwork.models import Functional, Model, Sequential, load_model
from graftwork.optimizers import schedules

os.environ.setdefault("KERAS_BACKEND", "torch")  # what the extra `interop` brings
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
RANDOM = np.random.default_rng(2)


def draw(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype("float32")


def dense() -> tuple[Any, Any, Any]:
    adapted = layers.Normalization()
    adapted.adapt(draw(20, 5))
    model = Sequential(
        [
            layers.Input((5,)),
            adapted,
            layers.Dense(6, activation="relu", kernel_regularizer="l2"),
            layers.Dense(4, kernel_constraint="max_norm"),
            layers.LeakyReLU(negative_slope=0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model, draw(8, 5), RANDOM.integers(0, 3, 8)


def convolutional() -> tuple[Any, Any, Any]:
    model = Sequential(
        [
            layers.Input((9, 8, 2)),
            layers.Rescaling(0.5, offset=0.1),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.ZeroPadding2D(((0, 1), (0, 1))),
            layers.DepthwiseConv2D(3, strides=2),
            layers.SeparableConv2D(4, 3, padding="same"),
            layers.PReLU(shared_axes=[1, 2]),
            layers.ELU(),
            layers.LayerNormalization(),
            layers.GroupNormalization(2),
            layers.UpSampling2D(2),
            layers.Conv2DTranspose(3, 3, strides=2),
            layers.Cropping2D(1),
            layers.SpatialDropout2D(0.0),
            layers.MaxPooling2D(),
            layers.Permute((2, 1, 3)),
            layers.Flatten(),
            layers.Reshape((-1, 1)),
            layers.Conv1D(2, 3),
            layers.MaxPooling1D(2),
            layers.AveragePooling1D(2),
            layers.GlobalMaxPooling1D(),
            layers.GaussianNoise(0.0),
            layers.UnitNormalization(),
            layers.Dropout(0.0),
            layers.Dense(3),
            layers.Activation("softmax"),
        ]
    )
    model.compile(
        optimizers.Adam(0.01),
        graftwork.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", graftwork.metrics.TopKCategoricalAccuracy(k=2)],
    )
    return model, draw(8, 9, 8, 2), np.eye(3, dtype="float32")[RANDOM.integers(0, 3, 8)]


def branched() -> tuple[Any, Any, Any]:
    picture, number = layers.Input((6, 5, 2), name="picture"), layers.Input((4,), name="number")
    shared = layers.Dense(4, activation="tanh", name="shared")
    inside = layers.Input((4,))
    inner = Model(inside, layers.BatchNormalization()(layers.Dense(4)(inside)), name="inner")
    inner.trainable = False
    trunk = layers.Add()(
        [layers.Conv2D(3, 3, padding="same")(picture), layers.Conv2D(3, 1)(picture)]
    )
    pooled = layers.GlobalAveragePooling2D()(layers.AveragePooling2D(2, padding="same")(trunk))
    both = layers.Concatenate()(
        [
            pooled,
            shared(number),
            shared(shared(number)),
            inner(number) * 2.0 + 1.0,
            inner(number, training=False),
        ]
    )
    kind = layers.Dense(2, activation="softmax", name="kind")(both)
    model = Functional([picture, number], [kind, layers.Dense(1, name="size")(both)])
    model.compile(
        optimizers.AdamW(schedules.ExponentialDecay(0.01, 10, 0.9)),
        ["sparse_categorical_crossentropy", "mse"],
        loss_weights=[1.0, 0.5],
        metrics=[["accuracy"], ["mae"]],
    )
    return model, [draw(8, 6, 5, 2), draw(8, 4)], [RANDOM.integers(0, 2, 8), draw(8, 1)]


def listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def agree(found: Any, expected: Any, within: float) -> None:
    for one, other in zip(listed(found), listed(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=within, atol=within)


@pytest.mark.parametrize("make", [dense, convolutional, branched])
def test_keras_opens_predicts_and_trains_on(make: Any, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    model, x, y = make()
    model.fit(x, y, epochs=2, batch_size=4, verbose=0)
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "m.weights.h5")
    expected = model.predict(x, verbose=0)
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    agree(theirs.predict(x, verbose=0), expected, 1e-5)
    if make is not branched:  # Keras cannot open operators in HDF5, its own neither
        agree(keras.saving.load_model(tmp_path / "m.h5").predict(x, verbose=0), expected, 1e-5)
    agree(load_model(tmp_path / "m.h5").predict(x, verbose=0), expected, 1e-5)
    fresh = keras.models.clone_model(theirs)
    fresh.load_weights(tmp_path / "m.weights.h5")
    agree(fresh.predict(x, verbose=0), expected, 1e-5)
    model.train_on_batch(x, y)
    theirs.train_on_batch(x, y)
    agree(theirs.predict(x, verbose=0), model.predict(x, verbose=0), 1e-4)
    theirs.save(tmp_path / "back.keras")  # and back again
    back = load_model(tmp_path / "back.keras")
    agree(back.predict(x, verbose=0), theirs.predict(x, verbose=0), 1e-5)
    assert int(back.optimizer.iterations) == int(model.optimizer.iterations)


def test_pytorch_reads_the_state_dict(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    model = Sequential(
        [
            layers.Input((7, 6, 2)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(epsilon=1e-5),
            layers.ReLU(),
            layers.DepthwiseConv2D(2),
            layers.GlobalAveragePooling2D(keepdims=True),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    for weight in model.weights:
        weight.assign(np.abs(draw(*weight.shape)) + 0.1)
    model.save_weights(tmp_path / "m.pth")
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 4, 2, groups=4),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 3),
    ).eval()
    stored = torch.load(tmp_path / "m.pth", weights_only=True)
    twin.load_state_dict(stored)
    x = draw(5, 7, 6, 2)
    with torch.no_grad():
        expected = twin(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    agree(model.predict(x, verbose=0), expected, 1e-5)
    torch.save({"state_dict": twin.state_dict()}, tmp_path / "theirs.pth")
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape, "float32"))
    assert not model.load_weights(tmp_path / "theirs.pth").unexpected
    agree(model.predict(x, verbose=0), expected, 1e-5)

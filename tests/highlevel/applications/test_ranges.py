"""Pictures in another range than the one a pretrained network knows are told once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftwork import layers
from graftwork.applications import EfficientNetB0, MobileNet, ResNet18, mobilenet

RAW = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
SHAPE = {"include_top": False, "pooling": "avg", "input_shape": (32, 32, 3)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files of weights lie."""
    place = tmp_path_factory.mktemp("weights")
    MobileNet(alpha=0.25, weights=None, **SHAPE).save_weights(place / "mobile.weights.h5")
    EfficientNetB0(weights=None, **SHAPE).save_weights(place / "efficient.weights.h5")
    ResNet18(include_top=False, pooling="avg").save_weights(place / "residual.weights.h5")
    return place


def mobile(folder: Path) -> Any:
    return MobileNet(alpha=0.25, weights=folder / "mobile.weights.h5", **SHAPE)


def test_raw_pictures_for_a_network_that_was_trained_on_prepared_ones(folder: Path) -> None:
    base = mobile(folder)
    base.trainable = False
    model = gw.Sequential([base, layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    told = r"mobilenet_0.25_32: pictures must be in the range .* highest=25\d.* preprocess_input"
    with pytest.warns(UserWarning, match=told) as warned:
        model.fit(RAW, [0, 1, 0, 1], batch_size=2, epochs=2, verbose=0)
        model.predict(RAW, verbose=0)
    assert len(warned) == 1


def test_prepared_pictures_and_random_weights_are_no_matter(folder: Path) -> None:
    mobile(folder).predict(mobilenet.preprocess_input(RAW))
    mobile(folder).predict(RAW / 255)
    MobileNet(alpha=0.25, weights=None, **SHAPE).predict(RAW)
    EfficientNetB0(weights=folder / "efficient.weights.h5", **SHAPE).predict(RAW)


def test_a_network_that_rescales_wants_raw_pictures(folder: Path) -> None:
    network = EfficientNetB0(weights=folder / "efficient.weights.h5", **SHAPE)
    network.predict(np.zeros((1, 32, 32, 3)))
    with pytest.warns(UserWarning, match=r"numbers from 0 to 255, which the network rescales"):
        network.predict(RAW / 255)


def test_torchvisions_networks_are_looked_at_too(folder: Path) -> None:
    network = ResNet18(folder / "residual.weights.h5", include_top=False, pooling="avg")
    with pytest.warns(UserWarning, match=r"resnet18: pictures must be in the range"):
        network.predict(np.zeros((1, 32, 32, 3), "float32") + RAW[:1])

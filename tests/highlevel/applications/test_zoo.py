"""Networks in Keras' form: parameters and shapes are the originals', arguments are checked."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad as gg
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork import applications as zoo
from graftwork.applications import imagenet_utils, vgg16
from graftwork.applications.weights import Entry

# Counted by Keras 3.15 and torchvision 0.20, heads with 1000 classes included.
PARAMETERS = {
    "VGG11": 132_863_336,
    "VGG13": 133_047_848,
    "VGG16": 138_357_544,
    "VGG19": 143_667_240,
    "Xception": 22_910_480,
}
FEATURES = {"VGG11": 512, "VGG13": 512, "VGG16": 512, "VGG19": 512, "Xception": 2048}


@pytest.mark.parametrize("name", ["VGG11", "VGG16", "Xception"])
def test_features_have_the_originals_shapes(name: str) -> None:
    model = getattr(zoo, name)(include_top=False, weights=None, pooling="avg")
    assert model.compute_output_shape((None, 96, 96, 3)) == (None, FEATURES[name])
    with pytest.raises(ShapeError, match="pictures must have at least"):
        getattr(zoo, name)(include_top=False, weights=None, input_shape=(20, 96, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_many_as_the_originals(name: str) -> None:
    model = getattr(zoo, name)(weights=None)
    assert model.count_params() == PARAMETERS[name]
    assert model.outputs[0].shape == (None, 1000)


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigError, match='VGG16: pooling must be None, "avg" or "max"; got'):
        zoo.VGG16(weights=None, pooling="mean")
    with pytest.raises(ConfigError, match='classes must be 1000 with weights="imagenet"'):
        zoo.VGG16(classes=3)
    with pytest.raises(ConfigError, match=r"input_shape must be \(rows, columns, channels\)"):
        zoo.Xception(weights=None, input_shape=(71, 71))
    with pytest.raises(ConfigError, match="weights must be a file, None or one of 'imagenet'"):
        zoo.Xception(weights="unheard")


def test_a_network_begins_from_a_symbol() -> None:
    entrance = gg.tensor  # a name only, to show what is no symbol
    with pytest.raises(ConfigError, match="input_tensor must be a symbol"):
        zoo.Xception(weights=None, input_tensor=entrance)


CUSTOMS = {
    "tf": lambda x: x / 127.5 - 1,
    "torch": lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    "caffe": lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
}


@pytest.mark.parametrize("custom", CUSTOMS)
def test_pictures_are_prepared_as_in_training(custom: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    wanted = CUSTOMS[custom](pixels.astype("float64"))
    kept = pixels.copy()
    for given in (pixels, pixels.astype("float32"), gg.tensor(pixels)):
        found = imagenet_utils.preprocess_input(given, mode=custom)
        np.testing.assert_allclose(np.asarray(found), wanted, atol=2e-5)
        first = given.transpose(0, 3, 1, 2)
        found = imagenet_utils.preprocess_input(first, "channels_first", custom)
        np.testing.assert_allclose(np.asarray(found).transpose(0, 2, 3, 1), wanted, atol=2e-5)
    np.testing.assert_array_equal(pixels, kept)
    with pytest.raises(ConfigError, match="mode must be one of"):
        imagenet_utils.preprocess_input(pixels, mode="onnx")
    with pytest.raises(DataError, match=r"colour pictures \(…, 3, H, W\)"):
        imagenet_utils.preprocess_input(pixels, "channels_first")


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of names in the cache, as it is published."""
    table = json.dumps({str(i): [f"n{i:08d}", f"class {i}"] for i in range(1000)}).encode()
    (tmp_path / "imagenet_class_index.json").write_bytes(table)
    monkeypatch.setenv("GRAFTWORK_HOME", str(tmp_path))
    digest = hashlib.md5(table, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(
        imagenet_utils, "CLASSES", Entry(imagenet_utils.CLASSES.url, "", "names", md5=digest)
    )
    imagenet_utils.class_names.cache_clear()


@pytest.mark.usefixtures("names")
def test_predictions_are_named() -> None:
    predictions: Any = np.zeros((2, 1000), "float32")
    predictions[0, [7, 3]] = 0.75, 0.25
    predictions[1, 999] = 1.0
    for given in (predictions, gg.tensor(predictions)):
        first, second = vgg16.decode_predictions(given, top=2)
        assert first == [("n00000007", "class 7", 0.75), ("n00000003", "class 3", 0.25)]
        assert second[0] == ("n00000999", "class 999", 1.0)
    with pytest.raises(ShapeError, match=r"ImageNet's classes, \(N, 1000\); got preds=\(2, 10\)"):
        vgg16.decode_predictions(predictions[:, :10])

"""Vision transformers: what comes out, parameters as many as torchvision's, arguments, files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork import applications
from graftwork.applications import vision_transformer
from graftwork.applications.vision_transformer import SelfAttention

# Told in torchvision's documentation.
PARAMETERS = {"B16": 86_567_656, "B32": 88_224_232, "L16": 304_326_632, "L32": 306_535_400}
SMALL: Any = {"weights": None, "input_shape": (64, 32, 3), "include_top": False}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks of a few channels in place of twelve."""
    monkeypatch.setitem(vision_transformer.SIZES, "B16", (2, 3, 24, "00000000", 0))


@pytest.mark.parametrize("size", [pytest.param(one, marks=pytest.mark.slow) for one in PARAMETERS])
def test_parameters_are_as_many_as_torchvisions(size: str) -> None:
    model = getattr(applications, f"ViT{size}")(weights=None)
    assert model.count_params() == PARAMETERS[size]
    assert model.outputs[0].shape == (None, 1000)


@pytest.mark.usefixtures("small")
def test_tokens_features_and_classes_come_out() -> None:
    x = np.random.default_rng(0).standard_normal((2, 64, 32, 3)).astype(np.float32)
    tokens = applications.ViTB16(**SMALL)
    whole = tokens.predict(x, verbose=0)
    assert whole.shape == (2, 1 + 4 * 2, 24)
    for pooling, wanted in (
        ("token", whole[:, 0]), ("avg", whole[:, 1:].mean(1)), ("max", whole[:, 1:].max(1)),
    ):  # fmt: skip
        model = applications.ViTB16(**SMALL, pooling=pooling)
        model.set_weights(tokens.get_weights())
        np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-5)
    model = applications.ViTB16(**SMALL | {"include_top": True}, classes=7)
    np.testing.assert_allclose(model.predict(x, verbose=0).sum(1), 1, rtol=1e-5)


@pytest.mark.usefixtures("small")
def test_a_whole_model_comes_back_and_takes_a_head(tmp_path: Path) -> None:
    base = applications.ViTB16(**SMALL, pooling="token")
    base.trainable = False
    model = gw.Sequential([base, gw.layers.Dense(2, name="head")])
    x = np.random.default_rng(0).standard_normal((4, 64, 32, 3)).astype(np.float32)
    model.compile("adam", "mse")
    before = base.get_weights()
    model.fit(x, np.zeros((4, 2), np.float32), epochs=1, verbose=0)
    for old, new in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    wanted = model.predict(x, verbose=0)
    model.save(tmp_path / "whole.keras")
    found = gw.models.load_model(tmp_path / "whole.keras").predict(x, verbose=0)
    np.testing.assert_array_equal(found, wanted)


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigError, match="ViTB16: pooling must be one of"):
        applications.ViTB16(weights=None, pooling="mean")
    with pytest.raises(ShapeError, match="ViTB32: pictures must have known sizes, multiples of 32"):
        applications.ViTB32(weights=None, input_shape=(224, 230, 3))
    with pytest.raises(ShapeError, match="num_heads must divide the size of a token"):
        SelfAttention(5)(np.zeros((1, 2, 24), np.float32))


def test_the_catalogue_names_torchvisions_file() -> None:
    entry = vision_transformer.catalogue("L16")["vit_l_16"]
    assert entry.file == "vit_l_16-852ce7e3.pth" and entry.sha256 == "852ce7e3"
    x = np.full((1, 1, 1, 3), 255.0)
    wanted = (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(vision_transformer.preprocess_input(x)[0, 0, 0], wanted, rtol=1e-5)

"""EfficientNets and ConvNeXts: their files, arguments, pictures and layers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork import applications
from graftwork.applications import convnext, efficientnet, efficientnet_v2
from graftwork.applications.convnext import LayerScale, StochasticDepth
from support.scaled_networks import pixels

SMALL = {"include_top": False, "pooling": "avg", "weights": None}


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny"])
def test_whole_models_come_back_from_their_files(name: str, tmp_path: Path) -> None:
    model = getattr(applications, name)(**SMALL)
    wanted = model.predict(pixels(), verbose=0)
    model.save(tmp_path / "whole.keras")
    found = gw.models.load_model(tmp_path / "whole.keras").predict(pixels(), verbose=0)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("room", [efficientnet, efficientnet_v2, convnext])
def test_pictures_are_taken_as_they_are(room: Any) -> None:
    x = pixels()
    assert room.preprocess_input(x) is x
    with pytest.raises(DataError, match="colour pictures"):
        room.preprocess_input(x[..., :1])
    with pytest.raises(ConfigError, match='data_format must be "channels_last" or'):
        room.preprocess_input(x, "channels_middle")


@pytest.mark.parametrize("room", [efficientnet, efficientnet_v2])
def test_pictures_for_torchvisions_weights(room: Any) -> None:
    found = room.preprocess_input(np.full((1, 1, 1, 3), 255.0), variant="torch")
    wanted = (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found[0, 0, 0], wanted, rtol=1e-5)
    with pytest.raises(ConfigError, match="variant must be one of"):
        room.preprocess_input(found, variant="mxnet")


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigError, match="EfficientNetB0: variant must be one of"):
        applications.EfficientNetB0(variant="mxnet", weights=None)
    with pytest.raises(ConfigError, match="EfficientNetV2S: variant must be one of"):
        applications.EfficientNetV2S(variant="mxnet", weights=None)
    with pytest.raises(ConfigError, match="None or one of none for this network; got 'eff"):
        applications.EfficientNetV2B0(variant="torch")  # torchvision publishes S, M and L alone
    with pytest.raises(ShapeError, match="pictures must have at least 32"):
        applications.ConvNeXtTiny(include_top=False, weights=None, input_shape=(31, 64, 3))


def test_layer_scale_scales_channels() -> None:
    layer = LayerScale(0.5, 3)
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    np.testing.assert_array_equal(layer(x).detach(), x / 2)
    layer.set_weights([np.array([1, 2, 3], np.float32)])
    np.testing.assert_array_equal(layer(x).detach(), x * [1, 2, 3])
    assert layer.get_config() == LayerScale.from_config(layer.get_config()).get_config()


def test_stochastic_depth_drops_whole_samples() -> None:
    layer = StochasticDepth(0.25, seed=0)
    x = np.ones((4000, 2, 3), np.float32)
    np.testing.assert_array_equal(layer(x), x)
    y = layer(x, training=True).numpy()
    assert (y == y[:, :1, :1]).all()
    kept = y[:, 0, 0] > 0
    np.testing.assert_allclose(y[kept], 1 / 0.75, rtol=1e-6)
    assert 0.72 < kept.mean() < 0.78
    assert "seed" not in StochasticDepth(0.25).get_config()
    with pytest.raises(ConfigError, match=r"drop_path_rate must lie in \[0, 1\)"):
        StochasticDepth(1.0)

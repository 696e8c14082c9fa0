"""Files that PyTorch and Keras write of their networks, read into ours: the same outputs."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftwork import applications
from support.networks import drawn, picture
from support.scaled_networks import filled

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SQUEEZES: dict[str, tuple[int, int, list[int | None]]] = {
    "SqueezeNet1_0": (96, 7, [None, 16, 16, 32, None, 32, 48, 48, 64, None, 64]),
    "SqueezeNet1_1": (64, 3, [None, 16, 16, None, 32, 32, None, 48, 48, 64, 64]),
}
DEPTHS = {
    "DenseNet121": (6, 12, 24, 16),
    "DenseNet169": (6, 12, 32, 32),
    "DenseNet201": (6, 12, 48, 32),
}


def peers() -> Any:
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        return importlib.import_module("torch_zoo")
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("older", [False, True], ids=["names as in the code", "older names"])
@pytest.mark.parametrize("name", [*SQUEEZES, *DEPTHS])
def test_files_of_pytorch_give_the_numbers_of_pytorch(
    name: str, older: bool, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    zoo = peers()
    torch.manual_seed(0)
    theirs = zoo.SqueezeNet(*SQUEEZES[name]) if name in SQUEEZES else zoo.DenseNet(DEPTHS[name])
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.normal_(module.bias, 0, 0.1)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    theirs.eval()
    state = theirs.state_dict()
    if older:  # "denselayer1.norm.1.weight", as DenseNet's published files have it
        state = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): value
                 for key, value in state.items()}  # fmt: skip
    path = tmp_path / "network.pth"
    torch.save(state, path)
    mine = getattr(applications, name)(weights=path, classifier_activation=None)
    for side in (224, 97):
        x = picture(side, side)
        with torch.no_grad():
            wanted = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
        if side != 224:  # of another size only without an input shape
            mine = getattr(applications, name)(
                weights=path, classifier_activation=None, input_shape=(side, side, 3)
            )
        found = mine.predict(x, verbose=0)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    features = getattr(applications, name)(weights=path, include_top=False, pooling="avg")
    assert len(features.weights) == len(mine.weights) - 2


NAMES = {
    "ResNet50": {}, "ResNet50V2": {}, "DenseNet121": {}, "InceptionV3": {}, "VGG16": {},
    "InceptionResNetV2": {}, "NASNetMobile": {"input_shape": (96, 96, 3)}, "Xception": {},
    "MobileNet": {"alpha": 0.25}, "MobileNetV2": {"alpha": 0.35}, "MobileNetV3Small": {},
    "MobileNetV3Large": {"minimalistic": True},
}  # fmt: skip


def computed(model: Any, x: Any) -> Any:
    found = model(x, training=False)
    return found.detach().cpu().numpy() if hasattr(found, "detach") else np.asarray(found)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["weights.h5", "keras", "h5"])
@pytest.mark.parametrize("name", NAMES)
def test_files_of_keras_give_the_numbers_of_keras(name: str, ending: str, tmp_path: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    if name == "NASNetMobile" and keras.backend.backend() == "torch":
        pytest.skip("Keras has no NASNetMobile on PyTorch")
    settings: Any = {"include_top": False, "pooling": "avg", **NAMES[name]}
    theirs = getattr(keras.applications, name)(weights=None, **settings)
    theirs.set_weights(drawn((one.path, one.shape) for one in theirs.weights))
    path = tmp_path / f"network.{ending}"
    (theirs.save_weights if ending == "weights.h5" else theirs.save)(path)
    x = picture(96, 96)
    wanted = computed(theirs, x)
    mine = getattr(applications, name)(weights=path, **settings)
    found = [mine.predict(x, verbose=0)]
    if ending != "weights.h5":
        found.append(gw.models.load_model(path).predict(x, verbose=0))
    for one in found:
        np.testing.assert_allclose(one, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    mine.save(tmp_path / "ours.keras")
    same = keras.saving.load_model(tmp_path / "ours.keras", compile=False)
    np.testing.assert_allclose(
        computed(same, x), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max()
    )


# Every member of the zoo that Keras has beside those above; V1, V2 and MobileNets by their largest.
LARGER = (
    "ResNet101", "ResNet152", "ResNet101V2", "ResNet152V2", "VGG19", "DenseNet169", "DenseNet201",
    "NASNetLarge", *(f"EfficientNetB{i}" for i in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
)  # fmt: skip


def difference(name: str, folder: Path) -> float:
    """The largest difference of outputs, as a part of the largest output."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    side = 96 if name == "NASNetLarge" else 64
    settings: Any = {"include_top": False, "pooling": "avg", "input_shape": (side, side, 3)}
    theirs = getattr(keras.applications, name)(weights=None, **settings)
    theirs.set_weights(filled([(one.path, one.shape) for one in theirs.weights]))
    theirs.save_weights(folder / "network.weights.h5")
    x = (picture(side, side) + 1) * np.float32(127.5)
    wanted = computed(theirs, x)
    del theirs
    mine = getattr(applications, name)(weights=folder / "network.weights.h5", **settings)
    return float(np.abs(mine.predict(x, verbose=0) - wanted).max() / np.abs(wanted).max())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LARGER)
def test_weights_of_keras_give_the_numbers_of_keras(name: str, tmp_path: Path) -> None:
    assert difference(name, tmp_path) < 1e-4

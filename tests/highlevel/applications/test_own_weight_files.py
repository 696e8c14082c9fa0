"""Weights that networks of the zoo wrote are taken by the same network: form and names are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad import formats
from graftwork import applications
from graftwork.applications import vision_transformer
from support.networks import drawn

# Every family: the arguments that keep it small, the side of its pictures, its forms.
FAMILIES: dict[str, tuple[dict[str, Any], int, tuple[str, ...]]] = {
    "MobileNet": ({"alpha": 0.25}, 32, ("keras", "torch", "timm", "tf")),
    "MobileNetV2": ({"alpha": 0.35}, 32, ("keras", "torch")),
    "MobileNetV3Small": ({"alpha": 0.75}, 32, ("keras", "torch", "timm")),
    "MobileNetV3Large": ({"alpha": 0.75, "minimalistic": True}, 32, ("keras", "torch", "timm")),
    "EfficientNetB0": ({}, 32, ("keras", "torch", "timm", "tf")),
    "EfficientNetV2B0": ({}, 32, ("keras", "torch", "timm", "tf")),
    "ResNet18": ({}, 32, ("",)),
    "ResNet50": ({}, 32, ("keras", "torch")),
    "ResNet50V2": ({}, 32, ("keras", "torch")),
    "ResNet20": ({}, 32, ("",)),
    "VGG11": ({}, 32, ("",)),
    "DenseNet121": ({}, 32, ("",)),
    "InceptionV3": ({}, 75, ("keras", "torch")),
    "InceptionResNetV2": ({}, 75, ("keras", "torch")),
    "Xception": ({}, 75, ("keras", "torch")),
    "NASNetMobile": ({}, 32, ("keras", "torch", "timm")),
    "ConvNeXtTiny": ({}, 32, ("",)),
    "SqueezeNet1_1": ({}, 32, ("",)),
    "ViTB32": ({"pooling": "token"}, 64, ("", "transformers")),
}
ENDINGS = ("pth", "safetensors", "npz", "weights.h5", "keras")
# In the ordinary run: every form whose weights fit another form, in the container it is met in.
QUICK = {"MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "SqueezeNet1_1"}


def cases() -> list[Any]:
    found = []
    for name, (_, _, variants) in FAMILIES.items():
        for variant in variants:
            for ending in ENDINGS:
                quick = (name in QUICK and ending == "pth") or name == "MobileNetV2"
                marks = () if quick else pytest.mark.slow
                found.append(pytest.param(name, variant, ending, marks=marks))
    return found


def make(name: str, **settings: Any) -> Any:
    arguments, side, _ = FAMILIES[name]
    if name == "ResNet20":
        return applications.ResNet20(include_top=False, **settings)
    arguments = {"include_top": False, "pooling": "avg", "input_shape": (side, side, 3),
                 **arguments}  # fmt: skip
    return getattr(applications, name)(**arguments, **settings)


def filled(model: Any) -> Any:
    """Give a network weights under which padding and epsilon of its normalizations count."""
    listed = [(one.path, one.shape) for one in model.weights]
    arrays = drawn(listed, seed=3)
    for array, (path, _) in zip(arrays, listed, strict=True):
        if path.endswith("variance"):
            array[...] = np.abs(array) + 0.05
    model.set_weights(arrays)
    return model


def computed(model: Any, name: str) -> Any:
    side = FAMILIES[name][1]
    x = np.random.default_rng(5).uniform(-2, 100, (2, side, side, 3)).astype("f4")
    found = model.predict(x, verbose=0)
    assert np.isfinite(found).all() and found.std() > 0
    return found


@pytest.mark.parametrize(("name", "variant", "ending"), cases())
def test_a_network_takes_its_own_file(
    name: str, variant: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vision_transformer.SIZES, "B32", (2, 2, 32, "00000000", 0))
    settings = {"variant": variant} if variant not in ("", "transformers") else {}
    mine = filled(make(name, weights=None, **settings))
    if variant == "transformers":
        mine.weights_variant = variant
    path = tmp_path / f"network.{ending}"
    (mine.save if ending == "keras" else mine.save_weights)(path)
    again = make(name, weights=path)
    if variant != "transformers":  # which differs in an epsilon alone
        np.testing.assert_array_equal(computed(again, name), computed(mine, name))
    assert getattr(again, "weights_variant", "") == getattr(mine, "weights_variant", "")


@pytest.mark.parametrize(("name", "variant"), [
    ("MobileNetV2", "torch"), ("MobileNetV3Small", "timm"), ("EfficientNetB0", "tf"),
    ("MobileNet", "tf"), pytest.param("ResNet50V2", "torch", marks=pytest.mark.slow),
])  # fmt: skip
def test_names_tell_the_form_where_nothing_else_does(
    name: str, variant: str, tmp_path: Path
) -> None:
    """Another program may have written the arrays anew, without what we note beside them."""
    for one in ("keras", variant):
        mine = filled(make(name, weights=None, variant=one))
        mine.save_weights(tmp_path / "network.pth")
        with formats.open_weights(tmp_path / "network.pth") as archive:
            assert archive.metadata["variant"] == one
            formats.write_torch(tmp_path / "bare.pth", dict(archive))
        found = make(name, weights=tmp_path / "bare.pth")
        np.testing.assert_array_equal(computed(found, name), computed(mine, name))


def test_in_keras_form_a_network_does_not_pass_for_torchvisions(tmp_path: Path) -> None:
    for variant, first in (("keras", "Conv1.weight"), ("torch", "features.0.0.weight")):
        make("MobileNetV2", weights=None, variant=variant).save_weights(tmp_path / "a.pth")
        with formats.open_weights(tmp_path / "a.pth") as archive:
            assert next(iter(archive)) == first


def test_a_whole_model_remembers_its_form(tmp_path: Path) -> None:
    mine = filled(make("MobileNetV2", weights=None, variant="torch"))
    mine.save(tmp_path / "whole.keras")
    same = gw.models.load_model(tmp_path / "whole.keras")
    for model in (same, gw.models.clone_model(same)):
        model.set_weights(mine.get_weights())
        model.save_weights(tmp_path / "weights.pth")
        found = make("MobileNetV2", weights=tmp_path / "weights.pth")
        np.testing.assert_array_equal(computed(found, "MobileNetV2"), computed(mine, "MobileNetV2"))


def test_the_form_that_is_asked_for_is_built(tmp_path: Path) -> None:
    make("MobileNetV2", weights=None).save_weights(tmp_path / "a.pth")
    asked = make("MobileNetV2", weights=tmp_path / "a.pth", variant="torch")
    assert asked.weights_variant == "torch" and asked.get_layer("bn_Conv1").epsilon == 1e-5


@pytest.mark.parametrize("ending", ["pth", "safetensors", "npz"])
@pytest.mark.parametrize("name", [
    "EfficientNetB0", pytest.param("InceptionV3", marks=pytest.mark.slow),
])  # fmt: skip
def test_counted_names_are_matched_by_their_order(name: str, ending: str, tmp_path: Path) -> None:
    """Layers without a name are counted through a process: "normalization_1", "conv2d_94"."""
    mine = filled(make(name, weights=None))
    mine.save_weights(tmp_path / f"a.{ending}")
    other = filled(make(name, weights=None))
    assert mine.weights[0].path != other.weights[0].path
    other.set_weights([one * 0 for one in other.get_weights()])
    report = other.load_weights(tmp_path / f"a.{ending}")
    assert not report.missing and not report.unexpected
    np.testing.assert_array_equal(computed(other, name), computed(mine, name))
    whole = applications.EfficientNetB0(weights=None, classes=7) if ending == "pth" else None
    if whole is not None and name == "EfficientNetB0":  # and where another head is kept
        report = whole.load_weights(tmp_path / "a.pth", strict=False)
        assert len(report.missing) == 2 and len(report.loaded) == len(mine.weights)

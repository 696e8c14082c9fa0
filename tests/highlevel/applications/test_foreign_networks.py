"""Networks of torchvision, timm and Hugging Face: their names and weights, their outputs."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError
from graftwork import applications
from support.foreign_networks import filled
from support.networks import picture, shown

GOLDEN = Path(__file__).parent / "golden" / "foreign.json.gz"
QUICK = {
    ("timm", "MobileNetV2"), ("torchvision", "MobileNetV3Small"), ("timm", "MobileNetV3Small"),
    ("Hugging Face", "MobileNetV2"), ("timm", "EfficientNetB0"),
    ("Hugging Face", "EfficientNetB0"), ("timm, TensorFlow's weights", "EfficientNetB0"),
    ("timm", "Xception"), ("timm", "ResNet50V2"), ("timm", "MobileNet"),
    ("Hugging Face", "MobileNet"),
}  # fmt: skip


@cache
def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress(GOLDEN.read_bytes()))["cases"]
    return found


def marked(case: dict[str, Any]) -> Any:
    quick = (case["whose"], case["network"]) in QUICK
    return pytest.param(case, id=f"{case['whose']}: {case['network']}",
                        marks=() if quick else pytest.mark.slow)  # fmt: skip


def written(case: dict[str, Any], path: Path) -> Path:
    formats.write_torch(path, {name: filled(name, shape) for name, shape in case["weights"]})
    return path


@pytest.mark.parametrize("case", [marked(case) for case in cases()])
def test_their_files_give_their_numbers(case: dict[str, Any], tmp_path: Path) -> None:
    side = case["side"]
    made: Any = getattr(applications, case["network"])(
        weights=written(case, tmp_path / "network.pth"), classifier_activation=None,
        input_shape=(side, side, 3), **case["settings"],
    )  # fmt: skip
    found = shown(made.predict(picture(side, side), verbose=0))
    wanted = np.array(case["output"], np.float32)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * float(np.abs(wanted).max()))


def of(whose: str, network: str) -> dict[str, Any]:
    (found,) = (one for one in cases() if (one["whose"], one["network"]) == (whose, network))
    return found


def test_the_form_changes_the_numbers(tmp_path: Path) -> None:
    """Else the comparisons above would not tell whose padding and epsilon were taken."""
    case = of("timm", "EfficientNetB0")
    path = written(case, tmp_path / "network.pth")
    found = {}
    for variant in ("timm", "tf"):
        model = applications.EfficientNetB0(
            weights=path, classifier_activation=None, input_shape=(64, 64, 3), variant=variant
        )
        found[variant] = model.predict(picture(64, 64), verbose=0)
    scale = float(np.abs(found["timm"]).max())
    assert float(np.abs(found["timm"] - found["tf"]).max()) > 2e-3 * scale


@pytest.mark.parametrize(
    ("network", "known"),
    [
        ("EfficientNetB0", "keras', 'torch', 'timm', 'tf"), ("EfficientNetV2S", "'timm', 'tf'"),
        ("MobileNetV2", "'keras', 'torch'"), ("MobileNetV3Small", "'torch', 'timm'"),
        ("InceptionV3", "'keras', 'torch'"), ("Xception", "'keras', 'torch'"),
        ("InceptionResNetV2", "'keras', 'torch'"), ("ResNet101V2", "'keras', 'torch'"),
        ("NASNetLarge", "'keras', 'torch', 'timm'"), ("MobileNet", "'torch', 'timm', 'tf'"),
    ],
)  # fmt: skip
def test_the_form_is_checked(network: str, known: str) -> None:
    with pytest.raises(ConfigError, match=f"{network}: variant must be one of .*{known}"):
        getattr(applications, network)(weights=None, variant="mxnet")


@pytest.mark.parametrize("network", [
    "MobileNetV2", "MobileNetV3Small", "InceptionV3", "Xception", "InceptionResNetV2", "ResNet50V2",
    "NASNetMobile", "MobileNet",
])  # fmt: skip
def test_nobody_publishes_the_other_form_under_imagenet(network: str) -> None:
    with pytest.raises(ConfigError, match=r"weights must be a file or None with variant="):
        getattr(applications, network)(variant="torch")


def test_a_name_that_is_near_is_suggested(tmp_path: Path) -> None:
    case = of("timm", "MobileNetV2")
    path = tmp_path / "network.pth"
    formats.write_torch(path, {
        name.replace("blocks.3.1.conv_pwl", "blocks.3.1.conv_pwI"): filled(name, shape)
        for name, shape in case["weights"]
    })  # fmt: skip
    with pytest.raises(FormatError, match=r"block_7_project/kernel.*conv_pwI"):
        applications.MobileNetV2(weights=path)

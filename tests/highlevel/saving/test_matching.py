"""Weights matched in order, by rules and by the names of other zoos; weights in several files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError
from graftwork import layers
from graftwork.applications import resnet
from graftwork.models import Sequential
from graftwork.saving import names

RANDOM = np.random.default_rng(3)


def network() -> Any:
    return Sequential([
        layers.Input((8, 8, 3)),
        layers.Conv2D(4, 3, name="conv"),
        layers.BatchNormalization(name="bn"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, name="fc"),
    ])  # fmt: skip


FOREIGN = {
    "enc.0.proj.weight": (4, 3, 3, 3), "enc.0.proj.bias": (4,), "enc.0.nrm.weight": (4,),
    "enc.0.nrm.bias": (4,), "enc.0.nrm.running_mean": (4,), "enc.0.nrm.running_var": (4,),
    "enc.0.nrm.num_batches_tracked": (), "head.weight": (5, 4), "head.bias": (5,),
}  # fmt: skip


def foreign(path: Path) -> dict[str, Any]:
    arrays = {name: RANDOM.standard_normal(shape).astype("f4") for name, shape in FOREIGN.items()}
    formats.write_torch(path, arrays)
    return arrays


def check(model: Any, arrays: dict[str, Any], report: Any) -> None:
    kernel = arrays["enc.0.proj.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.layers[0].kernel.detach().numpy(), kernel)
    np.testing.assert_array_equal(model.layers[-1].kernel.detach().numpy(), arrays["head.weight"].T)
    np.testing.assert_array_equal(
        model.layers[1].moving_variance.numpy(), arrays["enc.0.nrm.running_var"]
    )
    assert len(report.loaded) == 8
    assert report.transposed == ["conv/kernel", "fc/kernel"]
    assert "transposed  conv/kernel" in str(report)


@pytest.mark.parametrize(
    "match",
    [
        "order",
        {"enc.0.proj": "conv", "enc.0.nrm": "bn", "head": "fc"},
        {"enc.*.proj": "conv", "*.*.nrm": "bn", "head.weight": "fc/kernel", "head.bias": "fc/bias"},
    ],
)
def test_foreign_names(match: Any, tmp_path: Path) -> None:
    arrays = foreign(tmp_path / "x.pth")
    model = network()
    check(model, arrays, model.load_weights(tmp_path / "x.pth", match=match))


def test_nothing_has_changed_where_names_differ(tmp_path: Path) -> None:
    foreign(tmp_path / "x.pth")
    model = network()
    before = [weight.detach().numpy().copy() for weight in model.weights]
    with pytest.raises(FormatError, match="none of which fits"):
        model.load_weights(tmp_path / "x.pth")
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.detach().numpy(), old)


def test_refusals(tmp_path: Path) -> None:
    foreign(tmp_path / "x.pth")
    model = network()
    for match, words in (
        ("best", "match must be one of ('auto', 'name', 'order'), or rules"),
        ({"a": 3}, "rules must be names -> paths"),
        ({"a": "b/*"}, "a path must not have more * than the name"),
    ):
        with pytest.raises(ConfigError) as error:
            model.load_weights(tmp_path / "x.pth", match=match)
        assert words in str(error.value)
    small = Sequential([layers.Input((4,)), layers.Dense(5)])
    with pytest.raises(FormatError, match="as many weights as the model has; got model=2, file=8"):
        small.load_weights(tmp_path / "x.pth", match="order")


def test_hugging_face_names_of_residual_networks(tmp_path: Path) -> None:
    """Names as `transformers` 4 writes them for ResNetForImageClassification."""
    model = resnet.ResNet18(classes=3)
    arrays = {}
    for place in names.places(model):
        theirs = place.torch[0]
        for ours, their in (("layer1", "0"), ("layer2", "1"), ("layer3", "2"), ("layer4", "3")):
            theirs = theirs.replace(f"{ours}.", f"resnet.encoder.stages.{their}.layers.")
        theirs = theirs.replace("downsample.0", "shortcut.convolution")
        theirs = theirs.replace("downsample.1", "shortcut.normalization")
        if theirs.startswith("resnet"):
            for part in (1, 2):
                theirs = theirs.replace(f".conv{part}.", f".layer.{part - 1}.convolution.")
                theirs = theirs.replace(f".bn{part}.", f".layer.{part - 1}.normalization.")
        theirs = theirs.replace("fc.", "classifier.1.")
        for ours, their in (("conv1.", "convolution."), ("bn1.", "normalization.")):
            if theirs.startswith(ours):
                theirs = theirs.replace(ours, f"resnet.embedder.embedder.{their}")
        value = RANDOM.standard_normal(place.weight.shape).astype("f4")
        arrays[theirs] = value if place.axes is None else place.axes.outward(value)
    assert "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight" in arrays
    formats.write_safetensors(tmp_path / "model.safetensors", arrays)
    report = model.load_weights(tmp_path / "model.safetensors")
    assert len(report.loaded) == len(arrays) == len(names.places(model))
    got = names.places(model)[0].weight.detach().numpy()
    want = arrays["resnet.embedder.embedder.convolution.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("beside", [(), ("criterion.weight",), ("head.0.weight", "head.0.bias")])
@pytest.mark.parametrize("prefix", ["model.", "backbone.", "0."])
def test_a_network_under_one_name_is_found(
    prefix: str, beside: tuple[str, ...], tmp_path: Path
) -> None:
    model, other = network(), network()
    model.save_weights(tmp_path / "plain.pth")
    with formats.open_weights(tmp_path / "plain.pth") as archive:
        held = {f"{prefix}{name}": np.array(archive[name]) for name in archive}
    formats.write_torch(tmp_path / "inside.pth", held | dict.fromkeys(beside, np.zeros(3, "f4")))
    report = other.load_weights(tmp_path / "inside.pth")
    assert len(report.loaded) == 8 and report.unexpected == list(beside)
    assert report.loaded["conv/kernel"] == f"{prefix}0.weight"
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), two.detach().numpy())


def test_weights_of_keras_in_several_files(tmp_path: Path) -> None:
    model, other = network(), network()
    model.save_weights(tmp_path / "whole.weights.h5")
    with formats.open_weights(tmp_path / "whole.weights.h5") as archive:
        held = {name: np.array(archive[name]) for name in archive}
    listed: dict[str, list[str]] = {}
    for i, (name, array) in enumerate(held.items()):
        file = f"m_{i:05}.weights.h5"
        formats.write_tree(tmp_path / file, {name: array})
        listed.setdefault(f"/{name.rpartition('/')[0]}", []).append(file)
    (tmp_path / "m.weights.json").write_text(json.dumps({"weight_map": listed}))
    assert len(other.load_weights(tmp_path / "m.weights.json").loaded) == 8
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), two.detach().numpy())


@pytest.mark.interop
@pytest.mark.filterwarnings("ignore")
def test_what_keras_splits_is_read(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    listed = [keras.layers.Dense(700, name="a"), keras.layers.Dense(300, name="b")]
    theirs = keras.Sequential([keras.Input((400,)), *listed])
    theirs.save_weights(tmp_path / "m.weights.json", max_shard_size=0.0012)
    assert len(list(tmp_path.glob("*.h5"))) > 1
    mine = Sequential([layers.Input((400,)), layers.Dense(700), layers.Dense(300)])
    mine.load_weights(tmp_path / "m.weights.json")
    x = RANDOM.standard_normal((3, 400)).astype("f4")
    want = keras.ops.convert_to_numpy(theirs(x))
    np.testing.assert_allclose(mine(x).detach().numpy(), want, rtol=1e-4, atol=1e-4)

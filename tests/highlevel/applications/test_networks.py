"""The networks themselves: their size, their names, their heads, and what saving keeps of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import ops
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork import layers
from graftwork.applications import MobileNet, ResNet18, ResNet20, ResNet50, mobilenet, resnet
from graftwork.applications.pixels import preprocess
from graftwork.applications.resnet import ResNet


def parameters(model: gw.Model) -> int:
    return sum(weight.size for weight in model.parameters())


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: ResNet18(), 11_689_512),  # torchvision's documentation
        (lambda: ResNet50(weights=None, variant="torch"), 25_557_032),  # the same
        (lambda: MobileNet(weights=None), 4_253_864 - 21_888),  # Keras' summary less statistics
        (lambda: ResNet20(), 269_722),  # the author's table: 0.27 M
    ],
    ids=["ResNet18", "ResNet50", "MobileNet", "ResNet20"],
)
def test_networks_have_the_published_number_of_parameters(make: Any, count: int) -> None:
    assert parameters(make()) == count


def small() -> ResNet:
    return ResNet("basic", (1, 1, 1, 1), classes=5, input_shape=(64, 64, 3), name="small")


def test_a_new_head_is_built_for_the_place_of_the_old_one() -> None:
    model = small()
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = layers.Dense(10)
    assert model.fc.kernel.shape == (512, 10)
    assert [path for path, p in model.named_parameters() if p.requires_grad] == [
        "fc/kernel",
        "fc/bias",
    ]
    assert model(np.zeros((2, 64, 64, 3), "float32")).shape == (2, 10)


def test_pytorchs_idiom_trains_the_head_and_nothing_else() -> None:
    gw.set_random_seed(0)
    model = small()
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = layers.Dense(3)
    before = {path: weight.numpy() for path, weight in model.named_weights()}
    optimizer = graftgrad.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9, weight_decay=1e-2)
    x = np.random.default_rng(0).normal(size=(6, 64, 64, 3)).astype("float32")
    y = graftgrad.tensor([0, 1, 2, 0, 1, 2])
    losses = []
    for _ in range(5):
        loss = ops.cross_entropy(model(x, training=True), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    moved = {
        path for path, w in model.named_weights() if not np.array_equal(w.numpy(), before[path])
    }
    assert moved == {"fc/kernel", "fc/bias"}


def test_a_frozen_network_leaves_no_node_and_keeps_nothing() -> None:
    model = small()
    model.trainable = False
    model.fc = layers.Dense(3)
    loss = model(np.ones((2, 64, 64, 3), "float32"), training=True).sum()
    waiting, seen, kept = [loss.grad_fn], set(), []
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen or not hasattr(node, "kept_arrays"):
            continue
        seen.add(id(node))
        kept += [array.shape for _, array in node.kept_arrays()]
        waiting += [parent for parent, _ in node.next_functions]
    assert kept == [(2, 512)]  # the input of the head, for the gradient of its kernel
    assert len(seen) <= 3  # sum, bias, product


def test_a_network_with_a_new_head_is_saved_and_loaded(tmp_path: Path) -> None:
    model = small()
    model.trainable = False
    model.fc = layers.Dense(7, activation="softmax")
    x = np.random.default_rng(1).normal(size=(2, 64, 64, 3)).astype("float32")
    model.save(tmp_path / "network.keras")
    same = gw.models.load_model(tmp_path / "network.keras")
    assert np.array_equal(model.predict(x, verbose=0), same.predict(x, verbose=0))
    assert [p for p, w in same.named_parameters() if w.requires_grad] == ["fc/kernel", "fc/bias"]


def test_torch_names_and_axes_survive_a_round_trip(tmp_path: Path) -> None:
    model, other = small(), small()
    model.save_weights(tmp_path / "network.pth")
    report = other.load_weights(tmp_path / "network.pth")
    assert not report.missing and not report.unexpected
    for (path, mine), (_, theirs) in zip(model.named_weights(), other.named_weights(), strict=True):
        assert np.array_equal(mine.numpy(), theirs.numpy()), path


def test_a_head_of_another_size_is_refused_and_nothing_is_loaded(tmp_path: Path) -> None:
    small().save_weights(tmp_path / "five.pth")
    model = ResNet("basic", (1, 1, 1, 1), classes=9, input_shape=(64, 64, 3))
    before = model.get_weights()
    with pytest.raises(ShapeError, match=r"fc/kernel.*\(512, 9\) but .*fc.weight.* \(5, 512\)"):
        model.load_weights(tmp_path / "five.pth")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_mobilenet_offers_features_maps_and_classes() -> None:
    shape = (64, 64, 3)
    x = np.zeros((2, *shape), "float32")
    for pooling, wanted in ((None, (2, 2, 2, 256)), ("avg", (2, 256)), ("max", (2, 256))):
        features = MobileNet(shape, 0.25, include_top=False, weights=None, pooling=pooling)
        assert features(x).shape == wanted
    assert MobileNet(shape, 0.25, weights=None, classes=7)(x).shape == (2, 7)
    assert MobileNet(shape, 0.25, weights=None, classes=7, variant="torch")(x).shape == (2, 7)


def test_a_file_of_another_width_says_what_it_was_made_with(tmp_path: Path) -> None:
    narrow = MobileNet((32, 32, 3), 0.25, weights=None, classes=7)
    narrow.save_weights(tmp_path / "narrow.weights.h5")
    with pytest.raises(ShapeError) as caught:
        MobileNet((32, 32, 3), 0.5, classes=7, weights=tmp_path / "narrow.weights.h5")
    told = "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "must be those the file was made with; got alpha=0.5, depth_multiplier=1" in told


@pytest.mark.parametrize("prepare", [mobilenet.preprocess_input, resnet.preprocess_input])
def test_only_arrays_of_colour_pictures_are_prepared(prepare: Any) -> None:
    with pytest.raises(DataError, match=r"x='list', shape=None\. Lists and pictures"):
        prepare([[1, 2, 3]])
    with pytest.raises(DataError, match=r"shape=\(2, 4, 4, 1\)\. Read grey pictures"):
        prepare(np.zeros((2, 4, 4, 1)))
    assert prepare(np.zeros((4, 4, 3), "uint8")).dtype == "float32"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pooling": "sum"}, 'pooling must be None, "avg" or "max"; got pooling=\'sum\''),
        ({"variant": "caffe"}, "variant must be one of"),
        ({"weights": "nowhere.h5"}, "weights must be a file, None or one of"),
        ({"weights": 3}, "weights must be a path"),
        ({"alpha": 0}, "alpha must be positive"),
        ({"alpha": 0.3, "weights": "imagenet"}, r"alpha must be one of \(0.25, 0.5, 0.75, 1.0\)"),
        ({"variant": "torch", "weights": "imagenet"}, "must be a file or None with variant"),
    ],
)
def test_mobilenet_names_what_it_does_not_understand(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        MobileNet(**{"weights": None, **settings})


@pytest.mark.parametrize("custom", ["tf", "torch", "caffe"])
@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_pictures_are_prepared_within_a_functional_model(custom: str, order: str) -> None:
    shape = (4, 5, 3) if order == "channels_last" else (3, 4, 5)
    x = np.random.default_rng(0).integers(0, 256, (2, *shape), "uint8")
    inputs = layers.Input(shape, dtype="uint8")
    model = gw.Model(inputs, preprocess(inputs, custom, order))
    wanted = preprocess(x, custom, order)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-5)
    again = gw.Model.from_config(model.get_config())
    np.testing.assert_allclose(again.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-5)

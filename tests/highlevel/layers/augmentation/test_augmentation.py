"""Layers that change pictures at random: what they do, how they draw, where they run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftgrad.plan import captured
from graftwork import layers
from graftwork.layers import augmentation
from support.golden import GoldenCase, cases
from support.layer_checks import check_layer

ELSEWHERE = {"CenterCrop", "ContrastLimitedAdaptiveHistogramEqualization", "MaxNumBoundingBoxes",
             "Pipeline", "RandomCrop", "Resizing"}  # fmt: skip
KINDS = [name for name in augmentation.__all__ if name not in ELSEWHERE]
SETTINGS: dict[str, dict[str, Any]] = {
    "RandomRotation": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": (-0.1, 0.3)},
    "RandomZoom": {"height_factor": 0.3},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "RandomColorJitter": {"brightness_factor": 0.3, "contrast_factor": 0.2,
                          "saturation_factor": (0.4, 0.6), "hue_factor": 0.3},
    "RandomPosterization": {"factor": (2, 6)},
    "Solarization": {"addition_factor": 0.2, "threshold_factor": 0.7},
}  # fmt: skip
ALWAYS = {"AutoContrast", "Equalization"}  # nothing is drawn
EAGER = {"RandAugment", "AugMix"}  # what is drawn decides what runs
NEEDS = {"RandomBrightness", "RandomContrast", "RandomSaturation", "RandomHue", "RandomSharpness",
         "RandomColorDegeneration"}  # fmt: skip
X = np.random.default_rng(1).integers(0, 256, (8, 9, 8, 3)).astype("uint8")


def made(name: str, **more: Any) -> Any:
    settings = SETTINGS.get(name, {"factor": 0.4} if name in NEEDS else {})
    seeds = {} if name in ALWAYS else {"seed": 3}
    return getattr(layers, name)(**{**settings, **seeds, **more})


def given(case: GoldenCase) -> Any:
    drawn = {name: graftgrad.tensor(one) for name, one in case.group("drawn").items()}
    return drawn.get("whole", drawn)


DRAWN = EAGER | {"RandomColorJitter", "RandomElasticTransform"}  # made of others, or of noise


@pytest.mark.parametrize(
    "case", cases("augmentation", *[name for name in KINDS if name not in DRAWN]), ids=str
)
def test_a_transformation_does_what_it_does_in_keras(case: GoldenCase) -> None:
    layer = getattr(layers, case.class_name)(**case.settings, dtype="float64")
    found = layer.transform_images(case["input"], given(case)).numpy()
    np.testing.assert_allclose(found, case["output"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_layouts_element_types_and_seeds(name: str) -> None:
    y = made(name)(X)
    assert y.shape == X.shape
    assert y.dtype == "float32"
    assert float(y.min()) >= -1e-3
    assert float(y.max()) <= 255.001
    np.testing.assert_array_equal(made(name)(X).numpy(), y.numpy())
    first = made(name, data_format="channels_first")
    found = first(np.ascontiguousarray(np.moveaxis(X, -1, 1))).numpy()
    if name != "RandomErasing":  # its noise is drawn in the order of the axes
        np.testing.assert_allclose(np.moveaxis(found, 1, -1), y.numpy(), atol=2e-3)
    assert first(np.moveaxis(X[0], -1, 0)).shape == (3, 9, 8)
    assert made(name)(X[0]).shape == X.shape[1:]


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ALWAYS])
def test_each_call_draws_anew_and_inference_draws_nothing(name: str) -> None:
    layer = made(name)
    drawn = [layer(X).numpy() for _ in range(4)]
    assert any(not np.array_equal(drawn[0], one) for one in drawn[1:])
    state = layer.generator.state.numpy()
    np.testing.assert_array_equal(layer(X, training=False).numpy(), X)
    np.testing.assert_array_equal(layer.generator.state.numpy(), state)
    layer.trainable = False
    np.testing.assert_array_equal(layer(X, training=True).numpy(), X)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in EAGER])
def test_recorded_steps_draw_as_eager_ones(name: str) -> None:
    eager, layer = made(name), made(name)
    step = captured(lambda x: layer(x, training=True))
    for _ in range(4):
        x = graftgrad.tensor(X, "float32")
        np.testing.assert_array_equal(step(x).numpy(), eager(x, training=True).numpy())
    assert step.replayed > 0, step.report(timed=False)


@pytest.mark.parametrize("name", KINDS)
def test_a_configuration_makes_the_same_layer(name: str) -> None:
    layer = made(name)
    told = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(told)
    assert json.loads(json.dumps(again.get_config())) == told
    np.testing.assert_array_equal(again(X).numpy(), layer(X).numpy())


def test_every_promise_of_a_layer() -> None:
    for name in ("RandomFlip", "RandomRotation", "RandomContrast", "RandomErasing", "CutMix"):
        check_layer(lambda name=name: made(name), (4, 6, 5, 3))  # type: ignore[misc]


class TestWhatIsDrawn:
    """Shares and ranges over many pictures."""

    many = graftgrad.zeros(4000, 2, 2, 3)

    def test_half_of_the_pictures_is_flipped(self) -> None:
        flips = made("RandomFlip").get_random_transformation(self.many)["flips"].numpy()
        assert abs(flips.mean() - 0.5) < 0.03

    @pytest.mark.parametrize(
        ("name", "settings", "key", "low", "high"),
        [
            ("RandomRotation", {"factor": 0.1}, "angle", -36, 36),
            ("RandomZoom", {"height_factor": (-0.2, 0.4)}, "height_zoom", 0.8, 1.4),
            ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, "translations",
             -1, 1),
            ("RandomBrightness", {"factor": 0.2}, "rgb_delta", -51, 51),
            ("RandomContrast", {"factor": (0.3, 0.5)}, "contrast_factor", 0.7, 1.5),
            ("RandomHue", {"factor": 0.5}, "factor", -0.25, 0.25),
            ("Solarization", {"addition_factor": (0.2, 0.4)}, "additions", 51, 102),
        ],
    )  # fmt: skip
    def test_ranges(self, name: str, settings: Any, key: str, low: float, high: float) -> None:
        layer = getattr(layers, name)(**settings, seed=1)
        drawn = layer.get_random_transformation(self.many)[key].numpy()
        assert low <= drawn.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < drawn.max() <= high
        assert abs(drawn.mean() - (low + high) / 2) < 0.03 * (high - low)

    def test_shares_of_mixed_pictures(self) -> None:
        share = made("MixUp", alpha=0.5).get_random_transformation(self.many)["mix_weight"].numpy()
        assert abs(share.mean() - 0.5) < 0.03
        assert abs(share.var() - 0.125) < 0.01  # 1 / (4 · (2α + 1))
        cut = layers.CutMix((1.0, 1.0), seed=2).get_random_transformation(self.many)["mix_weight"]
        assert abs(cut.numpy().mean() - 0.5) < 0.03
        assert abs(cut.numpy().var() - 1 / 12) < 0.01

    def test_some_pictures_are_inverted_by_probability(self) -> None:
        drawn = layers.RandomInvert((0.25, 0.25), seed=1).get_random_transformation(self.many)
        assert abs(drawn["apply_inversion"].numpy().mean() - 0.25) < 0.03


def test_labels_and_masks_go_along() -> None:
    labels = np.eye(8, dtype="float32")
    for name in ("MixUp", "CutMix"):
        found = made(name)({"images": X, "labels": labels})
        np.testing.assert_allclose(found["labels"].numpy().sum(1), 1, rtol=1e-5)
        assert not np.array_equal(found["labels"].numpy(), labels)
    cut = layers.CutMix(seed=5)(
        {"images": np.arange(8.0).reshape(8, 1, 1, 1) * np.ones((8, 20, 20, 1)), "labels": labels}
    )
    kept = (cut["images"].numpy() == np.arange(8.0).reshape(8, 1, 1, 1)).mean((1, 2, 3))
    own = np.diag(cut["labels"].numpy())
    assert np.abs(kept - own).max() < 0.08
    masks = X[..., :1]
    for name in ("RandomFlip", "RandomRotation", "RandomPerspective", "RandAugment"):
        found = made(name)({"images": np.repeat(masks, 3, -1), "segmentation_masks": masks})
        assert found["segmentation_masks"].shape == masks.shape
    turned = layers.RandomFlip(seed=1)({"images": X, "segmentation_masks": masks})
    np.testing.assert_array_equal(
        turned["images"].numpy()[..., :1], turned["segmentation_masks"].numpy()
    )
    bright = made("RandomBrightness")({"images": X, "segmentation_masks": masks, "labels": labels})
    np.testing.assert_array_equal(bright["segmentation_masks"].numpy(), masks)
    np.testing.assert_array_equal(bright["labels"].numpy(), labels)


class Framed(layers.RandomBrightness):
    """A user's own: a class that overrides the hooks."""

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return 7.0 if training else None

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return images + transformation if training else images

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return labels * 2


def test_classes_of_ones_own_override_the_hooks() -> None:
    layer = Framed(0.1)
    found = layer({"images": X.astype("float32"), "labels": np.ones(8, "float32")})
    np.testing.assert_array_equal(found["images"].numpy(), X.astype("float32") + 7)
    np.testing.assert_array_equal(found["labels"].numpy(), np.full(8, 2, "float32"))


def network() -> Any:
    model = gw.Sequential([
        gw.Input((9, 8, 3)), layers.RandomFlip("horizontal", seed=1),
        layers.RandomRotation(0.1, seed=2), layers.Rescaling(1 / 255), layers.Flatten(),
        layers.Dense(2),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    return model


def test_fit_draws_predict_does_not_and_files_keep_all(tmp_path: Path) -> None:
    model = network()
    y = np.random.default_rng(2).normal(size=(8, 2)).astype("float32")
    before = model.layers[0].generator.state.numpy()
    model.fit(X, y, batch_size=4, epochs=3, verbose=0)
    assert model.layers[0].generator.state.numpy()[1] == before[1] + 6
    quiet = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), quiet)
    model.save(tmp_path / "model.keras")
    again = gw.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), quiet, rtol=1e-6)
    np.testing.assert_array_equal(
        again.layers[0].generator.state.numpy(), model.layers[0].generator.state.numpy()
    )
    drawn = [one.layers[0](X, training=True).numpy() for one in (model, again)]
    np.testing.assert_array_equal(*drawn)


def test_fit_with_a_drawn_choice_stays_eager_and_trains() -> None:
    model = gw.Sequential([gw.Input((9, 8, 3)), layers.RandAugment(seed=1), layers.Flatten(),
                           layers.Dense(1)])  # fmt: skip
    model.compile(gw.optimizers.SGD(1e-8), "mse")
    state = model.layers[0].generator.state.numpy()[1]
    model.fit(X, np.zeros((8, 1)), batch_size=4, epochs=3, verbose=0)
    assert model.layers[0].generator.state.numpy()[1] >= state + 6


def test_in_a_data_set() -> None:
    changed = layers.Pipeline([layers.RandomFlip(seed=1), layers.RandomContrast(0.5, seed=2)])
    data = gw.data.Dataset.from_arrays(X, np.arange(8), batch_size=4)
    ready = data.map(lambda x, y: (changed(x).numpy(), y))
    first, second = (np.concatenate([x for x, _ in ready]) for _ in range(2))
    assert first.shape == X.shape
    assert not np.array_equal(first, second)
    told = json.loads(json.dumps(changed.get_config()))
    again = layers.Pipeline.from_config(told)
    assert [type(one).__name__ for one in again.layers] == ["RandomFlip", "RandomContrast"]
    np.testing.assert_array_equal(changed(X, training=False).numpy(), X)


def test_constant_pictures_survive() -> None:
    flat = np.full((2, 4, 4, 3), 9.0, "float32")
    for layer in (layers.AutoContrast(), layers.Equalization()):
        np.testing.assert_array_equal(layer(flat).numpy(), flat)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.RandomRotation(2.0), "factor must be a number or two, from -1 to 1"),
        (lambda: layers.RandomRotation((0.1, 0.2, 0.3)), "factor must be a number or two"),
        (lambda: layers.RandomZoom(-1.0, (-1.0, 0.0)), "must be larger than -1"),
        (lambda: layers.RandomBrightness(0.1, (3, 3)), "value_range must be two different"),
        (lambda: layers.RandomFlip("diagonal"), "mode must be one of"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "must be one odd number or two"),
        (lambda: layers.MixUp(0.0), "alpha must be positive"),
        (lambda: layers.AugMix(alpha=0.0), "alpha must be positive"),
        (lambda: layers.Equalization(bins=1), "bins must be at least 2"),
        (lambda: layers.Pipeline([3]), "layers"),
        (lambda: layers.RandomFlip()({"images": X, "boxes": X}), "a dictionary may hold images"),
    ],
)
def test_what_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_what_is_no_picture() -> None:
    with pytest.raises(ShapeError, match="images must have 3 axes, or 4"):
        layers.RandomFlip()(np.zeros((3, 3), "float32"))

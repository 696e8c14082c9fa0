"""ops.image on values and on symbols: models of them are trained, replayed, written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork.ops import image
from support.recorded import same_training

DRAW = np.random.default_rng(0)
X = DRAW.uniform(0, 1, (6, 9, 8, 3)).astype("float32")


def seen(x: Any) -> Any:
    """Several functions of images, one after the other."""
    y = image.resize(image.gaussian_blur(x, (3, 3), (0.8, 0.8)), (6, 6))
    y = image.affine_transform(y, [1, 0, 0.5, 0, 1, -0.5, 0, 0], fill_mode="reflect")
    y = image.crop_images(image.hsv_to_rgb(image.rgb_to_hsv(y)), 1, 1, target_height=4,
                          target_width=4)  # fmt: skip
    return image.extract_patches(image.pad_images(y, 1, 1, 1, 1), 3)


def model() -> Any:
    """A network over them."""
    gw.set_random_seed(1)
    x = gw.Input((9, 8, 3))
    return gw.Model(x, gw.layers.Dense(2)(gw.layers.Flatten()(seen(gw.layers.Dense(3)(x)))))


def test_a_model_computes_what_the_functions_compute(tmp_path: Path) -> None:
    x = gw.Input((9, 8, 3))
    made = gw.Model(x, seen(x))
    assert made.output.shape == (None, 2, 2, 27)
    wanted = seen(gw.ops.convert_to_tensor(X)).numpy()
    np.testing.assert_allclose(made.predict(X, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    made.save(tmp_path / "m.keras")
    again = gw.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), made.predict(X, verbose=0))


def test_two_images_as_symbols() -> None:
    a, b = gw.Input((9, 8, 3)), gw.Input((9, 8, 3))
    made = gw.Model([a, b], image.ssim(a, b, filter_size=5))
    found = made.predict([X, X], verbose=0)
    assert made.output.shape == (None,)
    np.testing.assert_allclose(found, np.ones(6), rtol=1e-5)
    assert made.predict([X, 1 - X], verbose=0).max() < 0.5


def test_training_is_recorded_with_the_same_bits() -> None:
    same_training(model, X, DRAW.standard_normal((6, 2)).astype("float32"))


def test_bytes_are_compared_in_floating_point() -> None:
    bytes_ = (X * 255).astype("uint8")
    assert image.ssim(bytes_, bytes_, max_val=255, filter_size=7).tolist() == [1] * 6


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="ssim: filter_size must be a positive odd number; got"):
        image.ssim(X, X, filter_size=4)
    with pytest.raises(ShapeError, match="ssim: images must hold a window; got"):
        image.ssim(X, X)
    with pytest.raises(ShapeError, match="ssim: images must have one shape; got"):
        image.ssim(X, X[:, :8], filter_size=3)
    with pytest.raises(ConfigError, match="resize: size must be rows and columns; got"):
        gw.preprocessing.image.smart_resize(X, (3,))


def test_smart_resize_gives_back_what_it_was_given() -> None:
    resize = gw.preprocessing.image.smart_resize
    found = resize(X, (3, 6))
    assert isinstance(found, np.ndarray)
    assert found.shape == (6, 3, 6, 3)
    tensor = resize(gw.ops.convert_to_tensor(X[0]), (3, 6))
    np.testing.assert_array_equal(tensor.numpy(), found[0])


def test_frozen_functions_of_images_are_computed_once() -> None:
    base = gw.Sequential(
        [gw.Input((6, 6, 3)), gw.layers.Conv2D(4, 3), gw.layers.GlobalAveragePooling2D()]
    )
    base.trainable = False
    x = gw.Input((9, 8, 3))
    small = image.resize(image.gaussian_blur(gw.layers.CenterCrop(7, 7)(x)), (6, 6))
    made = gw.Model(x, gw.layers.Dense(2)(base(small)))
    made.compile("adam", "mse")
    notes: list[str] = []

    class Watch(gw.callbacks.Callback):
        """Looks at what is kept."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            notes.append(self.model.feature_keeper.note)

    made.fit(X, np.ones((6, 2)), epochs=2, verbose=0, cache_frozen=True, callbacks=[Watch()])
    assert all(f"Computed once: {base.name}. Kept: 4 numbers" in one for one in notes)

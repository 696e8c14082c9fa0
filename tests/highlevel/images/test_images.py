"""What is computed with images: as Keras, in both layouts, single and in batches."""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from graftwork import images as known
from support.golden import GoldenCase, cases

X = np.random.default_rng(0).random((2, 6, 5, 3)).astype("float32")
T = np.array([[0.9, 0.1, 1, -0.1, 0.9, 0.5, 0, 0]] * 2, "float32")


BESIDE = {"affine_transform", "map_coordinates"}  # compared beside the engine's
DRAWN = {"elastic_transform", "perspective_transform"}  # compared through layers, or drawn
OF_OPS = {"smart_resize", "ssim"}  # in tests/highlevel/ops/test_images.py and tests/parity
COMPARED = [name for name in known.__all__ if name not in BESIDE | DRAWN | OF_OPS]


@pytest.mark.parametrize("case", cases("augmentation", *COMPARED), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    operands = case.group("operand")
    found = getattr(known, case.class_name)(**operands, **case.settings)
    wanted = case["output"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9, atol=1e-9)


CALLS: dict[str, Any] = {
    "affine_transform": lambda x, **k: known.affine_transform(x, T[0], fill_mode="reflect", **k),
    "perspective_transform": lambda x, **k: known.perspective_transform(
        x, [[0, 0], [4, 0], [0, 5], [4, 5]], [[0, 1], [4, 0], [1, 5], [3, 4]], **k
    ),
    "resize": lambda x, **k: known.resize(x, (9, 4), crop_to_aspect_ratio=True, **k),
    "rgb_to_grayscale": known.rgb_to_grayscale,
    "rgb_to_hsv": known.rgb_to_hsv,
    "hsv_to_rgb": known.hsv_to_rgb,
    "gaussian_blur": known.gaussian_blur,
    "elastic_transform": lambda x, **k: known.elastic_transform(x, 2.0, 1.0, seed=3, **k),
    "extract_patches": lambda x, **k: known.extract_patches(x, 2, 1, **k),
    "pad_images": lambda x, **k: known.pad_images(x, 1, 1, 2, 0, **k),
    "crop_images": lambda x, **k: known.crop_images(x, 1, 1, 2, 0, **k),
}


@pytest.mark.parametrize("name", CALLS)
def test_both_layouts_and_single_images_agree(name: str) -> None:
    function = CALLS[name]
    wanted = function(X[:1]).numpy()
    first = np.ascontiguousarray(np.moveaxis(X[:1], -1, 1))
    found = function(first, data_format="channels_first").numpy()
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(function(X[0]).numpy(), wanted[0], rtol=1e-6, atol=1e-6)
    found = function(first[0], data_format="channels_first").numpy()
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), wanted[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["affine_transform", "perspective_transform", "resize"])
def test_whole_numbers_stay_whole_and_in_range(name: str) -> None:
    x = (X * 255).astype("uint8")
    found, wanted = CALLS[name](x), CALLS[name](x.astype("float32")).numpy()
    assert found.dtype == "uint8"
    np.testing.assert_allclose(found.numpy(), wanted, atol=0.51)


def test_elastic_shifts_are_blurred_noise() -> None:
    still = known.elastic_transform(X, 0.0, 1.0, seed=1)
    np.testing.assert_allclose(still.numpy(), X, atol=1e-6)
    one, same, other = (known.elastic_transform(X, 3.0, 1.0, seed=n).numpy() for n in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_the_homography_brings_end_points_to_start_points() -> None:
    starts = graftgrad.tensor([[0.0, 0], [4, 0], [0, 5], [4, 5]])
    ends = graftgrad.tensor([[0.5, 1], [4, 0], [1, 5], [3, 4]])
    t = known.warps.homography(starts, ends).numpy()
    u, v = ends.numpy().T
    depth = t[6] * u + t[7] * v + 1
    x, y = (t[0] * u + t[1] * v + t[2]) / depth, (t[3] * u + t[4] * v + t[5]) / depth
    np.testing.assert_allclose(np.stack([x, y], -1), starts.numpy(), atol=1e-4)


def test_coordinates_are_read_one_by_one() -> None:
    at = [np.array([0.0, 1.5]), np.array([1, 2])]
    found = known.map_coordinates(X[0, :, :, 0], at, 1).numpy()
    np.testing.assert_allclose(found, [X[0, 0, 1, 0], X[0, 1:3, 2, 0].mean()], rtol=1e-6)


def test_gradients_flow_through_what_is_read() -> None:
    x = graftgrad.tensor(X, requires_grad=True)
    known.affine_transform(x, T).sum().backward()
    assert x.grad is not None
    assert float(ops.sum(x.grad)) > 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: known.rgb_to_hsv(np.zeros((2, 3, 3), int)), DTypeError, "must hold real numbers"),
        (lambda: known.rgb_to_hsv(X[..., :2]), ShapeError, "there must be 3 channels"),
        (lambda: known.rgb_to_grayscale(X[..., :2]), ShapeError, "3 channels or 1"),
        (lambda: known.rgb_to_grayscale(X[0, 0]), ShapeError, "images must have 3 axes, or 4"),
        (lambda: known.rgb_to_grayscale(X, "first"), ConfigError, "data_format must be"),
        (lambda: known.resize(X, (3, 3), "cubic"), ConfigError, "interpolation must be one of"),
        (lambda: known.resize(X, (3, 3), fill_mode="wrap"), ConfigError, "fill_mode must be"),
        (lambda: known.resize(X, (3,)), ConfigError, "size must be rows and columns"),
        (lambda: known.resize(X, (3, 3), "nearest", False, True, True), ConfigError, "not both"),
        (lambda: known.gaussian_blur(X, (3, 3, 3)), ShapeError, "kernel_size and sigma must be"),
        (lambda: known.sobel_edges(X[0]), ShapeError, "images must be a batch"),
        (lambda: known.extract_patches(X, 0), ConfigError, "size must be one positive integer"),
        (lambda: known.extract_patches(X, 9), ShapeError, "size must fit into the images"),
        (lambda: known.extract_patches(X, 2, padding="x"), ConfigError, "padding must be 'valid'"),
        (lambda: known.pad_images(X, 1), ConfigError, "two of top, bottom and target_height"),
        (lambda: known.crop_images(X, 9, 0, 0, 0), ConfigError, "no cropping may be negative"),
        (lambda: known.affine_transform(X, T[:, :4]), ShapeError, "transform must be"),
        (lambda: known.perspective_transform(X, T, T), ShapeError, "start_points and end_points"),
        (lambda: known.map_coordinates(X[0, 0, 0], [0, 0, 0], 1), ConfigError, "2 axes or more"),
        (lambda: known.scale_and_translate(X, X.shape, [1.0], [0.0], [1], "x"), ConfigError,
         "method must be one of"),
        (lambda: known.scale_and_translate(X, (9,), [1.0], [0.0], [1], "cubic"), ShapeError,
         "output_shape must keep other axes"),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

"""Boxes beside Keras' own: functions of them, and where layers bring them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import boxes, compare
from .compare import Case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
X = np.random.default_rng(0).uniform(0, 255, (2, 8, 9, 3)).astype("float32")


@pytest.mark.parametrize("one", boxes.CASES, ids=str)
def test_functions(one: Case) -> None:
    compare.function_agrees(*compare.both(f"utils.bounding_boxes.{one.name}"), one)


@pytest.mark.parametrize("one", boxes.BAD, ids=str)
def test_what_is_refused(one: Case) -> None:
    compare.function_refuses("utils.bounding_boxes", one)


def test_boxes_are_clipped() -> None:
    given = {"boxes": boxes.BOXES[0] * 3 - 4, "labels": np.int32([3, 1])}
    for order, size in (("xyxy", {"height": 8, "width": 9}), ("rel_xyxy", {})):
        ours, theirs = compare.both("utils.bounding_boxes.clip_to_image_size")
        wanted = theirs(compare.jaxed(given), bounding_box_format=order, **size)
        found = ours(compare.tensors(given), bounding_box_format=order, **size)
        compare.close(found, wanted, 2e-5, order)


def told(package: Any) -> dict[str, Any]:
    """Return boxes and labels of a batch."""
    of = compare.jaxed if package is keras else compare.tensors
    return of({"boxes": boxes.BOXES.copy(), "labels": np.int32([[1, 2], [3, 4]])})  # type: ignore[no-any-return]


@pytest.mark.parametrize("one", [c for c in boxes.LAYERS if c.name != "RandomCrop"], ids=str)
def test_layers_move_boxes_as_keras_does(one: Case) -> None:
    """What Keras drew is handed to both."""
    ours, theirs = (
        getattr(package.layers, one.name)(**one.settings, bounding_box_format="xyxy")
        for package in (graftwork, keras)
    )
    drawn = theirs.get_random_transformation(X, training=True)
    if one.name in ("CenterCrop", "Resizing"):
        wanted = theirs({"images": X, "bounding_boxes": told(keras)})["bounding_boxes"]
        found = ours({"images": compare.tensors(X), "bounding_boxes": told(graftwork)})
        compare.close(found["bounding_boxes"], wanted, 1e-4, str(one))
        return
    wanted = theirs.transform_bounding_boxes(told(keras), drawn, training=True)
    given = {
        key: value if key in ("input_shape", "image_height", "image_width")
        else compare.tensors(np.asarray(value))
        for key, value in (drawn or {}).items()
    } if isinstance(drawn, dict) else drawn  # fmt: skip
    found = ours.transform_bounding_boxes(told(graftwork), given, training=True)
    compare.close(found, wanted, 1e-4, str(one))


@pytest.mark.parametrize("one", boxes.LAYERS, ids=str)
def test_configurations_name_the_order(one: Case) -> None:
    ours, theirs = (
        getattr(package.layers, one.name)(**one.settings, bounding_box_format="xywh")
        for package in (graftwork, keras)
    )
    for layer in (ours, theirs):
        assert layer.get_config()["bounding_box_format"] == "xywh"
        plain = type(layer)(**one.settings)
        assert "bounding_box_format" not in plain.get_config()
    again = type(ours).from_config(ours.get_config())
    assert again.bounding_box_format == "xywh"


def test_as_many_boxes_for_every_picture() -> None:
    for count in (1, 2, 5):
        ours, theirs = (
            package.layers.MaxNumBoundingBoxes(count, bounding_box_format="xyxy")
            for package in (graftwork, keras)
        )
        found = ours.transform_bounding_boxes(told(graftwork))
        compare.close(found, theirs.transform_bounding_boxes(told(keras), None), 0, str(count))


def test_random_crop_where_keras_is_right() -> None:
    """Windows lie where Keras drew; Keras leaves pictures alone where nothing is trained."""
    ours, theirs = (package.layers.RandomCrop(4, 3, seed=1) for package in (graftwork, keras))
    start = theirs.get_random_transformation(X, training=True)
    wanted = theirs.transform_images(X, start, training=True)
    drawn = {"input_shape": X.shape, "start": tuple(float(one) for one in start)}
    compare.close(ours.transform_images(compare.tensors(X), drawn), wanted, 2e-5, "window")
    assert ours.compute_output_shape((None, 8, 9, 3)) == (None, 4, 3, 3)
    compare.same_configuration(ours, theirs)


def test_every_function_is_compared() -> None:
    wanted = {name for name in dir(keras.utils.bounding_boxes) if not name.startswith("_")}
    assert wanted == {one.name for one in boxes.CASES} | {"clip_to_image_size"}
    assert wanted == set(graftwork.utils.bounding_boxes.__all__)

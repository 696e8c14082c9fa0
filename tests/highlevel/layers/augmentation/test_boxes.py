"""Boxes move with the pictures: held against painted rectangles; sizes, windows, contrast."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from graftwork.utils import bounding_boxes
from support.layer_checks import check_layer
from support.recorded import same_training

BOXES = np.float32([[[2, 3, 6, 8], [5, 1, 9, 4]], [[1, 1, 3, 3], [4, 5, 11, 9]]])
LABELS = np.array([[1, 2], [3, 4]])
H, W = 10, 12


def painted() -> Any:
    """Pictures with a channel for each box: 1 inside of it."""
    x = np.zeros((2, H, W, 2), "float32")
    for n in range(2):
        for k, (x1, y1, x2, y2) in enumerate(BOXES[n].astype(int)):
            x[n, y1:y2, x1:x2, k] = 1
    return x


def seen(x: Any) -> Any:
    """The smallest boxes around what is painted; zeros where nothing is."""
    found = np.zeros((2, 2, 4), "float32")
    for n in range(2):
        for k in range(2):
            rows, columns = np.nonzero(np.asarray(x)[n, ..., k] > 0.5)
            if rows.size:
                found[n, k] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return found


def told(order: str = "xyxy") -> Any:
    boxes = bounding_boxes.convert_format(BOXES, "xyxy", order, H, W).numpy()
    return {"images": painted(), "bounding_boxes": {"boxes": boxes, "labels": LABELS}}


WHOLE: list[Any] = [
    lambda **s: layers.RandomFlip("horizontal", seed=1, **s),
    lambda **s: layers.RandomFlip("vertical", seed=3, **s),
    lambda **s: layers.RandomFlip(seed=2, **s),
    lambda **s: layers.RandomCrop(6, 7, seed=4, **s),
    lambda **s: layers.CenterCrop(6, 7, **s),
    lambda **s: layers.Resizing(20, 24, "nearest", **s),
    lambda **s: layers.Pipeline([layers.RandomFlip(seed=1, **s), layers.CenterCrop(8, 8, **s)]),
]


@pytest.mark.parametrize("make", WHOLE, ids=range(len(WHOLE)))
@pytest.mark.parametrize("order", ["xyxy", "rel_center_xywh"])
def test_boxes_lie_around_what_they_lay_around(make: Any, order: str) -> None:
    layer = make(bounding_box_format=order)
    y = layer(told(order), training=True)
    h, w = y["images"].shape[1:3]
    found = bounding_boxes.convert_format(y["bounding_boxes"], order, "xyxy", h, w)
    wanted = seen(y["images"])
    gone = np.all(wanted == 0, -1)
    np.testing.assert_allclose(found["boxes"].numpy()[~gone], wanted[~gone], atol=1e-4)
    np.testing.assert_array_equal(found["labels"].numpy(), np.where(gone, -1, LABELS))


@pytest.mark.parametrize(
    "make",
    [
        lambda **s: layers.RandomTranslation(0.3, 0.3, "constant", "nearest", seed=1, **s),
        lambda **s: layers.RandomZoom(0.3, 0.2, "constant", "nearest", seed=1, **s),
        lambda **s: layers.RandomShear(0.2, 0.1, "nearest", "constant", seed=1, **s),
        lambda **s: layers.RandomRotation(0.05, "constant", "nearest", seed=1, **s),
        lambda **s: layers.RandomPerspective(1.0, 0.3, "nearest", seed=1, **s),
    ],
    ids=["translation", "zoom", "shear", "rotation", "perspective"],
)
def test_boxes_hold_what_was_in_them(make: Any) -> None:
    """Within a pixel: boxes are told by edges, pixels by their middles."""
    y = make(bounding_box_format="xyxy")(told(), training=True)
    found, wanted = y["bounding_boxes"]["boxes"].numpy(), seen(y["images"])
    there = ~np.all(wanted == 0, -1)
    assert there.any()
    assert np.all(found[there][:, :2] <= wanted[there][:, :2] + 1.01)
    assert np.all(found[there][:, 2:] >= wanted[there][:, 2:] - 1.01)
    assert np.all(found[there] >= 0)
    assert np.all(found[there] <= [W, H, W, H])


def test_the_inverse_leads_back() -> None:
    """A translation by whole pixels, exactly."""
    layer = layers.RandomTranslation(0.1, 0.1, "constant", bounding_box_format="xyxy")
    drawn = {
        "translations": graftgrad.tensor([[2.0, -1.0], [0.0, 3.0]]),
        "input_shape": (2, H, W, 2),
    }
    y = layer.transform_images(painted(), drawn).numpy()
    given = {"boxes": graftgrad.tensor(BOXES), "labels": graftgrad.tensor(LABELS)}
    found = layer.transform_bounding_boxes(given, drawn)
    np.testing.assert_allclose(found["boxes"].numpy(), seen(y), atol=1e-5)


def test_one_picture_colours_and_what_is_silent() -> None:
    one = {"images": painted()[0], "labels": np.array(3),
           "bounding_boxes": {"boxes": BOXES[0], "labels": LABELS[0]}}  # fmt: skip
    flip = layers.RandomFlip(seed=1, bounding_box_format="xyxy")
    y = flip(one, training=True)
    assert y["images"].shape == (H, W, 2)
    assert y["bounding_boxes"]["boxes"].shape == (2, 4)
    assert y["bounding_boxes"]["labels"].shape == (2,)
    assert y["labels"].shape == ()
    for layer, training in (
        (flip, False),
        (layers.RandomContrast(0.3, bounding_box_format="xywh"), True),
    ):
        y = layer(told(), training=training)
        np.testing.assert_array_equal(y["bounding_boxes"]["boxes"].numpy(), BOXES)
    mixed = layers.MixUp(bounding_box_format="xyxy")(told(), training=True)["bounding_boxes"]
    assert mixed["boxes"].shape == (2, 4, 4)
    assert mixed["labels"].shape == (2, 4)


def test_as_many_boxes() -> None:
    for count in (1, 2, 4):
        found = layers.MaxNumBoundingBoxes(count)(told())["bounding_boxes"]
        assert found["boxes"].shape == (2, count, 4)
        assert found["labels"].numpy()[0].tolist() == [1, 2, -1, -1][:count]


def test_every_promise() -> None:
    check_layer(lambda: layers.RandomCrop(3, 2, seed=1), (2, 6, 5, 3))
    check_layer(lambda: layers.RandomCrop(4, 7, data_format="channels_first"), (2, 3, 6, 5))
    check_layer(lambda: layers.ReversibleEmbedding(5, 3), (2, 4), integers=5)
    contrast = layers.ContrastLimitedAdaptiveHistogramEqualization
    check_layer(lambda: contrast((0, 1), 2.0, (2, 3)), (2, 6, 5, 3))


def test_windows_are_drawn_anew_in_recorded_steps() -> None:
    x = np.arange(6 * 9 * 9, dtype="float32").reshape(6, 9, 9, 1) / 500
    window = layers.RandomCrop(4, 4, seed=1)
    starts = {float(window(x, training=True).numpy()[0, 0, 0, 0]) for _ in range(12)}
    assert len(starts) > 4
    assert window(x, training=False).shape == (6, 4, 4, 1)

    def model() -> Any:
        gw.set_random_seed(1)
        return gw.Sequential(
            [
                gw.Input((9, 9, 1)),
                layers.RandomCrop(4, 4, seed=2),
                layers.Flatten(),
                layers.Dense(1),
            ]
        )

    same_training(model, x, np.ones((6, 1), "float32"))


def test_a_table_that_leads_back_is_trained_from_both_ends() -> None:
    class Tied(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.table = layers.ReversibleEmbedding(6, 4, logit_soft_cap=3.0, mask_zero=True)

        def call(self, x: Any) -> Any:
            return self.table(self.table(x), reverse=True)

    def model() -> Any:
        gw.set_random_seed(1)
        return Tied()

    x = np.random.default_rng(0).integers(0, 6, (6, 3))
    loss = gw.losses.SparseCategoricalCrossentropy(from_logits=True)
    made = same_training(model, x, x, compile_with={"loss": loss})
    assert len(made.weights) == 1
    assert np.abs(made.predict(x, verbose=0)).max() <= 3.0


def test_contrast_is_spread() -> None:
    dull = np.random.default_rng(0).uniform(100, 120, (1, 32, 32, 1)).astype("float32")
    y = layers.ContrastLimitedAdaptiveHistogramEqualization(clip_limit=0, tile_grid_size=(2, 2))(
        dull
    )
    assert float(y.numpy().std()) > 5 * dull.std()


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: layers.RandomFlip()(told()), ConfigError, "boxes need the order of their numbers"),
    (lambda: layers.RandomFlip(bounding_box_format="xxyy"), ConfigError,
     "bounding_box_format must be one of xyxy, yxyx"),
    (lambda: layers.RandomFlip(bounding_box_format="xyxy")({"images": painted(), "bounding_boxes": {
        "boxes": BOXES}}), ConfigError, "bounding_boxes must hold boxes and labels; got"),
    (lambda: layers.RandomElasticTransform(bounding_box_format="xyxy")(told(), training=True),
     NotImplementedError, "boxes must be moved by another layer"),
    (lambda: layers.CutMix(bounding_box_format="xyxy")(told(), training=True), NotImplementedError,
     "boxes must be moved by another layer"),
    (lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(0, 2)),
     ConfigError, "tile_grid_size must be two positive whole numbers; got"),
    (lambda: bounding_boxes.convert_format(BOXES[..., :3], "xyxy", "xywh"), ShapeError,
     "boxes must be (…, 4); got"),
    (lambda: bounding_boxes.convert_format(BOXES, "xyxy", "rel_xywh"), ConfigError,
     "shares need the height and width of the picture; got"),
    (lambda: bounding_boxes.pad(BOXES, 1, 1, bounding_box_format="xywh"), ConfigError,
     "bounding_box_format must be xyxy; got"),
    (lambda: bounding_boxes.clip_to_image_size({"boxes": BOXES}), ConfigError,
     "height and width must be given; got"),
    (lambda: bounding_boxes.compute_iou(BOXES, BOXES, "rel_xyxy"), ConfigError,
     "shares need image_shape; got"),
    (lambda: bounding_boxes.compute_ciou(BOXES, BOXES, "rel_xyxy"), ConfigError,
     "boxes must be told in pixels; got"),
    (lambda: bounding_boxes.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=[1.0]),
     ConfigError, "variance must be four numbers; got"),
    (lambda: bounding_boxes.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xyxy"),
     ConfigError, "encoding_format must be center_xywh or center_yxhw; got"),
    (lambda: bounding_boxes.compute_iou(BOXES[None], BOXES, "xyxy"), ShapeError,
     "boxes1 must be (N, 4) or (B, N, 4); got"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "kind", "text"), REFUSED, ids=[t[:40] for _, _, t in REFUSED])
def test_what_is_refused(do: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        do()

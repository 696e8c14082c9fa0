"""Boxes and masks on pictures, and galleries: what is drawn where, in which file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, DTypeError, ShapeError

pytest.importorskip("PIL")
matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from PIL import Image  # noqa: E402

from graftwork import visualization as show  # noqa: E402

X = np.full((2, 40, 50, 3), 30, "uint8")
BOXES = {"boxes": np.float32([[[5, 10, 30, 35], [0, 0, 9, 9]]] * 2), "labels": [[1, -1], [2, 1]]}


def test_boxes_are_outlined() -> None:
    y = show.draw_bounding_boxes(X, BOXES, "xyxy", color=(255, 0, 9), line_thickness=2)
    assert (y.shape, y.dtype) == (X.shape, np.uint8)
    red = np.all(y == (255, 0, 9), -1)
    rows, columns = np.nonzero(red[0])
    assert (rows.min(), columns.min(), rows.max(), columns.max()) == (10, 5, 35, 30)
    assert red[0, 11, 20] and red[0, 20, 6] and not red[0, 20, 20]
    assert red[1, 0, 3] and not red[0, 0, 3]  # −1 is left out
    np.testing.assert_array_equal(X, 30)
    relative = gw.utils.bounding_boxes.convert_format(BOXES, "xyxy", "rel_xywh", 40, 50)
    again = show.draw_bounding_boxes(X, relative, "rel_xywh", color=(255, 0, 9))
    np.testing.assert_array_equal(again, y)


def test_names_and_shares_are_written() -> None:
    names = {1: "cat", 2: "dog"}
    plain = show.draw_bounding_boxes(X, BOXES, "xyxy")
    told = show.draw_bounding_boxes(X, BOXES, "xyxy", names)
    sure = show.draw_bounding_boxes(X, BOXES | {"confidences": [[0.5, 0.1], [0.9, 0.2]]}, "xyxy",
                                    names)  # fmt: skip
    assert (plain != told).any()
    assert (told != sure).any()
    shares = X[..., :1].astype("float32") / 255
    grey = show.draw_bounding_boxes(np.moveaxis(shares, -1, 1), BOXES, "xyxy", names,
                                    data_format="channels_first")  # fmt: skip
    assert grey.shape == (2, 40, 50, 1)
    assert grey[0, 38, 40, 0] == 30


def test_masks_lie_over_pictures() -> None:
    mask = np.zeros((2, 40, 50, 1), "int32")
    mask[0, :10] = 1
    mask[1, :, :5] = 2
    colors = {0: (0, 0, 0), 1: (200, 100, 0), 2: (0, 0, 250)}
    y = show.draw_segmentation_masks(X, mask, 3, colors, alpha=0.5, ignore_index=0)
    assert y.dtype == np.uint8
    assert y[0, 0, 0].tolist() == [115, 65, 15]
    assert y[1, 0, 0].tolist() == [15, 15, 140]
    assert y[0, 20, 20].tolist() == [30, 30, 30]
    flat = show.draw_segmentation_masks(X, mask[..., 0], 2, blend=False)
    assert flat[0, 0, 0].tolist() == [(2**25 - 1) % 255, (2**15 - 1) % 255, (2**21 - 1) % 255]
    assert flat[1, 0, 0].tolist() == [30, 30, 30]  # class 2 is not drawn
    named = show.draw_segmentation_masks(X, mask)
    assert (named[0, 0, 0] == y[0, 20, 20]).sum() < 3


def test_galleries_are_written(tmp_path: Path) -> None:
    names = {0: "ant", 1: "bee"}
    boxes: Any = {"boxes": BOXES["boxes"], "labels": np.array(BOXES["labels"])}
    mask = np.ones((2, 40, 50, 1), int)
    show.plot_image_gallery(X / 255, [0, 1], [1, 1], names, value_range=(0, 1),
                            path=tmp_path / "a.png")  # fmt: skip
    show.plot_bounding_box_gallery(X, "xyxy", boxes, boxes, class_mapping=names, legend=True,
                                   path=tmp_path / "b.png")  # fmt: skip
    show.plot_segmentation_mask_gallery(X, 2, y_true=mask, y_pred=mask, path=tmp_path / "c.png",
                                        transparent=False)  # fmt: skip
    sizes = {}
    for name in "abc":
        with Image.open(tmp_path / f"{name}.png") as picture:
            sizes[name] = picture.size
            assert len(picture.convert("RGB").getcolors(1 << 16) or []) > 1
    assert sizes["c"][0] > sizes["c"][1]  # a row holds a picture and both masks
    show.plot_image_gallery(X, show=False)
    assert not matplotlib.pyplot.get_fignums()


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: show.draw_bounding_boxes(X[0], BOXES, "xyxy"), ShapeError, "images must be a batch"),
    (lambda: show.draw_bounding_boxes(X, {"boxes": []}, "xyxy"), ConfigError,
     "bounding_boxes must hold boxes and labels; got"),
    (lambda: show.draw_segmentation_masks(X, np.zeros((2, 40, 50))), DTypeError,
     "masks must be whole numbers; got"),
    (lambda: show.plot_image_gallery(X, [0, 1]), ConfigError, "label_map must name the classes"),
    (lambda: show.plot_image_gallery(X, path="a.png", show=True), ConfigError,
     "a gallery is written or shown, not both; got"),
    (lambda: show.plot_bounding_box_gallery(X, "xyxy", legend=True, legend_handles=[1]),
     ConfigError, "there must be one legend; got"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "kind", "text"), REFUSED, ids=[t[:40] for _, _, t in REFUSED])
def test_what_is_refused(do: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        do()

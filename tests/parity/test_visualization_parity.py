"""Masks on pictures beside Keras' own; its boxes need OpenCV, and are looked at elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
DRAW = np.random.default_rng(0)
X = DRAW.integers(0, 256, (2, 7, 6, 3)).astype("uint8")
MASK = DRAW.integers(0, 4, (2, 7, 6, 1)).astype("int32")
COLORS = {0: (9, 9, 9), 1: (200, 0, 50), 2: (0, 250, 0)}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_classes": 3, "alpha": 0.4},
        {"num_classes": 3, "color_mapping": COLORS, "ignore_index": 1},
        {"num_classes": 2, "blend": False},
    ],
    ids=str,
)
def test_masks(settings: dict[str, Any]) -> None:
    ours, theirs = (
        package.visualization.draw_segmentation_masks(X, MASK, **settings)
        for package in (graftwork, keras)
    )
    compare.close(ours, np.asarray(theirs), 0, str(settings))


def test_what_is_refused() -> None:
    for given in ((X[0], MASK), (X, MASK.astype("float32"))):
        compare.both_refuse(
            lambda given=given: graftwork.visualization.draw_segmentation_masks(*given),
            lambda given=given: keras.visualization.draw_segmentation_masks(*given),
            "masks",
        )

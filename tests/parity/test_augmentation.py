"""Layers that change pictures beside Keras': silent, refusing, and with what Keras drew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare
from .augmentation import BAD, CASES, SETTINGS
from .compare import Case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
X = np.random.default_rng(0).integers(1, 255, (3, 9, 8, 3)).astype("float32")
FREE = {"RandomElasticTransform", "RandomColorJitter", "RandAugment", "AugMix"}  # drawn inside


@pytest.mark.parametrize("one", CASES, ids=str)
def test_silent_layers(one: Case) -> None:
    compare.layer_agrees(one, training=False)


@pytest.mark.parametrize("one", BAD, ids=str)
def test_what_is_refused(one: Case) -> None:
    compare.made_refuses("layers", one)


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in FREE])
def test_what_keras_drew(name: str, order: str) -> None:
    settings = SETTINGS[name] | {"data_format": order}
    theirs = getattr(keras.layers, name)(**settings, seed=3)
    ours = getattr(graftwork.layers, name)(**settings)
    x = X if order == "channels_last" else np.ascontiguousarray(np.moveaxis(X, -1, 1))
    drawn = theirs.get_random_transformation(x, training=True)
    wanted = theirs.transform_images(x, drawn, training=True)
    given: Any = drawn
    if isinstance(drawn, dict):
        given = {key: compare.tensors(np.asarray(one)) for key, one in drawn.items()}
    else:
        given = compare.tensors(np.asarray(drawn))
    compare.close(ours.transform_images(x, given), wanted, 1e-4, name)

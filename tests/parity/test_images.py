"""Functions of images beside Keras' own: eager, on symbols, in models, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare, images
from .compare import Case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("one", images.CASES, ids=str)
def test_values_and_gradients(one: Case) -> None:
    compare.function_agrees(*compare.both(f"ops.image.{one.name}"), one)


@pytest.mark.parametrize("one", images.BAD, ids=str)
def test_what_is_refused(one: Case) -> None:
    compare.function_refuses("ops.image", one)


def is_of_any_batch(one: Case) -> bool:
    """Tell whether a case's images are a batch, and nothing else of it says how many there are."""
    told = [*one.inputs[1:], one.settings.get("transform")]
    counted = [x for x in told if getattr(x, "shape", ())[:1] == (2,)]
    whole = one.name == "ssim" or not counted
    return len(compare.arrays(one.inputs)[0].shape) >= 4 and whole and one.note != "cubic"


BATCHES = [one for one in images.CASES if is_of_any_batch(one)]


@pytest.mark.parametrize("one", BATCHES, ids=str)
def test_models_and_their_configurations(one: Case) -> None:
    """A functional model computes what the function computes; Keras reads what is written."""
    given = compare.arrays(one.inputs)

    def model(package: Any) -> Any:
        made = package.Input(given[0].shape[1:], dtype=str(given[0].dtype), name="x")
        rest = [package.Input(x.shape[1:], name=f"x{i}") if one.name == "ssim" else x
                for i, x in enumerate(given[1:])]  # fmt: skip
        y = getattr(package.ops.image, one.name)(made, *rest, **one.settings)
        inputs = [made, *rest] if one.name == "ssim" else made
        return package.Model(inputs, y)

    ours, theirs = model(graftwork), model(keras)
    assert ours.output.shape[1:] == theirs.output.shape[1:]
    told, wanted = (json.loads(m.to_json())["config"]["layers"][-1] for m in (ours, theirs))
    assert (told["module"], told["class_name"]) == (wanted["module"], wanted["class_name"])
    fed = given if one.name == "ssim" else given[0]
    y = ours.predict(fed, verbose=0)
    # Keras' own operations tell nothing but their name, so only ours are read back.
    again = graftwork.models.model_from_json(ours.to_json())
    np.testing.assert_array_equal(again.predict(fed, verbose=0), y)
    compare.close(y, theirs.predict(fed, verbose=0), max(one.rtol, 1e-4), str(one))


def test_elastic_transform_stays_near() -> None:
    x = compare.arrays([images.BATCH])[0]
    ours, theirs = compare.both("ops.image.elastic_transform")
    assert ours(x, seed=3).shape == theirs(x, seed=3).shape
    np.testing.assert_array_equal(ours(x, seed=3).numpy(), ours(x, seed=3).numpy())
    compare.close(ours(x, alpha=0.0, seed=1), x, 2e-5, "unmoved")
    compare.close(ours(x, alpha=0.0, seed=1), theirs(x, alpha=0.0, seed=1), 2e-5, "unmoved")


def test_every_function_is_compared() -> None:
    covered = {one.name for one in images.CASES} | {"elastic_transform"}
    wanted = {name for name in dir(keras.ops.image) if not name.startswith("_")}
    assert wanted == covered & set(graftwork.ops.image.__all__)


def test_channels_first_by_configuration() -> None:
    x = compare.arrays([images.FIRST])[0]
    for package in (graftwork, keras):
        package.config.set_image_data_format("channels_first")
    try:
        ours, theirs = compare.both("ops.image.resize")
        compare.close(ours(x, (4, 5)), theirs(x, (4, 5)), 2e-5, "resize")
    finally:
        for package in (graftwork, keras):
            package.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("size", [(4, 4), (3, 8), (9, 5)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_smart_resize(size: tuple[int, int], interpolation: str) -> None:
    x = compare.arrays([(2, 7, 6, 3)])[0]
    ours, theirs = (
        package.preprocessing.image.smart_resize(x, size, interpolation)
        for package in (graftwork, keras)
    )
    assert isinstance(ours, np.ndarray)
    compare.close(ours, theirs, 2e-5, "smart_resize")

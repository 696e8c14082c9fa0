"""FeatureSpace beside Keras' own, as far as Keras can make one without TensorFlow."""

from __future__ import annotations

from typing import Any

import pytest

import graftwork

from . import compare
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


def space(package: Any) -> Any:
    """Make one of columns of numbers."""
    kind = package.utils.FeatureSpace
    return kind(
        {
            "a": kind.float(name="a"),
            "b": kind.float_rescaled(scale=2.0, offset=1.0, name="b"),
            "c": kind.float_normalized(name="c"),
            "d": "float_rescaled",
        },
        output_mode="dict",
        hashing_dim=16,
    )


def told(one: Any) -> Any:
    """Return a configuration without what only Keras names apart."""
    plain = compare.plain(one.get_config())
    plain["features"]["a"]["config"]["preprocessor"].pop("class_name")
    return plain


def test_configurations_are_equal() -> None:
    ours, theirs = space(graftwork), space(keras)
    assert told(ours) == told(theirs)
    again = graftwork.utils.FeatureSpace.from_config(theirs.get_config())
    assert told(again) == told(theirs)


def test_what_is_refused() -> None:
    for make in (
        lambda package: package.utils.FeatureSpace({}),
        lambda package: package.utils.FeatureSpace({"a": "unheard"}),
        lambda package: package.utils.FeatureSpace({"a": "float"}, output_mode="list"),
        lambda package: package.utils.FeatureSpace({"a": "float"}, crosses=[("a", "b")]),
        lambda package: package.utils.FeatureSpace.cross(("a", "b"), 3, "float"),
        lambda package: package.utils.FeatureSpace({"a": "float_normalized"}).get_inputs(),
    ):
        compare.both_refuse(
            lambda make=make: make(graftwork), lambda make=make: make(keras), "space"
        )

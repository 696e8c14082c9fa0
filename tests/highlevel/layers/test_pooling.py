"""Pooling against Keras' values, and what only it promises."""

import numpy as np
import pytest

import graftwork.layers as known
from graftgrad.errors import ConfigError, ShapeError
from graftwork.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    MaxPooling1D,
    MaxPooling2D,
)  # fmt: skip
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer, normal

NAMES = ("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D")


@pytest.mark.parametrize("case", cases("layers", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_every_promise() -> None:
    for make in (MaxPooling2D, AveragePooling2D):
        check_layer(lambda make=make: make((2, 3), 1, "same"), (2, 5, 6, 3))
    for make in (MaxPooling1D, AveragePooling1D):
        check_layer(lambda make=make: make(2), (2, 5, 3))
    for name in NAMES[2:]:
        check_layer(lambda name=name: getattr(known, name)(keepdims=True), (2, 5, 4, 3))
    for make in (GlobalAveragePooling1D, GlobalMaxPooling1D):
        check_layer(make, (2, 5, 3))


def test_sequences_as_written_out() -> None:
    x = normal(2, 7, 3)
    windows = np.stack([x[:, i : i + 3] for i in range(0, 5, 2)], 1)
    found = MaxPooling1D(3, 2, dtype="float64")(x).numpy()
    np.testing.assert_array_equal(found, windows.max(2))
    found = AveragePooling1D(3, 2, dtype="float64")(x).numpy()
    np.testing.assert_allclose(found, windows.mean(2), rtol=1e-12)
    found = GlobalMaxPooling1D(dtype="float64")(x).numpy()
    np.testing.assert_array_equal(found, x.max(1))
    found = GlobalAveragePooling1D(keepdims=True, dtype="float64")(x).numpy()
    np.testing.assert_allclose(found, x.mean(1, keepdims=True), rtol=1e-12)


def test_short_names_are_the_same_layers() -> None:
    for rank in ("1D", "2D"):
        assert getattr(known, f"MaxPool{rank}") is getattr(known, f"MaxPooling{rank}")
        assert getattr(known, f"AvgPool{rank}") is getattr(known, f"AveragePooling{rank}")
        for kind in ("Max", "Average"):
            short = f"Global{kind[:3]}Pool{rank}".replace("Ave", "Avg")
            assert getattr(known, short) is getattr(known, f"Global{kind}Pooling{rank}")


def test_strides_are_the_window_unless_given() -> None:
    assert MaxPooling2D().strides == (2, 2)
    assert AveragePooling2D(3).strides == (3, 3)
    assert MaxPooling1D(3, 1).strides == (1,)


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="pool_size must be a positive integer; got pool_size=0"):
        MaxPooling2D(0)
    with pytest.raises(ConfigError, match="padding must be one of"):
        AveragePooling2D(2, padding="causal")
    with pytest.raises(ConfigError, match="channels_last"):
        MaxPooling2D(data_format="channels")
    with pytest.raises(ShapeError, match="must have 4 axes"):
        MaxPooling2D()(np.zeros((2, 4, 4), "float32"))
    with pytest.raises(ShapeError, match="window"):
        MaxPooling2D(3)(np.zeros((1, 2, 2, 1), "float32"))

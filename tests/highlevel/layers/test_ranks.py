"""Layers on sequences, images and volumes, in both orders of channels.

Keras' own values for all of them are compared in `tests/parity`; here are what every layer
promises, and the agreement of the two orders.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from graftwork.layers import Layer
from support.layer_checks import check_layer, normal

PLACES = {1: (6,), 2: (5, 6), 3: (4, 5, 4)}

MADE: list[tuple[int, Callable[..., Layer]]] = [
    *[
        (rank, lambda rank=rank, **k: getattr(layers, f"Conv{rank}D")(4, 2, groups=2, **k))
        for rank in (1, 2, 3)
    ],
    *[
        (rank, lambda rank=rank, **k: getattr(layers, f"Conv{rank}DTranspose")(3, 2, 2, **k))
        for rank in (1, 2, 3)
    ],
    *[
        (rank, lambda rank=rank, **k: getattr(layers, f"DepthwiseConv{rank}D")(2, **k))
        for rank in (1, 2)
    ],
    *[
        (rank, lambda rank=rank, **k: getattr(layers, f"SeparableConv{rank}D")(3, 2, **k))
        for rank in (1, 2)
    ],
    *[
        (rank, lambda rank=rank, kind=kind, **k: getattr(layers, f"{kind}Pooling{rank}D")(2, **k))
        for rank in (1, 2, 3)
        for kind in ("Max", "Average", "AdaptiveMax", "AdaptiveAverage")
    ],
    *[
        (rank, lambda rank=rank, kind=kind, **k: getattr(layers, f"{kind}Pooling{rank}D")(**k))
        for rank in (1, 2, 3)
        for kind in ("GlobalMax", "GlobalAverage")
    ],
    *[
        (rank, lambda rank=rank, name=name, **k: getattr(layers, f"{name}{rank}D")(**k))
        for rank, name in (
            (1, "ZeroPadding"), (2, "ZeroPadding"), (3, "ZeroPadding"), (2, "Cropping"),
            (3, "Cropping"), (2, "UpSampling"), (3, "UpSampling"),
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize(("rank", "make"), MADE, ids=lambda one: repr(one) if one in PLACES else "")
def test_both_orders_of_channels_compute_the_same(rank: int, make: Any) -> None:
    x = normal(2, *PLACES[rank], 4).astype("float32")
    last, first = make(), make(data_format="channels_first")
    assert first.get_config()["data_format"] == "channels_first"
    wanted = last(x).detach().numpy()
    turned = np.moveaxis(x, -1, 1).copy()
    first.build_for(turned.shape)
    first.set_weights(last.get_weights())
    found = first(turned).detach().numpy()
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), wanted, rtol=1e-5, atol=1e-6)
    told = first.compute_output_shape((None, *turned.shape[1:]))
    assert told == (None, *found.shape[1:])


def test_every_promise() -> None:
    volume = (2, 3, 4, 3, 2)
    check_layer(lambda: layers.Conv3D(3, 2, padding="same", strides=2), volume)
    check_layer(lambda: layers.Conv3DTranspose(2, 2, strides=(1, 2, 1)), (2, 2, 2, 3, 2))
    check_layer(lambda: layers.Conv1DTranspose(2, 3, strides=2, activation="silu"), (2, 4, 3))
    check_layer(lambda: layers.DepthwiseConv1D(2, depth_multiplier=2), (2, 5, 3))
    check_layer(lambda: layers.SeparableConv1D(3, 2, padding="same"), (2, 5, 2))
    check_layer(lambda: layers.Conv2D(3, 2, data_format="channels_first"), (2, 3, 4, 5))
    check_layer(lambda: layers.MaxPooling3D(2), (2, 4, 4, 2, 3))
    check_layer(lambda: layers.AveragePooling3D(2, strides=1, padding="same"), volume)
    check_layer(lambda: layers.AdaptiveMaxPooling2D((2, 3)), (2, 5, 4, 3))
    check_layer(lambda: layers.AdaptiveAveragePooling3D(2), volume)
    check_layer(lambda: layers.UpSampling2D(2, interpolation="bicubic"), (2, 3, 3, 2))
    check_layer(lambda: layers.ZeroPadding3D((1, 0, 2)), volume)


def test_a_mask_counts_in_both_orders() -> None:
    x, mask = normal(2, 4, 3).astype("float32"), np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
    last = layers.GlobalAveragePooling1D()(x, mask=mask).numpy()
    first = layers.GlobalAveragePooling1D(data_format="channels_first")
    np.testing.assert_allclose(first(x.transpose(0, 2, 1).copy(), mask=mask).numpy(), last)
    np.testing.assert_allclose(last[0], x[0, :2].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Conv3D(4, (1, 2)), "kernel_size must be one integer or three"),
        (lambda: layers.Conv1D(4, 3, data_format="last"), "data_format must be one of"),
        (lambda: layers.Conv3DTranspose(4, 2, output_padding=-1), "must not be negative"),
        (lambda: layers.Conv1DTranspose(4, 3, output_padding=1), "less than strides"),
        (lambda: layers.SeparableConv1D(4, 3, padding="causal"), "padding must be one of"),
        (lambda: layers.AdaptiveMaxPooling2D(0), "output_size must be a positive integer"),
        (lambda: layers.ZeroPadding3D((1, 2)), "one entry for frames, rows and columns"),
        (lambda: layers.UpSampling2D(2, interpolation="area"), "interpolation must be one of"),
    ],
)
def test_what_cannot_be_made(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="the input must have 5 axes"):
        layers.Conv3D(4, 2)(np.zeros((2, 3, 3, 3), "float32"))
    layer = layers.Conv2D(4, 2, data_format="channels_first")
    layer(np.zeros((1, 3, 5, 5), "float32"))
    with pytest.raises(ShapeError, match="axis 1 of the input must have size 3"):
        layer(np.zeros((1, 4, 5, 5), "float32"))
    with pytest.raises(ShapeError, match="something must be left"):
        layers.Cropping3D(2)(np.zeros((1, 4, 5, 5, 1), "float32"))

"""Inception v3 (Szegedy et al. 2015, arXiv:1512.00567): blocks of parallel convolutions."""

from __future__ import annotations

from typing import Any

from ..layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
)
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, published
from .pixels import preprocess

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3"
CATALOGUE = published(
    f"{BASE}/inception_v3_weights_tf_dim_ordering_tf_kernels",
    ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
)
# Way by way: filters, then rows and columns of the kernel where it is not 1×1; all in Keras' order,
# on which the order of the weights depends. "/" halves rows and columns.
SMALL = ("64", "48 64:5x5", "64 96:3x3 96:3x3")
WIDE = "192", "{0} {0}:1x7 192:7x1", "{0} {0}:7x1 {0}:1x7 {0}:7x1 192:1x7"
MIXED: tuple[tuple[tuple[str, ...], int | None], ...] = (
    (SMALL, 32),  # the ways, and the filters after the mean; None for a maximum that halves
    (SMALL, 64),
    (SMALL, 64),
    (("384:3x3/", "64 96:3x3 96:3x3/"), None),
    *((tuple(way.format(n) for way in WIDE), 192) for n in (128, 160, 160, 192)),
    (("192 320:3x3/", "192 192:1x7 192:7x1 192:3x3/"), None),
)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


def convolution(x: Any, filters: int, size: Any, strides: int = 1, padding: str = "same") -> Any:
    """Return a convolution, normalized without a scale and rectified."""
    x = Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return Activation("relu")(BatchNormalization(scale=False)(x))


def way(x: Any, told: str) -> Any:
    """Return the convolutions of one way through a block."""
    for one in told.split():
        filters, _, size = one.rstrip("/").partition(":")
        rows, _, columns = (size or "1x1").partition("x")
        halves = one.endswith("/")
        x = convolution(x, int(filters), (int(rows), int(columns)), 2 if halves else 1,
                        "valid" if halves else "same")  # fmt: skip
    return x


def mean(x: Any, filters: int) -> Any:
    """Return the way of a 3×3 mean and a 1×1 convolution."""
    return convolution(AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def forked(x: Any, name: Any) -> Any:
    """Return a 1×3 and a 3×1 convolution side by side."""
    return Concatenate(name=name)([way(x, "384:1x3"), way(x, "384:3x1")])


def InceptionV3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "inception_v3",
) -> Functional:
    """Return an Inception v3.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 2048) with pooling, or maps
        (N, ≈ H / 32, ≈ W / 32, 2048).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (299, 299, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    network = Network("InceptionV3", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE)  # fmt: skip
    x = inputs = network.entrance(299, 75)
    x = convolution(x, 32, 3, 2, "valid")
    x = convolution(convolution(x, 32, 3, padding="valid"), 64, 3)
    x = MaxPooling2D(3, strides=2)(x)
    x = convolution(convolution(x, 80, 1, padding="valid"), 192, 3, padding="valid")
    x = MaxPooling2D(3, strides=2)(x)
    for i, (ways, filters) in enumerate(MIXED):
        found = [way(x, told) for told in ways]
        found.append(MaxPooling2D(3, strides=2)(x) if filters is None else mean(x, filters))
        x = Concatenate(name=f"mixed{i}")(found)
    for i in range(2):
        found = [way(x, "320"), forked(way(x, "384"), f"mixed9_{i}"),
                 forked(way(x, "448 384:3x3"), None), mean(x, 192)]  # fmt: skip
        x = Concatenate(name=f"mixed{9 + i}")(found)
    return network.model(inputs, network.head(x), name)

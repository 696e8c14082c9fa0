"""Residual networks with the normalization first (He et al. 2016, arXiv:1603.05027), as Keras'."""

from __future__ import annotations

from typing import Any

from ..layers import Activation, Add, Conv2D, MaxPooling2D, ZeroPadding2D
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network
from .pixels import preprocess
from .residual import DEPTHS
from .resnet import CATALOGUE, normalize, stem


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


def block(x: Any, filters: int, strides: int, project: bool, name: str) -> Any:
    """Return convolutions 1×1, 3×3 (with the strides), 1×1 of what was bent, and a way past."""
    y = Activation("relu", name=f"{name}_preact_relu")(normalize(x, f"{name}_preact_bn"))
    if project:
        way = Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(y)
    else:
        way = MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    y = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = Activation("relu", name=f"{name}_1_relu")(normalize(y, f"{name}_1_bn"))
    y = ZeroPadding2D(1, name=f"{name}_2_pad")(y)
    y = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(y)
    y = Activation("relu", name=f"{name}_2_relu")(normalize(y, f"{name}_2_bn"))
    y = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(y)
    return Add(name=f"{name}_out")([way, y])


def _network(key: str, network: Network, name: str) -> Functional:
    inputs = network.entrance(224, 32)
    x = stem(inputs, normalized=False)
    for i, count in enumerate(DEPTHS[int(key[6:-2])], 2):
        for j in range(1, count + 1):
            strides = 2 if j == count and i < 5 else 1
            x = block(x, 16 << i, strides, j == 1, f"conv{i}_block{j}")
    x = Activation("relu", name="post_relu")(normalize(x, "post_bn"))
    return network.model(inputs, network.head(x, named=True), name)


def ResNet50V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50v2",
) -> Functional:
    """Return the network with 50 layers.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 2048) with pooling, or maps
        (N, H / 32, W / 32, 2048).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
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
    network = Network("ResNet50V2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["resnet50v2"])  # fmt: skip
    return _network("resnet50v2", network, name)


def ResNet101V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101v2",
) -> Functional:
    """Return the network with 101 layers; see `ResNet50V2`."""
    network = Network("ResNet101V2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["resnet101v2"])  # fmt: skip
    return _network("resnet101v2", network, name)


def ResNet152V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152v2",
) -> Functional:
    """Return the network with 152 layers; see `ResNet50V2`."""
    network = Network("ResNet152V2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["resnet152v2"])  # fmt: skip
    return _network("resnet152v2", network, name)

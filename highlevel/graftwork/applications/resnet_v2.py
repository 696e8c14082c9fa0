"""Residual networks with the normalization first (He et al. 2016, arXiv:1603.05027), as Keras'."""

from __future__ import annotations

from typing import Any

from ..layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from ..models import Functional
from . import foreign_names
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, check_variant
from .pixels import preprocess
from .residual import DEPTHS
from .resnet import CATALOGUE, EPSILON

VARIANTS = ("keras", "torch")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


class Builder:
    """Lays layers in Keras' form, or in that of timm.

    timm's convolutions have no biases and scale down in the first block of a stage, not in the
    last one of the stage before.
    """

    def __init__(self, torch: bool) -> None:
        self.torch = torch

    def bent(self, x: Any, name: str, end: str = "") -> Any:
        """Return x normalized and rectified."""
        epsilon, momentum = (1e-5, 0.9) if self.torch else (EPSILON, 0.99)
        x = BatchNormalization(epsilon=epsilon, momentum=momentum, name=f"{name}_{end}bn")(x)
        return Activation("relu", name=f"{name}_{end}relu")(x)

    def stem(self, x: Any) -> Any:
        """Return a 7×7 convolution and a pooling, each of which halves rows and columns."""
        x = ZeroPadding2D(3, name="conv1_pad")(x)
        x = Conv2D(64, 7, strides=2, use_bias=not self.torch, name="conv1_conv")(x)
        if self.torch:  # of what is not rectified yet the margin must not be the largest
            return MaxPooling2D(3, strides=2, padding=1, name="pool1_pool")(x)
        x = ZeroPadding2D(1, name="pool1_pad")(x)
        return MaxPooling2D(3, strides=2, name="pool1_pool")(x)

    def block(self, x: Any, filters: int, strides: int, project: bool, name: str) -> Any:
        """Return convolutions 1×1, 3×3 (with the strides), 1×1 of what was bent, and a way past."""
        y = self.bent(x, f"{name}_preact")
        if project:
            way = Conv2D(4 * filters, 1, strides=strides, use_bias=not self.torch,
                         name=f"{name}_0_conv")(y)  # fmt: skip
        else:
            way = MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
        y = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(y)
        y = self.bent(y, name, "1_")
        y = ZeroPadding2D(1, name=f"{name}_2_pad")(y)
        y = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(y)
        y = self.bent(y, name, "2_")
        y = Conv2D(4 * filters, 1, use_bias=not self.torch, name=f"{name}_3_conv")(y)
        return Add(name=f"{name}_out")([way, y])


def _network(depth: int, network: Network, name: str, variant: str | None) -> Functional:
    """Return the network in the form that the variant or else the file asks for."""
    check_variant(network.subject, variant, VARIANTS, network.weights)
    built = network.form(variant, VARIANTS, _told)
    torch = built == "torch"
    builder = Builder(torch)
    inputs = network.entrance(224, 32)
    x = builder.stem(inputs)
    for i, count in enumerate(DEPTHS[depth], 2):
        for j in range(1, count + 1):
            halves = (j == 1 and i > 2) if torch else (j == count and i < 5)
            x = builder.block(x, 16 << i, 2 if halves else 1, j == 1, f"conv{i}_block{j}")
    x = network.head(builder.bent(x, "post"), named=True)
    names = foreign_names.resnet_v2(DEPTHS[depth]) if torch else {}
    return network.model(inputs, x, name, names, built)


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    theirs = any(one.endswith("stages.0.blocks.0.norm1.weight") for one in names)
    return "torch" if theirs else "keras"


def ResNet50V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50v2",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the network with 50 layers.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 2048) with pooling, or maps
        (N, H / 32, W / 32, 2048).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras or timm, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras", or "torch" (timm's `resnetv2_50`: no biases, epsilon 1e-5, and the first
            block of a stage scales down); None takes what the names in the file of weights tell.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    network = Network("ResNet50V2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["resnet50v2"])  # fmt: skip
    return _network(50, network, name, variant)


def ResNet101V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101v2",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the network with 101 layers; see `ResNet50V2`."""
    network = Network("ResNet101V2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["resnet101v2"])  # fmt: skip
    return _network(101, network, name, variant)


def ResNet152V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152v2",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the network with 152 layers; see `ResNet50V2`."""
    network = Network("ResNet152V2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["resnet152v2"])  # fmt: skip
    return _network(152, network, name, variant)

"""Xception (Chollet 2016, arXiv:1610.02357): separable convolutions with ways past them."""

from __future__ import annotations

from typing import Any

from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    MaxPooling2D,
    SeparableConv2D,
)
from ..models import Functional
from . import foreign_names
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, check_variant
from .pixels import preprocess
from .weights import Entry

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/xception"
CATALOGUE = {
    "imagenet": Entry(f"{BASE}/xception_weights_tf_dim_ordering_tf_kernels.h5", "", "ImageNet-1k",
                      md5="0a58e3b7378bc2990ea3b43d5981f1f6"),
    "imagenet-notop": Entry(f"{BASE}/xception_weights_tf_dim_ordering_tf_kernels_notop.h5", "",
                            "ImageNet-1k", md5="b0042744bf5b25fce3cb969f33bebb97"),
}  # fmt: skip
VARIANTS = ("keras", "torch")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


class _Builder:
    """The two forms, layer by layer; notes what timm calls the ways past the blocks."""

    def __init__(self, torch: bool) -> None:
        self.torch = torch
        self.names = foreign_names.xception()

    def normalized(self, x: Any, **name: Any) -> Any:
        epsilon, momentum = (1e-5, 0.9) if self.torch else (1e-3, 0.99)
        return BatchNormalization(epsilon=epsilon, momentum=momentum, **name)(x)

    def separable(self, x: Any, filters: int, name: str, bent: str | None) -> Any:
        """Return a separable convolution, normalized; a ReLU named `bent` comes before it."""
        if bent is not None:
            x = Activation("relu", name=f"{bent}_act")(x)
        x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
        return self.normalized(x, name=f"{name}_bn")

    def narrowing(self, x: Any, i: int, filters: tuple[int, int], first: bool = False) -> Any:
        """Return a block of two separable convolutions and a pooling, with a way past them."""
        past = Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)
        way = self.normalized(past(x))
        self.names |= {f"block{i - 1}.skip": past.name,
                       f"block{i - 1}.skipbn": way.origin.layer.name}  # fmt: skip
        name = f"block{i}"
        x = self.separable(x, filters[0], f"{name}_sepconv1", None if first else f"{name}_sepconv1")
        x = self.separable(x, filters[1], f"{name}_sepconv2", f"{name}_sepconv2")
        margin: Any = 1 if self.torch else "same"
        x = MaxPooling2D(3, 2, padding=margin, name=f"{name}_pool")(x)
        return Add()([x, way])


def Xception(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "xception",
    *,
    variant: str | None = None,
) -> Functional:
    """Return an Xception.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 2048) with pooling, or maps
        (N, H / 32, W / 32, 2048).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras or timm, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (299, 299, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras", or "torch" (timm's `xception`: pooling padded alike on all sides, epsilon
            1e-5); None takes what the names in the file of weights tell.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    check_variant("Xception", variant, VARIANTS, weights)
    network = Network("Xception", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE)  # fmt: skip
    built = network.form(variant, VARIANTS, _told)
    builder = _Builder(built == "torch")
    x = inputs = network.entrance(299, 71)
    for i, (filters, strides) in enumerate(((32, 2), (64, 1)), 1):
        x = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"block1_conv{i}")(x)
        x = builder.normalized(x, name=f"block1_conv{i}_bn")
        x = Activation("relu", name=f"block1_conv{i}_act")(x)
    x = builder.narrowing(x, 2, (128, 128), first=True)
    x = builder.narrowing(x, 3, (256, 256))
    x = builder.narrowing(x, 4, (728, 728))
    for i in range(5, 13):
        way = x
        for j in (1, 2, 3):
            x = builder.separable(x, 728, f"block{i}_sepconv{j}", f"block{i}_sepconv{j}")
        x = Add()([x, way])
    x = builder.narrowing(x, 13, (728, 1024))
    for j, filters in ((1, 1536), (2, 2048)):
        x = builder.separable(x, filters, f"block14_sepconv{j}", None)
        x = Activation("relu", name=f"block14_sepconv{j}_act")(x)
    return network.model(inputs, network.head(x), name,
                         builder.names if builder.torch else {}, built)  # fmt: skip


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    return "torch" if any(one.endswith("block1.rep.0.conv1.weight") for one in names) else "keras"

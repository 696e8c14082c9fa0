"""EfficientNet (Tan and Le 2019, arXiv:1905.11946): width, depth and resolution grow together."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..layers import Normalization, Rescaling
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .inverted import Builder, Stage, rounded, scaled, told
from .network import Network, check_variant, published
from .pixels import DEVIATION, preprocess_for
from .weights import Entry

# Of every network: width, depth, side of the pictures, dropout.
SIZES = {
    "B0": (1.0, 1.0, 224, 0.2),
    "B1": (1.0, 1.1, 240, 0.2),
    "B2": (1.1, 1.2, 260, 0.3),
    "B3": (1.2, 1.4, 300, 0.3),
    "B4": (1.4, 1.8, 380, 0.4),
    "B5": (1.6, 2.2, 456, 0.4),
    "B6": (1.8, 2.6, 528, 0.5),
    "B7": (2.0, 3.1, 600, 0.5),
}
STAGES = (
    Stage(1, 32, 16, 1, 3, 1),
    Stage(2, 16, 24, 6, 3, 2),
    Stage(2, 24, 40, 6, 5, 2),
    Stage(3, 40, 80, 6, 3, 2),
    Stage(3, 80, 112, 6, 5, 1),
    Stage(4, 112, 192, 6, 5, 2),
    Stage(1, 192, 320, 6, 3, 1),
)
MD5 = {
    "B0": ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "B1": ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "B2": ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "B3": ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "B4": ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "B5": ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "B6": ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "B7": ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}
# torchvision's files: the end of the name, bytes.
TORCHVISION = {
    "B0": ("b0_rwightman-7f5810bc", 21_444_401),
    "B1": ("b1_rwightman-bac287d4", 31_597_577),
    "B2": ("b2_rwightman-c35c1473", 36_882_185),
    "B3": ("b3_rwightman-b3899882", 49_475_909),
    "B4": ("b4_rwightman-23ab8bcd", 78_107_389),
    "B5": ("b5_lukemelas-1a07897c", 122_540_693),
    "B6": ("b6_lukemelas-24a108a5", 173_394_125),
    "B7": ("b7_lukemelas-c5b4e57e", 267_046_505),
}
# Forms: whose padding and epsilon; all but the first take pictures that are prepared already.
VARIANTS = ("keras", "torch", "timm", "tf")
# What files note of networks that were made with Keras' published weights.
IMAGENET = "keras-imagenet"


def catalogue(size: str, variant: str | None) -> dict[str, Entry]:
    """Return what is published of a network for a variant, or for both."""
    key = f"efficientnet{size.lower()}"
    theirs, count = TORCHVISION[size]
    address = f"https://download.pytorch.org/models/efficientnet_{theirs}.pth"
    found = published(f"https://storage.googleapis.com/keras-applications/{key}", MD5[size])
    entry = Entry(address, theirs[-8:], "ImageNet-1k, torchvision", size=count,
                  licence="BSD-3-Clause")  # fmt: skip
    torch = {f"efficientnet_{size.lower()}": entry}
    return {None: found | torch, "keras": found, "torch": torch}.get(variant, {})


def preprocess_input(x: Any, data_format: str | None = None, *, variant: str = "keras") -> Any:
    """Return pictures from 0 … 255 as the network takes them.

    Args:
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.
        variant: "keras" (as they are: the network itself rescales them), or "torch", "timm", "tf":
            (x / 255 − mean) / deviation.
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    return preprocess_for(variant, VARIANTS, None, x, data_format)


def _network(
    size: str, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any,
    pooling: str | None, classes: int, classifier_activation: Any, name: str, variant: str | None,
) -> Functional:  # fmt: skip
    """Return the network in the form that the variant or else the file asks for."""
    subject = f"EfficientNet{size}"
    check_variant(subject, variant, VARIANTS)
    if variant == "torch" and weights == "imagenet":
        weights = f"efficientnet_{size.lower()}"  # what torchvision publishes
    network = Network(subject, include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, catalogue(size, variant))  # fmt: skip
    built = network.form(variant, (*VARIANTS, IMAGENET), partial(told, timm="timm"))
    if built == "keras" and weights == "imagenet":
        built = IMAGENET
    torch = built in ("torch", "timm")
    width, depth, side, dropout = SIZES[size]
    x = inputs = network.entrance(side, 32)
    if built in ("keras", IMAGENET):
        x = Normalization(axis=-1)(Rescaling(1 / 255)(x))
        if built == IMAGENET:
            # The published mean and variance lack a root: the variance stands where its root
            # should, and this makes up for it.
            x = Rescaling([1 / math.sqrt(one) for one in DEVIATION])(x)
    fine = built == "timm" or (torch and size in ("B0", "B1", "B2", "B3", "B4"))
    builder = Builder(torch, epsilon=1e-5 if fine else 1e-3)
    stages = scaled(STAGES, width, depth, 0.9)
    blocks = sum(stage.repeats for stage in stages)
    x = builder.body(x, rounded(32, width, 0.9), stages, rounded(1280, width, 0.9), blocks)
    x = builder.head(network, x, dropout)
    first = {"timm": "timm", "tf": "transformers"}.get(built, "torch")
    return network.model(inputs, x, name, builder.all_names(first), built)


def EfficientNetB0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb0",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the smallest EfficientNet; it takes pictures from 0 … 255.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 1280) with pooling, or maps
        (N, H / 32, W / 32, 1280); 1280 grows with the width, up to 2560 of B7.

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, torchvision, timm or Hugging Face, "imagenet", "efficientnet_b0"
            (torchvision's), or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras"; "torch" (torchvision's: padding alike on all sides, epsilon 1e-5 up to
            B4), "timm" (the same, epsilon 1e-5) or "tf" (Keras' padding and epsilon: timm's
            networks called tf_…, Hugging Face's), which three take pictures prepared by
            `preprocess_input(x, variant=…)`; None takes what the names in the file of weights
            tell ("timm" for timm's), Keras' form without a file.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    return _network("B0", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb1",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B1, made for pictures of 240 pixels; see `EfficientNetB0`."""
    return _network("B1", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb2",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B2, made for pictures of 260 pixels; see `EfficientNetB0`."""
    return _network("B2", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb3",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B3, made for pictures of 300 pixels; see `EfficientNetB0`."""
    return _network("B3", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB4(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb4",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B4, made for pictures of 380 pixels; see `EfficientNetB0`."""
    return _network("B4", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB5(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb5",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B5, made for pictures of 456 pixels; see `EfficientNetB0`."""
    return _network("B5", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB6(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb6",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B6, made for pictures of 528 pixels; see `EfficientNetB0`."""
    return _network("B6", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def EfficientNetB7(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb7",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNet B7, made for pictures of 600 pixels; see `EfficientNetB0`."""
    return _network("B7", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip

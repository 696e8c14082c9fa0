"""EfficientNetV2 (Tan and Le 2021, arXiv:2104.00298): fused convolutions in the first stages."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..layers import Normalization, Rescaling
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .inverted import Builder, Stage, rounded, scaled, told
from .network import Network, check_variant, published
from .pixels import DEVIATION, MEAN, preprocess_for
from .weights import Entry

# Of every network: width, depth, side of the pictures, torchvision's dropout.
SIZES = {
    "B0": (1.0, 1.0, 224, 0.2),
    "B1": (1.0, 1.1, 240, 0.2),
    "B2": (1.1, 1.2, 260, 0.2),
    "B3": (1.2, 1.4, 300, 0.2),
    "S": (1.0, 1.0, 384, 0.2),
    "M": (1.0, 1.0, 480, 0.3),
    "L": (1.0, 1.0, 480, 0.4),
}
# Of every stage: repeats, channels before and after, widening, strides; the first three are fused.
STAGES = {
    "B": (
        (1, 32, 16, 1, 1), (2, 16, 32, 4, 2), (2, 32, 48, 4, 2), (3, 48, 96, 4, 2),
        (5, 96, 112, 6, 1), (8, 112, 192, 6, 2),
    ),
    "S": (
        (2, 24, 24, 1, 1), (4, 24, 48, 4, 2), (4, 48, 64, 4, 2), (6, 64, 128, 4, 2),
        (9, 128, 160, 6, 1), (15, 160, 256, 6, 2),
    ),
    "M": (
        (3, 24, 24, 1, 1), (5, 24, 48, 4, 2), (5, 48, 80, 4, 2), (7, 80, 160, 4, 2),
        (14, 160, 176, 6, 1), (18, 176, 304, 6, 2), (5, 304, 512, 6, 1),
    ),
    "L": (
        (4, 32, 32, 1, 1), (7, 32, 64, 4, 2), (7, 64, 96, 4, 2), (10, 96, 192, 4, 2),
        (19, 192, 224, 6, 1), (25, 224, 384, 6, 2), (7, 384, 640, 6, 1),
    ),
}  # fmt: skip
BASE = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2"
MD5 = {
    "B0": ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "B1": ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "B2": ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "B3": ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "S": ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "M": ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "L": ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}
# torchvision's files: the beginning of the checksum, bytes.
TORCHVISION = {
    "S": ("dd5fe13b", 86_721_253),
    "M": ("dc08266a", 218_114_489),
    "L": ("59c71312", 476_654_412),
}
# Forms: whose padding and epsilon; all but the first take pictures that are prepared already.
VARIANTS = ("keras", "torch", "timm", "tf")


def catalogue(size: str, variant: str | None) -> dict[str, Entry]:
    """Return what is published of a network for a variant, or for both."""
    key = f"efficientnetv2-{size.lower()}"
    torch: dict[str, Entry] = {}
    if size in TORCHVISION:
        sha256, count = TORCHVISION[size]
        address = f"https://download.pytorch.org/models/efficientnet_v2_{size.lower()}-{sha256}.pth"
        torch[f"efficientnet_v2_{size.lower()}"] = Entry(
            address, sha256, "ImageNet-1k, torchvision", size=count, licence="BSD-3-Clause"
        )
    found = published(f"{BASE}/{key}", MD5[size])
    return {None: found | torch, "keras": found, "torch": torch}.get(variant, {})


def preprocess_input(x: Any, data_format: str | None = None, *, variant: str = "keras") -> Any:
    """Return pictures from 0 … 255 as the network takes them.

    Args:
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.
        variant: "keras" (as they are: the network itself rescales them), or "torch", "timm", "tf":
            (x / 255 − mean) / deviation. torchvision's weights of L and timm's of S, M and L take
            x / 127.5 − 1, which is `imagenet_utils.preprocess_input(x, mode="tf")`.
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    return preprocess_for(variant, VARIANTS, None, x, data_format)


def _network(
    size: str, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any,
    pooling: str | None, classes: int, classifier_activation: Any, include_preprocessing: bool,
    name: str, variant: str | None,
) -> Functional:  # fmt: skip
    """Return the network in the form that the variant or else the file asks for."""
    subject = f"EfficientNetV2{size}"
    check_variant(subject, variant, VARIANTS)
    if variant == "torch" and weights == "imagenet":
        weights = f"efficientnet_v2_{size.lower()}"  # what torchvision publishes
    network = Network(subject, include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, catalogue(size, variant))  # fmt: skip
    built = network.form(variant, VARIANTS, partial(told, timm="tf"))
    torch = built in ("torch", "timm")
    width, depth, side, dropout = SIZES[size]
    x = inputs = network.entrance(side, 32)
    if include_preprocessing and built == "keras":
        if size.startswith("B") and inputs.shape[-1] == 3:
            x = Rescaling(1 / 255)(x)
            variance = [one**2 for one in DEVIATION]
            x = Normalization(mean=list(MEAN), variance=variance, axis=-1)(x)
        else:
            x = Rescaling(1 / 128, -1.0)(x)
    table = tuple(
        Stage(repeats, before, after, widening, 3, strides, fused=i < 3)
        for i, (repeats, before, after, widening, strides) in enumerate(STAGES[size[0]])
    )
    builder = Builder(torch, epsilon=1e-5 if built == "timm" else 1e-3, momentum=0.9, padded=False,
                      depthwise="dwconv2")  # fmt: skip
    x = builder.body(x, rounded(table[0].filters_in, width), scaled(table, width, depth, 0.0),
                     rounded(1280, width), sum(stage.repeats for stage in table))  # fmt: skip
    x = builder.head(network, x, dropout if torch else 0.2)
    first = "timm" if built in ("timm", "tf") else "torch"
    return network.model(inputs, x, name, builder.all_names(first), built)


def EfficientNetV2B0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b0",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the smallest EfficientNetV2; it takes pictures from 0 … 255.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 1280) with pooling, or maps
        (N, H / 32, W / 32, 1280); 1408 channels of B2, 1536 of B3.

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, timm or torchvision (S, M, L), "imagenet", "efficientnet_v2_s" (S,
            M, L: torchvision's), or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        include_preprocessing: whether the network rescales pictures itself: to mean 0 and
            deviation 1 (B0 to B3) or to −1 … 1.
        name: the name of the model.
        variant: "keras"; "torch" (torchvision's: padding alike on all sides), "timm" (the same,
            epsilon 1e-5) or "tf" (Keras' padding and epsilon: timm's networks called tf_…), which
            three take pictures prepared already; None takes what the names in the file of weights
            tell ("tf" for timm's), Keras' form without a file.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    return _network("B0", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip


def EfficientNetV2B1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b1",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNetV2 B1, made for pictures of 240 pixels; see `EfficientNetV2B0`."""
    return _network("B1", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip


def EfficientNetV2B2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b2",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNetV2 B2, made for pictures of 260 pixels; see `EfficientNetV2B0`."""
    return _network("B2", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip


def EfficientNetV2B3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b3",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNetV2 B3, made for pictures of 300 pixels; see `EfficientNetV2B0`."""
    return _network("B3", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip


def EfficientNetV2S(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-s",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNetV2 S, made for pictures of 384 pixels; see `EfficientNetV2B0`."""
    return _network("S", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip


def EfficientNetV2M(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-m",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNetV2 M, made for pictures of 480 pixels; see `EfficientNetV2B0`."""
    return _network("M", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip


def EfficientNetV2L(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-l",
    *,
    variant: str | None = None,
) -> Functional:
    """Return EfficientNetV2 L, made for pictures of 480 pixels; see `EfficientNetV2B0`."""
    return _network("L", include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, include_preprocessing, name, variant)  # fmt: skip

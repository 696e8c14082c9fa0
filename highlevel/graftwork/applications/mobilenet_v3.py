"""MobileNet v3 (Howard et al. 2019, arXiv:1905.02244): v2 with squeezed attention, searched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..layers import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from ..models import Functional
from . import foreign_names
from .imagenet_utils import decode_predictions as decode_predictions
from .mobilenet_v2 import divisible, normalize
from .network import Network, check_variant, same_padding
from .pixels import preprocess_for
from .weights import Entry

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3"
MD5 = {
    "large_224_0.75_float": (
        "765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": (
        "59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": (
        "675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": (
        "cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": (
        "8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": (
        "99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}  # fmt: skip
VARIANTS = ("keras", "torch", "timm")
# How many blocks stand in each of timm's stages.
COUNTS = {"small": (1, 2, 3, 2, 3), "large": (1, 2, 3, 4, 2, 3)}
# Block by block: how much wider inside, filters, size of the kernel, strides, whether attention is
# squeezed in, and whether the bend is hard_swish. The minimalistic form has 3×3 kernels, no
# attention and ReLU throughout.
BLOCKS: dict[str, tuple[tuple[float, int, int, int, bool, bool], ...]] = {
    "small": (
        (1, 16, 3, 2, True, False),
        (72 / 16, 24, 3, 2, False, False),
        (88 / 24, 24, 3, 1, False, False),
        (4, 40, 5, 2, True, True),
        (6, 40, 5, 1, True, True),
        (6, 40, 5, 1, True, True),
        (3, 48, 5, 1, True, True),
        (3, 48, 5, 1, True, True),
        (6, 96, 5, 2, True, True),
        (6, 96, 5, 1, True, True),
        (6, 96, 5, 1, True, True),
    ),
    "large": (
        (1, 16, 3, 1, False, False),
        (4, 24, 3, 2, False, False),
        (3, 24, 3, 1, False, False),
        (3, 40, 5, 2, True, False),
        (3, 40, 5, 1, True, False),
        (3, 40, 5, 1, True, False),
        (6, 80, 3, 2, False, True),
        (2.5, 80, 3, 1, False, True),
        (2.3, 80, 3, 1, False, True),
        (2.3, 80, 3, 1, False, True),
        (6, 112, 3, 1, True, True),
        (6, 112, 3, 1, True, True),
        (6, 160, 5, 2, True, True),
        (6, 160, 5, 1, True, True),
        (6, 160, 5, 1, True, True),
    ),
}


def preprocess_input(x: Any, data_format: str | None = None, *, variant: str = "keras") -> Any:
    """Return pictures from 0 … 255 as the network takes them.

    Args:
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.
        variant: "keras" (as they are: the network itself rescales them to −1 … 1), or "torch" or
            "timm": (x / 255 − mean) / deviation.
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    return preprocess_for(variant, VARIANTS, None, x, data_format)


def bent(x: Any, hard_swish: bool) -> Any:
    """Return x through hard_swish or a rectifier."""
    return (Activation("hard_swish") if hard_swish else ReLU())(x)


def attention(x: Any, name: str) -> Any:
    """Return x with every channel scaled by what its mean, seen with all others', says."""
    channels = x.shape[-1]
    s = GlobalAveragePooling2D(keepdims=True, name=f"{name}squeeze_excite_avg_pool")(x)
    s = Conv2D(divisible(channels * 0.25), 1, padding="same",
               name=f"{name}squeeze_excite_conv")(s)  # fmt: skip
    s = ReLU(name=f"{name}squeeze_excite_relu")(s)
    s = Conv2D(channels, 1, padding="same", name=f"{name}squeeze_excite_conv_1")(s)
    s = ReLU(6.0)(s + 3.0) * (1.0 / 6.0)
    return Multiply(name=f"{name}squeeze_excite_mul")([x, s])


def block(
    x: Any, inside: float, filters: int, size: int, strides: int, squeezed: bool, swish: bool,
    name: str, expanded: bool, torch: bool, epsilon: float,
) -> Any:  # fmt: skip
    """Return a residual: 1×1 to more channels, depthwise, attention, 1×1 to few channels."""
    way, channels = x, x.shape[-1]
    if expanded:
        x = Conv2D(divisible(channels * inside), 1, padding="same", use_bias=False,
                   name=f"{name}expand")(x)  # fmt: skip
        x = bent(normalize(x, f"{name}expand_bn", torch, epsilon), swish)
    if strides == 2:
        margin: Any = size // 2 if torch else same_padding(x, size)
        x = ZeroPadding2D(margin, name=f"{name}depthwise_pad")(x)
    x = DepthwiseConv2D(size, strides=strides, padding="same" if strides == 1 else "valid",
                        use_bias=False, name=f"{name}depthwise")(x)  # fmt: skip
    x = bent(normalize(x, f"{name}depthwise_bn", torch, epsilon), swish)
    if squeezed:
        x = attention(x, name)
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}project")(x)
    x = normalize(x, f"{name}project_bn", torch, epsilon)
    if strides == 1 and channels == filters:
        return Add(name=f"{name}add")([way, x])
    return x


def catalogue(kind: str, alpha: float, minimalistic: bool) -> dict[str, Entry]:
    """Return what Keras publishes for a form and a width; nothing for most widths."""
    key = f"{kind}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
    if key not in MD5:
        return {}
    stem = f"{BASE}/weights_mobilenet_v3_{key}"
    return {
        "imagenet": Entry(f"{stem}.h5", "", "ImageNet-1k", md5=MD5[key][0]),
        "imagenet-notop": Entry(f"{stem}_no_top_v2.h5", "", "ImageNet-1k", md5=MD5[key][1]),
    }


def _network(
    kind: str, network: Network, alpha: float, minimalistic: bool, dropout_rate: float,
    include_preprocessing: bool, name: str, variant: str | None,
) -> Functional:  # fmt: skip
    """Return the network; `network` holds the arguments that all families share."""
    check_variant(network.subject, variant, VARIANTS, network.weights)
    built = network.form(variant, VARIANTS, foreign_names.language)
    torch, epsilon = built in ("torch", "timm"), 1e-5 if built == "timm" else 1e-3
    if network.include_top and network.input_shape is None:
        network = replace(network, input_shape=(None, None, 3))
    x = inputs = network.entrance(224, 32)
    if include_preprocessing and not torch:
        x = Rescaling(1 / 127.5, -1.0)(x)
    if torch:
        x = ZeroPadding2D(1, name="conv_pad")(x)
    x = Conv2D(16, 3, strides=2, padding="valid" if torch else "same", use_bias=False,
               name="conv")(x)  # fmt: skip
    x = bent(normalize(x, "conv_bn", torch, epsilon), not minimalistic)
    for i, (inside, filters, size, strides, squeezed, swish) in enumerate(BLOCKS[kind]):
        wide = 3 if minimalistic else size
        x = block(x, inside, divisible(filters * alpha), wide, strides,
                  squeezed and not minimalistic, swish and not minimalistic,
                  f"expanded_conv_{i}_" if i else "expanded_conv_", i > 0, torch,
                  epsilon)  # fmt: skip
    x = Conv2D(divisible(x.shape[-1] * 6), 1, padding="same", use_bias=False, name="conv_1")(x)
    x = bent(normalize(x, "conv_1_bn", torch, epsilon), not minimalistic)
    attentive = [squeezed and not minimalistic for *_, squeezed, _ in BLOCKS[kind]]
    rules = foreign_names.mobilenet_v3(COUNTS[kind], attentive, timm_first=built == "timm")
    if not network.include_top:
        return network.model(inputs, network.features(x, named=True), name, rules, built)
    last = 1024 if kind == "small" else 1280
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = Conv2D(divisible(last * alpha) if alpha > 1 else last, 1, padding="same",
               name="conv_2")(x)  # fmt: skip
    x = bent(x, not minimalistic)
    if dropout_rate > 0:
        x = Dropout(dropout_rate)(x)
    x = Flatten()(Conv2D(network.classes, 1, padding="same", name="logits")(x))
    x = Activation(network.classifier_activation, name="predictions")(x)
    return network.model(inputs, x, name, rules, built)


def _checked(subject: str, kind: str, alpha: float, minimalistic: bool, weights: Any) -> Any:
    """Return the catalogue for a width, checked."""
    expect(alpha > 0, subject, "alpha must be positive", error=ConfigError, alpha=alpha)
    found = catalogue(kind, alpha, minimalistic)
    expect(weights != "imagenet" or bool(found), subject,
           'alpha must be 0.75 or 1.0, or 1.0 with minimalistic=True, with weights="imagenet"',
           error=ConfigError, alpha=alpha, minimalistic=minimalistic)  # fmt: skip
    return found


def MobileNetV3Small(
    input_shape: tuple[int | None, ...] | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3Small",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the small MobileNet v3; it takes pictures from 0 … 255.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, C) with pooling, or maps (N, H / 32, W /
        32, C), C = 576 in the small and 960 in the large network of width 1.

    Args:
        input_shape: the shape of a picture; any size if None.
        alpha: scales the number of channels; 0.75 or 1.0 with "imagenet".
        minimalistic: 3×3 kernels, no attention, ReLU: for devices that do no more.
        include_top: whether there is a head.
        weights: a file of Keras, torchvision or timm, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        classes: the number of outputs.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        dropout_rate: share of features that are dropped before the head.
        classifier_activation: of the head; None gives logits.
        include_preprocessing: whether the network rescales pictures to −1 … 1 itself.
        name: the name of the model.
        variant: "keras" (of timm's networks those called tf_…), "torch" (torchvision's: padding
            alike on all sides) or "timm" (the same, epsilon 1e-5); the latter two take pictures
            that are prepared already. None takes what the names in the file of weights tell,
            Keras' form without a file.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    known = _checked("MobileNetV3Small", "small", alpha, minimalistic, weights)
    network = Network("MobileNetV3Small", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, known)  # fmt: skip
    return _network("small", network, alpha, minimalistic, dropout_rate, include_preprocessing,
                    name, variant)  # fmt: skip


def MobileNetV3Large(
    input_shape: tuple[int | None, ...] | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3Large",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the large MobileNet v3; see `MobileNetV3Small`."""
    known = _checked("MobileNetV3Large", "large", alpha, minimalistic, weights)
    network = Network("MobileNetV3Large", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, known)  # fmt: skip
    return _network("large", network, alpha, minimalistic, dropout_rate, include_preprocessing,
                    name, variant)  # fmt: skip

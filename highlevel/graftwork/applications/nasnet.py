"""NASNet-A (Zoph et al. 2017, arXiv:1707.07012): cells that were found by search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from ..models import Functional
from . import foreign_names
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, check_variant, published, same_padding
from .pixels import preprocess

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet"
MOBILE = published(
    f"{BASE}/NASNet-mobile",
    ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    "-no-top",
)
LARGE = published(
    f"{BASE}/NASNet-large",
    ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    "-no-top",
)


VARIANTS = ("keras", "torch", "timm")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


def normalize(x: Any, name: str) -> Any:
    """Return x normalized with the constants of the paper's code."""
    return BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)(x)


def narrow(x: Any, filters: int, name: str) -> Any:
    """Return a 1×1 convolution."""
    return Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal",
                  name=name)(x)  # fmt: skip


def separable(x: Any, filters: int, size: int, name: str, strides: int = 1) -> Any:
    """Return two separable convolutions, each rectified before and normalized after."""
    for i in (1, 2):
        x = Activation("relu")(x)
        halves = i == 1 and strides > 1
        if halves:
            x = ZeroPadding2D(same_padding(x, size), name=f"separable_conv_1_pad_{name}")(x)
        x = SeparableConv2D(
            filters, size, strides=strides if i == 1 else 1, use_bias=False,
            padding="valid" if halves else "same", name=f"separable_conv_{i}_{name}",
        )(x)  # fmt: skip
        x = normalize(x, f"separable_conv_{i}_bn_{name}")
    return x


def fitted(before: Any, x: Any, filters: int, name: str) -> Any:
    """Return the input of the cell before with the rows, columns and channels that x will have."""
    if before is None:
        return x
    if before.shape[2] != x.shape[2]:
        before = Activation("relu", name=f"adjust_relu_1_{name}")(before)
        halves = []
        for i in (1, 2):  # the pixels at even places, and those at odd places
            half = before
            if i == 2:
                half = Cropping2D(((1, 0), (1, 0)))(ZeroPadding2D(((0, 1), (0, 1)))(half))
            half = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{i}_{name}")(half)
            halves.append(narrow(half, filters // 2, f"adjust_conv_{i}_{name}"))
        return normalize(Concatenate()(halves), f"adjust_bn_{name}")
    if before.shape[-1] != filters:
        before = narrow(Activation("relu")(before), filters, f"adjust_conv_projection_{name}")
        return normalize(before, f"adjust_bn_{name}")
    return before


def normal(x: Any, before: Any, filters: int, name: str) -> Any:
    """Return the cell that keeps rows and columns: 6 · filters channels."""
    p = fitted(before, x, filters, name)
    h = narrow(Activation("relu")(x), filters, f"normal_conv_1_{name}")
    h = normalize(h, f"normal_bn_1_{name}")

    def mean(of: Any, side: str) -> Any:
        return AveragePooling2D(3, strides=1, padding="same", name=f"normal_{side}_{name}")(of)

    def bent(of: Any, size: int, side: str) -> Any:
        return separable(of, filters, size, f"normal_{side}_{name}")

    def added(i: int, *ways: Any) -> Any:
        return Add(name=f"normal_add_{i}_{name}")(list(ways))

    one = added(1, bent(h, 5, "left1"), bent(p, 3, "right1"))
    two = added(2, bent(p, 5, "left2"), bent(p, 3, "right2"))
    three = added(3, mean(h, "left3"), p)
    four = added(4, mean(p, "left4"), mean(p, "right4"))
    five = added(5, bent(h, 3, "left5"), h)
    return Concatenate(name=f"normal_concat_{name}")([p, one, two, three, four, five])


def reduction(x: Any, before: Any, filters: int, name: str, variant: str) -> Any:
    """Return the cell that halves rows and columns: 4 · filters channels.

    Where a window reaches over the margin, Keras counts zeros in maxima and means, timm in means
    alone; the paper's code, and Cadene's, counts what is there.
    """
    p = fitted(before, x, filters, name)
    h = narrow(Activation("relu")(x), filters, f"reduction_conv_1_{name}")
    h = normalize(h, f"reduction_bn_1_{name}")
    wide = ZeroPadding2D(same_padding(h, 3), name=f"reduction_pad_1_{name}")(h)

    def bent(of: Any, size: int, side: str, strides: int = 2) -> Any:
        return separable(of, filters, size, f"reduction_{side}_{name}", strides)

    def added(ways: list[Any], end: str) -> Any:
        return Add(name=f"reduction_{end}_{name}")(ways)

    def pooled(pooling: Any, of: Any, side: str, **kwargs: Any) -> Any:
        return pooling(3, name=f"reduction_{side}_{name}", **kwargs)(of)

    def halved(pooling: Any, side: str) -> Any:
        zeros = variant == "keras" or (variant == "timm" and pooling is AveragePooling2D)
        return pooled(pooling, wide if zeros else h, side, strides=2,
                      padding="valid" if zeros else "same")  # fmt: skip

    one = added([bent(h, 5, "left1"), bent(p, 7, "right1")], "add_1")
    two = added([halved(MaxPooling2D, "left2"), bent(p, 7, "right2")], "add_2")
    three = added([halved(AveragePooling2D, "left3"), bent(p, 5, "right3")], "add3")
    four = Add()([two, pooled(AveragePooling2D, one, "left4", strides=1, padding="same")])
    five = added([bent(one, 3, "left4", 1), halved(MaxPooling2D, "right5")], "add4")
    return Concatenate(name=f"reduction_concat_{name}")([two, three, four, five])


def _network(
    network: Network, name: str, side: int, filters: int, blocks: int, stem: int, skip: bool,
    variant: str | None,
) -> Functional:  # fmt: skip
    """Return the network whose last cells have 24 · filters channels."""
    check_variant(network.subject, variant, VARIANTS, network.weights)
    if network.input_tensor is None and network.input_shape is None:
        network = replace(network, input_shape=(side, side, 3))
    inputs = network.entrance(side, 32)
    expect(None not in inputs.shape[1:3], network.subject, "rows and columns must be known",
           error=ConfigError, input=inputs.shape)  # fmt: skip

    def told(names: list[str]) -> str:
        theirs = "timm" if skip else "torch"  # timm has no small one
        return theirs if any(one.endswith("conv0.conv.weight") for one in names) else "keras"

    built = network.form(variant, VARIANTS, told)
    x = Conv2D(stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal",
               name="stem_conv1")(inputs)  # fmt: skip
    before, x = None, normalize(x, "stem_bn1")
    width = filters // 24
    for i, share in ((1, 4), (2, 2)):
        before, x = x, reduction(x, before, width // share, f"stem_{i}", built)
    for stage in range(3):
        wide = width << stage
        if stage > 0:
            reduced = reduction(x, before, wide, f"reduce_{stage * blocks}", built)
            before, x = before if skip else x, reduced
        for i in range(blocks):
            place = stage * blocks + i + (stage > 0)
            before, x = x, normal(x, before, wide, f"{place}")
    names = {} if built == "keras" else foreign_names.nasnet(blocks)
    x = network.head(Activation("relu")(x), pool="")
    return network.model(inputs, x, name, names, built)


def NASNetMobile(
    input_shape: tuple[int | None, ...] | None = None,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "nasnet_mobile",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the small NASNet.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 1056) with pooling, or maps
        (N, ≈ H / 32, ≈ W / 32, 1056).

    Args:
        input_shape: the shape of a picture, rows and columns known; (224, 224, 3) if None.
        include_top: whether there is a head.
        weights: a file of Keras, timm or Cadene, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras", "torch" (Cadene's and the paper's: pooling knows nothing of the margin) or
            "timm" (means count zeros on it); None takes what the names in the file of weights tell,
            which of the large network are timm's.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    network = Network("NASNetMobile", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, MOBILE)  # fmt: skip
    return _network(network, name, 224, 1056, 4, 32, False, variant)


def NASNetLarge(
    input_shape: tuple[int | None, ...] | None = None,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "nasnet_large",
    *,
    variant: str | None = None,
) -> Functional:
    """Return the large NASNet, 331 pixels and 4032 features; see `NASNetMobile`."""
    network = Network("NASNetLarge", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, LARGE)  # fmt: skip
    return _network(network, name, 331, 4032, 6, 96, True, variant)

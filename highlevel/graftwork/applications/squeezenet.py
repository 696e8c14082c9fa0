"""SqueezeNet 1.0 and 1.1 (Iandola et al. 2016, arXiv:1602.07360), as torchvision's."""

from __future__ import annotations

from typing import Any

from ..layers import (
    Activation,
    Concatenate,
    Conv2D,
    Dropout,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network
from .pixels import preprocess
from .weights import Entry

BASE = "https://download.pytorch.org/models"
CATALOGUE = {
    version: dict.fromkeys(
        ("imagenet", "imagenet-notop"),  # one file: what is left over of it is left alone
        Entry(f"{BASE}/squeezenet{version}-{sha256}.pth", sha256, "ImageNet-1k"),
    )
    for version, sha256 in (("1_0", "b66bff10"), ("1_1", "b8a52dc0"))
}
# The first convolution: filters and size. Then, in torchvision's numbering, what comes after it and
# its ReLU: a pooling (0) or a fire module by the channels it squeezes to.
FORMS = {
    "1_0": ((96, 7), (0, 16, 16, 32, 0, 32, 48, 48, 64, 0, 64)),
    "1_1": ((64, 3), (0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64)),
}


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to (x / 255 − mean) / deviation.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "torch", data_format)


def fire(x: Any, squeezed: int, name: str) -> Any:
    """Return a 1×1 convolution that squeezes, and a 1×1 and a 3×3 one that expand side by side."""
    x = Conv2D(squeezed, 1, activation="relu", name=f"{name}_squeeze")(x)
    ways = [Conv2D(4 * squeezed, size, padding="same", activation="relu",
                   name=f"{name}_expand{size}x{size}")(x) for size in (1, 3)]  # fmt: skip
    return Concatenate(name=f"{name}_concat")(ways)


def _network(version: str, network: Network, name: str) -> Functional:
    (filters, size), forms = FORMS[version]
    x = inputs = network.entrance(224, 21)
    x = Conv2D(filters, size, strides=2, activation="relu", name="conv1")(x)
    names = {"features.0": "conv1", "classifier.1": "conv10"}
    for i, squeezed in enumerate(forms, 2):
        if squeezed == 0:
            # One row more, of zeros, is PyTorch's ceil_mode: all that is pooled is rectified.
            x = ZeroPadding2D(((0, 1), (0, 1)), name=f"pool{i}_pad")(x)
            x = MaxPooling2D(3, strides=2, name=f"pool{i}")(x)
            continue
        x = fire(x, squeezed, f"fire{i}")
        for part in ("squeeze", "expand1x1", "expand3x3"):
            names[f"features.{i}.{part}"] = f"fire{i}_{part}"
    if network.include_top:
        x = Dropout(0.5, name="dropout")(x)
        x = Conv2D(network.classes, 1, activation="relu", name="conv10")(x)
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        x = Activation(network.classifier_activation, name="predictions")(x)
    else:
        x = network.features(x, named=True)
    return network.model(inputs, x, name, names)


def SqueezeNet1_0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "squeezenet1_0",
) -> Functional:
    """Return the first SqueezeNet.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 512) with pooling, or maps
        (N, ≈ H / 16, ≈ W / 16, 512).

    Args:
        include_top: whether there is a head.
        weights: a file of torchvision, "imagenet", or None for random weights.
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
    network = Network("SqueezeNet1_0", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["1_0"])  # fmt: skip
    return _network("1_0", network, name)


def SqueezeNet1_1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "squeezenet1_1",
) -> Functional:
    """Return SqueezeNet 1.1, which computes less than half as much; see `SqueezeNet1_0`."""
    network = Network("SqueezeNet1_1", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE["1_1"])  # fmt: skip
    return _network("1_1", network, name)

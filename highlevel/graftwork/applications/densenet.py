"""DenseNet (Huang et al. 2016, arXiv:1608.06993): every layer sees all that came before it."""

from __future__ import annotations

from typing import Any

from ..layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, published
from .pixels import preprocess
from .weights import Entry

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/densenet"
TORCH = "https://download.pytorch.org/models"
DEPTHS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
MD5 = {
    121: ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    169: ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    201: ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}
SHA256 = {121: "a639ec97", 169: "b2777c0a", 201: "c1103571"}  # torchvision's, the first digits
CATALOGUE = {
    depth: published(f"{BASE}/densenet{depth}_weights_tf_dim_ordering_tf_kernels", md5)
    | {f"densenet{depth}": Entry(f"{TORCH}/densenet{depth}-{SHA256[depth]}.pth", SHA256[depth],
                                 "ImageNet-1k, torchvision's")}
    for depth, md5 in MD5.items()
}  # fmt: skip
GROWTH = 32


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to (x / 255 − mean) / deviation.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "torch", data_format)


def bent(x: Any, name: str) -> Any:
    """Return x normalized and rectified."""
    x = BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return Activation("relu", name=f"{name}_relu")(x)


def layer(x: Any, name: str) -> Any:
    """Return x with what a 1×1 and a 3×3 convolution of it add."""
    y = Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(bent(x, f"{name}_0"))
    y = bent(y, f"{name}_1")
    y = Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(y)
    return Concatenate(name=f"{name}_concat")([x, y])


def transition(x: Any, name: str) -> Any:
    """Return half the channels at half the rows and columns."""
    x = bent(x, name)
    x = Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def torch_names(depth: int) -> dict[str, str]:
    """Return the names of torchvision's layers, in its code and in its older files -> ours."""
    names = {"features.conv0": "conv1_conv", "features.norm0": "conv1_bn",
             "features.norm5": "bn", "classifier": "predictions"}  # fmt: skip
    for i, count in enumerate(DEPTHS[depth], 1):
        names[f"features.transition{i}.norm"] = f"pool{i + 1}_bn"
        names[f"features.transition{i}.conv"] = f"pool{i + 1}_conv"
        for j in range(1, count + 1):
            theirs, ours = f"features.denseblock{i}.denselayer{j}", f"conv{i + 1}_block{j}"
            for dot in ("", "."):
                names[f"{theirs}.norm{dot}1"] = f"{ours}_0_bn"
                names[f"{theirs}.conv{dot}1"] = f"{ours}_1_conv"
                names[f"{theirs}.norm{dot}2"] = f"{ours}_1_bn"
                names[f"{theirs}.conv{dot}2"] = f"{ours}_2_conv"
    return names


def _network(depth: int, network: Network, name: str) -> Functional:
    inputs = network.entrance(224, 32)
    x = ZeroPadding2D(3)(inputs)
    x = bent(Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x), "conv1")
    x = MaxPooling2D(3, strides=2, name="pool1")(ZeroPadding2D(1)(x))
    for i, count in enumerate(DEPTHS[depth], 2):
        if i > 2:
            x = transition(x, f"pool{i - 1}")
        for j in range(1, count + 1):
            x = layer(x, f"conv{i}_block{j}")
    x = BatchNormalization(epsilon=1.001e-5, name="bn")(x)
    x = network.head(Activation("relu", name="relu")(x), named=True)
    return network.model(inputs, x, name, torch_names(depth))


def DenseNet121(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet121",
) -> Functional:
    """Return the network with 121 layers.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 1024) with pooling, or maps
        (N, H / 32, W / 32, 1024).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras or torchvision, "imagenet", or None for random weights.
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
    network = Network("DenseNet121", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE[121])  # fmt: skip
    return _network(121, network, name)


def DenseNet169(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet169",
) -> Functional:
    """Return the network with 169 layers, 1664 features; see `DenseNet121`."""
    network = Network("DenseNet169", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE[169])  # fmt: skip
    return _network(169, network, name)


def DenseNet201(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet201",
) -> Functional:
    """Return the network with 201 layers, 1920 features; see `DenseNet121`."""
    network = Network("DenseNet201", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE[201])  # fmt: skip
    return _network(201, network, name)

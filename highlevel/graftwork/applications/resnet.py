"""Residual networks (He et al. 2015, arXiv:1512.03385): Keras' form, or torchvision's by the file.

Keras scales down in the first 1×1 convolution of a stage and its convolutions have biases;
torchvision scales down in the 3×3 convolution. Weights of the one are of no use to the other.
"""

from __future__ import annotations

from typing import Any

from graftgrad.errors import ConfigError, expect

from ..layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from ..models import Model
from . import residual
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network, check_variant, published
from .pixels import preprocess_for
from .residual import DEPTHS
from .residual import ResNet as ResNet
from .residual import ResNet18 as ResNet18
from .residual import ResNet34 as ResNet34
from .weights import find

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/resnet"
MD5 = {
    "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}
CATALOGUE = {
    key: published(f"{BASE}/{key}_weights_tf_dim_ordering_tf_kernels", md5)
    for key, md5 in MD5.items()
}
VARIANTS = ("keras", "torch")
EPSILON = 1.001e-5


def preprocess_input(x: Any, data_format: str | None = None, *, variant: str = "keras") -> Any:
    """Bring pictures from 0 … 255 to what the weights were trained on.

    Args:
        x: an array or tensor (…, H, W, 3), or (…, 3, H, W); it is not changed.
        data_format: "channels_last" or "channels_first"; the former if None.
        variant: whose weights: "keras" (blue first, less the mean) or "torch" (torchvision's:
            (x / 255 − mean) / deviation).
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: the variant or the data format is not known.
    """
    return preprocess_for(variant, VARIANTS, "caffe", x, data_format)


def stem(x: Any, normalized: bool) -> Any:
    """Return a 7×7 convolution and a pooling, each of which halves rows and columns."""
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if normalized:
        x = Activation("relu", name="conv1_relu")(normalize(x, "conv1_bn"))
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    return MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def normalize(x: Any, name: str) -> Any:
    """Return x normalized with Keras' constant for residual networks."""
    return BatchNormalization(epsilon=EPSILON, name=name)(x)


def block(x: Any, filters: int, strides: int, project: bool, name: str) -> Any:
    """Return convolutions 1×1, 3×3, 1×1, the first with the strides, and a way past them."""
    way = x
    if project:
        way = Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(x)
        way = normalize(way, f"{name}_0_bn")
    for i, (count, size) in enumerate(((filters, 1), (filters, 3)), 1):
        x = Conv2D(count, size, strides=strides if i == 1 else 1, padding="same",
                   name=f"{name}_{i}_conv")(x)  # fmt: skip
        x = Activation("relu", name=f"{name}_{i}_relu")(normalize(x, f"{name}_{i}_bn"))
    x = normalize(Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3_bn")
    x = Add(name=f"{name}_add")([way, x])
    return Activation("relu", name=f"{name}_out")(x)


def _network(
    depth: int, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any,
    pooling: str | None, classes: int, classifier_activation: Any, name: str, variant: str | None,
) -> Model:  # fmt: skip
    """Return the network in the form that the variant or else the file asks for."""
    key, subject = f"resnet{depth}", f"ResNet{depth}"
    check_variant(subject, variant, VARIANTS)
    theirs = residual.catalogue(depth)
    if variant == "torch" and weights == "imagenet":
        weights = key  # what torchvision publishes under this name
    known = (theirs if variant != "keras" else {}) | (CATALOGUE[key] if variant != "torch" else {})
    network = Network(subject, include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, known)  # fmt: skip
    path = find(subject, network.named_weights(), known)
    built = network.form(variant, VARIANTS, _told)
    if built == "torch":
        expect(input_tensor is None, subject, 'input_tensor must be None with variant="torch"',
               error=ConfigError, input_tensor=input_tensor,
               advice="Call the network on the symbol.")  # fmt: skip
        kwargs = {"include_top": include_top, "pooling": pooling, "classes": classes,
                  "classifier_activation": classifier_activation,
                  "input_shape": input_shape}  # fmt: skip
        return residual.network(depth, path, name, kwargs)
    x = inputs = network.entrance(224, 32)
    x = stem(x, normalized=True)
    for i, count in enumerate(DEPTHS[depth], 2):
        for j in range(1, count + 1):
            strides = 2 if j == 1 and i > 2 else 1
            x = block(x, 16 << i, strides, j == 1, f"conv{i}_block{j}")
    return network.model(inputs, network.head(x, named=True), name, variant=built)


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file, torchvision's or Hugging Face's."""
    theirs = ("layer1.0.conv1.weight", "layer1/0/conv1/kernel", "embedder.convolution.weight")
    return "torch" if any(name.endswith(theirs) for name in names) else "keras"


def ResNet50(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50",
    *,
    variant: str | None = None,
) -> Model:
    """Return the residual network with 50 layers.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 2048) with pooling, or maps
        (N, H / 32, W / 32, 2048).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras or torchvision, "imagenet", a name of the catalogue ("resnet50",
            "resnet50-v2" are torchvision's), or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (224, 224, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras" or "torch" (torchvision's form, a `ResNet`); None takes what the file of
            weights is for, Keras' form without a file.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    return _network(50, include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def ResNet101(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101",
    *,
    variant: str | None = None,
) -> Model:
    """Return the residual network with 101 layers; see `ResNet50`."""
    return _network(101, include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip


def ResNet152(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152",
    *,
    variant: str | None = None,
) -> Model:
    """Return the residual network with 152 layers; see `ResNet50`."""
    return _network(152, include_top, weights, input_tensor, input_shape, pooling, classes,
                    classifier_activation, name, variant)  # fmt: skip

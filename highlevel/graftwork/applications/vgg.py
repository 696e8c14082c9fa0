"""VGG (Simonyan and Zisserman 2014, arXiv:1409.1556): 11 to 19 layers of 3×3 convolutions."""

from __future__ import annotations

from typing import Any

from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from ..models import Functional
from .imagenet_utils import decode_predictions as decode_predictions
from .network import Network
from .pixels import preprocess
from .weights import Entry

DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
FILTERS = (64, 128, 256, 512, 512)
BASE = "https://storage.googleapis.com/tensorflow/keras-applications"
CATALOGUE = {
    16: {
        "imagenet": Entry(f"{BASE}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
                          "", "ImageNet-1k", md5="64373286793e3c8b2b4e3219cbf3544b"),
        "imagenet-notop": Entry(f"{BASE}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
                                "", "ImageNet-1k", md5="6d6bbae143d832006294945121d1f1fc"),
    },
    19: {
        "imagenet": Entry(f"{BASE}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
                          "", "ImageNet-1k", md5="cbe5617147190e668d6c5d5026f83318"),
        "imagenet-notop": Entry(f"{BASE}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
                                "", "ImageNet-1k", md5="253f8cb515780f3b799900260a226db6"),
    },
}  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to what the weights were trained on: blue first, less the mean.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "caffe", data_format)


def _network(depth: int, network: Network, name: str) -> Functional:
    x = inputs = network.entrance(224, 32)
    for i, (filters, count) in enumerate(zip(FILTERS, DEPTHS[depth], strict=True), 1):
        for j in range(1, count + 1):
            x = Conv2D(filters, 3, activation="relu", padding="same", name=f"block{i}_conv{j}")(x)
        x = MaxPooling2D(2, 2, name=f"block{i}_pool")(x)
    if network.include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = network.head(x, pool=None)
    else:
        x = network.features(x)
    return network.model(inputs, x, name, torch_names(depth))


def torch_names(depth: int) -> dict[str, str]:
    """Return the names of torchvision and timm -> ours."""
    names, place = {}, 0
    for i, count in enumerate(DEPTHS[depth], 1):
        for j in range(1, count + 1):
            names[f"features.{place}"] = f"block{i}_conv{j}"
            place += 2  # a ReLU stands between
        place += 1  # the pooling
    names |= {"classifier.0": "fc1", "classifier.3": "fc2", "classifier.6": "predictions"}
    return names | {"pre_logits.fc1": "fc1", "pre_logits.fc2": "fc2", "head.fc": "predictions"}


def VGG11(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg11",
) -> Functional:
    """Return the network with 11 layers; see `VGG16`."""
    network = Network("VGG11", include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, {})  # fmt: skip
    return _network(11, network, name)


def VGG13(
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg13",
) -> Functional:
    """Return the network with 13 layers; see `VGG16`."""
    network = Network("VGG13", include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, {})  # fmt: skip
    return _network(13, network, name)


def VGG16(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Functional:
    """Return the network with 16 layers.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 512) with pooling, or maps
        (N, H / 32, W / 32, 512).

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
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    network = Network("VGG16", include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, CATALOGUE[16])  # fmt: skip
    return _network(16, network, name)


def VGG19(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Functional:
    """Return the network with 19 layers; see `VGG16`."""
    network = Network("VGG19", include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, CATALOGUE[19])  # fmt: skip
    return _network(19, network, name)

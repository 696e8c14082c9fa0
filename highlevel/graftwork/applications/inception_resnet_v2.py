"""Inception-ResNet v2 (Szegedy et al. 2016, arXiv:1602.07261): Inception's blocks as residuals."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor

from ..layers import (
    Activation,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Layer,
    MaxPooling2D,
)
from ..models import Functional
from ..registry import declared, layers, setting
from ..rules import number
from .imagenet_utils import decode_predictions as decode_predictions
from .inception_v3 import Builder
from .network import Network, published
from .pixels import preprocess

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/inception_resnet_v2"
CATALOGUE = published(
    f"{BASE}/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels",
    ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
)
# The stages: the block that narrows, and how its pooling ends (filters after a mean; None for a
# maximum); the name of the residual blocks, how many, their scale, their ways.
STAGES: tuple[tuple[str, tuple[str, ...], int | None, str, int, float, tuple[str, ...]], ...] = (
    ("mixed_5b", ("96", "48 64:5x5", "64 96:3x3 96:3x3"), 64,
     "block35", 10, 0.17, ("32", "32 32:3x3", "32 48:3x3 64:3x3")),
    ("mixed_6a", ("384:3x3/", "256 256:3x3 384:3x3/"), None,
     "block17", 20, 0.1, ("192", "128 160:1x7 192:7x1")),
    ("mixed_7a", ("256 384:3x3/", "256 288:3x3/", "256 288:3x3 320:3x3/"), None,
     "block8", 10, 0.2, ("192", "192 224:1x3 256:3x1")),
)  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


@declared(layers)
class CustomScaleLayer(Layer):
    """A residual, scaled and added: y = x₀ + scale · x₁; Keras' name for it.

    Args:
        scale: how much of the residual counts.
    """

    scale: float = setting(number)

    exported_module = "keras.src.applications.inception_resnet_v2"  # where Keras has it

    def call(self, inputs: Any) -> Tensor:
        """Add."""
        x, residual = inputs
        y: Tensor = x + residual * self.scale
        return y


def residual(
    builder: Builder, x: Any, ways: tuple[str, ...], scale: float, name: str, bent: bool
) -> Any:
    """Return x with the scaled residual of one block, rectified if bent."""
    mixed = Concatenate(name=f"{name}_mixed")([builder.way(x, told) for told in ways])
    up = Conv2D(x.shape[-1], 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, up])
    return Activation("relu", name=f"{name}_ac")(x) if bent else x


def InceptionResNetV2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "inception_resnet_v2",
) -> Functional:
    """Return an Inception-ResNet v2.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 1536) with pooling, or maps
        (N, ≈ H / 32, ≈ W / 32, 1536).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (299, 299, 3) with a head, any without, if None.
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
    network = Network("InceptionResNetV2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE)  # fmt: skip
    x = inputs = network.entrance(299, 75)
    builder = Builder(False)
    x = builder.stem(x)
    for mixed, ways, filters, block, count, scale, inner in STAGES:
        found = [builder.way(x, told) for told in ways]
        halved = filters is None
        found.append(MaxPooling2D(3, strides=2)(x) if halved else builder.mean(x, filters))
        x = Concatenate(name=mixed)(found)
        for i in range(1, count + 1):
            last = block == "block8" and i == count
            x = residual(builder, x, inner, 1.0 if last else scale, f"{block}_{i}", bent=not last)
    x = Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = Activation("relu", name="conv_7b_ac")(BatchNormalization(scale=False, name="conv_7b_bn")(x))
    return network.model(inputs, network.head(x), name)

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
from .network import Network, check_variant, published
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


STEM = ("conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a")  # timm's and Cadene's
REPEATED = {"block35": "repeat", "block17": "repeat_1", "block8": "repeat_2"}
VARIANTS = ("keras", "torch")


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
    builder: Builder, x: Any, ways: tuple[str, ...], scale: float, names: tuple[str, str],
    bent: bool,
) -> Any:  # fmt: skip
    """Return x with the scaled residual of one block, rectified if bent; named by us and them."""
    name, theirs = names
    found = [builder.way(x, told, f"{theirs}.branch{i}") for i, told in enumerate(ways)]
    mixed = Concatenate(name=f"{name}_mixed")(found)
    up = Conv2D(x.shape[-1], 1, padding="same", name=f"{name}_conv")(mixed)
    builder.names[f"{theirs}.conv2d"] = f"{name}_conv"
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
    *,
    variant: str | None = None,
) -> Functional:
    """Return an Inception-ResNet v2.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 1536) with pooling, or maps
        (N, ≈ H / 32, ≈ W / 32, 1536).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, timm or Cadene, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (299, 299, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras", or "torch" (timm's and Cadene's: normalizations with a scale); None takes
            what the names in the file of weights tell.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    check_variant("InceptionResNetV2", variant, VARIANTS, weights)
    network = Network("InceptionResNetV2", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE)  # fmt: skip
    built = network.form(variant, VARIANTS, _told)
    torch = built == "torch"
    builder = Builder(torch, margin=False, places=(".", 0))
    x = inputs = network.entrance(299, 75)
    x = builder.stem(x, STEM)
    for mixed, ways, filters, block, count, scale, inner in STAGES:
        found = [builder.way(x, way, f"{mixed}.branch{i}") for i, way in enumerate(ways)]
        if filters is None:
            found.append(MaxPooling2D(3, strides=2)(x))
        else:
            found.append(builder.mean(x, filters, f"{mixed}.branch{len(ways)}.1"))
        x = Concatenate(name=mixed)(found)
        for i in range(1, count + 1):
            last = block == "block8" and i == count
            names = f"{block}_{i}", block if last else f"{REPEATED[block]}.{i - 1}"
            x = residual(builder, x, inner, 1.0 if last else scale, names, bent=not last)
    x = Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = BatchNormalization(scale=torch, name="conv_7b_bn")(x)
    x = Activation("relu", name="conv_7b_ac")(x)
    builder.names |= {"conv2d_7b.conv": "conv_7b", "conv2d_7b.bn": "conv_7b_bn",
                      "classif": "predictions", "last_linear": "predictions"}  # fmt: skip
    return network.model(inputs, network.head(x), name, builder.names if torch else {}, built)


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    return "torch" if any(one.endswith(f"{STEM[0]}.conv.weight") for one in names) else "keras"

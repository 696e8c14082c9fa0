"""Inception v3 (Szegedy et al. 2015, arXiv:1512.00567): blocks of parallel convolutions."""

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
from .network import Network, check_variant, published
from .pixels import preprocess

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3"
CATALOGUE = published(
    f"{BASE}/inception_v3_weights_tf_dim_ordering_tf_kernels",
    ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
)
# Way by way: filters, then rows and columns of the kernel where it is not 1×1; all in Keras' order,
# on which the order of the weights depends. "/" halves rows and columns.
SMALL = ("64", "48 64:5x5", "64 96:3x3 96:3x3")
WIDE = "192", "{0} {0}:1x7 192:7x1", "{0} {0}:7x1 {0}:1x7 {0}:7x1 192:1x7"
MIXED: tuple[tuple[tuple[str, ...], int | None], ...] = (
    (SMALL, 32),  # the ways, and the filters after the mean; None for a maximum that halves
    (SMALL, 64),
    (SMALL, 64),
    (("384:3x3/", "64 96:3x3 96:3x3/"), None),
    *((tuple(way.format(n) for way in WIDE), 192) for n in (128, 160, 160, 192)),
    (("192 320:3x3/", "192 192:1x7 192:7x1 192:3x3/"), None),
)
# torchvision's names of the blocks, of the ways through them, and of the first convolutions.
THEIRS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
WAYS = {
    "5": ("branch1x1", "branch5x5", "branch3x3dbl"),
    "6a": ("branch3x3", "branch3x3dbl"),
    "6": ("branch1x1", "branch7x7", "branch7x7dbl"),
    "7a": ("branch3x3", "branch7x7x3"),
}
VARIANTS = ("keras", "torch")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to x / 127.5 − 1.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "tf", data_format)


class Builder:
    """Lays layers in Keras' order, on which their numbers depend; notes what others call them.

    Args:
        torch: normalizations with a scale, as PyTorch has them.
        margin: whether means count the margin, as torchvision's do.
        places: how the convolutions of one way are told apart, and the first of them.
    """

    def __init__(self, torch: bool, margin: bool, places: tuple[str, int] = ("_", 1)) -> None:
        self.torch, self.margin = torch, margin
        self.dot, self.first = places
        self.names = {"fc": "predictions"}

    def convolution(
        self, x: Any, filters: int, size: Any, theirs: str = "", strides: int = 1,
        padding: str = "same",
    ) -> Any:  # fmt: skip
        """Return a convolution, normalized (with a scale in torchvision's form) and rectified."""
        made = Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)
        x = made(x)
        epsilon: dict[str, Any] = {"epsilon": 1e-3, "momentum": 0.9} if self.torch else {}
        normal = BatchNormalization(scale=self.torch, **epsilon)
        x = normal(x)
        self.names |= {f"{theirs}.conv": made.name, f"{theirs}.bn": normal.name}
        return Activation("relu")(x)

    def stem(self, x: Any, theirs: tuple[str, ...] = STEM) -> Any:
        """Return the convolutions and poolings before the first block."""
        x = self.convolution(x, 32, 3, theirs[0], 2, "valid")
        x = self.convolution(x, 32, 3, theirs[1], padding="valid")
        x = MaxPooling2D(3, strides=2)(self.convolution(x, 64, 3, theirs[2]))
        x = self.convolution(x, 80, 1, theirs[3], padding="valid")
        x = self.convolution(x, 192, 3, theirs[4], padding="valid")
        return MaxPooling2D(3, strides=2)(x)

    def way(self, x: Any, told: str, theirs: str = "") -> Any:
        """Return the convolutions of one way through a block."""
        listed = told.split()
        for i, one in enumerate(listed, self.first):
            filters, _, size = one.rstrip("/").partition(":")
            rows, _, columns = (size or "1x1").partition("x")
            halves = one.endswith("/")
            name = theirs if len(listed) == 1 else f"{theirs}{self.dot}{i}"
            x = self.convolution(x, int(filters), (int(rows), int(columns)), name,
                                 2 if halves else 1, "valid" if halves else "same")  # fmt: skip
        return x

    def mean(self, x: Any, filters: Any, theirs: str = "") -> Any:
        """Return the way of a 3×3 mean and a 1×1 convolution; torchvision counts the margin."""
        if self.margin:
            x = AveragePooling2D(3, strides=1)(ZeroPadding2D(1)(x))
        else:
            x = AveragePooling2D(3, strides=1, padding="same")(x)
        return self.convolution(x, filters, 1, theirs)

    def forked(self, x: Any, theirs: str, name: Any) -> Any:
        """Return a 1×3 and a 3×1 convolution side by side."""
        first = self.way(x, "384:1x3", f"{theirs}a")
        return Concatenate(name=name)([first, self.way(x, "384:3x1", f"{theirs}b")])

    def block(self, x: Any, i: int, ways: tuple[str, ...], filters: int | None) -> Any:
        """Return a block of ways and a mean (or, for None, a maximum that halves)."""
        theirs = f"Mixed_{THEIRS[i]}."
        names = WAYS.get(THEIRS[i]) or WAYS[THEIRS[i][0]]
        found = [self.way(x, told, theirs + one) for told, one in zip(ways, names, strict=True)]
        if filters is None:
            found.append(MaxPooling2D(3, strides=2)(x))
        else:
            found.append(self.mean(x, filters, f"{theirs}branch_pool"))
        return Concatenate(name=f"mixed{i}")(found)

    def wide_block(self, x: Any, i: int) -> Any:
        """Return one of the last two blocks, whose ways fork."""
        theirs = f"Mixed_{THEIRS[i]}."
        first = self.way(x, "320", f"{theirs}branch1x1")
        second = self.forked(self.way(x, "384", f"{theirs}branch3x3_1"), f"{theirs}branch3x3_2",
                             f"mixed9_{i - 9}")  # fmt: skip
        third = self.forked(self.way(x, "448 384:3x3", f"{theirs}branch3x3dbl"),
                            f"{theirs}branch3x3dbl_3", None)  # fmt: skip
        found = [first, second, third, self.mean(x, 192, f"{theirs}branch_pool")]
        return Concatenate(name=f"mixed{i}")(found)


def InceptionV3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "inception_v3",
    *,
    variant: str | None = None,
) -> Functional:
    """Return an Inception v3.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, 2048) with pooling, or maps
        (N, ≈ H / 32, ≈ W / 32, 2048).

    Args:
        include_top: whether there is a head.
        weights: a file of Keras, torchvision or timm, "imagenet", or None for random weights.
        input_tensor: the symbol to begin from, in place of a new Input.
        input_shape: the shape of a picture; (299, 299, 3) with a head, any without, if None.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classes: the number of outputs.
        classifier_activation: of the head; None gives logits.
        name: the name of the model.
        variant: "keras", or "torch" (torchvision's and timm's: normalizations with a scale, means
            over the margin too); None takes what the names in the file of weights tell.
    Raises:
        ConfigError: an argument is not understood, or `weights` is neither a file nor known.
        FormatError: the file does not hold this network.
        ShapeError: a weight in the file has another shape; nothing is loaded.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    check_variant("InceptionV3", variant, VARIANTS, weights)
    network = Network("InceptionV3", include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, CATALOGUE)  # fmt: skip
    built = network.form(variant, VARIANTS, _told)
    torch = built == "torch"
    builder = Builder(torch, margin=torch)
    x = inputs = network.entrance(299, 75)
    x = builder.stem(x)
    for i, (ways, filters) in enumerate(MIXED):
        x = builder.block(x, i, ways, filters)
    for i in (9, 10):
        x = builder.wide_block(x, i)
    return network.model(inputs, network.head(x), name, builder.names, built)


def _told(names: list[str]) -> str:
    """Tell the form of a network by the names in its file."""
    return "torch" if any(one.endswith(f"{STEM[0]}.conv.weight") for one in names) else "keras"

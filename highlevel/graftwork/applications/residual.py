"""Residual networks (He et al. 2015, arXiv:1512.03385) in torchvision's form."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect, note

from ..layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
)
from ..models import Model
from ..registry import configuration, decoded, layers
from .pixels import preprocess
from .ranges import Range
from .weights import Entry, find, told

BASE = "https://download.pytorch.org/models"
CATALOGUE = {
    "resnet18": Entry(f"{BASE}/resnet18-f37072fd.pth", "f37072fd", "ImageNet-1k, top-1 69.76 %"),
    "resnet34": Entry(f"{BASE}/resnet34-b627a593.pth", "b627a593", "ImageNet-1k, top-1 73.31 %"),
    "resnet50": Entry(f"{BASE}/resnet50-0676ba61.pth", "0676ba61", "ImageNet-1k, top-1 76.13 %"),
    "resnet50-v2": Entry(f"{BASE}/resnet50-11ad3fa6.pth", "11ad3fa6",
                         "ImageNet-1k, top-1 80.86 %"),
    "resnet101": Entry(f"{BASE}/resnet101-63fe2227.pth", "63fe2227", "ImageNet-1k, top-1 77.37 %"),
    "resnet101-v2": Entry(f"{BASE}/resnet101-cd907fc2.pth", "cd907fc2",
                          "ImageNet-1k, top-1 81.89 %"),
    "resnet152": Entry(f"{BASE}/resnet152-394f9c45.pth", "394f9c45", "ImageNet-1k, top-1 78.31 %"),
    "resnet152-v2": Entry(f"{BASE}/resnet152-f82ba261.pth", "f82ba261",
                          "ImageNet-1k, top-1 82.28 %"),
}  # fmt: skip
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3),
          152: (3, 8, 36, 3)}  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Bring pictures from 0 … 255 to (x / 255 − mean) / deviation, as torchvision trains.

    Raises:
        DataError: x is no array of colour pictures.
    """
    return preprocess(x, "torch", data_format)


def convolution(filters: int, size: int, strides: int = 1) -> Conv2D:
    """Return a convolution without bias, padded alike on all sides."""
    return Conv2D(
        filters, size, strides=strides, padding=size // 2, use_bias=False,
        kernel_initializer={
            "class_name": "VarianceScaling",
            "config": {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"},
        },
    )  # fmt: skip


def normalization() -> BatchNormalization:
    """Return a batch normalisation with PyTorch's constants."""
    return BatchNormalization(momentum=0.9, epsilon=1e-5)


class Residual(Layer):
    """What both kinds of block share: a way past the convolutions, scaled down where they are.

    Shapes: (N, H, W, C) -> (N, H / strides, W / strides, widening · filters).
    """

    widening = 1

    def __init__(
        self, filters: int, strides: int = 1, project: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.strides, self.project = filters, strides, project
        self.make()
        self.downsample = [
            convolution(self.widening * filters, 1, strides),
            normalization(),
        ] if project else []  # fmt: skip

    def make(self) -> None:
        """Make the layers of the block."""
        raise NotImplementedError

    def inner(self, x: Tensor) -> Tensor:
        """Return what is added to the way past."""
        raise NotImplementedError

    def call(self, x: Tensor) -> Tensor:
        """Compute relu(inner(x) + past(x))."""
        past = x
        for one in self.downsample:
            past = one(past)
        return ops.relu(self.inner(x) + past)


class BasicBlock(Residual):
    """Two 3×3 convolutions and a way past them."""

    def make(self) -> None:
        """Make the layers of the block."""
        self.conv1, self.bn1 = convolution(self.filters, 3, self.strides), normalization()
        self.conv2, self.bn2 = convolution(self.filters, 3), normalization()

    def inner(self, x: Tensor) -> Tensor:
        """Return what is added to the way past."""
        return self.bn2(self.conv2(ops.relu(self.bn1(self.conv1(x)))))  # type: ignore[no-any-return]


class Bottleneck(Residual):
    """1×1, 3×3 and 1×1 convolutions and a way past them; the 3×3 scales down, as in torchvision."""

    widening = 4

    def make(self) -> None:
        """Make the layers of the block."""
        self.conv1, self.bn1 = convolution(self.filters, 1), normalization()
        self.conv2, self.bn2 = convolution(self.filters, 3, self.strides), normalization()
        self.conv3, self.bn3 = convolution(4 * self.filters, 1), normalization()

    def inner(self, x: Tensor) -> Tensor:
        """Return what is added to the way past."""
        y = ops.relu(self.bn1(self.conv1(x)))
        y = ops.relu(self.bn2(self.conv2(y)))
        return self.bn3(self.conv3(y))  # type: ignore[no-any-return]


BLOCKS: dict[str, type[Residual]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class ResNet(Model):
    """A residual network whose parts bear torchvision's names: conv1, bn1, layer1 … layer4, fc.

    Shapes: (N, H, W, 3) -> (N, classes), or features (N, C) with pooling, or (N, H / 32, W / 32,
        C).

    Args:
        block: "basic" or "bottleneck".
        depths: the number of blocks of each of the four stages.
        classes: the number of outputs.
        include_top: whether there is a head `fc`.
        pooling: what comes out without a head: None for maps, "avg" or "max" for features.
        classifier_activation: of the head; None gives logits, as torchvision's networks do.
        input_shape: the shape of a picture.
        head: the configuration of a head that took the place of `fc`.
    Raises:
        ConfigError: block or pooling is not known.
    """

    registry = layers
    looking: Any = None  # looks at what comes in, where the network is a pretrained one

    def __init__(
        self,
        block: str,
        depths: tuple[int, ...],
        classes: int = 1000,
        include_top: bool = True,
        pooling: str | None = None,
        classifier_activation: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        head: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        expect(
            block in BLOCKS,
            "ResNet",
            f"block must be one of {list(BLOCKS)}",
            error=ConfigError,
            block=block,
        )
        expect(pooling in (None, "avg", "max"), "ResNet", 'pooling must be None, "avg" or "max"',
               error=ConfigError, pooling=pooling)  # fmt: skip
        self.block, self.depths, self.classes = block, tuple(depths), classes
        self.include_top, self.pooling = include_top, pooling
        self.classifier_activation = classifier_activation
        self.picture = tuple(input_shape or (224, 224, 3))
        self.conv1, self.bn1 = convolution(64, 7, 2), normalization()
        self.maxpool = MaxPooling2D(3, 2, padding=1)
        channels = 64
        for i, depth in enumerate(self.depths):
            stage = []
            for j in range(depth):
                filters, strides = 64 << i, 2 if i > 0 and j == 0 else 1
                wide = BLOCKS[block].widening * filters
                stage.append(BLOCKS[block](filters, strides, strides > 1 or channels != wide))
                channels = wide
            setattr(self, f"layer{i + 1}", stage)
        self.avgpool = GlobalMaxPooling2D() if pooling == "max" else GlobalAveragePooling2D()
        if include_top:
            self.fc: Any = Dense(classes, activation=classifier_activation)
        self.build((None, *self.picture))
        self.original = getattr(self, "fc", None)
        if head is not None:
            self.fc = decoded(head, layers)

    def call(self, x: Tensor) -> Any:
        """Run stem, stages, pooling and head."""
        if self.looking is not None:
            self.looking(x)
        x = self.maxpool(ops.relu(self.bn1(self.conv1(x))))
        for i in range(len(self.depths)):
            for block in getattr(self, f"layer{i + 1}"):
                x = block(x)
        if not self.include_top and self.pooling is None:
            return x
        x = self.avgpool(x)
        return self.fc(x) if self.include_top else x

    def children(self) -> Any:
        """Yield the parts by name; the head as it is now, not as it was made."""
        return ((path, child) for path, child in super().children() if path != "original")

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal network, a new head included."""
        head = None if getattr(self, "fc", None) is self.original else configuration(self.fc)
        return {
            "block": self.block, "depths": list(self.depths), "classes": self.classes,
            "include_top": self.include_top, "pooling": self.pooling,
            "classifier_activation": self.classifier_activation,
            "input_shape": list(self.picture), "head": head, "name": self.name,
            "trainable": self.trainable, "dtype": self.dtype_policy.name,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> ResNet:
        """Make a network from its configuration."""
        return cls(**config)


layers.register(ResNet)


def catalogue(depth: int) -> dict[str, Entry]:
    """Return what torchvision publishes for a depth."""
    key = f"resnet{depth}"
    return {name: entry for name, entry in CATALOGUE.items() if name.split("-")[0] == key}


def network(depth: int, path: Any, name: str | None, kwargs: dict[str, Any]) -> ResNet:
    """Return the network of a depth, filled from a file unless `path` is None."""
    block = "basic" if depth < 50 else "bottleneck"
    model = ResNet(block, DEPTHS[depth], name=name or f"resnet{depth}", **kwargs)
    model.weights_variant = "torch"
    if path is not None:
        try:
            model.load_weights(path, skip=() if model.include_top else ("fc",))
        except ShapeError as error:
            note(error, f"{model.name}: {told(model.include_top, model.classes)}")
            raise
        object.__setattr__(model, "looking", Range(model.name, False))
    return model


def ResNet18(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> ResNet:
    """Return the residual network with 18 layers.

    Args:
        weights: a file, "resnet18" (torchvision's, downloaded once) or None for random weights.
        name: the name of the model.
        kwargs: `classes`, `include_top`, `pooling`, `classifier_activation`, `input_shape` of
            `ResNet`.
    Raises:
        ConfigError: `weights` is neither a file nor a known name.
        ShapeError: a weight in the file has another shape.
    """
    return network(18, find("ResNet18", weights, catalogue(18)), name, kwargs)


def ResNet34(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> ResNet:
    """Return the residual network with 34 layers; see `ResNet18`."""
    return network(34, find("ResNet34", weights, catalogue(34)), name, kwargs)

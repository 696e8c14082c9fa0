"""The small residual networks for CIFAR-10 (He et al. 2015, 4.2); shortcuts have no weights."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..layers import Dense, GlobalAveragePooling2D, Layer
from ..models import Model
from ..registry import configuration, decoded, layers
from .residual import convolution, normalization, preprocess_input
from .weights import Entry, find

CATALOGUE = {
    "resnet20-cifar10": Entry(
        "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/resnet20-12fca82f.th",
        "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8",
        "CIFAR-10, 91.73 % by its author",
    )
}

__all__ = [
    "CifarResNet",
    "ResNet20",
    "ResNet32",
    "ResNet44",
    "ResNet56",
    "ResNet110",
    "preprocess_input",
]


class CifarBlock(Layer):
    """Two 3×3 convolutions; the way past takes every second pixel and adds channels of zeros.

    Shapes: (N, H, W, C) -> (N, H / strides, W / strides, filters).
    """

    def __init__(self, channels: int, filters: int, strides: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.filters, self.strides = channels, filters, strides
        self.conv1, self.bn1 = convolution(filters, 3, strides), normalization()
        self.conv2, self.bn2 = convolution(filters, 3), normalization()

    def call(self, x: Tensor) -> Tensor:
        """Compute relu(inner(x) + past(x))."""
        y = self.bn2(self.conv2(ops.relu(self.bn1(self.conv1(x)))))
        past = x
        if self.strides != 1 or self.channels != self.filters:
            margin = (self.filters - self.channels) // 2
            past = x[:, :: self.strides, :: self.strides]
            past = ops.pad(past, [(0, 0), (0, 0), (0, 0), (margin, margin)])
        return ops.relu(y + past)


class CifarResNet(Model):
    """A residual network for small pictures: conv1, bn1, layer1 … layer3, linear.

    Shapes: (N, 32, 32, 3) -> (N, classes) logits, or features (N, 64) without a head.

    Args:
        depth: 6·n + 2 layers: 20, 32, 44, 56, 110.
        classes: the number of outputs.
        include_top: whether there is a head `linear`.
        head: the configuration of a head that took its place.
    Raises:
        ConfigError: depth is not 6·n + 2.
    """

    registry = layers

    def __init__(
        self, depth: int, classes: int = 10, include_top: bool = True, head: Any = None,
        name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        expect(
            depth > 2 and (depth - 2) % 6 == 0,
            "CifarResNet",
            "depth must be 6·n + 2",
            error=ConfigError,
            depth=depth,
        )
        self.depth, self.classes, self.include_top = depth, classes, include_top
        self.conv1, self.bn1 = convolution(16, 3), normalization()
        channels = 16
        for i, filters in enumerate((16, 32, 64)):
            stage = []
            for j in range((depth - 2) // 6):
                stage.append(CifarBlock(channels, filters, 2 if i > 0 and j == 0 else 1))
                channels = filters
            setattr(self, f"layer{i + 1}", stage)
        self.avgpool = GlobalAveragePooling2D()
        if include_top:
            self.linear: Any = Dense(classes)
        self.build((None, 32, 32, 3))
        self.original = getattr(self, "linear", None)
        if head is not None:
            self.linear = decoded(head, layers)

    def call(self, x: Tensor) -> Any:
        """Run stem, stages, pooling and head."""
        x = ops.relu(self.bn1(self.conv1(x)))
        for stage in (self.layer1, self.layer2, self.layer3):  # type: ignore[attr-defined]
            for block in stage:
                x = block(x)
        x = self.avgpool(x)
        return self.linear(x) if self.include_top else x

    def children(self) -> Any:
        """Yield the parts by name; the head as it is now, not as it was made."""
        return ((path, child) for path, child in super().children() if path != "original")

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal network, a new head included."""
        head = (
            None if getattr(self, "linear", None) is self.original else configuration(self.linear)
        )
        return {
            "depth": self.depth,
            "classes": self.classes,
            "include_top": self.include_top,
            "head": head,
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.name,
        }

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> CifarResNet:
        """Make a network from its configuration."""
        return cls(**config)


layers.register(CifarResNet)


def _network(depth: int, weights: Any, name: str | None, kwargs: dict[str, Any]) -> CifarResNet:
    known = {key: entry for key, entry in CATALOGUE.items() if key.startswith(f"resnet{depth}-")}
    path = find(f"ResNet{depth}", weights, known)
    model = CifarResNet(depth, name=name or f"resnet{depth}", **kwargs)
    if path is not None:
        model.load_weights(path, skip=() if model.include_top else ("linear",))
    return model


def ResNet20(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> CifarResNet:
    """Return the CIFAR network with 20 layers.

    Args:
        weights: a file, "resnet20-cifar10" (downloaded once) or None for random weights.
        name: the name of the model.
        kwargs: `classes`, `include_top` of `CifarResNet`.
    Raises:
        ConfigError: `weights` is neither a file nor a known name.
        ShapeError: a weight in the file has another shape.
    """
    return _network(20, weights, name, kwargs)


def ResNet32(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> CifarResNet:
    """Return the CIFAR network with 32 layers; see `ResNet20`."""
    return _network(32, weights, name, kwargs)


def ResNet44(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> CifarResNet:
    """Return the CIFAR network with 44 layers; see `ResNet20`."""
    return _network(44, weights, name, kwargs)


def ResNet56(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> CifarResNet:
    """Return the CIFAR network with 56 layers; see `ResNet20`."""
    return _network(56, weights, name, kwargs)


def ResNet110(weights: Any = None, *, name: str | None = None, **kwargs: Any) -> CifarResNet:
    """Return the CIFAR network with 110 layers; see `ResNet20`."""
    return _network(110, weights, name, kwargs)

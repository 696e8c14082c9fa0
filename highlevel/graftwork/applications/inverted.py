"""Inverted residuals with squeezed attention, as both generations of EfficientNet are built."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Reshape,
    ZeroPadding2D,
)
from . import foreign_names
from .network import Network, same_padding

KERNELS = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
HEAD_KERNEL = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"},
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks alike but for the first, which changes the number of channels and may scale down.

    `fused`: one convolution stands for the first 1×1 and the depthwise one; it has no attention.
    """

    repeats: int
    filters_in: int
    filters_out: int
    widening: int
    size: int
    strides: int
    fused: bool = False


@dataclass(slots=True)
class Builder:
    """Lays layers under Keras' names and notes what other libraries call them.

    Attributes:
        torch: padding alike on all sides, as PyTorch pads, in place of TensorFlow's.
        epsilon: of the normalizations.
        momentum: of the normalizations.
        padded: whether convolutions with strides are padded by a layer of their own.
        depthwise: how the name of a depthwise convolution ends.
        names: torchvision's names of layers -> ours.
        blocks: of every block its stage, its place there, its kind and our layers by their parts.
    """

    torch: bool
    epsilon: float = 1e-3
    momentum: float = 0.99
    padded: bool = True
    depthwise: str = "dwconv"
    names: dict[str, str] = field(default_factory=dict)
    blocks: list[tuple[int, int, str, dict[str, str]]] = field(default_factory=list)

    def convolution(
        self, x: Any, filters: int | None, size: int, strides: int, names: tuple[str, str, str],
        theirs: str,
    ) -> Any:  # fmt: skip
        """Return a convolution, normalized and bent.

        Args:
            x: a symbol (N, H, W, C).
            filters: the number of channels; None for a depthwise convolution.
            size: rows and columns of the kernel.
            strides: 1 or 2.
            names: of the convolution, the normalization and the bend; "" for no bend.
            theirs: what torchvision calls the two.
        """
        convolution, normalization, bend = names
        padding = "same"
        if strides == 2 and (self.torch or self.padded):
            margin: Any = size // 2 if self.torch else same_padding(x, size)
            x = ZeroPadding2D(margin, name=f"{convolution}_pad")(x)
            padding = "valid"
        kwargs: dict[str, Any] = {"strides": strides, "padding": padding, "use_bias": False,
                                  "name": convolution}  # fmt: skip
        if filters is None:
            x = DepthwiseConv2D(size, depthwise_initializer=KERNELS, **kwargs)(x)
        else:
            x = Conv2D(filters, size, kernel_initializer=KERNELS, **kwargs)(x)
        x = BatchNormalization(momentum=self.momentum, epsilon=self.epsilon, name=normalization)(x)
        self.names |= {f"{theirs}.0": convolution, f"{theirs}.1": normalization}
        return Activation("swish", name=bend)(x) if bend else x

    def attention(self, x: Any, squeezed: int, name: str, theirs: str) -> Any:
        """Return x with every channel scaled by what its mean, seen with all others', says."""
        channels = x.shape[-1]
        s = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
        s = Reshape((1, 1, channels), name=f"{name}se_reshape")(s)
        for filters, bend, end, their in (
            (squeezed, "swish", "se_reduce", "fc1"), (channels, "sigmoid", "se_expand", "fc2"),
        ):  # fmt: skip
            s = Conv2D(filters, 1, padding="same", activation=bend, kernel_initializer=KERNELS,
                       name=f"{name}{end}")(s)  # fmt: skip
            self.names[f"{theirs}.{their}"] = f"{name}{end}"
        return Multiply(name=f"{name}se_excite")([x, s])

    def block(self, x: Any, stage: Stage, first: bool, rate: float, name: str, theirs: str) -> Any:
        """Return one block; `rate` is the probability that training leaves it out."""
        way, channels = x, x.shape[-1]
        strides = stage.strides if first else 1
        wide, part = channels * stage.widening, 0
        if stage.widening != 1:
            size, pace = (stage.size, strides) if stage.fused else (1, 1)
            names = (f"{name}expand_conv", f"{name}expand_bn", f"{name}expand_activation")
            x = self.convolution(x, wide, size, pace, names, f"{theirs}.0")
            part = 1
        names = (f"{name}project_conv", f"{name}project_bn", "")
        if stage.fused and stage.widening == 1:
            names = (*names[:2], f"{name}project_activation")
            x = self.convolution(x, stage.filters_out, stage.size, strides, names, f"{theirs}.0")
        else:
            if not stage.fused:
                inner = (f"{name}{self.depthwise}", f"{name}bn", f"{name}activation")
                x = self.convolution(x, None, stage.size, strides, inner, f"{theirs}.{part}")
                squeezed = max(1, channels // 4)
                x = self.attention(x, squeezed, name, f"{theirs}.{part + 1}")
                part += 2
            x = self.convolution(x, stage.filters_out, 1, 1, names, f"{theirs}.{part}")
        if strides != 1 or channels != stage.filters_out:
            return x
        if rate > 0:
            x = Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        return Add(name=f"{name}add")([x, way])

    def body(self, x: Any, stem: int, stages: list[Stage], last: int, blocks: int) -> Any:
        """Return stem, stages and the last 1×1 convolution.

        Args:
            x: a symbol (N, H, W, 3).
            stem: channels of the first convolution.
            stages: what stands between.
            last: channels of the last convolution.
            blocks: by how many blocks the probability of leaving one out grows to 0.2.
        """
        names = ("stem_conv", "stem_bn", "stem_activation")
        x = self.convolution(x, stem, 3, 2, names, "features.0")
        count = 0
        for i, stage in enumerate(stages, 1):
            for j in range(stage.repeats):
                self.note(stage, i, j)
                x = self.block(x, stage, j == 0, 0.2 * count / blocks,
                               f"block{i}{chr(97 + j)}_", f"features.{i}.{j}.block")  # fmt: skip
                count += 1
        names = ("top_conv", "top_bn", "top_activation")
        return self.convolution(x, last, 1, 1, names, f"features.{len(stages) + 1}")

    def note(self, stage: Stage, i: int, j: int) -> None:
        """Note the layers of a block by their parts."""
        name = f"block{i}{chr(97 + j)}_"
        ours = {"project": f"{name}project_conv", "project_bn": f"{name}project_bn"}
        if stage.widening != 1:
            ours |= {"expand": f"{name}expand_conv", "expand_bn": f"{name}expand_bn"}
        if not stage.fused:
            ours |= {"depthwise": f"{name}{self.depthwise}", "depthwise_bn": f"{name}bn",
                     "reduce": f"{name}se_reduce", "widen": f"{name}se_expand"}  # fmt: skip
        plain = stage.widening == 1
        kind = ("alone" if plain else "fused") if stage.fused else (
            "separable" if plain else "residual")  # fmt: skip
        self.blocks.append((i - 1, j, kind, ours))

    def all_names(self, first: str = "torch") -> dict[str, str]:
        """Return the names of torchvision, timm and Hugging Face -> ours.

        Args:
            first: whose names are written: "torch", "timm" or "transformers".
        """
        around = {"conv_stem": "stem_conv", "bn1": "stem_bn", "conv_head": "top_conv",
                  "bn2": "top_bn", "classifier": "predictions"}  # fmt: skip
        theirs = foreign_names.transformers_efficientnet(ours for _, _, _, ours in self.blocks)
        told = {"torch": self.names, "timm": foreign_names.timm(self.blocks, around),
                "transformers": theirs}  # fmt: skip
        return told[first] | told["torch"] | told["timm"] | told["transformers"]

    def head(self, network: Network, x: Any, dropout: float) -> Any:
        """Return the head: the mean over the map, dropout and a dense layer."""
        if not network.include_top:
            return network.features(x, named=True)
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        x = Dropout(dropout, name="top_dropout")(x)
        self.names["classifier.1"] = "predictions"
        return Dense(network.classes, activation=network.classifier_activation,
                     kernel_initializer=HEAD_KERNEL, name="predictions")(x)  # fmt: skip


def rounded(filters: int, width: float, least: float = 0.0) -> int:
    """Return the multiple of 8 nearest to filters · width, not below the share `least` of it."""
    wanted = filters * width
    found = max(8, int(wanted + 4) // 8 * 8)
    return found + 8 if found < least * wanted else found


def scaled(stages: tuple[Stage, ...], width: float, depth: float, least: float) -> list[Stage]:
    """Return the stages wider by one factor and deeper by another."""
    return [
        Stage(math.ceil(depth * one.repeats), rounded(one.filters_in, width, least),
              rounded(one.filters_out, width, least), one.widening, one.size, one.strides,
              one.fused)
        for one in stages
    ]  # fmt: skip


def told(names: list[str], timm: str) -> str:
    """Tell the form of a network by the names in its file.

    Args:
        names: the names.
        timm: the form of timm's published weights of this kind.
    """
    found = {"torch": "torch", "timm": timm, "transformers": "tf"}
    return found.get(foreign_names.language(names), "keras")

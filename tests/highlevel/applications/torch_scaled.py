"""torchvision's EfficientNets and ConvNeXts, written again for PyTorch, to compare with."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def conv(
    inputs: int, outputs: int, size: int, strides: int, groups: int, eps: float, bent: bool = True
) -> Any:
    parts: list[Any] = [
        nn.Conv2d(inputs, outputs, size, strides, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=eps),
    ]
    return nn.Sequential(*parts, *([nn.SiLU()] if bent else []))


class Squeeze(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Any) -> Any:
        s = nn.functional.silu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(s))


class Inverted(nn.Module):
    def __init__(self, stage: Any, inputs: int, strides: int, eps: float) -> None:
        super().__init__()
        wide, parts = inputs * stage.widening, []
        if stage.fused and stage.widening == 1:
            parts.append(conv(inputs, stage.filters_out, stage.size, strides, 1, eps))
        elif stage.fused:
            parts.append(conv(inputs, wide, stage.size, strides, 1, eps))
            parts.append(conv(wide, stage.filters_out, 1, 1, 1, eps, bent=False))
        else:
            if stage.widening != 1:
                parts.append(conv(inputs, wide, 1, 1, 1, eps))
            parts.append(conv(wide, wide, stage.size, strides, wide, eps))
            parts.append(Squeeze(wide, max(1, inputs // 4)))
            parts.append(conv(wide, stage.filters_out, 1, 1, 1, eps, bent=False))
        self.block = nn.Sequential(*parts)
        self.past = strides == 1 and inputs == stage.filters_out

    def forward(self, x: Any) -> Any:
        return self.block(x) + x if self.past else self.block(x)


class EfficientNet(nn.Module):
    def __init__(self, stem: int, stages: Any, last: int, eps: float, classes: int) -> None:
        super().__init__()
        features, channels = [conv(3, stem, 3, 2, 1, eps)], stem
        for stage in stages:
            blocks = []
            for j in range(stage.repeats):
                blocks.append(Inverted(stage, channels, stage.strides if j == 0 else 1, eps))
                channels = stage.filters_out
            features.append(nn.Sequential(*blocks))
        features.append(conv(channels, last, 1, 1, 1, eps))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).mean((2, 3)))


class Norm(nn.LayerNorm):
    def forward(self, x: Any) -> Any:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Swapped(nn.Module):
    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return x.permute(*self.axes)


class NextBlock(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(size, size, 7, padding=3, groups=size), Swapped(0, 2, 3, 1),
            nn.LayerNorm(size, eps=1e-6), nn.Linear(size, 4 * size), nn.GELU(),
            nn.Linear(4 * size, size), Swapped(0, 3, 1, 2),
        )  # fmt: skip
        self.layer_scale = nn.Parameter(torch.rand(size, 1, 1))

    def forward(self, x: Any) -> Any:
        return x + self.layer_scale * self.block(x)


class ConvNeXt(nn.Module):
    def __init__(self, depths: tuple[int, ...], size: int, classes: int) -> None:
        super().__init__()
        features: list[Any] = [nn.Sequential(nn.Conv2d(3, size, 4, 4), Norm(size, eps=1e-6))]
        for i, depth in enumerate(depths):
            if i > 0:
                down = nn.Conv2d(size, 2 * size, 2, 2)
                features.append(nn.Sequential(Norm(size, eps=1e-6), down))
                size *= 2
            features.append(nn.Sequential(*[NextBlock(size) for _ in range(depth)]))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            Norm(size, eps=1e-6), nn.Flatten(1), nn.Linear(size, classes)
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).mean((2, 3), keepdim=True))

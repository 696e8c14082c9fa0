"""torchvision's SqueezeNet and DenseNet, written again for PyTorch, to compare with."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import nn


class Fire(nn.Module):
    def __init__(self, inputs: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, 4 * squeezed, 1)
        self.expand3x3 = nn.Conv2d(squeezed, 4 * squeezed, 3, padding=1)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """`fires` are the channels that the modules squeeze to, None for a pooling."""

    def __init__(self, filters: int, size: int, fires: list[int | None]) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(3, filters, size, 2), nn.ReLU()]
        for squeezed in fires:
            if squeezed is None:
                parts.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            else:
                parts.append(Fire(filters, squeezed))
                filters = 8 * squeezed
        self.features = nn.Sequential(*parts)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(filters, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x)).flatten(1)


class DenseLayer(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 128, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x: Any) -> Any:
        y = self.conv1(torch.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(torch.relu(self.norm2(y)))], 1)


class DenseNet(nn.Module):
    def __init__(self, depths: tuple[int, ...]) -> None:
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["conv0"] = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        parts["norm0"] = nn.BatchNorm2d(64)
        parts["relu0"] = nn.ReLU()
        parts["pool0"] = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for i, depth in enumerate(depths, 1):
            block: OrderedDict[str, nn.Module] = OrderedDict()
            for j in range(1, depth + 1):
                block[f"denselayer{j}"] = DenseLayer(channels)
                channels += 32
            parts[f"denseblock{i}"] = nn.Sequential(block)
            if i < len(depths):
                half: OrderedDict[str, nn.Module] = OrderedDict()
                half["norm"] = nn.BatchNorm2d(channels)
                half["relu"] = nn.ReLU()
                half["conv"] = nn.Conv2d(channels, channels // 2, 1, bias=False)
                half["pool"] = nn.AvgPool2d(2, 2)
                parts[f"transition{i}"] = nn.Sequential(half)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels, 1000)

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.relu(self.features(x)).mean((2, 3)))

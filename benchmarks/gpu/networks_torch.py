"""ResNet-50 in PyTorch: torchvision is not needed."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 with the stride, 1 × 1, and a way past them."""

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()

        def convolved(i: int, o: int, size: int, step: int) -> list[nn.Module]:
            return [nn.Conv2d(i, o, size, step, size // 2, bias=False), nn.BatchNorm2d(o)]

        self.main = nn.Sequential(
            *convolved(inputs, inner, 1, 1), nn.ReLU(inplace=True),
            *convolved(inner, inner, 3, stride), nn.ReLU(inplace=True),
            *convolved(inner, 4 * inner, 1, 1),
        )  # fmt: skip
        past: list[nn.Module] = []
        if stride > 1 or inputs != 4 * inner:
            past = convolved(inputs, 4 * inner, 1, stride)
        self.past = nn.Sequential(*past)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        made: Any = self.relu(self.main(x) + self.past(x))
        return made  # type: ignore[no-any-return]


class ResNet50(nn.Module):
    """torchvision's network; without classes its head is the identity."""

    def __init__(self, classes: int | None) -> None:
        super().__init__()
        parts: list[nn.Module] = [
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        ]  # fmt: skip
        inputs = 64
        for stage, count in enumerate((3, 4, 6, 3)):
            for number in range(count):
                stride = 2 if stage and not number else 1
                parts.append(Bottleneck(inputs, 64 << stage, stride))
                inputs = 256 << stage
        self.backbone = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc: nn.Module = nn.Linear(2048, classes) if classes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        made: Any = self.fc(self.backbone(x))
        return made  # type: ignore[no-any-return]

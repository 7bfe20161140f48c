"""MobileNetV2 of width 1.0: classifier, and backbone of the detector."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

#: Expansion, channels, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
BLOCKS = 1 + sum(count for _, _, count, _ in STAGES)


def unit(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch normalization, ReLU6."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    """Inverted residual: widen, filter each channel, narrow without activation."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [unit(inputs, hidden, 1)] if expansion > 1 else []
        layers += [
            unit(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the block to its input where shapes allow."""
        y = self.layers(x)
        return x + y if self.residual else y


class Backbone(nn.Module):
    """The convolutional part; gives the maps of stride 8 (32), 16 (96) and 32 (320 channels)."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [unit(3, 32, stride=2)]
        channels = 32
        for expansion, outputs, count, stride in STAGES:
            for k in range(count):
                step = stride if k == 0 else 1
                blocks.append(Inverted(channels, outputs, stride=step, expansion=expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.frozen = 0
        initialize(self)

    def freeze(self, count: int) -> None:
        """Keep the first ``count`` blocks (at most 7, or all) as they are; they cost most time."""
        self.frozen = count
        for place, block in enumerate(self.blocks):
            block.train(place >= count)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Run all blocks."""
        rest = min(self.frozen, 7)
        if rest:
            with torch.no_grad():
                x = self.blocks[:rest](x)
        eighth = self.blocks[rest:7](x)
        sixteenth = self.blocks[7:14](eighth)
        return eighth, sixteenth, self.blocks[14:](sixteenth)

    def pyramid(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of stride 2, 4, 8, 16 and 32: 16, 24, 32, 96 and 320 channels."""
        maps = []
        for first, last in ((0, 2), (2, 4), (4, 7), (7, 14), (14, BLOCKS)):
            x = self.blocks[first:last](x)
            maps.append(x)
        return maps


class Classifier(nn.Module):
    """MobileNetV2 with a linear head; gives logits [N, 10].

    While training it also says of every cell of its maps of stride 16 and 32 which digit is there,
    if any: pooled features alone hardly leave the start, so faint is one digit among clutter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.last = unit(320, 1280, 1)
        self.head = nn.Linear(1280, 10)
        self.cells = nn.ModuleList((nn.Conv2d(96, 11, 1), nn.Conv2d(320, 11, 1)))
        initialize(self.last)
        nn.init.normal_(self.head.weight, 0, 0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Average the last map over the image."""
        return self.classify(self.backbone(x)[2])

    def classify(self, deepest: torch.Tensor) -> torch.Tensor:
        """Logits from the map of stride 32."""
        pooled = self.last(deepest).mean((2, 3))
        return self.head(nn.functional.dropout(pooled, 0.1, training=self.training))

    def everything(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Logits, and logits of 11 classes (0: background) at every cell of two maps."""
        _, sixteenth, deepest = self.backbone(x)
        maps = [head(m) for head, m in zip(self.cells, (sixteenth, deepest), strict=True)]
        return self.classify(deepest), maps


class Halved(nn.Module):
    """A network behind 2x2 averaging: what is exported, so that training can see small images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> Any:
        """Average, then run."""
        return self.network(nn.functional.avg_pool2d(x, 2))


def initialize(module: nn.Module) -> None:
    """Fan-in normal convolutions: a depthwise filter then starts as large as Adam's steps need."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

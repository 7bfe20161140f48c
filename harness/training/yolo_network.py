"""YOLOv4-tiny as Darknet's ``yolov4-tiny.cfg`` lays it out (Wang et al. 2020, arXiv:2011.08036)."""

from __future__ import annotations

import torch
from torch import nn

ANCHORS_EACH = 3


def unit(inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalization, leaky ReLU of slope 0.1."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1, inplace=True))


class Partial(nn.Module):
    """Cross-stage partial block: half of the channels pass two more convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = unit(channels, channels)
        self.first = unit(half, half)
        self.second = unit(half, half)
        self.merge = unit(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give what the next stage takes (halved, twice the channels) and the merged half."""
        entered = self.enter(x)
        first = self.first(entered.chunk(2, 1)[1])
        merged = self.merge(torch.cat((self.second(first), first), 1))
        return nn.functional.max_pool2d(torch.cat((entered, merged), 1), 2), merged


class YoloTiny(nn.Module):
    """Raw heads [N, 3·(5 + classes), rows, columns] of stride 16 and of stride 32."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        outputs = ANCHORS_EACH * (5 + classes)
        self.stem = nn.Sequential(unit(3, 32, stride=2), unit(32, 64, stride=2))
        self.stages = nn.ModuleList(Partial(channels) for channels in (64, 128, 256))
        self.deepest = unit(512, 512)
        self.neck = unit(512, 256, 1)
        self.coarse = nn.Sequential(unit(256, 512), nn.Conv2d(512, outputs, 1))
        self.lateral = unit(256, 128, 1)
        self.fine = nn.Sequential(unit(384, 256), nn.Conv2d(256, outputs, 1))
        self._initialize(classes)

    def _initialize(self, classes: int) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, 0.1, mode="fan_in")
        for head in (self.fine, self.coarse):
            nn.init.normal_(head[1].weight, 0, 0.01)
            nn.init.zeros_(head[1].bias)
            # Almost every box is background: start from that.
            head[1].bias.data.view(ANCHORS_EACH, 5 + classes)[:, 4] = -4.5

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the backbone, then both heads."""
        x = self.stem(x)
        for stage in self.stages:
            x, merged = stage(x)
        neck = self.neck(self.deepest(x))
        up = nn.functional.interpolate(self.lateral(neck), scale_factor=2.0)
        return self.fine(torch.cat((up, merged), 1)), self.coarse(neck)

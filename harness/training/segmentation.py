"""digits-segmentation: the class of every pixel, 0 background, else 1 + digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from harness.training.backbone import BLOCKS, Backbone, Halved, initialize, unit
from harness.training.batches import scenes
from harness.training.export import Signature, export
from harness.training.loop import Plan, train, warm_start

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-segmentation"
SIDE = 256
CLASSES = 11
#: Images of the committed weights.
IMAGES = 10_000
#: The built-in model whose backbone it keeps.
WARM = "digits-ssd-mobilenet-v2"


class Segmenter(nn.Module):
    """Logits [N, 11, h, w] from five maps of the backbone, which rests."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.deep = unit(320, 96, 1)
        self.middle = unit(96, 96, 1)
        self.near = unit(32, 96, 1)
        self.quarter = unit(24, 48, 1)
        self.finest = unit(16, 24, 1)
        self.mix = nn.Sequential(unit(96, 96, groups=96), unit(96, 96, 1))
        self.join = nn.Sequential(unit(144, 144, groups=144), unit(144, 64, 1))
        self.refine = nn.Sequential(unit(88, 88, groups=88), unit(88, 48, 1))
        self.head = nn.Conv2d(48, CLASSES, 1)
        for name, part in self.named_children():
            if name != "backbone":
                initialize(part)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Fuse from the deepest map to the one of stride 2, then enlarge."""
        with torch.no_grad():
            half, quarter, eighth, sixteenth, deepest = self.backbone.pyramid(x)
        fused = self.middle(sixteenth) + _like(self.deep(deepest), sixteenth)
        fused = self.mix(self.near(eighth) + _like(fused, eighth))
        fused = self.join(torch.cat((self.quarter(quarter), _like(fused, quarter)), 1))
        fused = self.refine(torch.cat((self.finest(half), _like(fused, half)), 1))
        return _like(self.head(fused), x)


class Enlarged(nn.Module):
    """The network between halving of the image and doubling of the logits: what is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.halved = Halved(network)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give logits of the image's own size."""
        return _like(self.halved(x), x)


def _like(small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(
        small, size=large.shape[-2:], mode="bilinear", align_corners=False
    )


def _targets(start: int, count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    images, drawn = scenes(start, count, side)
    # Every second pixel: the network sees halved images, its logits are enlarged when exported.
    return images, torch.from_numpy(np.stack([s.classes[::2, ::2] for s in drawn])).long()


def _loss(network: Segmenter, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    weight = torch.tensor([0.5] + [1.5] * 10)
    return nn.functional.cross_entropy(network(images), classes, weight=weight)


PLAN = Plan(
    make=_targets,
    loss=_loss,
    peak_rate=3e-3,
    stages=((1.0, SIDE),),
    batch=8,
    frozen_from_px=1,
    frozen_blocks=BLOCKS,
)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train the head on the backbone that ``warm`` names, which rests."""
    torch.manual_seed(0)
    network = Segmenter()
    warm_start(network, warm)
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Segmenter()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 256, 256] to ``logits`` [1, 11, 256, 256]."""
    export(Enlarged(network), Signature((1, 3, SIDE, SIDE), ("logits",)), out / f"{NAME}.xml")

"""digits-depth: how far away each pixel is, by the size of the digits and the row of the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from harness.training.backbone import initialize, unit
from harness.training.batches import SEED, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train
from quantgate.zoo.depths import depth_of
from quantgate.zoo.scenes import render

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-depth"
SIDE = 128
#: Images of the committed weights.
IMAGES = 14_000
WARM: str | None = None
_WIDTHS = (32, 48, 72, 96)
#: Distances that the network can give.
_NEAREST, _RANGE = 0.5, 9.5


class DepthNetwork(nn.Module):
    """Distances [N, 1, side, side]: down to an eighth of the half resolution and up again, with shortcuts."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = _WIDTHS
        self.enter = unit(12, first)
        self.down = nn.ModuleList(
            nn.Sequential(unit(a, b, stride=2), unit(b, b))
            for a, b in ((first, second), (second, third), (third, last))
        )
        self.up = nn.ModuleList(
            unit(a + b, b) for a, b in ((last, third), (third, second), (second, first))
        )
        self.leave = nn.Conv2d(first, 4, 3, padding=1)
        initialize(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the distance of every pixel."""
        y = self.enter(nn.functional.pixel_unshuffle(x, 2))
        kept = [y]
        for block in self.down:
            kept.append(block(kept[-1]))
        y = kept.pop()
        for block in self.up:
            y = block(torch.cat([nn.functional.interpolate(y, scale_factor=2.0), kept.pop()], 1))
        return _NEAREST + _RANGE * torch.sigmoid(nn.functional.pixel_shuffle(self.leave(y), 2))


def _scenes(start: int, count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = [render(SEED, start + k, size=(side, side), split="train") for k in range(count)]
    depths = np.stack([depth_of(scene) for scene in drawn])
    return to_input([scene.image for scene in drawn]), torch.from_numpy(depths)[:, None]


def _loss(network: DepthNetwork, images: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Difference of the logarithms; digits, a tenth of all pixels, weigh as much as the ground."""
    apart = (network(images).log() - depth.log()).abs()
    weights = 1.0 + 6.0 * (depth < 4.6)
    return 10 * (apart * weights).sum() / weights.sum()


PLAN = Plan(make=_scenes, loss=_loss, peak_rate=2e-3, stages=((1.0, SIDE),), batch=12)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train from nothing, or from the checkpoint that ``warm`` names."""
    torch.manual_seed(0)
    network = DepthNetwork()
    if warm is not None:
        network.load_state_dict(torch.load(warm))
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = DepthNetwork()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 128, 128] to ``depth`` [1, 1, 128, 128]."""
    export(network, Signature((1, 3, SIDE, SIDE), ("depth",)), out / f"{NAME}.xml")

"""digits-keypoints: heat maps of the four ends of one digit's stroke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from harness.training.backbone import initialize, unit
from harness.training.batches import SEED, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train
from quantgate.zoo.scenes import render_classification
from quantgate.zoo.strokes import STROKE_POINTS

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-keypoints"
SIDE = 96
STRIDE = 4
#: Images of the committed weights.
IMAGES = 90_000
WARM = None
#: Radius of a peak, cells.
_SIGMA = 1.2


class Pointer(nn.Module):
    """Logits [N, 4, h / 4, w / 4]: down to a sixteenth of the image, and up again to a quarter."""

    def __init__(self) -> None:
        super().__init__()
        self.quarter = nn.Sequential(unit(3, 24, stride=2), unit(24, 48, stride=2), unit(48, 48))
        self.eighth = nn.Sequential(unit(48, 80, stride=2), unit(80, 80))
        self.sixteenth = nn.Sequential(unit(80, 112, stride=2), unit(112, 112), unit(112, 112))
        self.near = unit(112, 80, 1)
        self.far = unit(80, 48, 1)
        self.middle = unit(80, 80)
        self.last = unit(48, 48)
        self.head = nn.Conv2d(48, len(STROKE_POINTS), 1)
        initialize(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the enlarged deeper map to each finer one."""
        quarter = self.quarter(x)
        eighth = self.eighth(quarter)
        deep = self.near(self.sixteenth(eighth))
        eighth = self.middle(eighth + nn.functional.interpolate(deep, scale_factor=2.0))
        quarter = quarter + nn.functional.interpolate(self.far(eighth), scale_factor=2.0)
        logits: torch.Tensor = self.head(self.last(quarter))
        return logits


class Shares(nn.Module):
    """The network with a sigmoid behind it: what is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give heat maps of 0 to 1."""
        return torch.sigmoid(self.network(x))


def _targets(start: int, count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = [
        render_classification(SEED, start + k, size=(side, side), split="train")[0]
        for k in range(count)
    ]
    cells = side // STRIDE
    axis = (np.arange(cells) + 0.5) * STRIDE
    maps = np.zeros((count, len(STROKE_POINTS), cells, cells), np.float32)
    for row, scene in zip(maps, drawn, strict=True):
        if len(scene.points):
            for own, (x, y) in zip(row, scene.points[0], strict=True):
                squared = (axis[None] - x) ** 2 + (axis[:, None] - y) ** 2
                own[:] = np.exp(-squared / (2 * (_SIGMA * STRIDE) ** 2))
    return to_input([scene.image for scene in drawn]), torch.from_numpy(maps)


def _loss(network: nn.Module, images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in which the peaks weigh as much as all around them."""
    cost = nn.functional.binary_cross_entropy_with_logits(network(images), maps, reduction="none")
    return (cost * (1 + 20 * maps)).mean()


PLAN = Plan(make=_targets, loss=_loss, peak_rate=2e-3, stages=((1.0, SIDE),), batch=32)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train from nothing, or from the checkpoint that ``warm`` names."""
    torch.manual_seed(0)
    network = Pointer()
    if warm is not None:
        network.load_state_dict(torch.load(warm))
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Pointer()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 96, 96] to ``heat`` [1, 4, 24, 24]."""
    export(Shares(network), Signature((1, 3, SIDE, SIDE), ("heat",)), out / f"{NAME}.xml")

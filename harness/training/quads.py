"""digits-quads: how likely each pixel is the middle of a turned line of digits, for differentiable binarization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import nn

from harness.training.backbone import initialize, unit
from harness.training.batches import SEED, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train
from quantgate.zoo.lines import render_lines

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.training.budget import Budget

NAME = "digits-quads"
SIDE = 256
STRIDE = 2
#: Images of the committed weights.
IMAGES = 24_000
WARM = None
#: Lines shrink by area · (1 - ratio²) / perimeter on each side.
_RATIO = 0.4


class Finder(nn.Module):
    """Logits [N, 1, h / 2, w / 2]: down to a sixteenth of the image, and up again to a half."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = unit(3, 16, stride=2)
        self.quarter = nn.Sequential(unit(16, 32, stride=2), unit(32, 32))
        self.eighth = nn.Sequential(unit(32, 56, stride=2), unit(56, 56))
        self.sixteenth = nn.Sequential(unit(56, 80, stride=2), unit(80, 80), unit(80, 80))
        self.near = unit(80, 56, 1)
        self.far = unit(56, 32, 1)
        self.out = unit(32, 16, 1)
        self.middle = unit(56, 56)
        self.fine = unit(32, 32)
        self.last = unit(16, 16)
        self.head = nn.Conv2d(16, 1, 1)
        initialize(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the enlarged deeper map to each finer one."""
        half = self.whole(x)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        deep = self.near(self.sixteenth(eighth))
        eighth = self.middle(eighth + nn.functional.interpolate(deep, scale_factor=2.0))
        quarter = self.fine(quarter + nn.functional.interpolate(self.far(eighth), scale_factor=2.0))
        half = half + nn.functional.interpolate(self.out(quarter), scale_factor=2.0)
        logits: torch.Tensor = self.head(self.last(half))
        return logits


class Shares(nn.Module):
    """The network with a sigmoid behind it: what is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give shares of 0 to 1."""
        return torch.sigmoid(self.network(x))


def _targets(start: int, count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = [render_lines(SEED, start + k, size=(side, side), split="train") for k in range(count)]
    maps = np.stack([_map(scene.points, side // STRIDE) for scene in drawn])
    return to_input([scene.image for scene in drawn]), torch.from_numpy(maps[:, None])


def _map(quads: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """1 in the middle of each line [n, 4, 2], shrunk on all sides, 0 elsewhere: [cells, cells]."""
    found = np.zeros((cells, cells), np.float32)
    for quad in quads:
        along, down = quad[1] - quad[0], quad[3] - quad[0]
        width, height = np.linalg.norm(along), np.linalg.norm(down)
        inset = width * height * (1 - _RATIO**2) / (2 * (width + height))
        x, y = along / width * inset, down / height * inset
        corners = quad + np.stack([x + y, y - x, -x - y, x - y])
        cv2.fillPoly(found, [np.round(corners / STRIDE - 0.5).astype(np.int32)], 1.0)
    return found


def _loss(network: nn.Module, images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in which lines weigh more than what is around them, and dice (Milletari et al. 2016)."""
    logits = network(images)
    cost = nn.functional.binary_cross_entropy_with_logits(logits, maps, reduction="none")
    shares = torch.sigmoid(logits)
    dice = 1 - 2 * (shares * maps).sum() / (shares.sum() + maps.sum() + 1)
    return (cost * (1 + 3 * maps)).mean() + dice


PLAN = Plan(make=_targets, loss=_loss, peak_rate=2e-3, stages=((1.0, SIDE),), batch=16)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train from nothing, or from the checkpoint that ``warm`` names."""
    torch.manual_seed(0)
    network = Finder()
    if warm is not None:
        network.load_state_dict(torch.load(warm))
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Finder()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 256, 256] to ``lines`` [1, 1, 128, 128]."""
    export(Shares(network), Signature((1, 3, SIDE, SIDE), ("lines",)), out / f"{NAME}.xml")

"""digits-restoration: an image without its blur and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from harness.training.batches import SEED
from harness.training.export import Signature, export
from harness.training.loop import Plan, train, warm_start
from quantgate.zoo.scenes import render

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-restoration"
SIDE = 192
#: Images of the committed weights.
IMAGES = 16_000
WARM: str | None = None
_WIDTH = 32
_BLOCKS = 5


class Restorer(nn.Module):
    """RGB in 0..1 to RGB in 0..1, through a residual at half the resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(12, _WIDTH, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
            )
            for _ in range(_BLOCKS)
        )
        self.leave = nn.Conv2d(_WIDTH, 12, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what is missing."""
        y = torch.relu(self.enter(nn.functional.pixel_unshuffle(x, 2)))
        for block in self.blocks:
            y = y + block(y)
        return (x + nn.functional.pixel_shuffle(self.leave(y), 2)).clamp(0, 1)


def _pairs(start: int, count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Squares of ``side`` px out of scenes of the real size: blur grows with the image."""
    drawn = [render(SEED, start + k, size=(SIDE, SIDE), split="train") for k in range(count)]
    rng = np.random.default_rng(start)
    corners = rng.integers(0, SIDE - side + 1, (count, 2)).tolist()
    areas = [(slice(y, y + side), slice(x, x + side)) for y, x in corners]
    spoilt = [scene.image[area] for scene, area in zip(drawn, areas, strict=True)]
    clean = [scene.clean[area] for scene, area in zip(drawn, areas, strict=True)]
    return _as_input(spoilt), _as_input(clean)


def _as_input(images: list[np.ndarray]) -> torch.Tensor:
    rgb = np.stack(images)[..., ::-1].astype(np.float32) / 255
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).contiguous()


def _loss(network: Restorer, images: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    return 100 * nn.functional.l1_loss(network(images), clean)


PLAN = Plan(make=_pairs, loss=_loss, peak_rate=1e-3, stages=((0.8, 96), (1.0, SIDE)), batch=8)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train and export."""
    torch.manual_seed(0)
    network = Restorer()
    warm_start(network, warm)
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Restorer()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` to ``restored``, both [1, 3, 192, 192]."""
    export(network, Signature((1, 3, SIDE, SIDE), ("restored",)), out / f"{NAME}.xml")

"""digits-embedding: whose hand wrote a digit, as a direction in space: the same hand points the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.training.backbone import initialize, unit
from harness.training.batches import SEED, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train
from quantgate.zoo.scenes import IMAGES_A_HAND, render_hand
from quantgate.zoo.strokes import split_members

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-embedding"
SIDE = 64
#: Images of the committed weights.
IMAGES = 195_000
WARM = None
_CHANNELS, _LENGTH = 128, 96
#: CosFace's scale and margin.
_SCALE, _MARGIN = 16.0, 0.1


class Embedder(nn.Module):
    """Vectors [N, 96]: each place of the last map has weights of its own, as in MobileFaceNet."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            unit(3, 16, stride=2),
            unit(16, 32),
            nn.MaxPool2d(2),
            unit(32, 64),
            unit(64, 96),
            nn.MaxPool2d(2),
            unit(96, _CHANNELS),
            nn.Conv2d(_CHANNELS, _CHANNELS, SIDE // 8, groups=_CHANNELS, bias=False),
            nn.BatchNorm2d(_CHANNELS),
            nn.Conv2d(_CHANNELS, _LENGTH, 1),
        )
        self.hands = nn.Parameter(0.1 * torch.randn(len(split_members("train")), _LENGTH))
        self.digits = nn.Parameter(0.1 * torch.randn(10, _LENGTH))
        initialize(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give one vector an image, of any length."""
        found: torch.Tensor = self.layers(x)
        return found.flatten(1)


class Vectors(nn.Module):
    """The network without the hands that it was trained on: what is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give one vector an image."""
        found: torch.Tensor = self.network(x)
        return found


def _hands(start: int, count: int, side: int) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Images of many hands, one each: steps of ``IMAGES_A_HAND`` bring the next hand, and ever new images."""
    places = {member: place for place, member in enumerate(split_members("train"))}
    # A hand's images repeat with the number of hands: later rounds start at another of them, under another seed.
    whole = len(places) * IMAGES_A_HAND
    images, hands, digits = [], [], []
    for number in range(start, start + count):
        index = number * IMAGES_A_HAND % whole + number // len(places) % IMAGES_A_HAND
        seed = SEED + number // whole
        scene, name = render_hand(seed, index, size=(side, side), split="train")
        images.append(scene.image)
        digit, member = map(int, name.split("-"))
        hands.append(places[member])
        digits.append(digit)
    return to_input(images), (torch.tensor(hands), torch.tensor(digits))


def _loss(
    network: nn.Module, images: torch.Tensor, truth: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    """CosFace's (Wang et al. 2018): cross-entropy of cosines with each hand, the right one less a margin.

    The same of digits: hands alone hardly leave the start.
    """
    assert isinstance(network, Embedder)
    vectors = nn.functional.normalize(network(images))
    lost = torch.zeros(())
    for centres, labels in zip((network.hands, network.digits), truth, strict=True):
        cosines = vectors @ nn.functional.normalize(centres).T
        margin = nn.functional.one_hot(labels, cosines.shape[1]) * _MARGIN
        lost = lost + nn.functional.cross_entropy(_SCALE * (cosines - margin), labels)
    return lost


PLAN = Plan(
    make=_hands, loss=_loss, peak_rate=4e-3, stages=((1.0, SIDE),), batch=64, half_precision=True
)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train from nothing, or from the checkpoint that ``warm`` names."""
    torch.manual_seed(0)
    network = Embedder()
    if warm is not None:
        network.load_state_dict(torch.load(warm))
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Embedder()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 64, 64] to ``vector`` [1, 96]."""
    export(Vectors(network), Signature((1, 3, SIDE, SIDE), ("vector",)), out / f"{NAME}.xml")

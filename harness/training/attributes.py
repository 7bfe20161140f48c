"""digits-attributes: which digit, whether it is odd and dark, and how tall, by a head each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.training.backbone import initialize, unit
from harness.training.batches import SEED, cell_classes, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train
from quantgate.zoo.marks import marks_of
from quantgate.zoo.scenes import LABELS, Scene, render_classification

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-attributes"
SIDE = 96
#: Images of the committed weights.
IMAGES = 60_000
WARM = None
_CHANNELS = 144
#: Strides of the maps whose cells are told what is there, too: pooled features alone hardly leave the start.
_STRIDES = (8, 16)


class Teller(nn.Module):
    """Logits [N, 10] of the digit and [N, 2] of its marks, and its height [N, 1] in parts of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.eighth = nn.Sequential(
            unit(3, 24, stride=2), unit(24, 48, stride=2), unit(48, 80, stride=2), unit(80, 80)
        )
        self.sixteenth = nn.Sequential(
            unit(80, 112, stride=2), unit(112, _CHANNELS), unit(_CHANNELS, _CHANNELS)
        )
        self.cells = nn.ModuleList(
            nn.Conv2d(channels, 1 + len(LABELS), 1) for channels in (80, _CHANNELS)
        )
        self.digit = nn.Linear(2 * _CHANNELS, len(LABELS))
        self.marks = nn.Linear(2 * _CHANNELS, 2)
        self.height = nn.Linear(2 * _CHANNELS, 1)
        initialize(self)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Read every head from the mean and the largest of the last map."""
        return self.everything(x)[0]

    def everything(
        self, x: torch.Tensor
    ) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], list[torch.Tensor]]:
        """Heads, and logits of 11 classes (0: background) at every cell of two maps."""
        eighth = self.eighth(x)
        last = self.sixteenth(eighth)
        pooled = torch.cat([last.mean((2, 3)), last.amax((2, 3))], 1)
        heads = self.digit(pooled), self.marks(pooled), torch.sigmoid(self.height(pooled))
        return heads, [head(m) for head, m in zip(self.cells, (eighth, last), strict=True)]


class Shares(nn.Module):
    """The network with softmax and sigmoid behind it: what is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give shares of digits and marks, and the height."""
        digit, marks, height = self.network(x)
        return torch.softmax(digit, 1), torch.sigmoid(marks), height


def _drawn(
    start: int, count: int, side: int
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]]:
    drawn = [
        render_classification(SEED, start + k, size=(side, side), split="train")
        for k in range(count)
    ]
    labels = torch.tensor([label for _, label in drawn])
    numbers = torch.tensor([_numbers(scene) for scene, _ in drawn])
    cells = [
        torch.stack([cell_classes(scene, stride) for scene, _ in drawn]) for stride in _STRIDES
    ]
    return to_input([scene.image for scene, _ in drawn]), (labels, numbers, cells)


def _numbers(scene: Scene) -> tuple[float, float, float]:
    """Whether the digit is dark, how tall it is, and whether that is known."""
    marks = marks_of(scene)
    return (0.0, 0.0, 0.0) if marks is None else (float(marks.dark), marks.height, 1.0)


def _loss(
    network: Teller,
    images: torch.Tensor,
    truth: tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]],
) -> torch.Tensor:
    """Cross-entropies, and ten times the mean absolute error; what is not known does not count."""
    labels, numbers, cells = truth
    dark, tall, known = numbers.unbind(1)
    (digit, marks, height), maps = network.everything(images)
    wanted = torch.stack([(labels % 2).float(), dark], 1)
    weights = torch.stack([torch.ones_like(known), known], 1)
    loss = nn.functional.cross_entropy(digit, labels, label_smoothing=0.05)
    loss = loss + nn.functional.binary_cross_entropy_with_logits(marks, wanted, weights)
    loss = loss + 10 * ((height[:, 0] - tall).abs() * known).mean()
    for found, cell in zip(maps, cells, strict=True):
        loss = loss + 0.5 * nn.functional.cross_entropy(found, cell)
    return loss


PLAN = Plan(make=_drawn, loss=_loss, peak_rate=2e-3, stages=((1.0, SIDE),), batch=32)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train from nothing, or from the checkpoint that ``warm`` names."""
    torch.manual_seed(0)
    network = Teller()
    if warm is not None:
        network.load_state_dict(torch.load(warm))
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Teller()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 96, 96] to ``digit`` [1, 10], ``marks`` [1, 2] and ``height`` [1, 1]."""
    signature = Signature((1, 3, SIDE, SIDE), ("digit", "marks", "height"))
    export(Shares(network), signature, out / f"{NAME}.xml")

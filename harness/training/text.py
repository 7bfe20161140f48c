"""digits-text: what a line of handwritten digits reads, step by step, for CTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.training.backbone import initialize, unit
from harness.training.batches import SEED, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train
from quantgate.zoo.scenes import LABELS, Scene, render_text

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-text"
SIZE = (128, 32)
#: Columns of pixels a step.
STRIDE = 4
#: Images of the committed weights.
IMAGES = 60_000
WARM = None
_CHANNELS = 144


class Reader(nn.Module):
    """Logits [N, width / 4, 11], the blank first: rows are pooled away, steps see five neighbours twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            unit(3, 24, stride=2),
            unit(24, 48),
            nn.MaxPool2d(2),
            unit(48, 80),
            nn.MaxPool2d((2, 1)),
            unit(80, 112),
            _along(112, _CHANNELS, (4, 1), (0, 0)),
            _along(_CHANNELS, _CHANNELS, (1, 5), (0, 2)),
            _along(_CHANNELS, _CHANNELS, (1, 5), (0, 2)),
            nn.Conv2d(_CHANNELS, 1 + len(LABELS), 1),
        )
        initialize(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the steps from left to right."""
        logits: torch.Tensor = self.layers(x)
        return logits.squeeze(2).permute(0, 2, 1)


def _along(
    inputs: int, outputs: int, kernel: tuple[int, int], padding: tuple[int, int]
) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class Shares(nn.Module):
    """The network with a softmax behind it: what is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give shares of blank and digits, a step each."""
        return torch.softmax(self.network(x), 2)


def _lines(
    start: int, count: int, side: int
) -> tuple[torch.Tensor, tuple[list[str], torch.Tensor]]:
    size = (side * SIZE[0] // SIZE[1], side)
    drawn = [render_text(SEED, start + k, size=size, split="train") for k in range(count)]
    steps = torch.stack([_steps(scene, size[0] // STRIDE) for scene, _ in drawn])
    return to_input([scene.image for scene, _ in drawn]), ([text for _, text in drawn], steps)


def _steps(scene: Scene, count: int) -> torch.Tensor:
    """Class of each step: a digit's in its middle, none beside it (-100), the blank elsewhere."""
    steps = torch.zeros(count, dtype=torch.int64)
    middles = (scene.boxes[:, [0, 2]].mean(axis=1) / STRIDE).astype(int).clip(1, count - 2)
    for middle in middles.tolist():
        steps[middle - 1 : middle + 2] = -100
    for middle, label in zip(middles.tolist(), scene.labels.tolist(), strict=True):
        steps[middle] = 1 + label
    return steps


def _loss(
    network: nn.Module, images: torch.Tensor, truth: tuple[list[str], torch.Tensor]
) -> torch.Tensor:
    """CTC's (Graves et al. 2006), and the cross-entropy of steps: alone, the former hardly leaves its start."""
    texts, cells = truth
    logits = network(images)
    steps = torch.log_softmax(logits, 2).permute(1, 0, 2)
    wanted = torch.tensor([1 + int(digit) for text in texts for digit in text])
    lengths = torch.tensor([len(text) for text in texts])
    seen = torch.full((len(texts),), steps.shape[0])
    ctc = nn.functional.ctc_loss(steps, wanted, seen, lengths, zero_infinity=True)
    return ctc + 2 * nn.functional.cross_entropy(logits.permute(0, 2, 1), cells)


PLAN = Plan(make=_lines, loss=_loss, peak_rate=2e-3, stages=((1.0, SIZE[1]),), batch=32)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train from nothing, or from the checkpoint that ``warm`` names."""
    torch.manual_seed(0)
    network = Reader()
    if warm is not None:
        network.load_state_dict(torch.load(warm))
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Reader()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 32, 128] to ``steps`` [1, 32, 11]."""
    export(Shares(network), Signature((1, 3, SIZE[1], SIZE[0]), ("steps",)), out / f"{NAME}.xml")

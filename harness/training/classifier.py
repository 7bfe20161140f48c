"""digits-mobilenet-v2: which digit is in the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.training.backbone import Classifier, Halved
from harness.training.batches import curriculum
from harness.training.export import Signature, export
from harness.training.loop import Plan, train, warm_start

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-mobilenet-v2"
SIDE = 224
#: Images of the committed weights.
IMAGES = 200_000
WARM: str | None = None


def _loss(
    network: Classifier, images: torch.Tensor, truth: tuple[torch.Tensor, list[torch.Tensor]]
) -> torch.Tensor:
    labels, cells = truth
    logits, maps = network.everything(images)
    loss = nn.functional.cross_entropy(logits, labels, label_smoothing=0.05)
    for found, wanted in zip(maps, cells, strict=True):
        loss = loss + 0.5 * nn.functional.cross_entropy(found, wanted)
    return loss


PLAN = Plan(
    make=curriculum,
    loss=_loss,
    peak_rate=1e-3,
    stages=((0.55, 64), (1.0, SIDE)),
    batch=16,
    frozen_from_px=160,
)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train and export."""
    torch.manual_seed(0)
    network = Classifier()
    warm_start(network, warm)
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Classifier()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 224, 224] to ``logits`` [1, 10]."""
    export(Halved(network), Signature((1, 3, SIDE, SIDE), ("logits",)), out / f"{NAME}.xml")

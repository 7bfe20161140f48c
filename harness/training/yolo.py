"""digits-yolo-v4-tiny: YOLOv4-tiny, whose raw heads are decoded outside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.training import yolo_targets
from harness.training.batches import SEED, to_input
from harness.training.export import Signature, export
from harness.training.loop import Plan, train, warm_start
from harness.training.yolo_network import ANCHORS_EACH, YoloTiny
from quantgate.zoo.scenes import render

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget
    from harness.training.yolo_targets import Positives

NAME = "digits-yolo-v4-tiny"
SIDE = 192
CLASSES = 10
#: Images of the committed weights.
IMAGES = 52_000
WARM: str | None = None


def _targets(start: int, count: int, side: int) -> tuple[torch.Tensor, tuple[Positives, ...]]:
    drawn = [render(SEED, start + k, size=(side, side), split="train") for k in range(count)]
    return to_input([scene.image for scene in drawn]), yolo_targets.assign(drawn, side)


def _loss(network: YoloTiny, images: torch.Tensor, truth: tuple[Positives, ...]) -> torch.Tensor:
    heads = network(images)
    count = max(1, sum(len(one.classes) for one in truth))
    side = images.shape[-1]
    losses = [
        _head_loss(values, one, (head, side))
        for head, (values, one) in enumerate(zip(heads, truth, strict=True))
    ]
    return sum(losses[1:], losses[0]) / count


def _head_loss(values: torch.Tensor, truth: Positives, where: tuple[int, int]) -> torch.Tensor:
    head, side = where
    values = values.float().unflatten(1, (ANCHORS_EACH, 5 + CLASSES)).permute(0, 1, 3, 4, 2)
    own = values[tuple(truth.place)]
    found = yolo_targets.decode(own[:, :4], truth.place, head, side)
    likeness = complete_iou(found, truth.boxes)
    wanted = torch.zeros(values.shape[:-1])
    # Objectness learns how well the box fits: good boxes are then ranked above poor ones.
    wanted[tuple(truth.place)] = likeness.detach().clamp(0, 1)
    objectness = nn.functional.binary_cross_entropy_with_logits(
        values[..., 4], wanted, reduction="sum"
    )
    classes = nn.functional.one_hot(truth.classes, CLASSES).float()
    named = nn.functional.binary_cross_entropy_with_logits(own[:, 5:], classes, reduction="sum")
    return 2.0 * (1 - likeness).sum() + objectness + named


def complete_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """CIoU of each pair of boxes [n, 4] (Zheng et al. 2020, arXiv:1911.08287)."""
    sides_a, sides_b = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    inner = shared.prod(1)
    iou = inner / (sides_a.prod(1) + sides_b.prod(1) - inner + 1e-9)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    apart = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).square().sum(1)
    turn = torch.atan(sides_a[:, 0] / sides_a[:, 1]) - torch.atan(sides_b[:, 0] / sides_b[:, 1])
    shape = turn.square() * (4 / torch.pi**2)
    with torch.no_grad():
        share = shape / (1 - iou + shape + 1e-9)
    return iou - apart / (hull.square().sum(1) + 1e-9) - share * shape


PLAN = Plan(
    make=_targets,
    loss=_loss,
    peak_rate=2e-3,
    stages=((0.4, 96), (0.62, 128), (0.78, 160), (1.0, SIDE)),
    batch=16,
    half_precision=True,
)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train and export."""
    torch.manual_seed(0)
    network = YoloTiny(CLASSES)
    warm_start(network, warm)
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = YoloTiny(CLASSES)
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 192, 192] to raw heads [1, 45, 12, 12] and [1, 45, 6, 6]."""
    export(network, Signature((1, 3, SIDE, SIDE), ("fine", "coarse")), out / f"{NAME}.xml")

"""digits-ssd-mobilenet-v2: SSD with separable heads, ending in DetectionOutput."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov  # noqa: TID251 - DetectionOutput is appended here
import torch
from openvino import opset8 as ops  # noqa: TID251
from torch import nn

from harness.training.anchors import (
    CENTRE_VARIANCE,
    PER_CELL,
    SIZE_VARIANCE,
    Assignment,
    assign,
    decode,
    default_boxes,
    encode,
)
from harness.training.backbone import Backbone, Halved, initialize, unit
from harness.training.batches import scenes
from harness.training.export import Signature, export
from harness.training.loop import Plan, train, warm_start

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget

NAME = "digits-ssd-mobilenet-v2"
SIDE = 300
CLASSES = 11
#: Images of the committed weights.
IMAGES = 21_000
#: The built-in model whose backbone it starts from.
WARM = "digits-mobilenet-v2"
_NEGATIVES_EACH = 3


def _separable(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        unit(inputs, inputs, stride=stride, groups=inputs), unit(inputs, outputs, 1)
    )


class Detector(nn.Module):
    """Offsets [N, n, 4] and class logits [N, n, 11] of every default box."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.near = unit(32, 128, 1)
        self.middle = unit(96, 128, 1)
        self.deep = unit(320, 128, 1)
        self.fuse = nn.ModuleList((_separable(128, 160), _separable(128, 192)))
        self.neck = unit(320, 224, 1)
        self.coarsest = _separable(224, 160, stride=2)
        widths = (160, 192, 224, 160)
        self.heads = nn.ModuleList(
            nn.Sequential(
                unit(width, width, groups=width), nn.Conv2d(width, PER_CELL * (4 + CLASSES), 1)
            )
            for width in widths
        )
        for name, part in self.named_children():
            if name != "backbone":
                initialize(part)
        for head in self.heads:
            nn.init.normal_(head[1].weight, 0, 0.01)
            # Almost every box is background: start from that.
            head[1].bias.data.view(PER_CELL, 4 + CLASSES)[:, 4] = 4.0

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give raw outputs, all maps joined."""
        fused = self.fused(*self.backbone(x))
        return self.rows(fused)

    def fused(
        self, eighth: torch.Tensor, sixteenth: torch.Tensor, deepest: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Maps of stride 8, 16 and 32; the finer ones see what the deepest knows."""
        middle = self.middle(sixteenth) + _like(self.deep(deepest), sixteenth)
        near = self.near(eighth) + _like(middle, eighth)
        return near, middle, self.neck(deepest)

    def rows(
        self, fused: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the heads on the maps of four strides."""
        near, middle, neck = fused
        maps = [self.fuse[0](near), self.fuse[1](middle), neck, self.coarsest(neck)]
        rows = [
            head(m).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4 + CLASSES))
            for head, m in zip(self.heads, maps, strict=True)
        ]
        joined = torch.cat(rows, 1)
        return joined[..., :4], joined[..., 4:]


def _like(small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(small, size=large.shape[-2:])


def extents(side: int) -> tuple[tuple[int, int], ...]:
    """Rows and columns of the four maps for a square (halved) image."""
    sides = (-(-side // stride) for stride in (8, 16, 32, 64))
    return tuple((n, n) for n in sides)


def _targets(start: int, count: int, side: int) -> tuple[torch.Tensor, list[Assignment]]:
    images, drawn = scenes(start, count, side)
    defaults = default_boxes(extents(images.shape[-1]))
    return images, [assign(scene, defaults) for scene in drawn]


def _loss(network: Detector, images: torch.Tensor, truth: list[Assignment]) -> torch.Tensor:
    offsets, logits = network(images)
    defaults = default_boxes(extents(images.shape[-1]))
    classes = torch.stack([one.classes for one in truth])
    wanted = torch.stack([one.boxes for one in truth])
    objects = classes > 0
    count = objects.sum().clamp(min=1)
    losses = nn.functional.cross_entropy(
        logits.transpose(1, 2), classes, reduction="none", ignore_index=-1
    )
    hardest = losses.detach().masked_fill(classes != 0, -1.0).argsort(1, descending=True).argsort(1)
    kept = hardest < (_NEGATIVES_EACH * objects.sum(1, keepdim=True)).clamp(min=8)
    class_loss = losses[objects].sum() + losses[kept & (classes == 0)].sum()
    own = defaults.expand_as(wanted)[objects]
    coded = nn.functional.smooth_l1_loss(
        offsets[objects], encode(wanted[objects], own), reduction="sum", beta=0.5
    )
    apart = (1 - generalized_iou(decode(offsets[objects], own), wanted[objects])).sum()
    return (class_loss + 0.6 * coded + 4.0 * apart) / count


def generalized_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """GIoU of each pair of boxes [n, 4]."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    inner = shared.prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inner
    around = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    hull = around.prod(1)
    return inner / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


PLAN = Plan(
    make=_targets,
    loss=_loss,
    peak_rate=1.2e-3,
    stages=((1.0, SIDE),),
    batch=8,
    frozen_from_px=1,
)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train, from a classifier's or an earlier detector's weights where ``warm`` names them."""
    torch.manual_seed(0)
    network = Detector()
    warm_start(network, warm)
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Detector()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: nn.Module, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 300, 300] to ``detection_out`` [1, 1, 200, 7]."""
    signature = Signature((1, 3, SIDE, SIDE), ("detection_out",))
    export(Halved(network), signature, out / f"{NAME}.xml", _append_detection_output)


def _append_detection_output(model: ov.Model) -> ov.Model:
    offsets, logits = (result.input_value(0) for result in model.get_results())
    found = detection_output(offsets, logits, 200)
    return ov.Model([found], model.get_parameters(), NAME)


def detection_output(offsets: ov.Output, logits: ov.Output, kept: int) -> ov.Node:
    """Rows of seven [1, 1, kept, 7]; boxes are fractions of the image, class 0 is background."""
    flat = np.array([1, -1], np.int64)
    scores = ops.softmax(logits, axis=2)
    boxes = default_boxes(extents(SIDE // 2)).numpy().reshape(1, -1)
    variances = np.tile([CENTRE_VARIANCE] * 2 + [SIZE_VARIANCE] * 2, boxes.size // 4)[None]
    found = ops.detection_output(
        ops.reshape(offsets, flat, special_zero=False),
        ops.reshape(scores, flat, special_zero=False),
        np.stack((boxes, variances), axis=1).astype(np.float32),
        {
            "background_label_id": 0,
            "top_k": 400,
            "keep_top_k": [kept],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "share_location": True,
            "variance_encoded_in_target": False,
            "normalized": True,
            "clip_after_nms": True,
            "nms_threshold": 0.5,
            "confidence_threshold": 0.01,
        },
    )
    found.set_friendly_name("detection_out")
    return found

"""Default boxes of the detector, the coding of boxes against them, and who learns what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from quantgate.zoo.scenes import Scene

#: Sizes (geometric mean of the sides, as a share of the image) of every map's boxes.
SIZES = ((0.14, 0.2), (0.27, 0.36), (0.46, 0.56), (0.7, 0.85))
#: Width by height.
RATIOS = (0.45, 0.75, 1.2)
PER_CELL = len(SIZES[0]) * len(RATIOS)
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


def default_boxes(extents: tuple[tuple[int, int], ...]) -> torch.Tensor:
    """Boxes [n, 4] as relative ``x0, y0, x1, y1``, map by map, row by row."""
    shapes = np.array(
        [
            [(size * ratio**0.5, size / ratio**0.5) for size in sizes for ratio in RATIOS]
            for sizes in SIZES
        ]
    )
    boxes = []
    for (rows, columns), sides in zip(extents, shapes, strict=True):
        y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        centre = np.stack(((x + 0.5) / columns, (y + 0.5) / rows), axis=-1)[:, :, None]
        boxes.append(np.concatenate((centre - sides / 2, centre + sides / 2), -1).reshape(-1, 4))
    return torch.from_numpy(np.concatenate(boxes).astype(np.float32))


def to_centre(boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Split corners into centres and sides."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]


def encode(boxes: torch.Tensor, defaults: torch.Tensor) -> torch.Tensor:
    """Offsets as DetectionOutput's CENTER_SIZE decodes them."""
    centre, side = to_centre(boxes)
    default_centre, default_side = to_centre(defaults)
    shift = (centre - default_centre) / default_side / CENTRE_VARIANCE
    return torch.cat((shift, torch.log(side / default_side) / SIZE_VARIANCE), -1)


def decode(offsets: torch.Tensor, defaults: torch.Tensor) -> torch.Tensor:
    """Undo :func:`encode`."""
    default_centre, default_side = to_centre(defaults)
    centre = default_centre + offsets[..., :2] * CENTRE_VARIANCE * default_side
    half = torch.exp((offsets[..., 2:] * SIZE_VARIANCE).clamp(max=4)) * default_side / 2
    return torch.cat((centre - half, centre + half), -1)


def overlaps(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """IoU [len(a), len(b)]."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b)]
    return shared / (areas[0][:, None] + areas[1][None] - shared)


@dataclass(frozen=True)
class Assignment:
    """Of every default box: class (0: background, -1: ignored) and wanted box [n, 4]."""

    classes: torch.Tensor
    boxes: torch.Tensor


def assign(scene: Scene, defaults: torch.Tensor) -> Assignment:
    """Give every default box the object that it overlaps by half, and every object its best box."""
    rows, columns = scene.image.shape[:2]
    if not len(scene.labels):
        return Assignment(torch.zeros(len(defaults), dtype=torch.int64), defaults)
    boxes = torch.from_numpy(scene.boxes) / torch.tensor([columns, rows, columns, rows])
    labels = torch.from_numpy(scene.labels) + 1
    iou = overlaps(boxes, defaults)
    best, owner = iou.max(0)
    forced = iou.argmax(1)
    best[forced] = 2.0
    owner[forced] = torch.arange(len(boxes))
    classes = torch.where(best >= 0.5, labels[owner], torch.where(best >= 0.4, -1, 0))
    return Assignment(classes, boxes[owner])

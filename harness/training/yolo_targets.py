"""Which anchors and cells of YOLO's heads learn an object, and how they code its box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.zoo.scenes import Scene

#: Width and height in pixels of an image of ``REFERENCE_PX``: k-means of the training scenes' boxes.
ANCHORS = (
    ((28.0, 55.0), (39.0, 53.0), (39.0, 71.0)),
    ((50.0, 63.0), (52.0, 82.0), (69.0, 85.0)),
)
REFERENCE_PX = 192
STRIDES = (16, 32)
#: Darknet's scale_x_y: a centre can be coded from the neighbouring cells as well.
SCALE_XY = 2.0
#: Sides may differ from an anchor's by this factor.
_MOST_APART = 1.5
#: The cell of a centre, and its four neighbours; those within half a cell learn the object, too.
_NEIGHBOURS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True)
class Positives:
    """Of one head: where objects are learnt, and what.

    ``place`` is image, anchor, row, column [4, n]; ``boxes`` xyxy px [n, 4]; ``classes`` [n].
    """

    place: torch.Tensor
    boxes: torch.Tensor
    classes: torch.Tensor


def anchors_of(head: int, side: int) -> torch.Tensor:
    """Anchors [3, 2] of a head in pixels of an image of ``side`` px."""
    return torch.tensor(ANCHORS[head]) * (side / REFERENCE_PX)


def assign(drawn: Sequence[Scene], side: int) -> tuple[Positives, ...]:
    """Give every object the anchors of about its size, or the nearest one, in up to three cells."""
    image = torch.cat([torch.full((len(s.labels),), k) for k, s in enumerate(drawn)])
    boxes = torch.cat([torch.from_numpy(s.boxes) for s in drawn])
    classes = torch.cat([torch.from_numpy(s.labels) for s in drawn])
    sides = boxes[:, 2:] - boxes[:, :2]
    every = torch.cat([anchors_of(head, side) for head in range(len(STRIDES))])
    ratio = sides[:, None] / every[None]
    apart = torch.maximum(ratio, 1 / ratio).amax(-1)
    chosen = apart < _MOST_APART
    chosen[torch.arange(len(boxes)), apart.argmin(1)] = True
    return tuple(
        _of_head(chosen[:, 3 * k : 3 * k + 3], (image, boxes, classes), (stride, side // stride))
        for k, stride in enumerate(STRIDES)
    )


def _of_head(
    chosen: torch.Tensor,
    objects: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    grid: tuple[int, int],
) -> Positives:
    image, boxes, classes = objects
    stride, extent = grid
    row, anchor = chosen.nonzero(as_tuple=True)
    centre = ((boxes[:, :2] + boxes[:, 2:]) / 2 / stride)[row]
    parts = []
    for shift in _NEIGHBOURS:
        cell = centre.floor().long() + torch.tensor(shift)
        offset = centre - cell
        near = ((offset > -0.5) & (offset < 1.5)).all(1) & ((cell >= 0) & (cell < extent)).all(1)
        place = torch.stack((image[row], anchor, cell[:, 1], cell[:, 0]))[:, near]
        parts.append(Positives(place, boxes[row][near], classes[row][near]))
    return Positives(
        torch.cat([part.place for part in parts], 1),
        torch.cat([part.boxes for part in parts]),
        torch.cat([part.classes for part in parts]),
    )


def decode(values: torch.Tensor, place: torch.Tensor, head: int, side: int) -> torch.Tensor:
    """Boxes xyxy px [n, 4] of raw values [n, 4] at ``place``."""
    _, anchor, row, column = place
    cell = torch.stack((column, row), 1)
    shift = values[:, :2].sigmoid() * SCALE_XY - (SCALE_XY - 1) / 2
    centre = (cell + shift) * STRIDES[head]
    half = values[:, 2:].clamp(max=4).exp() * anchors_of(head, side)[anchor] / 2
    return torch.cat((centre - half, centre + half), 1)

"""digits-instance-segmentation: the built-in detector with a mask for every object (Mask R-CNN's contract).

He et al. 2017, arXiv:1703.06870. The detector stays as it is; only the small head that draws masks
is trained, on boxes near the true ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import openvino as ov  # noqa: TID251 - the parts are put together here
import torch
from openvino import opset13 as ops  # noqa: TID251
from torch import nn

from harness.training import detector
from harness.training.backbone import Halved, initialize, unit
from harness.training.batches import scenes
from harness.training.export import Signature, export
from harness.training.loop import Plan, train, warm_start

if TYPE_CHECKING:
    from pathlib import Path

    from harness.training.budget import Budget
    from quantgate.zoo.scenes import Scene

NAME = "digits-instance-segmentation"
SIDE = detector.SIDE
MASK_PX = 28
#: Objects of an image; scenes have at most five.
OBJECTS = 20
#: Images of the committed weights.
IMAGES = 6_000
#: The built-in model that finds the objects, and stays as it is.
WARM = "digits-ssd-mobilenet-v2"
_CHANNELS = (16, 24, 128)
_EXTENTS = (MASK_PX, MASK_PX // 2, MASK_PX // 2)
_SAMPLES_EACH_WAY = 4


class MaskHead(nn.Module):
    """Logits [n, 28, 28] from what was cut out of maps of stride 2, 4 and 8."""

    def __init__(self) -> None:
        super().__init__()
        finest, quarter, near = _CHANNELS
        self.meaning = unit(near, 32, 1)
        self.coarse = unit(quarter + 32, 32)
        self.fine = unit(finest + 32, 24)
        self.draw = nn.Conv2d(24, 1, 1)
        initialize(self)

    def forward(
        self, finest: torch.Tensor, quarter: torch.Tensor, near: torch.Tensor
    ) -> torch.Tensor:
        """Mix the coarser two, then add edges."""
        coarse = self.coarse(torch.cat((quarter, self.meaning(near)), 1))
        enlarged = nn.functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        return self.draw(self.fine(torch.cat((finest, enlarged), 1)))[:, 0]


class Trunk(nn.Module):
    """The detector's raw outputs, and the three maps that masks are drawn from."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = detector.Detector()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the detector once."""
        finest, quarter, *coarser = self.detector.backbone.pyramid(x)
        fused = self.detector.fused(*coarser)
        return (*self.detector.rows(fused), finest, quarter, fused[0])


class Masker(nn.Module):
    """Trunk at rest, and head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk().requires_grad_(requires_grad=False)
        self.head = MaskHead()

    def train(self, mode: bool = True) -> Masker:  # noqa: FBT001, FBT002 - as torch declares it
        """Set the mode of the head alone."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, x: torch.Tensor, image: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Mask logits of ``boxes`` [n, 4], fractions, in the images [n] of the batch."""
        with torch.no_grad():
            maps = self.trunk(x)[2:]
            cut = [
                cut_out(m, image, boxes, extent) for m, extent in zip(maps, _EXTENTS, strict=True)
            ]
        return self.head(*cut)


def cut_out(
    features: torch.Tensor, image: torch.Tensor, boxes: torch.Tensor, extent: int
) -> torch.Tensor:
    """Sample a map at the centres of ``extent`` x ``extent`` parts of each box, as ROIAlign does."""
    steps = (torch.arange(extent) + 0.5) / extent
    x = boxes[:, None, 0] + steps * (boxes[:, None, 2] - boxes[:, None, 0])
    y = boxes[:, None, 1] + steps * (boxes[:, None, 3] - boxes[:, None, 1])
    shape = (len(boxes), extent, extent)
    grid = torch.stack((x[:, None, :].expand(shape), y[:, :, None].expand(shape)), -1) * 2 - 1
    return nn.functional.grid_sample(
        features[image], grid, padding_mode="border", align_corners=False
    )


Truth = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _targets(start: int, count: int, side: int) -> tuple[torch.Tensor, Truth]:
    images, drawn = scenes(start, count, side)
    rng = np.random.default_rng(start)
    image = [k for k, scene in enumerate(drawn) for _ in scene.labels]
    boxes = [_near(rng, box, side) for scene in drawn for box in scene.boxes]
    masks = [
        _drawn(scene, place, boxes[row])
        for row, (scene, place) in enumerate(
            (scene, place) for scene in drawn for place in range(len(scene.labels))
        )
    ]
    truth = (
        torch.tensor(image),
        torch.from_numpy(np.stack(boxes).astype(np.float32)) / side,
        torch.from_numpy(np.stack(masks)),
    )
    return images, truth


def _near(rng: np.random.Generator, box: np.ndarray, side: int) -> np.ndarray:
    """Move every edge by some percent, as a detector would miss it."""
    extent = np.tile(box[2:] - box[:2], 2)
    return np.clip(box + rng.normal(0, 0.05, 4) * extent, 0, side)


def _drawn(scene: Scene, place: int, box: np.ndarray) -> np.ndarray:
    """Share of every part of the box that the object covers, float32 [28, 28]."""
    owned = (scene.owners == place + 1).astype(np.float32)
    fine = MASK_PX * _SAMPLES_EACH_WAY
    step = (box[2:] - box[:2]) / fine
    corner = box[:2] + step / 2 - 0.5
    affine = np.array([[step[0], 0, corner[0]], [0, step[1], corner[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sampled = cv2.warpAffine(owned, affine, (fine, fine), flags=flags)
    return cv2.resize(sampled, (MASK_PX, MASK_PX), interpolation=cv2.INTER_AREA)


def _loss(network: Masker, images: torch.Tensor, truth: Truth) -> torch.Tensor:
    image, boxes, masks = truth
    found = network(images, image, boxes)
    return nn.functional.binary_cross_entropy_with_logits(found, masks)


PLAN = Plan(make=_targets, loss=_loss, peak_rate=3e-3, stages=((1.0, SIDE),), batch=8)


def run(out: Path, budget: Budget, warm: str | None) -> None:
    """Train the head on the detector that ``warm`` names, and export both."""
    torch.manual_seed(0)
    network = Masker()
    warm_start(network.trunk.detector, warm)
    export_weights(train(network, PLAN, budget, out / f"{NAME}.pt"), out)


def export_checkpoint(out: Path) -> None:
    """Export what was saved last."""
    network = Masker()
    network.load_state_dict(torch.load(out / f"{NAME}.pt"))
    export_weights(network, out)


def export_weights(network: Masker, out: Path) -> None:
    """Write the IR: ``image`` [1, 3, 300, 300] to boxes [20, 5], labels [20], masks [20, 28, 28]."""
    signature = Signature((1, 3, SIDE, SIDE), ("boxes", "labels", "masks"))
    export(
        Halved(network.trunk),
        signature,
        out / f"{NAME}.xml",
        lambda model: _with_masks(model, network.head),
    )


def _with_masks(model: ov.Model, head: MaskHead) -> ov.Model:
    """Append DetectionOutput, ROIAlign of three maps, and the head."""
    offsets, logits, *maps = (result.input_value(0) for result in model.get_results())
    found = detector.detection_output(offsets, logits, OBJECTS)
    rows = ops.reshape(found, np.array([OBJECTS, 7], np.int64), special_zero=False)
    boxes = ops.multiply(_columns(rows, 3, 7), np.float32(SIDE))
    scored = ops.concat([boxes, _columns(rows, 2, 3)], 1)
    named = ops.convert(ops.relu(ops.subtract(_columns(rows, 1, 2), np.float32(1))), "i32")
    labels = ops.squeeze(named, np.array([1], np.int64))
    masks = ops.sigmoid(_drawing(head, maps, boxes))
    return ov.Model([scored, labels, masks], model.get_parameters(), NAME)


def _columns(rows: ov.Node, first: int, last: int) -> ov.Node:
    start, stop, step, axis = (np.array([v], np.int64) for v in (first, last, 1, 1))
    return ops.slice(rows, start, stop, step, axis)


def _drawing(head: MaskHead, maps: list[ov.Output], boxes: ov.Node) -> ov.Output:
    """Feed the head with what ROIAlign cuts out: one sample in the middle of every part."""
    shapes = [(OBJECTS, c, e, e) for c, e in zip(_CHANNELS, _EXTENTS, strict=True)]
    examples = tuple(torch.zeros(shape) for shape in shapes)
    converted = ov.convert_model(
        head.eval(), example_input=examples, input=[list(shape) for shape in shapes]
    )
    for parameter, features, extent in zip(converted.get_parameters(), maps, _EXTENTS, strict=True):
        cut = ops.roi_align(
            features,
            boxes,
            np.zeros(OBJECTS, np.int32),
            extent,
            extent,
            1,
            features.get_shape()[-1] / SIDE,
            "avg",
            "half_pixel",
        )
        parameter.output(0).replace(cut.output(0))
    return converted.get_results()[0].input_value(0)

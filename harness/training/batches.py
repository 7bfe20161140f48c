"""Rendered scenes as batches of tensors."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch

from quantgate.zoo.scenes import Scene, render, render_classification

MEAN = np.array((123.675, 116.28, 103.53), np.float32)
SCALE = np.array((58.395, 57.12, 57.375), np.float32)

SEED = 1

Batch = tuple[torch.Tensor, Any]


def to_input(images: list[np.ndarray]) -> torch.Tensor:
    """BGR images of one size as normalized RGB, NCHW, channels last in memory."""
    rgb = np.stack(images)[..., ::-1].astype(np.float32)
    tensor = torch.from_numpy((rgb - MEAN) / SCALE).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=torch.channels_last)


def classification(start: int, count: int, side: int) -> Batch:
    """Images with one digit each, and the digits."""
    drawn = [
        render_classification(SEED, start + k, size=(side, side), split="train")
        for k in range(count)
    ]
    labels = torch.tensor([label for _, label in drawn])
    found = [scene for scene, _ in drawn]
    # A map of stride 16 of the halved image has stride 32 of the image.
    cells = [torch.stack([cell_classes(scene, stride) for scene in found]) for stride in (32, 64)]
    return to_input([halve(scene.image) for scene in found]), (labels, cells)


def halve(image: np.ndarray) -> np.ndarray:
    """Average every 2x2 pixels, as :class:`backbone.Halved` does in the exported graph."""
    rows, columns = image.shape[:2]
    return cv2.resize(image, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)


def crops(start: int, count: int, side: int) -> Batch:
    """Single digits cut out of scenes: shapes are learnt in minutes there.

    Truth as of :func:`classification`, where cells outside the digit are ignored.
    """
    images: list[np.ndarray] = []
    labels: list[int] = []
    rng = np.random.default_rng(start)
    while len(images) < count:
        scene = render(SEED, start, size=(240, 240), split="train")
        start += 1
        for box, label in zip(scene.boxes, scene.labels, strict=True):
            images.append(_cut(rng, scene.image, box, side))
            labels.append(int(label))
    truth = torch.tensor(labels[:count])
    cells = []
    for stride in (16, 32):
        extent = side // stride
        inner = torch.full((count, extent, extent), -100)
        rim = extent // 4
        inner[:, rim : extent - rim, rim : extent - rim] = truth[:, None, None] + 1
        cells.append(inner)
    return to_input(images[:count]), (truth, cells)


def _cut(rng: np.random.Generator, image: np.ndarray, box: np.ndarray, side: int) -> np.ndarray:
    extent = max(box[2] - box[0], box[3] - box[1])
    reach = rng.uniform(0.55, 0.9) * extent
    centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.8, 0.8, 2) * (reach - 0.5 * extent)
    x, y = centre - reach
    scale = side / (2 * reach)
    affine = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    return cv2.warpAffine(image, affine, (side, side), borderMode=cv2.BORDER_REFLECT)


def curriculum(start: int, count: int, side: int) -> Batch:
    """Crops while images are small, whole images of one digit then."""
    return crops(start, count, side) if side < 96 else classification(start, count, side)


def cell_classes(scene: Scene, stride: int) -> torch.Tensor:
    """Class (0: background, else 1 + digit) at the centre of every cell, by the boxes."""
    rows, columns = (-(-side // stride) for side in scene.image.shape[:2])
    classes = torch.zeros((rows, columns), dtype=torch.int64)
    for (x0, y0, x1, y1), label in zip(scene.boxes / stride - 0.5, scene.labels, strict=True):
        inside = [max(0, math.ceil(edge)) for edge in (y0, y1, x0, x1)]
        classes[inside[0] : inside[1], inside[2] : inside[3]] = int(label) + 1
    return classes


def scenes(start: int, count: int, side: int) -> Batch:
    """Images with several digits, and the scenes."""
    drawn = [render(SEED, start + k, size=(side, side), split="train") for k in range(count)]
    return to_input([halve(scene.image) for scene in drawn]), drawn

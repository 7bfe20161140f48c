"""Masks of objects: brought to the original image at float coordinates, kept as run lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame

Rle = dict[str, object]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a small mask lies: ``mask_px = image_px * scale + offset`` per axis, edges at integers."""

    scale: tuple[float, float]
    offset: tuple[float, float]

    @classmethod
    def of_grid(cls, frame: Frame, cells: tuple[int, int]) -> Placement:
        """Place a grid of ``(columns, rows)`` that covers the model's input."""
        shrink = (cells[0] / frame.model[0], cells[1] / frame.model[1])
        return cls(
            (frame.scale[0] * shrink[0], frame.scale[1] * shrink[1]),
            (frame.offset[0] * shrink[0], frame.offset[1] * shrink[1]),
        )

    def window(self, left: int, top: int) -> Placement:
        """Place the part that begins at a column and a row."""
        return Placement(self.scale, (self.offset[0] - left, self.offset[1] - top))


def weighed(prototypes: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum prototypes [h, w, K] by the weights [K] of one object: [h, w]."""
    # Not `@`: BLAS would start threads beside those that infer.
    total: NDArray[np.float32] = np.einsum("yxk,k->yx", prototypes, weights)
    return total


def paste(
    values: NDArray[np.float32],
    place: Placement,
    box: NDArray[np.float32],
    target: tuple[tuple[int, int], float],
) -> Rle:
    """Draw one mask into an image of ``(width, height)``, cut to its box.

    Parameters
    ----------
    values
        float32 [h, w]; a pixel belongs to the object where the bilinear value exceeds the
        threshold, which with the image's size is ``target``. Outside the array it is never.
    box
        ``xyxy`` in image pixels: only pixels whose centre lies inside belong.

    Returns
    -------
    dict
        COCO's compressed run-length encoding of the whole image.
    """
    import cv2

    (width, height), threshold = target
    left, top = (max(0, math.ceil(float(edge) - 0.5)) for edge in box[:2])
    right = min(width, math.ceil(float(box[2]) - 0.5))
    bottom = min(height, math.ceil(float(box[3]) - 0.5))
    if right <= left or bottom <= top:
        return encode(np.zeros((0, 0), np.bool_), (0, 0), (width, height))
    (sx, sy), (ox, oy) = place.scale, place.offset
    # OpenCV counts from pixel centres: half a pixel is added there and taken away here.
    matrix = np.array(
        [[sx, 0, (left + 0.5) * sx + ox - 0.5], [0, sy, (top + 0.5) * sy + oy - 0.5]], np.float64
    )
    drawn = cv2.warpAffine(
        values,
        matrix,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(min(values.min(), threshold)),
    )
    return encode(drawn > threshold, (left, top), (width, height))


def encode(mask: NDArray[np.bool_], corner: tuple[int, int], size: tuple[int, int]) -> Rle:
    """Run lengths of a window [h, w] at ``corner`` (x, y) in an image of ``(width, height)``.

    The image itself is never made.
    """
    (left, top), (width, height) = corner, size
    # Column after column, each after one pixel of nothing: runs start and end in turn.
    padded = np.zeros(mask.shape[1] * (mask.shape[0] + 1) + 1, np.bool_)
    padded[:-1].reshape(mask.shape[1], mask.shape[0] + 1)[:, 1:] = mask.T
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    # What lies before a run begins in the run's own column, be it that one pixel of nothing.
    columns = changes // (mask.shape[0] + 1)
    edges = changes + columns * (height - mask.shape[0] - 1) + (left * height + top)
    # A run that reaches the bottom goes on at the top of the next column.
    meet = np.flatnonzero(edges[1:] == edges[:-1])
    edges = np.delete(edges, np.concatenate([meet, meet + 1])) if len(meet) else edges
    counts = np.diff(edges, prepend=0, append=width * height)
    return {"size": [height, width], "counts": _written(counts if counts[-1] else counts[:-1])}


def _written(counts: NDArray[np.int64]) -> bytes:
    """Write run lengths as COCO's text does (``rleToString`` of pycocotools' maskApi.c).

    Each is taken less the one two before it, five bits a character. Not by a library, so that a
    model decodes wherever there is numpy.
    """
    values = counts.copy()
    values[3:] -= counts[1:-2]
    most = int(np.abs(values).max()).bit_length() // 5 + 1
    rest = values[:, None] >> 5 * np.arange(most)
    groups = rest & 31
    # A number ends with the group behind which nothing but its own sign is left.
    last = (rest >> 5 == -(groups >> 4)).argmax(axis=1)[:, None]
    place = np.arange(most)
    text = (groups + 48 + 32 * (place < last)).astype(np.uint8)
    return bytes(text[place <= last])

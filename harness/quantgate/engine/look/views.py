"""Predictions in a common form: the same part of a picture, however it was fed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from quantgate.core.predictions import (
    IGNORED,
    DenseMap,
    Detections,
    LabelMap,
    Objects,
    Rendering,
)
from quantgate.decoders.ranges import around, in_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Prediction, Truth
    from quantgate.decoders.protocol import Decoder, Outputs

T = TypeVar("T", bound=np.generic)
#: Points on each side of the grid on which class maps and pictures are compared.
_GRID = 64


@dataclass(frozen=True, slots=True)
class Read:
    """A prediction in input pixels, as far as it reaches, and the frame of its picture."""

    prediction: Prediction
    frame: Frame


def read(decoder: Decoder, outputs: Outputs, frame: Frame, *, masks: bool = False) -> Read:
    """Decode one image without leaving the model's input: nothing is clipped or enlarged.

    Raises
    ------
    DecoderError
        On NaN or infinity, and what the decoder cannot read.
    """
    # Decoders of one object keep no most, and have a box that may lie anywhere all the same.
    if getattr(decoder, "max_detections", None) is None and "keypoints" not in decoder.tasks:
        own = replace(frame, image=frame.model, scale=(1.0, 1.0), offset=(0.0, 0.0))
        return Read(decoder.decode(outputs, own), frame)
    wide = around(frame, masks=masks)
    found = decoder.decode(outputs, wide)
    if not isinstance(found, Detections):
        return Read(found, frame)
    boxes = in_input(found.boxes, wide).astype(np.float32)
    points = found.points
    if points is not None:
        points = points.copy()
        points[:, :, :2] += np.array(wide.offset, np.float32)
    quads = None if found.quads is None else found.quads + np.array(wide.offset, np.float32)
    return Read(Detections(boxes, found.scores, found.labels, points=points, quads=quads), frame)


def part(seen: Read, start: tuple[int, int], size: tuple[int, int]) -> Prediction:
    """Give what was seen in a part of the picture, in fractions of it.

    Parameters
    ----------
    start, size
        Left upper corner and ``(width, height)`` of the part, in pixels of the picture.
    """
    found = seen.prediction
    if isinstance(found, Detections):
        corner, extent = np.array([*start, *start]), np.array([*size, *size])
        boxes = (_in_picture(found.boxes, seen.frame) - corner) / extent
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((centres >= 0) & (centres <= 1)).all(axis=1)
        clipped = np.clip(boxes[inside], 0, 1).astype(np.float32)
        points = found.points
        if points is not None:
            points = points[inside]
            places = (points[:, :, :2] - seen.frame.offset) / np.array(seen.frame.scale)
            points[:, :, :2] = (places - np.array(start)) / np.array(size)
        quads = found.quads
        if quads is not None:
            places = (quads[inside] - seen.frame.offset) / np.array(seen.frame.scale)
            quads = ((places - np.array(start)) / np.array(size)).astype(np.float32)
        return Detections(
            clipped, found.scores[inside], found.labels[inside], points=points, quads=quads
        )
    if isinstance(found, LabelMap):
        return LabelMap(_on_grid(found.labels, seen.frame, start, size))
    if isinstance(found, Rendering):
        return Rendering(_on_grid(found.pixels, seen.frame, start, size))
    if isinstance(found, DenseMap):
        return replace(found, values=_on_grid(found.values, seen.frame, start, size))
    return found


def truth_in_input(truth: Truth | None, frame: Frame) -> Truth | None:
    """Map a truth to input pixels, objects clipped to the input, class maps sampled."""
    if isinstance(truth, Objects):
        boxes = np.clip(
            frame.to_model(truth.boxes), 0, np.array([*frame.model, *frame.model], np.float32)
        )
        # What a crop cut away cannot be found.
        left = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        points, areas = truth.points, truth.areas * np.float32(np.prod(frame.scale))
        if points is not None:
            points = points[left]
            points[:, :, :2] = points[:, :, :2] * np.array(frame.scale) + np.array(frame.offset)
        columns = boxes[left], truth.labels[left], truth.crowd[left], areas[left]
        quads = truth.quads
        if quads is not None:
            quads = (quads[left] * np.array(frame.scale) + np.array(frame.offset)).astype(
                np.float32
            )
        return Objects(*columns, points=points, quads=quads)
    if isinstance(truth, LabelMap):
        near, inside = _sampled(truth.labels, frame)
        return LabelMap(np.where(inside, near, IGNORED).astype(np.uint8))
    if isinstance(truth, DenseMap):
        values, inside = _sampled(truth.values, frame)
        return DenseMap(np.where(inside[..., None], values, np.nan).astype(np.float32))
    return truth


def _sampled(pixels: NDArray[T], frame: Frame) -> tuple[NDArray[T], NDArray[np.bool_]]:
    """Nearest pixels of a map over the picture [h, w, ...] at those of the input, and which lie inside."""
    height, width = pixels.shape[:2]
    x, y = (np.arange(side) + 0.5 for side in frame.model)
    # A map may be smaller than its picture.
    columns = np.floor((x - frame.offset[0]) / frame.scale[0] * (width / frame.image[0]))
    rows = np.floor((y - frame.offset[1]) / frame.scale[1] * (height / frame.image[1]))
    columns, rows = columns.astype(np.int64), rows.astype(np.int64)
    inside = np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    near = pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    return near, inside


def _in_picture(boxes: NDArray[np.float32], frame: Frame) -> NDArray[np.float64]:
    offset = np.array([*frame.offset, *frame.offset])
    return np.asarray((boxes.astype(np.float64) - offset) / np.array([*frame.scale, *frame.scale]))


def _on_grid(
    values: NDArray[T], frame: Frame, start: tuple[int, int], size: tuple[int, int]
) -> NDArray[T]:
    """Sample a map over the input [h, w, ...] on a grid over a part of the picture."""
    steps = (np.arange(_GRID) + 0.5) / _GRID
    index = []
    for axis in (1, 0):
        inside = (start[axis] + steps * size[axis]) * frame.scale[axis] + frame.offset[axis]
        length = values.shape[1 - axis]
        cells = np.floor(inside / frame.model[axis] * length).astype(np.int64)
        index.append(np.clip(cells, 0, length - 1))
    return np.asarray(values[index[0][:, None], index[1][None, :]])

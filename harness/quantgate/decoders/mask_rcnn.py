"""Mask R-CNN (He et al. 2017, arXiv:1703.06870): rows of objects, and a small mask for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, Keeping, select
from quantgate.decoders.fields import (
    ClassIds,
    Fraction,
    MaxDetections,
    OutputNames,
    ScoreThreshold,
    class_table,
)
from quantgate.decoders.masks import Placement, Rle, paste
from quantgate.decoders.object_rows import DETECTION, EXPECTED, RowPorts, Rows, find_rows, read_rows
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANKS = (3, 4)


@dataclass(frozen=True, slots=True)
class MaskRcnnDecoder(ByShape[tuple[RowPorts, Port]]):
    """Objects in input pixels, and masks [N, h, w] or [N, classes, h, w] over their boxes.

    OMZ's instance-segmentation-security models give boxes [N, 5], labels [N] and masks [N, 28, 28].
    """

    tasks: ClassVar[tuple[str, ...]] = ("instance_segmentation", "detection")
    expects: ClassVar[str] = f"{EXPECTED}, and masks [N,h,w] or [N,classes,h,w]"
    kind: Literal["mask-rcnn"] = "mask-rcnn"
    units: Annotated[
        Literal["pixels", "relative"], Doc("boxes in pixels or fractions of the model's input")
    ] = "pixels"
    label_offset: Annotated[
        int | None,
        Ge(0),
        Doc(
            "class number of label 0; default: 1 for rows of seven, which have a background, else 0"
        ),
    ] = None
    mask_threshold: Annotated[Fraction, Doc("a pixel above belongs to the object")] = 0.5
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 100
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[RowPorts, Port] | None:
        """Pick the rows of objects and their masks."""
        masks = [p for p in ports if len(p.shape) in _RANKS and min(p.shape[-2:]) > DETECTION]
        if len(masks) != 1:
            return None
        rows = find_rows([p for p in ports if p not in masks], named=named)
        return None if rows is None else (rows, masks[0])

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects and masks of one image (see Decoder)."""
        ports, mask_port = self.picked(ports_of(outputs))
        rows = read_rows(outputs, ports)
        offset = self.label_offset
        if offset is None:
            offset = 1 if ports.boxes.shape[-1] == DETECTION else 0
        kept = np.flatnonzero((rows.scores >= self.score_threshold) & (rows.classes >= offset))
        boxes = rows.boxes[kept]
        if rows.relative or self.units == "relative":
            boxes = boxes * np.array([*frame.model, *frame.model], dtype=np.float32)
        labels = rows.classes[kept] - offset
        keeping = Keeping(self.max_detections, class_table=class_table(self.class_ids))
        found, index = select(Candidates(boxes, rows.scores[kept], labels), frame, keeping)
        masks = _masks_of(outputs, mask_port, (rows, kept[index], labels[index]))
        placed = tuple(
            _paste(mask, boxes[i], frame, self.mask_threshold)
            for mask, i in zip(masks, index, strict=True)
        )
        return replace(found, masks=placed)


def _masks_of(
    outputs: Outputs, port: Port, place: tuple[Rows, NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.float32]:
    """Masks [n, h, w] of the chosen rows; of several classes that of the row's own."""
    rows, index, labels = place
    masks = finite(outputs, port.name)
    if len(masks) < len(rows.scores):
        raise DecoderError(
            f"output {port.name} holds {len(masks)} masks for {len(rows.scores)} objects"
        )
    several = masks.ndim == max(_RANKS)
    own = masks[index, np.minimum(labels, masks.shape[1] - 1)] if several else masks[index]
    return np.asarray(own, dtype=np.float32)


def _paste(
    mask: NDArray[np.float32], box: NDArray[np.float32], frame: Frame, threshold: float
) -> Rle:
    """Stretch a mask over its box, which may reach beyond the image."""
    (sx, sy), (ox, oy) = frame.scale, frame.offset
    x0, y0, x1, y1 = (float(edge) for edge in box)
    left, top, right, bottom = (x0 - ox) / sx, (y0 - oy) / sy, (x1 - ox) / sx, (y1 - oy) / sy
    scale = (mask.shape[1] / (right - left), mask.shape[0] / (bottom - top))
    place = Placement(scale, (-left * scale[0], -top * scale[1]))
    original = np.array([left, top, right, bottom])
    return paste(mask, place, original, (frame.image, threshold))

"""YOLACT: boxes, class scores, coefficients of prototypes (Bolya et al. 2019, arXiv:1904.02689).

Masks are drawn as the paper's own code does: the sigmoid is cut on the prototypes' grid, to the box
and one more cell on each side, and then enlarged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quantgate.decoders.boxes import Candidates, above, keeping_of, select, sigmoid
from quantgate.decoders.boxes_scores import without_background
from quantgate.decoders.fields import (
    Agnostic,
    Background,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    background_index,
)
from quantgate.decoders.masks import Placement, Rle, paste, weighed
from quantgate.decoders.ports import ByShape, as_table, finite, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX, _RANK = 4, 4


@dataclass(frozen=True, slots=True)
class YolactDecoder(ByShape[tuple[Port, Port, Port, Port]]):
    """Relative boxes [1, N, 4], scores [1, N, classes], coefficients [1, N, K], prototypes [1, h, w, K]."""

    tasks: ClassVar[tuple[str, ...]] = ("instance_segmentation", "detection")
    expects: ClassVar[str] = (
        "boxes [1,N,4], scores [1,N,classes], coefficients [1,N,K] and prototypes [1,h,w,K] "
        "(name them in `outputs`, in this order, if ambiguous)"
    )
    kind: Literal["yolact"] = "yolact"
    background: Background = True
    score_threshold: ScoreThreshold = 0.05
    iou_threshold: IouThreshold = 0.5
    max_detections: MaxDetections = 100
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port, Port, Port] | None:
        """Pick boxes, scores, coefficients and prototypes."""
        tables = [port for port in ports if as_table(port.shape) is not None]
        maps = [port for port in ports if port not in tables and len(port.shape) == _RANK]
        if len(maps) != 1 or len(tables) != 3:  # noqa: PLR2004 - boxes, scores, coefficients
            return None
        count = maps[0].shape[-1]
        if not named:
            tables.sort(key=lambda port: (port.shape[-1] != _BOX, port.shape[-1] == count))
        boxes, scores, coefficients = tables
        rows = {port.shape[-2] for port in tables} - {-1}
        fits = boxes.shape[-1] == _BOX and coefficients.shape[-1] == count and len(rows) <= 1
        return (boxes, scores, coefficients, maps[0]) if fits else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects and masks of one image (see Decoder)."""
        box, score, coefficient, prototype = self.picked(ports_of(outputs))
        boxes = finite(outputs, box.name).reshape(-1, _BOX)
        scores = finite(outputs, score.name).reshape(len(boxes), -1)
        scores = without_background(scores, background_index(self.background))
        rows, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        corners = boxes[rows] * np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(corners, scores[rows, labels], labels)
        objects, index = select(candidates, frame, keeping_of(self))
        weights = finite(outputs, coefficient.name).reshape(len(boxes), -1)[rows[index]]
        prototypes = finite(outputs, prototype.name)[0]
        masks = tuple(
            _mask(prototypes, own, place, frame)
            for own, place in zip(weights, boxes[rows[index]], strict=True)
        )
        return replace(objects, masks=masks)


def _mask(
    prototypes: NDArray[np.float32],
    weights: NDArray[np.float32],
    box: NDArray[np.float32],
    frame: Frame,
) -> Rle:
    """Weigh the prototypes in and around a relative box; beyond lies nothing."""
    height, width = prototypes.shape[:2]
    first = np.maximum(np.ceil(box[:2] * (width, height) - 1), 0).astype(int)
    last = np.minimum(np.ceil(box[2:] * (width, height) + 1), (width, height)).astype(int)
    (left, top), (right, bottom) = first.tolist(), last.tolist()
    window = prototypes[top:bottom, left:right]
    shares = sigmoid(weighed(window, weights)) if window.size else np.zeros((1, 1), np.float32)
    # A rim of nothing, into which the enlarged mask fades.
    shares = np.pad(shares, 1)
    place = Placement.of_grid(frame, (width, height)).window(left - 1, top - 1)
    corners = [
        (edge - place.offset[axis]) / place.scale[axis]
        for edges in ((0, 0), shares.shape[::-1])
        for axis, edge in enumerate(edges)
    ]
    return paste(shares, place, np.array(corners, np.float32), (frame.image, 0.5))

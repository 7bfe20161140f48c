"""Two outputs, decoded boxes and their class scores, that still need suppression.

OMZ's ultra-lightweight-face-detection has this form, and so do many exports without NMS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, above, centre_to_corners, detections, keeping_of
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
from quantgate.decoders.ports import ByShape, as_table, finite, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

BoxFormat = Literal["xyxy", "yxyx", "cxcywh", "xywh"]
_BOX = 4


@dataclass(frozen=True, slots=True)
class BoxesScoresDecoder(ByShape[tuple[Port, Port]]):
    """Boxes [1, N, 4] and scores [1, N, classes], NMS per class here."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "boxes [1,N,4] and scores [1,N,classes] (name both in `outputs` if classes are 4)"
    )
    kind: Literal["boxes-scores"] = "boxes-scores"
    box_format: Annotated[BoxFormat, Doc("order of a box's four numbers")] = "xyxy"
    units: Annotated[
        Literal["relative", "pixels"], Doc("fractions or pixels of the model's input")
    ] = "relative"
    background: Background = False
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.5
    max_detections: MaxDetections = 200
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port] | None:
        """Pick the boxes and their scores."""
        return box_score_pair(ports, named=named)

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        pair = self.picked(ports_of(outputs))
        boxes = finite(outputs, pair[0].name).reshape(-1, _BOX)
        scores = finite(outputs, pair[1].name)
        # Where rows are data there may be none, and their width is no longer in the size.
        scores = scores.reshape(len(boxes), -1 if len(boxes) else scores.shape[-1])
        scores = without_background(scores, background_index(self.background))
        rows, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        unit = frame.model if self.units == "relative" else (1, 1)
        size = np.array([*unit, *unit], dtype=np.float32)
        candidates = Candidates(
            lambda index: as_corners(boxes[rows[index]], self.box_format) * size,
            scores[rows, labels],
            labels,
        )
        return detections(candidates, frame, keeping_of(self))


def box_score_pair(ports: Sequence[Port], *, named: bool = False) -> tuple[Port, Port] | None:
    """Find the outputs of boxes and of scores with as many rows; named ones come in this order."""
    tables = [(port, table) for port in ports if (table := as_table(port.shape)) is not None]
    boxes = [(port, table) for port, table in tables if table[1] == _BOX]
    others = [(port, table) for port, table in tables if table[1] != _BOX]
    if named and len(tables) == 2:  # noqa: PLR2004 - a pair
        boxes, others = tables[:1], tables[1:]
    if len(boxes) != 1 or len(others) != 1:
        return None
    (box, (rows, columns)), (score, (score_rows, _)) = boxes[0], others[0]
    same_rows = rows == score_rows or -1 in {rows, score_rows}
    return (box, score) if same_rows and columns == _BOX else None


def without_background(scores: NDArray[np.float32], background: int | None) -> NDArray[np.float32]:
    """Scores [n, classes] without the background's column."""
    if background is None:
        return scores
    return scores[:, 1:] if background == 0 else np.delete(scores, background, axis=1)


def as_corners(boxes: NDArray[np.float32], box_format: BoxFormat) -> NDArray[np.float32]:
    """Boxes [n, 4] of any format as ``xyxy``."""
    if box_format == "cxcywh":
        return centre_to_corners(boxes)
    if box_format == "xywh":
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    return boxes[:, [1, 0, 3, 2]] if box_format == "yxyx" else boxes

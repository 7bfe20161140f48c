"""Objects already decoded and suppressed in the graph, in input pixels (OMZ, YOLO v10 and later)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, detections, keeping_of
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    Fraction,
    MaxDetections,
    NmsMeasure,
    OutputNames,
    ScoreThreshold,
)
from quantgate.decoders.object_rows import DETECTION, EXPECTED, RowPorts, find_rows, read_rows
from quantgate.decoders.ports import ByShape, ports_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs, Port


@dataclass(frozen=True, slots=True)
class BoxesLabelsDecoder(ByShape[RowPorts]):
    """Boxes with scores and labels, one row an object; without labels there is one class."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = EXPECTED
    kind: Literal["boxes-labels"] = "boxes-labels"
    units: Annotated[
        Literal["pixels", "relative"], Doc("boxes in pixels or fractions of the model's input")
    ] = "pixels"
    box_format: Annotated[
        Literal["xyxy", "yxyx"], Doc("order of a box's numbers; yxyx: TensorFlow's detection zoo")
    ] = "xyxy"
    label_offset: Annotated[
        int, Ge(0), Doc("class number of label 0; classes below are background and dropped")
    ] = 0
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: Annotated[
        Fraction | None, Doc("NMS where the graph has none; default: not done again")
    ] = None
    nms: NmsMeasure = "iou"
    agnostic: Agnostic = False
    max_detections: MaxDetections = 300
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> RowPorts | None:
        """Pick the rows of objects, unless they are DetectionOutput's."""
        found = find_rows(ports, named=named)
        return found if found and found.boxes.shape[-1] != DETECTION else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        rows = read_rows(outputs, self.picked(ports_of(outputs)))
        kept = (rows.scores >= self.score_threshold) & (rows.classes >= self.label_offset)
        boxes = rows.boxes[kept]
        if self.box_format == "yxyx":
            boxes = boxes[:, [1, 0, 3, 2]]
        if self.units == "relative":
            boxes = boxes * np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(boxes, rows.scores[kept], rows.classes[kept] - self.label_offset)
        keeping = replace(keeping_of(self), measure=self.nms)
        return detections(candidates, frame, keeping)

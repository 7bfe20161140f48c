"""YOLO v5 and v8 (and v11): one table of decoded boxes and class scores (Ultralytics' exports)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from harness.decoders.boxes import Candidates, Keeping, above, centre_to_corners, detections
from harness.decoders.fields import (
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    class_table,
)
from harness.decoders.ports import as_table, chosen, finite, misfit, ports_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.core.geometry import Frame
    from harness.core.predictions import Detections
    from harness.decoders.protocol import Outputs, Port

Units = Annotated[
    Literal["pixels", "relative"], Doc("boxes in pixels or fractions of the model's input")
]
_BOX = 4
_HEAD = 5
_V5 = "one output [1,N,5+classes] of cx, cy, w, h, objectness and class scores"
_V8 = "one output [1,4+classes,N] (or [1,N,4+classes]) of cx, cy, w, h and class scores"


@dataclass(frozen=True, slots=True)
class YoloV5Decoder:
    """Rows of centre, size, objectness and class scores (sigmoid done)."""

    kind: Literal["yolo-v5"] = "yolo-v5"
    units: Units = "pixels"
    coefficients: Annotated[int, Ge(0), Doc("mask coefficients after the classes")] = 0
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.6
    max_detections: MaxDetections = 300
    multi_label: MultiLabel = True
    class_ids: ClassIds = None
    outputs: OutputNames = None

    @staticmethod
    def fits(ports: Sequence[Port]) -> bool:
        """Whether exactly one output has rows of box, objectness and classes."""
        return len(_tables(ports, _HEAD)) == 1

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse a model without exactly one output of such rows (see Decoder)."""
        if len(_tables(chosen(ports, self.outputs), _HEAD + self.coefficients)) != 1:
            raise misfit(self.kind, _V5, ports)

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = _tables(chosen(ports_of(outputs), self.outputs), _HEAD + self.coefficients)
        if len(found) != 1:
            raise misfit(self.kind, _V5, ports_of(outputs))
        table = finite(outputs, found[0].name).reshape(-1, found[0].shape[-1])
        # A class score is at most 1: no row below the threshold in objectness can reach it.
        rows = np.flatnonzero(table[:, 4] >= self.score_threshold)
        classes = table[rows, _HEAD : table.shape[1] - self.coefficients]
        scores = classes * table[rows, 4:_HEAD]
        picked, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        boxes = to_corners(table[rows[picked], :_BOX], self.units, frame.model)
        candidates = Candidates(boxes, scores[picked, labels], labels)
        keeping = Keeping(self.max_detections, self.iou_threshold, class_table(self.class_ids))
        return detections(candidates, frame, keeping)


@dataclass(frozen=True, slots=True)
class YoloV8Decoder:
    """Columns (or rows) of centre, size and class scores (sigmoid done)."""

    kind: Literal["yolo-v8"] = "yolo-v8"
    units: Units = "pixels"
    coefficients: Annotated[int, Ge(0), Doc("mask coefficients after the classes")] = 0
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.7
    max_detections: MaxDetections = 300
    multi_label: MultiLabel = True
    class_ids: ClassIds = None
    outputs: OutputNames = None

    @staticmethod
    def fits(ports: Sequence[Port]) -> bool:
        """Whether exactly one output is a table of boxes and classes, either way round."""
        return len(_tables_of_boxes(ports, _BOX)) == 1

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse a model without exactly one such table (see Decoder)."""
        if len(_tables_of_boxes(chosen(ports, self.outputs), _BOX + self.coefficients)) != 1:
            raise misfit(self.kind, _V8, ports)

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = _tables_of_boxes(chosen(ports_of(outputs), self.outputs), _BOX + self.coefficients)
        if len(found) != 1:
            raise misfit(self.kind, _V8, ports_of(outputs))
        table = np.asarray(outputs[found[0].name], np.float32).reshape(found[0].shape[-2:])
        # A detector has many more boxes than numbers a box.
        columns = table if table.shape[0] < table.shape[1] else table.T
        classes = columns[_BOX : len(columns) - self.coefficients]
        best = classes.max(axis=0)
        # NaN and infinity outlive the maximum; minus infinity is a score that nothing can reach.
        # So one pass over the scores serves both, and the costlier look is for the suspicious.
        if not _is_finite(best) or not _is_finite(columns[:_BOX]):
            finite(outputs, found[0].name)
        rows = np.flatnonzero(best >= self.score_threshold)
        few = classes[:, rows].T
        picked, labels = above(few, self.score_threshold, multi_label=self.multi_label)
        boxes = to_corners(columns[:_BOX, rows[picked]].T, self.units, frame.model)
        candidates = Candidates(boxes, few[picked, labels], labels)
        keeping = Keeping(self.max_detections, self.iou_threshold, class_table(self.class_ids))
        return detections(candidates, frame, keeping)


def _is_finite(values: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(values).all())


def to_corners(
    boxes: NDArray[np.float32], units: str, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Boxes of centre and size [n, 4] as ``xyxy`` in input pixels."""
    corners = centre_to_corners(boxes)
    return corners if units == "pixels" else corners * np.array([*size, *size], dtype=np.float32)


def _tables(ports: Sequence[Port], least: int) -> list[Port]:
    """Ports whose rows have more than ``least`` numbers."""
    tables = ((port, as_table(port.shape)) for port in ports)
    return [port for port, table in tables if table is not None and table[1] > least]


def _tables_of_boxes(ports: Sequence[Port], least: int) -> list[Port]:
    """Ports with more than ``least`` numbers a box, whichever way round."""
    tables = ((port, as_table(port.shape)) for port in ports)
    return [p for p, table in tables if table is not None and not -1 < min(table) <= least]

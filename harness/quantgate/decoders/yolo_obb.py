"""YOLO with turned boxes (Ultralytics' exports): a table of candidates, or rows of what is left of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from typing_extensions import Doc

from quantgate.core.quads import turned_corners
from quantgate.decoders.boxes import above, as_labels
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    class_table,
)
from quantgate.decoders.ports import ByShape, as_table, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.turned import turned_detections, turned_nms
from quantgate.decoders.yolo_rows import Units  # noqa: TC001 - read at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

Angle = Annotated[Literal["radians", "degrees"], Doc("of the angle, which turns clockwise")]
_BOX, _ROW = 4, 7
#: Numbers of a candidate beside its classes: box and angle.
_BESIDE = _BOX + 1


@dataclass(frozen=True, slots=True)
class YoloObbDecoder(ByShape[Port]):
    """Columns (or rows) of centre, size, class scores (sigmoid done) and angle; NMS by the overlap of turned boxes."""

    tasks: ClassVar[tuple[str, ...]] = ("quads",)
    expects: ClassVar[str] = (
        "one output [1,4+classes+1,N] (or [1,N,4+classes+1]) of cx, cy, w, h, class scores and angle"
    )
    kind: Literal["yolo-obb"] = "yolo-obb"
    units: Units = "pixels"
    angle: Angle = "radians"
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.7
    max_detections: MaxDetections = 300
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one table of boxes, classes and angle, either way round."""
        tables = ((port, as_table(port.shape)) for port in ports)
        return only([p for p, table in tables if table and not -1 < min(table) <= _BESIDE])

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Turned objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        table = finite(outputs, found.name).reshape(found.shape[-2:])
        columns = table if table.shape[0] < table.shape[1] else table.T
        classes = columns[_BOX:-1]
        rows = np.flatnonzero(classes.max(axis=0) >= self.score_threshold)
        few = classes[:, rows].T
        picked, labels = above(few, self.score_threshold, multi_label=self.multi_label)
        rows = rows[picked]
        quads = _quads(columns[:_BOX, rows].T, columns[-1, rows], self, frame.model)
        scores, labels = few[picked, labels], as_labels(labels, class_table(self.class_ids))
        known = labels >= 0
        quads, scores, labels = quads[known], scores[known], labels[known]
        rivals = np.zeros_like(labels) if self.agnostic else labels
        kept = turned_nms(quads, scores, rivals, (self.iou_threshold, self.max_detections))
        return turned_detections(quads[kept], scores[kept], labels[kept], frame)


@dataclass(frozen=True, slots=True)
class YoloObbRowsDecoder(ByShape[Port]):
    """Rows of centre, size, score, class and angle: an end-to-end model, or one with NMS inside."""

    tasks: ClassVar[tuple[str, ...]] = ("quads",)
    expects: ClassVar[str] = "one output [1,N,7] of cx, cy, w, h, score, class and angle"
    kind: Literal["yolo-obb-rows"] = "yolo-obb-rows"
    units: Units = "pixels"
    angle: Angle = "radians"
    score_threshold: ScoreThreshold = 0.01
    max_detections: Annotated[int, Gt(0), Doc("most objects kept an image, best first")] = 300
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one table of seven columns."""
        tables = ((port, as_table(port.shape)) for port in ports)
        return only([port for port, table in tables if table and table[1] == _ROW])

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Turned objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        rows = finite(outputs, found.name).reshape(-1, _ROW)
        rows = rows[rows[:, 4] >= self.score_threshold]
        whole = np.rint(np.clip(rows[:, 5], 0, 1e6)).astype(np.int64)
        labels = as_labels(whole, class_table(self.class_ids))
        rows, labels = rows[labels >= 0], labels[labels >= 0]
        best = np.argsort(-rows[:, 4], kind="stable")[: self.max_detections]
        rows, labels = rows[best], labels[best]
        quads = _quads(rows[:, :_BOX], rows[:, 6], self, frame.model)
        return turned_detections(quads, rows[:, 4], labels, frame)


def _quads(
    boxes: NDArray[np.float32],
    angles: NDArray[np.float32],
    decoder: YoloObbDecoder | YoloObbRowsDecoder,
    size: tuple[int, int],
) -> NDArray[np.float64]:
    """Corners [n, 4, 2] in pixels of the input, of centres and sizes [n, 4] and angles [n]."""
    scale = np.array([*size, *size] if decoder.units == "relative" else [1, 1, 1, 1], np.float64)
    placed = boxes.astype(np.float64) * scale
    turned = np.deg2rad(angles) if decoder.angle == "degrees" else angles
    return turned_corners(placed[:, :2], placed[:, 2:], turned.astype(np.float64))

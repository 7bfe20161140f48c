"""YOLO v8 and v11 with key points: one table of boxes, class scores and points (Ultralytics' exports)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt
from typing_extensions import Doc

from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
)
from quantgate.decoders.points import TRIPLE, placed, with_points
from quantgate.decoders.ports import ByShape, as_table, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.yolo_rows import Units, select_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX = 4


@dataclass(frozen=True, slots=True)
class YoloV8PoseDecoder(ByShape[Port]):
    """Columns (or rows) of centre, size, class scores, then x, y and score of each key point."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints", "detection")
    expects: ClassVar[str] = (
        "one output [1,4+classes+3·points,N] (or turned) of cx, cy, w, h, class scores, and x, y and "
        "score of each key point (decoder.points says how many)"
    )
    kind: Literal["yolo-v8-pose"] = "yolo-v8-pose"
    units: Units = "pixels"
    points: Annotated[int, Gt(0), Doc("key points an object")] = 17
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.7
    max_detections: MaxDetections = 300
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:
        """Pick the one table, either way round; one that is not named has as many rows as one class needs."""
        tables = ((port, as_table(port.shape)) for port in ports)
        fitting = [port for port, table in tables if table and self._fits(table, named=named)]
        return only(fitting)

    def _fits(self, table: tuple[int, int], *, named: bool) -> bool:
        known = [side for side in table if side >= 0]
        one_class = _BOX + 1 + TRIPLE * self.points
        return not known or one_class in known or (named and min(known) > one_class)

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects and key points of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        table = finite(outputs, found.name).reshape(found.shape[-2:])
        objects, numbers = select_with(self, table, TRIPLE * self.points, frame)
        points = numbers.reshape(-1, self.points, TRIPLE)
        return with_points(objects, placed(points, frame, self.units))

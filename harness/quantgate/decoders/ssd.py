"""DetectionOutput: boxes already decoded and suppressed in the graph (Caffe's and OMZ's SSD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, Keeping, detections
from quantgate.decoders.fields import (
    ClassIds,
    MaxDetections,
    OutputNames,
    ScoreThreshold,
    class_table,
)
from quantgate.decoders.ports import ByShape, as_table, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_COLUMNS = 7


@dataclass(frozen=True, slots=True)
class SsdDecoder(ByShape[Port]):
    """Rows of OpenVINO's DetectionOutput: image id, class, score, box in fractions of the input.

    Rows end at the first image id below 0.
    """

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = "one output [1,1,N,7] of image id, class, score, x0, y0, x1, y1"
    kind: Literal["ssd"] = "ssd"
    label_offset: Annotated[
        int, Ge(0), Doc("class number of label 0; classes below are background and dropped")
    ] = 1
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 200
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one output with rows of seven numbers."""
        return only(_rows(ports))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        rows = finite(outputs, found.name).reshape(-1, _COLUMNS)
        ended = np.flatnonzero(rows[:, 0] < 0)
        rows = rows[: ended[0]] if len(ended) else rows
        # Classes are whole numbers in floats; an 8-bit output may have rounded them.
        labels = np.rint(rows[:, 1]).astype(np.int64) - self.label_offset
        kept = (rows[:, 2] >= self.score_threshold) & (labels >= 0)
        size = np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(rows[kept, 3:] * size, rows[kept, 2], labels[kept])
        keeping = Keeping(self.max_detections, class_table=class_table(self.class_ids))
        return detections(candidates, frame, keeping)


def _rows(ports: Sequence[Port]) -> list[Port]:
    tables = ((port, as_table(port.shape)) for port in ports)
    return [port for port, table in tables if table is not None and table[1] == _COLUMNS]

"""YOLOX (Ge et al. 2021, arXiv:2107.08430): anchor-free cells with objectness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import (
    LARGEST_EXPONENT,
    Candidates,
    above,
    centre_to_corners,
    detections,
    keeping_of,
)
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    Strides,
)
from quantgate.decoders.ports import ByShape, as_table, finite, only, ports_of
from quantgate.decoders.priors import cells, check_cells
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_HEAD = 5


@dataclass(frozen=True, slots=True)
class YoloxDecoder(ByShape[Port]):
    """Rows of offsets, objectness and class scores (sigmoid done), one a cell."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = "one output [1,N,5+classes] of x, y, w, h, objectness and class scores"
    kind: Literal["yolox"] = "yolox"
    strides: Strides = (8, 16, 32)
    decoded: Annotated[bool, Doc("the export decoded the boxes into input pixels already")] = False
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.65
    max_detections: MaxDetections = 100
    multi_label: MultiLabel = False
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one output with rows of box, objectness and classes."""
        return only(_tables(ports))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        table = finite(outputs, found.name).reshape(-1, found.shape[-1])
        if not self.decoded:
            check_cells(len(table), frame.model, self.strides)
        # A class score is at most 1: no row below the threshold in objectness can reach it.
        rows = np.flatnonzero(table[:, 4] >= self.score_threshold)
        scores = table[rows, _HEAD:] * table[rows, 4:_HEAD]
        picked, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        corners = self._corners(table, rows[picked], frame.model)
        candidates = Candidates(corners, scores[picked, labels], labels)
        return detections(candidates, frame, keeping_of(self))

    def _corners(
        self, table: NDArray[np.float32], rows: NDArray[np.int64], size: tuple[int, int]
    ) -> NDArray[np.float32]:
        boxes = table[rows, :4]
        if not self.decoded:
            cell = cells(size, self.strides)[rows]
            centre = (boxes[:, :2] + cell[:, :2]) * cell[:, 2:]
            extent = np.exp(np.minimum(boxes[:, 2:], LARGEST_EXPONENT)) * cell[:, 2:]
            boxes = np.concatenate([centre, extent], axis=1)
        return centre_to_corners(boxes)


def _tables(ports: Sequence[Port]) -> list[Port]:
    tables = ((port, as_table(port.shape)) for port in ports)
    return [port for port, table in tables if table is not None and table[1] > _HEAD]

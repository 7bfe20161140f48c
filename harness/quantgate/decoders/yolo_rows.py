"""YOLO v5 and v8 (and v11): one table of decoded boxes and class scores (Ultralytics' exports)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import (
    Candidates,
    Suppressing,
    above,
    centre_to_corners,
    detections,
    keeping_of,
    select,
)
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
)
from quantgate.decoders.ports import ByShape, as_table, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

Units = Annotated[
    Literal["pixels", "relative"], Doc("boxes in pixels or fractions of the model's input")
]
_BOX = 4
_HEAD = 5


@dataclass(frozen=True, slots=True)
class YoloV5Decoder(ByShape[Port]):
    """Rows of centre, size, objectness and class scores (sigmoid done)."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "one output [1,N,5+classes] of cx, cy, w, h, objectness and class scores"
    )
    kind: Literal["yolo-v5"] = "yolo-v5"
    units: Units = "pixels"
    coefficients: Annotated[int, Ge(0), Doc("mask coefficients after the classes")] = 0
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.6
    max_detections: MaxDetections = 300
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one table of box, objectness and classes."""
        return only(_tables(ports, _HEAD + self.coefficients))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        table = finite(outputs, found.name).reshape(-1, found.shape[-1])
        # A class score is at most 1: no row below the threshold in objectness can reach it.
        rows = np.flatnonzero(table[:, 4] >= self.score_threshold)
        classes = table[rows, _HEAD : table.shape[1] - self.coefficients]
        return _objects(self, frame, table[rows, :_BOX], classes * table[rows, 4:_HEAD])


@dataclass(frozen=True, slots=True)
class YoloV8Decoder(ByShape[Port]):
    """Columns (or rows) of centre, size and class scores (sigmoid done)."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "one output [1,4+classes,N] (or [1,N,4+classes]) of cx, cy, w, h and class scores"
    )
    kind: Literal["yolo-v8"] = "yolo-v8"
    units: Units = "pixels"
    coefficients: Annotated[int, Ge(0), Doc("mask coefficients after the classes")] = 0
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.7
    max_detections: MaxDetections = 300
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one table of boxes and classes, either way round."""
        return only(_tables_of_boxes(ports, _BOX + self.coefficients))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        table = np.asarray(outputs[found.name], np.float32).reshape(found.shape[-2:])
        # A detector has many more boxes than numbers a box.
        columns = table if table.shape[0] < table.shape[1] else table.T
        classes = columns[_BOX : len(columns) - self.coefficients]
        best = classes.max(axis=0)
        # NaN and infinity outlive the maximum; minus infinity is a score that nothing can reach.
        # So one pass over the scores serves both, and the costlier look is for the suspicious.
        if not _is_finite(best) or not _is_finite(columns[:_BOX]):
            finite(outputs, found.name)
        rows = np.flatnonzero(best >= self.score_threshold)
        return _objects(self, frame, columns[:_BOX, rows].T, classes[:, rows].T)


def _objects(
    decoder: YoloV5Decoder | YoloV8Decoder,
    frame: Frame,
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> Detections:
    """Objects from the rows that may hold some: centre and size [n, 4], scores [n, classes]."""
    rows, labels = above(scores, decoder.score_threshold, multi_label=decoder.multi_label)
    corners = to_corners(boxes[rows], decoder.units, frame.model)
    candidates = Candidates(corners, scores[rows, labels], labels)
    return detections(candidates, frame, keeping_of(decoder))


class _OfRows(Suppressing, Protocol):
    """The keys of a decoder of such tables."""

    @property
    def units(self) -> str:
        """What boxes are in."""
        ...

    @property
    def score_threshold(self) -> float:
        """Least score of an object."""
        ...

    @property
    def multi_label(self) -> bool:
        """Whether one row may be several classes."""
        ...


def select_with(
    decoder: _OfRows, table: NDArray[np.float32], numbers: int, frame: Frame
) -> tuple[Detections, NDArray[np.float32]]:
    """Objects of a table of boxes, class scores and further numbers, either way round; and those numbers.

    Parameters
    ----------
    table
        [4 + classes + numbers, N] or turned.
    numbers
        How many stand behind the classes; they come back as [objects, numbers].
    """
    # A detector has many more boxes than numbers a box; a small picture leaves fewer, too few to be these numbers.
    columns = table if _BOX + numbers < table.shape[0] < table.shape[1] else table.T
    if len(columns) <= _BOX + numbers:
        columns = columns.T
    classes = columns[_BOX : len(columns) - numbers]
    rows = np.flatnonzero(classes.max(axis=0) >= decoder.score_threshold)
    few = classes[:, rows].T
    picked, labels = above(few, decoder.score_threshold, multi_label=decoder.multi_label)
    rows = rows[picked]
    boxes = to_corners(columns[:_BOX, rows].T, decoder.units, frame.model)
    candidates = Candidates(boxes, few[picked, labels], labels)
    objects, index = select(candidates, frame, keeping_of(decoder))
    return objects, columns[len(columns) - numbers :, rows[index]].T


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

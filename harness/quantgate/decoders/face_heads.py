"""Detectors whose boxes have key points: YuNet, SCRFD, and MediaPipe's BlazeFace and BlazePalm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from typing_extensions import Doc

from quantgate.decoders.boxes import LARGEST_EXPONENT, Keeping, centre_to_corners, sigmoid
from quantgate.decoders.fields import (
    IouThreshold,
    MaxDetections,
    OutputNames,
    ScoreThreshold,
    Strides,
)
from quantgate.decoders.points import PAIR, PointCount, heads_by_columns, suppressed
from quantgate.decoders.ports import ByShape, finite, finite_rows, ports_of
from quantgate.decoders.priors import cells, check_cells
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX = 4
#: Strides of MediaPipe's grids, and anchors a cell: the full range, then short range and palms.
_BLAZE: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (((4,), (1,)), ((8, 16), (2, 6)))


@dataclass(frozen=True, slots=True)
class YunetDecoder(ByShape[dict[int, list[Port]]]):
    """Shares of class and object, boxes and key points of each stride (sigmoid done)."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints", "detection")
    expects: ClassVar[str] = (
        "for each of the strides shares of class and object [1,n,1], boxes [1,n,4] and key points "
        "[1,n,2·points]"
    )
    kind: Literal["yunet"] = "yunet"
    points: PointCount = 5
    strides: Strides = (8, 16, 32)
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.4
    max_detections: MaxDetections = 200
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> dict[int, list[Port]] | None:  # noqa: ARG002
        """Group the outputs by their columns, the finest stride first."""
        counts = {1: 2, _BOX: 1, PAIR * self.points: 1}
        return heads_by_columns(
            ports, {width: n * len(self.strides) for width, n in counts.items()}
        )

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        heads = self.picked(ports_of(outputs))
        # Both shares of a stride follow each other in size; which is which, their product does not ask.
        first, second = (finite_rows(outputs, heads[1][k::2]).ravel() for k in range(2))
        scores = np.sqrt(np.clip(first * second, 0, 1))
        grid = cells(frame.model, self.strides)
        check_cells(len(scores), frame.model, self.strides)
        kept = np.flatnonzero(scores >= self.score_threshold)
        place, stride = grid[kept, :2], grid[kept, 2:]
        boxes = finite_rows(outputs, heads[_BOX])[kept]
        sides = np.exp(np.minimum(boxes[:, 2:], LARGEST_EXPONENT)) * stride
        corners = centre_to_corners(np.hstack([(place + boxes[:, :2]) * stride, sides]))
        offsets = finite_rows(outputs, heads[PAIR * self.points])[kept]
        points = (place[:, None] + offsets.reshape(-1, self.points, PAIR)) * stride[:, None]
        keeping = Keeping(self.max_detections, self.iou_threshold)
        return suppressed(corners, scores[kept], points, (frame, keeping))


@dataclass(frozen=True, slots=True)
class ScrfdDecoder(ByShape[dict[int, list[Port]]]):
    """Scores, distances to the four sides and offsets of key points, in strides, of each stride's anchors."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints", "detection")
    expects: ClassVar[str] = (
        "for each of the strides scores [n,1], distances [n,4] and key points [n,2·points] (with or without "
        "a batch)"
    )
    kind: Literal["scrfd"] = "scrfd"
    points: PointCount = 5
    strides: Strides = (8, 16, 32)
    anchors: Annotated[int, Gt(0), Doc("anchors a cell, in one place")] = 2
    score_threshold: ScoreThreshold = 0.02
    iou_threshold: IouThreshold = 0.4
    max_detections: MaxDetections = 200
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> dict[int, list[Port]] | None:  # noqa: ARG002
        """Group the outputs by their columns, the finest stride first."""
        return heads_by_columns(
            ports, dict.fromkeys((1, _BOX, PAIR * self.points), len(self.strides))
        )

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        heads = self.picked(ports_of(outputs))
        scores = np.clip(finite_rows(outputs, heads[1]).ravel(), 0, 1)
        grid = np.repeat(cells(frame.model, self.strides), self.anchors, axis=0)
        check_cells(len(scores) // self.anchors, frame.model, self.strides)
        kept = np.flatnonzero(scores >= self.score_threshold)
        stride = grid[kept, 2:]
        place = grid[kept, :2] * stride
        away = finite_rows(outputs, heads[_BOX])[kept] * stride
        corners = np.hstack([place - away[:, :2], place + away[:, 2:]])
        offsets = finite_rows(outputs, heads[PAIR * self.points])[kept].reshape(
            -1, self.points, PAIR
        )
        points = place[:, None] + offsets * stride[:, None]
        keeping = Keeping(self.max_detections, self.iou_threshold)
        return suppressed(corners, scores[kept], points, (frame, keeping))


@dataclass(frozen=True, slots=True)
class BlazeDecoder(ByShape[tuple[Port, Port]]):
    """Box and key points [1, n, 4 + 2·points] in pixels from an anchor's middle, and logits [1, n, 1]."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints", "detection")
    expects: ClassVar[str] = "boxes with key points [1,n,4+2·points] and logits [1,n,1]"
    kind: Literal["blaze"] = "blaze"
    points: PointCount = 6
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.3
    max_detections: MaxDetections = 100
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port] | None:  # noqa: ARG002
        """Pick both outputs by their columns."""
        width = _BOX + PAIR * self.points
        heads = heads_by_columns(ports, {width: 1, 1: 1})
        if heads is None or len({port.shape[-2] for head in heads.values() for port in head}) > 1:
            return None
        return heads[width][0], heads[1][0]

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        boxes, logits = (finite(outputs, p.name) for p in self.picked(ports_of(outputs)))
        scores = sigmoid(logits.ravel())
        middles = _anchors(len(scores), frame.model)
        kept = np.flatnonzero(scores >= self.score_threshold)
        rows, middle = boxes[0, kept], middles[kept]
        corners = centre_to_corners(np.hstack([rows[:, :2] + middle, rows[:, 2:4]]))
        points = rows[:, _BOX:].reshape(-1, self.points, PAIR) + middle[:, None]
        keeping = Keeping(self.max_detections, self.iou_threshold)
        return suppressed(corners, scores[kept], points, (frame, keeping))


@lru_cache(maxsize=8)
def _anchors(count: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Middles of MediaPipe's anchors, [count, 2] px: of the grids that have so many."""
    for strides, each in _BLAZE:
        grids = [
            np.repeat(cells(size, (stride,)), n, axis=0)
            for stride, n in zip(strides, each, strict=True)
        ]
        table = np.concatenate(grids)
        if len(table) == count:
            middles = (table[:, :2] + np.float32(0.5)) * table[:, 2:]
            middles.setflags(write=False)
            return np.asarray(middles)
    raise DecoderError(
        f"decoder blaze knows no anchors of which an input of {size[0]}x{size[1]} has {count}; expected "
        "those of the full range (stride 4), or of short range and palms (strides 8 and 16)"
    )

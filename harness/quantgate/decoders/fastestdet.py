"""FastestDet (dog-qiuqiu): one grid, one object a cell, one map of 5 + classes channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, centre_to_corners, detections, keeping_of, sigmoid
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    OutputNames,
    ScoreThreshold,
)
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_HEAD = 5
_RANK = 4


@dataclass(frozen=True, slots=True)
class FastestdetDecoder(ByShape[Port]):
    """One map [1, 5 + classes, rows, columns]; boxes in fractions of the input."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "one output [1,5+classes,rows,columns] of objectness, x, y, w, h and class scores"
    )
    kind: Literal["fastestdet"] = "fastestdet"
    objectness_power: Annotated[
        float, Doc("score = objectness ** this * class score ** (1 - this)")
    ] = 0.6
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.45
    max_detections: MaxDetections = 100
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one map of more than five channels."""
        return only(_maps(ports))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        field = finite(outputs, found.name)[0]
        grid = (field.shape[2], field.shape[1])
        channels = field.reshape(len(field), -1)
        labels = channels[_HEAD:].argmax(axis=0)
        best = np.maximum(channels[_HEAD:].max(axis=0), 0)
        objectness = np.maximum(channels[0], 0)
        scores = objectness**self.objectness_power * best ** (1 - self.objectness_power)
        kept = np.flatnonzero(scores >= self.score_threshold)
        boxes = _boxes(channels[1:_HEAD, kept], kept, grid)
        boxes *= np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(boxes, scores[kept], labels[kept].astype(np.int64))
        return detections(candidates, frame, keeping_of(self))


def _boxes(
    encoded: NDArray[np.float32], index: NDArray[np.int64], grid: tuple[int, int]
) -> NDArray[np.float32]:
    """Boxes ``xyxy`` in fractions of the input from channels [4, n] of the cells ``index``."""
    columns, rows = grid
    cell = np.stack([index % columns, index // columns]).astype(np.float32)
    centre = (cell + np.tanh(encoded[:2])) / np.array([[columns], [rows]], dtype=np.float32)
    return centre_to_corners(np.concatenate([centre, sigmoid(encoded[2:])]).T)


def _maps(ports: Sequence[Port]) -> list[Port]:
    return [p for p in ports if len(p.shape) == _RANK and p.shape[1] > _HEAD and p.shape[2] != 1]

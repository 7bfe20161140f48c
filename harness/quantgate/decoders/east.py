"""EAST (Zhou et al. 2017, arXiv:1704.03155): text or not of each cell, and its distances from the sides of its region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quantgate.decoders.fields import IouThreshold, MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.ports import ByShape, ports_of
from quantgate.decoders.turned import turned_detections, turned_nms
from quantgate.decoders.two_maps import TwoMaps, two_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs, Port

#: Channels of the scores, and of distances from top, right, bottom and left with the angle.
_SCORE, _GEOMETRY = 1, 5


@dataclass(frozen=True, slots=True)
class EastDecoder(ByShape[TwoMaps]):
    """Scores [1,1,h,w] and geometry [1,5,h,w] (distances in pixels and angle), or with the channels last.

    What overlaps a surer region is dropped; the original merges neighbours first, weighed by their scores.
    """

    tasks: ClassVar[tuple[str, ...]] = ("quads",)
    expects: ClassVar[str] = (
        "two maps: scores [1,1,h,w] and geometry [1,5,h,w], or [1,h,w,1] and [1,h,w,5]"
    )
    kind: Literal["east"] = "east"
    score_threshold: ScoreThreshold = 0.8
    iou_threshold: IouThreshold = 0.2
    max_detections: MaxDetections = 1000
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> TwoMaps | None:  # noqa: ARG002
        """Pick the map of scores and that of geometry."""
        return two_maps(ports, (_SCORE, _GEOMETRY))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Regions of text of one image (see Decoder)."""
        scores, shapes = self.picked(ports_of(outputs)).read(outputs)
        scores = scores[..., 0]
        rows, columns = np.nonzero(scores >= self.score_threshold)
        cells = np.stack([columns, rows], axis=1) * (
            np.array(frame.model) / np.array(scores.shape[::-1])
        )
        quads = _corners(cells, shapes[rows, columns].astype(np.float64))
        labels = np.zeros(len(quads), np.int64)
        sure = scores[rows, columns]
        kept = turned_nms(quads, sure, labels, (self.iou_threshold, self.max_detections))
        return turned_detections(quads[kept], sure[kept], labels[kept], frame)


def _corners(cells: NDArray[np.float64], shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners [n, 4, 2], clockwise, of regions around cells [n, 2] with distances and angle [n, 5].

    A positive angle turns counter-clockwise, as the original draws it.
    """
    top, right, bottom, left, angle = shapes.T
    along = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
    down = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    sides = ((-left, -top), (right, -top), (right, bottom), (-left, bottom))
    return np.stack([cells + along * x[:, None] + down * y[:, None] for x, y in sides], axis=1)

"""CTPN (Tian et al. 2016, arXiv:1609.03605): slices of text 16 pixels wide, joined to lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import LARGEST_EXPONENT, Candidates, suppress
from quantgate.decoders.fields import Fraction, MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.lines import Slices, joined
from quantgate.decoders.ports import ByShape, ports_of
from quantgate.decoders.turned import turned_detections
from quantgate.decoders.two_maps import TwoMaps, two_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs, Port

_STRIDE = 16
#: Top and bottom of the anchors of a cell, the last row of pixels included.
_ANCHORS = (
    (2, 13),
    (0, 15),
    (-4, 19),
    (-9, 24),
    (-16, 31),
    (-26, 41),
    (-41, 56),
    (-62, 77),
    (-91, 106),
    (-134, 149),
)
_SCORES, _DELTAS = 2 * len(_ANCHORS), 4 * len(_ANCHORS)
#: Suppression of slices, before and after the surest are chosen; how many these are.
_FIRST_IOU, _THEN_IOU, _MOST = 0.7, 0.2, 1000
#: Sides of the smallest slice, px; ratio of width to height and width of the smallest line, px.
_LEAST_PX, _RATIO, _LEAST_WIDTH_PX = 8, 0.5, 2 * _STRIDE


@dataclass(frozen=True, slots=True)
class CtpnDecoder(ByShape[TwoMaps]):
    """Shares of text [1,h,w,20] and shifts [1,h,w,40] of ten anchors a cell, or with the channels first."""

    tasks: ClassVar[tuple[str, ...]] = ("quads",)
    expects: ClassVar[str] = (
        "two maps: shares of text [1,h,w,20] and shifts [1,h,w,40] of ten anchors a cell, or [1,20,h,w] and "
        "[1,40,h,w]"
    )
    kind: Literal["ctpn"] = "ctpn"
    threshold: Annotated[Fraction, Doc("slices of a larger share of text are joined")] = 0.7
    score_threshold: ScoreThreshold = 0.9
    gap: Annotated[int, Ge(1), Doc("pixels of the input between the slices of a line, at most")] = (
        50
    )
    max_detections: MaxDetections = 1000
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> TwoMaps | None:  # noqa: ARG002
        """Pick the map of shares and that of shifts."""
        return two_maps(ports, (_SCORES, _DELTAS))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Lines of text of one image (see Decoder)."""
        shares, shifts = self.picked(ports_of(outputs)).read(outputs)
        slices = _slices(shares, shifts, frame.model, self.threshold)
        boxes, scores = joined(slices, self.gap)
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = (
            (sides[:, 0] > _RATIO * sides[:, 1])
            & (sides[:, 0] > _LEAST_WIDTH_PX)
            & (scores > self.score_threshold)
        )
        quads = boxes[kept][:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        found = turned_detections(quads, scores[kept], np.zeros(int(kept.sum()), np.int64), frame)
        return found.take(np.arange(min(len(found), self.max_detections)))


def _slices(
    shares: NDArray[np.float32],
    shifts: NDArray[np.float32],
    size: tuple[int, int],
    threshold: float,
) -> Slices:
    """Boxes and scores of the slices of text that suppression leaves, of maps [h, w, 20] and [h, w, 40]."""
    sure = shares[..., 1::2]
    row, column, anchor = np.nonzero(sure > threshold)
    spans = np.array(_ANCHORS, np.float64)[anchor]
    heights = spans[:, 1] - spans[:, 0] + 1
    moves = shifts.reshape(*shares.shape[:2], len(_ANCHORS), 4)[row, column, anchor].astype(
        np.float64
    )
    middle = row * _STRIDE + spans[:, 0] + heights / 2 + moves[:, 1] * heights
    half = np.exp(np.minimum(moves[:, 3], LARGEST_EXPONENT)) * heights / 2
    left = column * float(_STRIDE)
    boxes = np.stack([left, middle - half, left + _STRIDE, middle + half], axis=1)
    boxes = np.clip(boxes, 0, np.tile(size, 2))
    scores = sure[row, column, anchor]
    large = ((boxes[:, 2:] - boxes[:, :2]) >= _LEAST_PX).all(axis=1)
    boxes, scores = boxes[large].astype(np.float32), scores[large]
    for iou in (_FIRST_IOU, _THEN_IOU):
        rivals = Candidates(boxes, scores, np.zeros(len(scores), np.int64))
        kept, boxes = suppress(rivals, iou, _MOST)
        scores = scores[kept]
    return Slices(boxes.astype(np.float64), scores.astype(np.float64))

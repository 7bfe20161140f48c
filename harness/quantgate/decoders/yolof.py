"""YOLOF: one grid of anchors without objectness (Chen et al. 2021, arXiv:2103.09460)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt, MinLen
from typing_extensions import Doc

from quantgate.decoders.boxes import (
    LARGEST_EXPONENT,
    Candidates,
    above,
    centre_to_corners,
    detections,
    keeping_of,
    sigmoid,
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
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX, _RANK = 4, 4
_ANCHORS = (16.0, 16.0, 32.0, 32.0, 64.0, 64.0, 128.0, 128.0, 256.0, 256.0, 512.0, 512.0)


@dataclass(frozen=True, slots=True)
class YolofDecoder(ByShape[Port]):
    """One map [1, anchors·(4 + classes), rows, columns]: of each anchor a box, then class scores.

    Centres are offsets from a cell's corner in parts of the anchor; scores need a sigmoid.
    """

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    kind: Literal["yolof"] = "yolof"
    anchors: Annotated[
        tuple[Annotated[float, Gt(0)], ...],
        MinLen(2),
        Doc("width, height, width, height, … of every anchor, in input pixels"),
    ] = _ANCHORS
    score_threshold: ScoreThreshold = 0.05
    iou_threshold: IouThreshold = 0.6
    max_detections: MaxDetections = 100
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one map that these anchors would give."""
        return ports[0] if _is_map(ports, self._count()) else None

    def expected(self, ports: Sequence[Port]) -> str:  # noqa: ARG002
        """Say which map the anchors ask for."""
        return f"one map [1,{self._count()}·(4+classes),rows,columns]"

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        values = finite(outputs, self.picked(ports_of(outputs)).name)
        grid = (values.shape[3], values.shape[2])
        cells = values.reshape(self._count(), -1, grid[0] * grid[1]).transpose(2, 0, 1)
        rows = cells.reshape(-1, cells.shape[-1])
        scores = sigmoid(rows[:, _BOX:])
        picked, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        boxes = self._boxes(rows[picked, :_BOX], picked, (grid, frame.model))
        return detections(
            Candidates(boxes, scores[picked, labels], labels), frame, keeping_of(self)
        )

    def _boxes(
        self,
        encoded: NDArray[np.float32],
        rows: NDArray[np.int64],
        place: tuple[tuple[int, int], tuple[int, int]],
    ) -> NDArray[np.float32]:
        (columns, lines), size = place
        cell, anchor = np.divmod(rows, self._count())
        stride = np.array([size[0] / columns, size[1] / lines], dtype=np.float32)
        corner = np.stack([cell % columns, cell // columns], axis=1).astype(np.float32) * stride
        sides = np.asarray(self.anchors, dtype=np.float32).reshape(-1, 2)[anchor]
        centre = corner + encoded[:, :2] * sides
        extent = np.exp(np.minimum(encoded[:, 2:], LARGEST_EXPONENT)) * sides
        return centre_to_corners(np.concatenate([centre, extent], axis=1))

    def _count(self) -> int:
        count, odd = divmod(len(self.anchors), 2)
        if odd:
            raise DecoderError(
                f"anchors are pairs of width and height, found {len(self.anchors)} numbers"
            )
        return count


def _is_map(ports: Sequence[Port], anchors: int) -> bool:
    """Whether there is one map whose channels are that many anchors of a box and some classes."""
    if len(ports) != 1 or len(ports[0].shape) != _RANK:
        return False
    images, channels, rows, columns = ports[0].shape
    if images not in {1, -1} or min(rows, columns) in {0, 1}:
        return False
    return channels < 0 or (channels % anchors == 0 and channels // anchors > _BOX)

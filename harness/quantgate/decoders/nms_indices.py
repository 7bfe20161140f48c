"""What ONNX's NonMaxSuppression selected: every box, every score, and rows of image, class, box.

The operator's specification (ONNX opset 10 on) gives corners as ``y0, x0, y1, x1`` by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, Keeping, detections
from quantgate.decoders.boxes_scores import BoxFormat, as_corners
from quantgate.decoders.fields import (
    ClassIds,
    MaxDetections,
    OutputNames,
    ScoreThreshold,
    class_table,
)
from quantgate.decoders.ports import ByShape, as_table, finite, ports_of
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX, _INDEX = 4, 3


@dataclass(frozen=True, slots=True)
class NmsIndicesDecoder(ByShape[tuple[Port, Port, Port]]):
    """Boxes [1, N, 4], scores [1, classes, N], and indices [M, 3] of those that the graph kept."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "boxes [1,N,4], scores [1,classes,N] and selected indices [M,3] "
        "(name them in `outputs`, in this order, if ambiguous)"
    )
    kind: Literal["nms-indices"] = "nms-indices"
    box_format: Annotated[BoxFormat, Doc("order of a box's four numbers")] = "yxyx"
    units: Annotated[
        Literal["pixels", "relative"], Doc("boxes in pixels or fractions of the model's input")
    ] = "pixels"
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 300
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port, Port] | None:
        """Pick boxes, scores and the indices of those that were kept."""
        tables = [port for port in ports if as_table(port.shape) is not None]
        if len(tables) != 3:  # noqa: PLR2004 - boxes, scores, indices
            return None
        if not named:
            tables.sort(key=lambda port: (port.shape[-1] != _BOX, port.shape[-1] == _INDEX))
        boxes, scores, indices = tables
        columns = (boxes.shape[-1], indices.shape[-1])
        same = scores.shape[-1] in {boxes.shape[-2], -1} or boxes.shape[-2] == -1
        return (boxes, scores, indices) if columns == (_BOX, _INDEX) and same else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        box_port, score_port, index_port = self.picked(ports_of(outputs))
        boxes = finite(outputs, box_port.name).reshape(-1, _BOX)
        scores = finite(outputs, score_port.name).reshape(-1, len(boxes))
        labels, rows = self._selected(outputs, index_port, scores.shape)
        kept = scores[labels, rows] >= self.score_threshold
        labels, rows = labels[kept], rows[kept]
        corners = as_corners(boxes[rows], self.box_format)
        if self.units == "relative":
            corners = corners * np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(corners, scores[labels, rows], labels)
        keeping = Keeping(self.max_detections, class_table=class_table(self.class_ids))
        return detections(candidates, frame, keeping)

    def _selected(
        self, outputs: Outputs, port: Port, scores: tuple[int, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Class and box of every selected row; a row of an image below 0 ends them."""
        indices = np.rint(finite(outputs, port.name)).astype(np.int64).reshape(-1, _INDEX)
        ended = np.flatnonzero(indices[:, 0] < 0)
        indices = indices[: ended[0]] if len(ended) else indices
        labels, rows = indices[:, 1], indices[:, 2]
        if ((indices < 0) | (indices >= (1, *scores))).any():
            raise DecoderError(
                f"output {port.name} selects beyond 1 image, {scores[0]} classes and {scores[1]} boxes; "
                "name boxes, scores and indices in the decoder's outputs, in this order"
            )
        return labels, rows

"""DETR and its kin: a fixed set of boxes and class logits, each object found once.

Carion et al. 2020 (DETR, arXiv:2005.12872): softmax, the last class is "no object". Deformable DETR,
RT-DETR and D-FINE (arXiv:2010.04159, 2304.08069, 2410.13842): sigmoid, no such class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, Keeping, above, detections, sigmoid, softmax
from quantgate.decoders.boxes_scores import BoxFormat, as_corners, box_score_pair
from quantgate.decoders.fields import (
    ClassIds,
    MaxDetections,
    OutputNames,
    ScoreThreshold,
    class_table,
)
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX = 4


@dataclass(frozen=True, slots=True)
class DetrDecoder(ByShape[tuple[Port, Port]]):
    """Boxes [1, N, 4] and logits [1, N, classes] of N queries; nothing is suppressed."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "boxes [1,N,4] and class logits [1,N,classes] (name both in `outputs` if classes are 4)"
    )
    kind: Literal["detr"] = "detr"
    activation: Annotated[
        Literal["softmax", "sigmoid", "none"],
        Doc(
            "softmax: DETR, whose last class is none and dropped; sigmoid: Deformable DETR, RT-DETR, "
            "D-FINE; none: the graph has it already"
        ),
    ] = "softmax"
    box_format: Annotated[BoxFormat, Doc("order of a box's four numbers")] = "cxcywh"
    units: Annotated[
        Literal["relative", "pixels"], Doc("fractions or pixels of the model's input")
    ] = "relative"
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 300
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port] | None:
        """Pick the boxes and their logits."""
        return box_score_pair(ports, named=named)

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        boxes, logits = self.picked(ports_of(outputs))
        encoded = finite(outputs, boxes.name).reshape(-1, _BOX)
        scores = self._scores(finite(outputs, logits.name).reshape(len(encoded), -1))
        # Of shares only the largest counts; sigmoids stand each for itself.
        several = self.activation != "softmax"
        rows, labels = above(scores, self.score_threshold, multi_label=several)
        corners = as_corners(encoded[rows], self.box_format)
        if self.units == "relative":
            corners = corners * np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(corners, scores[rows, labels], labels)
        keeping = Keeping(self.max_detections, class_table=class_table(self.class_ids))
        return detections(candidates, frame, keeping)

    def _scores(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.activation == "softmax":
            return softmax(logits)[:, :-1]
        return sigmoid(logits) if self.activation == "sigmoid" else logits

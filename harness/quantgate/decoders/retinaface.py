"""RetinaFace (Deng et al. 2019, arXiv:1905.00641): offsets of boxes and key points from the paper's priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import LARGEST_EXPONENT, Keeping, centre_to_corners, softmax
from quantgate.decoders.fields import IouThreshold, MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.points import PAIR, PointCount, heads_by_columns, suppressed
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.priors import named_priors
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX, _CLASSES = 4, 2
#: What offsets of centres and of the logarithms of sides are multiplied by: the variances of SSD's priors.
_CENTRES, _SIDES = np.float32(0.1), np.float32(0.2)


@dataclass(frozen=True, slots=True)
class RetinafaceDecoder(ByShape[tuple[Port, Port, Port]]):
    """Offsets of boxes, scores of background and face, and offsets of key points, a row a prior."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints", "detection")
    expects: ClassVar[str] = (
        "offsets of boxes [1,n,4], scores [1,n,2] of background and face, and offsets of key points "
        "[1,n,2·points]"
    )
    kind: Literal["retinaface"] = "retinaface"
    points: PointCount = 5
    activation: Annotated[Literal["none", "softmax"], Doc("softmax: the model ends before it")] = (
        "none"
    )
    score_threshold: ScoreThreshold = 0.02
    iou_threshold: IouThreshold = 0.4
    max_detections: MaxDetections = 750
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port, Port] | None:  # noqa: ARG002
        """Pick the outputs by their columns."""
        widths = (_BOX, _CLASSES, PAIR * self.points)
        heads = heads_by_columns(ports, dict.fromkeys(widths, 1))
        if heads is None or len({port.shape[-2] for port in ports}) > 1:
            return None
        return heads[_BOX][0], heads[_CLASSES][0], heads[PAIR * self.points][0]

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        boxes, scores, places = (
            finite(outputs, port.name).reshape(-1, port.shape[-1])
            for port in self.picked(ports_of(outputs))
        )
        priors = named_priors("retinaface", frame.model)
        if len(priors) != len(boxes):
            raise DecoderError(
                f"RetinaFace has {len(priors)} priors on an input of {frame.model[0]}x{frame.model[1]}, the "
                f"model gives {len(boxes)} boxes; check the input's size"
            )
        face = (softmax(scores) if self.activation == "softmax" else scores)[:, 1]
        kept = np.flatnonzero(face >= self.score_threshold)
        sides = np.array(frame.model, np.float32)
        centre, size = priors[kept, :2] * sides, priors[kept, 2:] * sides
        offsets, away = boxes[kept], places[kept].reshape(-1, self.points, PAIR)
        high = np.exp(np.minimum(offsets[:, 2:] * _SIDES, LARGEST_EXPONENT)) * size
        corners = centre_to_corners(np.hstack([centre + offsets[:, :2] * _CENTRES * size, high]))
        points = centre[:, None] + away * _CENTRES * size[:, None]
        keeping = Keeping(self.max_detections, self.iou_threshold)
        return suppressed(corners, np.clip(face[kept], 0, 1), points, (frame, keeping))

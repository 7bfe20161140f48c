"""SSD's heads as DetectionOutput takes them: offsets, scores and prior boxes, all made by the graph.

The arithmetic is that of OpenVINO's DetectionOutput-8 with ``CENTER_SIZE`` (Liu et al. 2016,
arXiv:1512.02325, in Caffe's form).
"""

from __future__ import annotations

import math
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
    softmax,
)
from quantgate.decoders.boxes_scores import without_background
from quantgate.decoders.fields import (
    Agnostic,
    Background,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    background_index,
)
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX, _PRIOR_RANK, _PRIOR_ROWS, _LEAST_SCORES = 4, 3, 2, 2


@dataclass(frozen=True, slots=True)
class SsdHeadsDecoder(ByShape[tuple[Port, Port, Port]]):
    """Offsets [1, 4·N], scores [1, classes·N] and prior boxes [1, 2, 4·N] with their variances."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "offsets [1,4·N], scores [1,classes·N] and prior boxes [1,2,4·N] "
        "(name them in `outputs`, in this order, where there are other outputs)"
    )
    kind: Literal["ssd-heads"] = "ssd-heads"
    activation: Annotated[Literal["none", "softmax"], Doc("what the scores still need")] = "none"
    background: Background = True
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.45
    max_detections: MaxDetections = 200
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port, Port] | None:
        """Pick offsets, scores and prior boxes."""
        if len(ports) != 3 or any(len(port.shape) < 2 for port in ports):  # noqa: PLR2004 - the three
            return None
        ordered = list(ports)
        if not named:
            # Priors last; offsets are as many numbers as they are, scores rarely.
            ordered.sort(key=lambda port: len(port.shape) == _PRIOR_RANK)
            length = ordered[-1].shape[-1]
            ordered[:2] = sorted(ordered[:2], key=lambda port: port.shape[-1] != length)
        offsets, scores, priors = ordered
        if len(priors.shape) != _PRIOR_RANK or priors.shape[-2] != _PRIOR_ROWS:
            return None
        if min(*offsets.shape, *scores.shape, *priors.shape) < 0:
            return offsets, scores, priors  # known when there are outputs
        boxes, rest = divmod(priors.shape[-1], _BOX)
        counted = math.prod(scores.shape)
        fits = (
            boxes > 0
            and rest == 0
            and math.prod(offsets.shape) == priors.shape[-1]
            and counted % boxes == 0
            and counted // boxes >= _LEAST_SCORES
        )
        return (offsets, scores, priors) if fits else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        offset_port, score_port, prior_port = self.picked(ports_of(outputs))
        offsets = finite(outputs, offset_port.name).reshape(-1, _BOX)
        scores = finite(outputs, score_port.name).reshape(len(offsets), -1)
        scores = softmax(scores) if self.activation == "softmax" else scores
        scores = without_background(scores, background_index(self.background))
        rows, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        priors, variances = finite(outputs, prior_port.name).reshape(_PRIOR_ROWS, -1, _BOX)
        corners = _boxes(offsets[rows] * variances[rows], priors[rows])
        corners *= np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(corners, scores[rows, labels], labels)
        return detections(candidates, frame, keeping_of(self))


def _boxes(offsets: NDArray[np.float32], priors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners of offsets from prior boxes ``xyxy``, in the priors' unit."""
    half = np.float32(0.5)
    size = priors[:, 2:] - priors[:, :2]
    centre = (priors[:, :2] + priors[:, 2:]) * half + offsets[:, :2] * size
    extent = np.exp(np.minimum(offsets[:, 2:], LARGEST_EXPONENT)) * size
    return centre_to_corners(np.concatenate([centre, extent], axis=1))

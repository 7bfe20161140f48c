"""SimCC: where a key point is along each axis, one vector of bins for x and one for y (RTMPose)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quantgate.decoders.fields import OutputNames
from quantgate.decoders.points import one_object, placed
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANK, _PAIR = 3, 2


@dataclass(frozen=True, slots=True)
class SimccDecoder(ByShape[tuple[Port, ...]]):
    """Two outputs of bins; a key point's score is the lower of its two peaks, as RTMPose's authors take it."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints",)
    expects: ClassVar[str] = (
        "two outputs [1,points,bins], of x and of y (name them in `outputs`, in this order, if they come "
        "otherwise)"
    )
    kind: Literal["simcc"] = "simcc"
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, ...] | None:  # noqa: ARG002
        """Pick the bins of x and y, of as many key points each: far more bins than key points."""
        if len(ports) != _PAIR or any(len(port.shape) != _RANK for port in ports):
            return None
        counts = {port.shape[1] for port in ports}
        wide = all(port.shape[2] < 0 or port.shape[2] > port.shape[1] > 1 for port in ports)
        return tuple(ports) if len(counts) == 1 and wide else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """The one object of one image (see Decoder)."""
        bins = [finite(outputs, port.name)[0] for port in self.picked(ports_of(outputs))]
        places = [
            each.argmax(axis=1) * (side / each.shape[1])
            for each, side in zip(bins, frame.model, strict=True)
        ]
        scores = np.clip(np.minimum(*(each.max(axis=1) for each in bins)), 0, 1)
        points = np.stack([*places, scores], axis=1).astype(np.float32)
        return one_object(placed(points, frame), float(scores.mean()), frame)

"""MoveNet: one person [1, 1, 17, 3], or six [1, 6, 56] (TensorFlow Hub's exports)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, Keeping, select
from quantgate.decoders.fields import MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.points import TRIPLE, one_object, placed, with_points
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

#: Behind the key points of one of several persons: ymin, xmin, ymax, xmax and score.
_BOX = 5


@dataclass(frozen=True, slots=True)
class MovenetDecoder(ByShape[Port]):
    """Rows of y, x and score in fractions of the input; several persons have a box and a score behind them."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints",)
    expects: ClassVar[str] = (
        "one output [1,1,points,3] of y, x and score, or [1,persons,3·points+5] with box and score behind "
        "(decoder.points says how many)"
    )
    kind: Literal["movenet"] = "movenet"
    points: Annotated[int, Gt(0), Doc("key points a person")] = 17
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 20
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002 - one shape
        """Pick the one output of either form."""
        one, several = (self.points, TRIPLE), TRIPLE * self.points + _BOX
        return only(
            [
                port
                for port in ports
                if port.shape in {(1, 1, *one), (1, *one), (-1, 1, *one)}
                or (len(port.shape) == TRIPLE and port.shape[-1] == several)
            ]
        )

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Persons of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        values = finite(outputs, found.name)
        if found.shape[-1] == TRIPLE:
            points = values.reshape(self.points, TRIPLE)[:, [1, 0, 2]]
            return one_object(placed(points, frame, "relative"), float(points[:, 2].mean()), frame)
        return self._several(values[0], frame)

    def _several(self, rows: NDArray[np.float32], frame: Frame) -> Detections:
        rows = rows[rows[:, -1] >= self.score_threshold]
        boxes = rows[:, [-4, -5, -2, -3]] * np.array([*frame.model, *frame.model], np.float32)
        candidates = Candidates(boxes, rows[:, -1], np.zeros(len(rows), np.int64))
        objects, kept = select(candidates, frame, Keeping(self.max_detections))
        points = rows[kept, :-_BOX].reshape(-1, self.points, TRIPLE)[:, :, [1, 0, 2]]
        return with_points(objects, placed(points, frame, "relative"))

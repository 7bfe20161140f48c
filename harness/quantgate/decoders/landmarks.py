"""Landmarks of one object as plain numbers (PFLD, MediaPipe, Open Model Zoo's landmarks regression)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import sigmoid
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.points import PointUnits, one_object, placed
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_TWO, _THREE = 2, 3


@dataclass(frozen=True, slots=True)
class LandmarksDecoder(ByShape[tuple[Port, ...]]):
    """Two or three numbers a key point; others that are named: the object's score, and its places in space."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints",)
    expects: ClassVar[str] = (
        "one output of two numbers (or three, with decoder.third) a key point, [1,2·points], [1,points,2] or "
        "the like; name it in `outputs` where there are others, and behind it one number that is the "
        "object's score, and three numbers a key point that are its places in space"
    )
    kind: Literal["landmarks"] = "landmarks"
    units: PointUnits = "relative"
    order: Annotated[Literal["xy", "yx"], Doc("which coordinate of a key point comes first")] = "xy"
    third: Annotated[
        Literal["none", "score", "logit", "depth"],
        Doc(
            "what a third number of each key point is: its score, that before a sigmoid, or its depth, in the "
            "unit of x and y"
        ),
    ] = "none"
    outputs: OutputNames = None

    @property
    def _width(self) -> int:
        return _TWO if self.third == "none" else _THREE

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, ...] | None:
        """Pick the one vector; named behind it, one number, and three numbers a key point, each once."""
        if not 0 < len(ports) <= (_THREE if named else 1):
            return None
        sizes = [math.prod(port.shape[1:]) for port in ports]
        single = all(port.shape[:1] in {(1,), (-1,)} for port in ports)
        counted = sizes[0] > self._width and sizes[0] % self._width == 0
        others = {1, _THREE * sizes[0] // self._width}
        fitting = set(sizes[1:]) <= others and len(set(sizes[1:])) == len(sizes[1:])
        return tuple(ports) if single and counted and fitting else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """The one object of one image (see Decoder)."""
        found = [finite(outputs, port.name) for port in self.picked(ports_of(outputs))]
        rows = found[0].reshape(-1, self._width)
        x, y = rows[:, :2].T if self.order == "xy" else rows[:, 1::-1].T
        scores = np.ones(len(rows), np.float32)
        if self.third in {"score", "logit"}:
            scores = rows[:, 2] if self.third == "score" else sigmoid(rows[:, 2])
        points = placed(np.stack([x, y, scores], axis=1).astype(np.float32), frame, self.units)
        presence = next((one.item() for one in found[1:] if one.size == 1), np.mean(scores))
        spatial = next((one.reshape(-1, _THREE) for one in found[1:] if one.size > 1), None)
        if spatial is None and self.third == "depth":
            spatial = np.stack([x, y, rows[:, 2]], axis=1)
        made = one_object(points, float(presence), frame)
        return made if spatial is None else replace(made, spatial=spatial[None].astype(np.float32))

"""Heat maps of the key points of one object (SimpleBaseline, HRNet, hourglasses)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import sigmoid
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.points import TRIPLE, CellOffset, in_pixels, one_object, placed
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.summits import slopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANK, _QUARTER = 4, 0.25


@dataclass(frozen=True, slots=True)
class HeatMapsDecoder(ByShape[Port]):
    """One map a key point, highest where it is; the one object's score is the mean of the peaks."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints",)
    expects: ClassVar[str] = (
        "one output [1,points,h,w] (or [1,h,w,points] with layout) of one map a key point"
    )
    kind: Literal["heat-maps"] = "heat-maps"
    layout: Annotated[Literal["nchw", "nhwc"], Doc("where the maps' own dimension is")] = "nchw"
    activation: Annotated[Literal["none", "sigmoid"], Doc("sigmoid: the model ends before it")] = (
        "none"
    )
    refine: Annotated[
        Literal["quarter", "none"],
        Doc("quarter: a quarter of a cell towards the higher neighbour, as HRNet's authors do"),
    ] = "quarter"
    cell_offset: CellOffset = 0.5
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:
        """Pick the one output of maps: several, unless it is named."""
        axis = 1 if self.layout == "nchw" else 3
        maps = [port for port in ports if len(port.shape) == _RANK and port.shape[0] in {1, -1}]
        return only([port for port in maps if named or port.shape[axis] not in {0, 1}])

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """The one object of one image (see Decoder)."""
        heat = finite(outputs, self.picked(ports_of(outputs)).name)[0]
        if self.layout == "nhwc":
            heat = heat.transpose(2, 0, 1)
        column, row, peak = peaks(heat)
        cells = np.empty((len(heat), 2))
        cells[:, 0], cells[:, 1] = column, row
        if self.refine == "quarter":
            cells += _QUARTER * slopes(heat, np.arange(len(heat)), row, column)
        scores = (
            sigmoid(peak) if self.activation == "sigmoid" else np.minimum(np.maximum(peak, 0), 1)
        )
        points = np.empty((len(heat), TRIPLE), np.float32)
        points[:, :2] = in_pixels(cells, heat.shape, frame, self.cell_offset)
        points[:, 2] = scores
        return one_object(placed(points, frame), float(scores.mean()), frame)


def peaks(
    heat: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Column, row and value of the highest cell of each map [points, h, w], the first of several."""
    flat = heat.reshape(len(heat), -1)
    best = flat.argmax(axis=1)
    row, column = np.divmod(best, heat.shape[2])
    return column, row, flat[np.arange(len(heat)), best]

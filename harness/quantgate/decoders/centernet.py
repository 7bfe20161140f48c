"""CenterNet: peaks of a heat map a class, with sizes and offsets (Zhou et al. 2019, arXiv:1904.07850)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quantgate.decoders.boxes import Candidates, Keeping, centre_to_corners, detections, sigmoid
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

_RANK, _PAIR = 4, 2


@dataclass(frozen=True, slots=True)
class CenternetDecoder(ByShape[tuple[Port, ...]]):
    """A heat map [1, classes, h, w] before its sigmoid, sizes and offsets [1, 2, h, w] in cells.

    An object is a cell that none of its eight neighbours exceeds; nothing else is suppressed.
    """

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "a heat map [1,classes,h,w], sizes [1,2,h,w] and offsets [1,2,h,w] "
        "(name them in `outputs`, in this order, if sizes and offsets come otherwise)"
    )
    kind: Literal["centernet"] = "centernet"
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 100
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, ...] | None:
        """Pick heat map, sizes and offsets of one grid."""
        maps = [port for port in ports if len(port.shape) == _RANK]
        if len(maps) != len(ports) or len(maps) != 3:  # noqa: PLR2004 - heat, sizes, offsets
            return None
        if not named:
            # Stable: sizes come before offsets, as CenterNet's own heads do.
            maps.sort(key=lambda port: port.shape[1] == _PAIR)
        grids = {port.shape[2:] for port in maps}
        return (
            tuple(maps)
            if len(grids) == 1 and maps[1].shape[1] == maps[2].shape[1] == _PAIR
            else None
        )

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        heat, sizes, offsets = (
            finite(outputs, port.name)[0] for port in self.picked(ports_of(outputs))
        )
        labels, row, column = _peaks(heat, self.score_threshold)
        cell = np.stack([column, row], axis=1).astype(np.float32)
        boxes = centre_to_corners(
            np.concatenate([cell + offsets[:, row, column].T, sizes[:, row, column].T], axis=1)
        )
        stride = np.array([frame.model[0] / heat.shape[2], frame.model[1] / heat.shape[1]] * 2)
        scores = sigmoid(heat[labels, row, column])
        candidates = Candidates(boxes * stride.astype(np.float32), scores, labels)
        keeping = Keeping(self.max_detections, class_table=class_table(self.class_ids))
        return detections(candidates, frame, keeping)


def _peaks(
    heat: NDArray[np.float32], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Class, row and column of every cell that reaches the threshold and that no neighbour exceeds."""
    least = -math.inf if threshold <= 0 else math.log(threshold / max(1 - threshold, 1e-9))
    label, row, column = np.nonzero(heat >= least)
    around = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    highest = np.max(
        [around[label, row + dy, column + dx] for dy in range(3) for dx in range(3)], axis=0
    )
    peak = heat[label, row, column] >= highest
    return label[peak], row[peak], column[peak]

"""What decoders of key points share: fields, and objects of points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.core.boxes import extents
from quantgate.core.predictions import Detections

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame

#: Numbers a key point: x, y and its score.
TRIPLE = 3
PointUnits = Annotated[
    Literal["pixels", "relative"], Doc("key points in pixels or fractions of the model's input")
]


def placed(points: NDArray[np.float32], frame: Frame, units: str = "pixels") -> NDArray[np.float32]:
    """Key points [n, points, 3] of the model's input in pixels of the original image."""
    size = np.array(frame.model if units == "relative" else (1, 1), np.float32)
    found = points.astype(np.float32)
    found[..., :2] = frame.points_to_image(points[..., :2] * size)
    return found


def with_points(objects: Detections, points: NDArray[np.float32]) -> Detections:
    """Add key points [n, points, 3], in pixels of the original image, to objects."""
    return replace(objects, points=points)


def one_object(points: NDArray[np.float32], score: float, frame: Frame) -> Detections:
    """Make the one object that key points [points, 3] in original pixels are of: its box is their extent."""
    return Detections(
        extents(points[None, :, :2], frame.image),
        np.array([score], np.float32),
        np.zeros(1, np.int64),
        points=points[None].astype(np.float32),
    )

"""What decoders of key points share: fields, objects of points, heads that detectors of faces have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import numpy as np
from annotated_types import Gt, Interval
from typing_extensions import Doc

from quantgate.core.boxes import extents
from quantgate.core.predictions import Detections
from quantgate.decoders.boxes import Candidates, Keeping, select
from quantgate.decoders.fields import Fraction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Port

#: Numbers a key point: x, y and its score; and its place alone.
TRIPLE, PAIR = 3, 2
PointCount = Annotated[int, Gt(0), Doc("key points an object")]
PointUnits = Annotated[
    Literal["pixels", "relative"], Doc("key points in pixels or fractions of the model's input")
]
PeakThreshold = Annotated[Fraction, Doc("peaks of heat maps below are no key points")]
CellOffset = Annotated[
    float,
    Interval(ge=0, le=0.5),
    Doc("where in its cell a peak lies: 0.5 its middle; 0 its corner, where training cut there"),
]


class Keeps(Protocol):
    """The keys that say which objects a decoder keeps."""

    @property
    def score_threshold(self) -> float:
        """Least score."""
        ...

    @property
    def max_detections(self) -> int:
        """Most objects an image."""
        ...


def placed(points: NDArray[np.float32], frame: Frame, units: str = "pixels") -> NDArray[np.float32]:
    """Key points [n, points, 3] of the model's input in pixels of the original image."""
    size = np.array(frame.model if units == "relative" else (1, 1), np.float32)
    found = points.astype(np.float32)
    found[..., :2] = frame.points_to_image(points[..., :2] * size)
    return found


def in_pixels(
    cells: NDArray[np.float64], shape: Sequence[int], frame: Frame, offset: float = 0.5
) -> NDArray[np.float64]:
    """Columns and rows [..., 2] of maps of ``shape`` (…, h, w) in pixels of the model's input."""
    return np.asarray((cells + offset) * (np.array(frame.model) / np.array(shape[:-3:-1])))


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


def persons(
    points: NDArray[np.float64], scores: NDArray[np.float64], frame: Frame, keeps: Keeps
) -> Detections:
    """Make objects of key points [n, points, 3] in pixels of the input, of which those of score 0 are not there.

    Boxes are the extents of those that are; those that are not lie at 0, 0, as COCO has it.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= keeps.score_threshold][: keeps.max_detections]
    own = placed(points[order].astype(np.float32), frame)
    known = own[..., 2] > 0
    own[~known] = 0
    boxes = extents(own[..., :2], frame.image, known)
    return Detections(
        boxes, scores[order].astype(np.float32), np.zeros(len(order), np.int64), points=own
    )


def heads_by_columns(ports: Sequence[Port], counts: dict[int, int]) -> dict[int, list[Port]] | None:
    """Group ports by their columns where there are so many of each; the most rows first."""
    if len(ports) != sum(counts.values()) or any(len(port.shape) not in {2, 3} for port in ports):
        return None
    heads: dict[int, list[Port]] = {width: [] for width in counts}
    for port in ports:
        heads.get(port.shape[-1], []).append(port)
    if {width: len(own) for width, own in heads.items()} != counts:
        return None
    if any(len(port.shape) == 3 and port.shape[0] not in {1, -1} for port in ports):  # noqa: PLR2004
        return None
    return {width: sorted(own, key=lambda port: -port.shape[-2]) for width, own in heads.items()}


def suppressed(
    corners: NDArray[np.float32],
    scores: NDArray[np.float32],
    points: NDArray[np.float32],
    how: tuple[Frame, Keeping],
) -> Detections:
    """Suppress boxes [n, 4] with scores [n], and give each that is kept its key points [n, points, 2]."""
    frame, keeping = how
    candidates = Candidates(
        corners.astype(np.float32), scores.astype(np.float32), np.zeros(len(scores), np.int64)
    )
    found, kept = select(candidates, frame, keeping)
    own = points[kept]
    sure = np.broadcast_to(found.scores[:, None, None], (*own.shape[:2], 1))
    return with_points(found, placed(np.concatenate([own, sure], axis=2), frame))

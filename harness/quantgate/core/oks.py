"""Object keypoint similarity: how near the key points of two objects are, 0..1, as IoU is of boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.boxes import box_area
from quantgate.core.skeletons import sigmas_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.predictions import Detections, Objects

#: Mean share of a box that its object covers: between the roles nothing tells the object's own area.
COVERED = 0.53
#: From this confidence on a role sees a key point; what neither sees lies anywhere.
SEEN = 0.5
_EPSILON = float(np.spacing(1))


def oks_with_truth(found: Detections, truth: Objects) -> NDArray[np.float64]:
    """OKS [n, m] of detections with annotated objects, exactly as pycocotools computes it.

    Over the annotated key points alone, in the annotation's area. An object of which none is annotated
    is as near as the key points are to its box, doubled on each side.
    """
    assert found.points is not None
    assert truth.points is not None
    points, known = found.points.astype(np.float64), truth.points.astype(np.float64)
    away = np.abs(points[:, None, :, :2] - known[None, :, :, :2])
    weights = (known[None, :, :, 2] > 0).astype(np.float64)
    bare = np.asarray(weights.sum(axis=2)[0] == 0)
    if bare.any():
        boxes = truth.boxes[bare].astype(np.float64)
        half = boxes[:, 2:] - boxes[:, :2]
        low, high = boxes[:, :2] - half, boxes[:, 2:] + half
        place = points[:, None, :, :2]
        beside = np.maximum(low[None, :, None] - place, place - high[None, :, None])
        away[:, bare] = np.maximum(beside, 0.0)
        weights[:, bare] = 1.0
    areas = truth.areas.astype(np.float64)
    return _similarity(np.square(away).sum(axis=3), areas[None], weights)


def oks_of_roles(first: Detections, second: Detections) -> NDArray[np.float64]:
    """OKS [n, m] of two roles' objects: the same whichever is named first.

    Over the key points that at least one of them sees (all, where both see none; none of unknown
    confidence, NaN), in ``COVERED`` of the mean area of both boxes.
    """
    assert first.points is not None
    assert second.points is not None
    a, b = first.points.astype(np.float64), second.points.astype(np.float64)
    known = ~np.isnan(a[:, None, :, 2] + b[None, :, :, 2])
    seen = ((a[:, None, :, 2] >= SEEN) | (b[None, :, :, 2] >= SEEN)) & known
    weights = np.where(seen.any(axis=2, keepdims=True), seen, known).astype(np.float64)
    areas = (box_area(first.boxes)[:, None] + box_area(second.boxes)[None]) * (COVERED / 2)
    squared = np.square(a[:, None, :, :2] - b[None, :, :, :2]).sum(axis=3)
    return _similarity(squared, areas, weights)


def _similarity(
    squared: NDArray[np.float64], areas: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weigh exp(-d² / (2 area (2 sigma)²)) of squared distances [n, m, K] over the key points."""
    variances = np.square(2 * sigmas_of(squared.shape[2]))
    exponents = squared / variances / (areas[..., None] + _EPSILON) / 2
    return np.asarray((np.exp(-exponents) * weights).sum(axis=2) / weights.sum(axis=2))

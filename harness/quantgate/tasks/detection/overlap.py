"""Overlap of two lists of objects: of their key points, masks or quadrilaterals where all have them, else of boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.boxes import box_ioa, box_iou
from quantgate.core.oks import oks_of_roles, oks_with_truth
from quantgate.core.quads import quad_ioa, quad_iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.predictions import Detections, Objects


def overlap(first: Detections, second: Detections) -> NDArray[np.float64]:
    """IoU (of key points: OKS) [n, m] of two roles' objects."""
    if len(first) and len(second) and first.points is not None and second.points is not None:
        return oks_of_roles(first, second)
    return _overlap(first, second, np.zeros(len(second), np.bool_))


def overlap_with_truth(found: Detections, truth: Objects) -> NDArray[np.float64]:
    """IoU [n, m] with annotated objects; with a crowd region the share of the detection in it.

    Of key points their OKS, with every object.
    """
    if len(found) and len(truth) and found.points is not None and truth.points is not None:
        return oks_with_truth(found, truth)
    return _overlap(found, truth, truth.crowd)


def truth_as_detections(truth: Objects) -> Detections:
    """Annotated objects, those set aside left out, as detections of score 1.

    The confidence of a key point that is not annotated is NaN.
    """
    from quantgate.core.predictions import Detections

    counted = np.flatnonzero(~truth.aside)
    masks = None if truth.masks is None else tuple(truth.masks[i] for i in counted)
    points = None
    if truth.points is not None:
        points = truth.points[counted]
        points[:, :, 2] = np.where(points[:, :, 2] > 0, 1.0, np.nan)
    scores = np.ones(len(counted), np.float32)
    quads = None if truth.quads is None else truth.quads[counted]
    return Detections(
        truth.boxes[counted], scores, truth.labels[counted], masks, points, quads=quads
    )


def plain_overlap(found: Detections, truth: Objects) -> NDArray[np.float64]:
    """IoU [n, m] with annotated objects, whether they count or not: of quadrilaterals, or of boxes."""
    if found.quads is not None and truth.quads is not None:
        return quad_iou(found.quads, truth.quads)
    return box_iou(found.boxes, truth.boxes)


def in_crowd(found: Detections, truth: Objects, threshold: float) -> NDArray[np.bool_]:
    """Whether at least ``threshold`` of a detection lies in an object of its class set aside, [n]."""
    inside = overlap_with_truth(found, truth) >= threshold
    inside &= truth.aside[None, :] & (found.labels[:, None] == truth.labels[None, :])
    return np.asarray(inside.any(axis=1))


def _overlap(
    first: Detections, second: Detections | Objects, crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    if first.masks is not None and second.masks is not None:
        from faster_coco_eval.core import mask as rle

        flags = [int(value) for value in crowd]
        return np.asarray(rle.iou(list(first.masks), list(second.masks), flags), np.float64)
    if first.quads is not None and second.quads is not None:
        iou = quad_iou(first.quads, second.quads)
        if crowd.any():
            iou[:, crowd] = quad_ioa(first.quads, second.quads[crowd])
        return iou
    iou = box_iou(first.boxes, second.boxes)
    if crowd.any():
        iou[:, crowd] = box_ioa(first.boxes, second.boxes[crowd])
    return iou

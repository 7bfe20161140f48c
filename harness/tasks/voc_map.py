"""Pascal VOC's mean average precision at IoU 0.5: all points and 11 points.

Everingham et al., *The Pascal Visual Object Classes Challenge* (IJCV 2010). Boxes are float, without
the +1 pixel of the original kit; regions marked as crowd take the part of its "difficult" objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.average_precision import (
    ClassFlags,
    ImageFlags,
    Interpolation,
    assign_greedily,
    average_precision,
    flag,
    merge,
)
from harness.core.boxes import box_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.predictions import Detections, Objects

VOC_IOU = 0.5


def voc_flags(found: Sequence[Detections], truth: Sequence[Objects]) -> dict[int, ClassFlags]:
    """Match every annotated class by VOC's rules: one look at the best object, no second."""
    by_class: dict[int, list[tuple[int, ImageFlags]]] = {}
    for index, (detections, objects) in enumerate(zip(found, truth, strict=True)):
        iou = box_iou(detections.boxes, objects.boxes)
        for label in np.union1d(detections.labels, objects.labels).tolist():
            rows = np.flatnonzero(detections.labels == label)
            rows = rows[np.argsort(-detections.scores[rows], kind="stable")]
            columns = np.flatnonzero(objects.labels == label)
            aside = objects.crowd[columns]
            chosen = assign_greedily(iou[np.ix_(rows, columns)], aside, (VOC_IOU,), rivals=False)
            flags = flag(detections.scores[rows], chosen, aside)
            by_class.setdefault(label, []).append((index, flags))
    merged = {label: merge(images, len(found), 1) for label, images in sorted(by_class.items())}
    return {label: flags for label, flags in merged.items() if flags.positives.any()}


def voc_by_class(flags: dict[int, ClassFlags], interpolation: Interpolation) -> dict[int, float]:
    """Average precision of every annotated class."""
    return {
        label: float(
            average_precision(own, np.ones((1, len(own.positives)), np.int32), interpolation)[0]
        )
        for label, own in flags.items()
    }

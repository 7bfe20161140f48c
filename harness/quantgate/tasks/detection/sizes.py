"""Average precision of small, medium and large objects, by COCO's rules, ready to be resampled."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quantgate.core.average_precision import (
    COCO_MOST,
    ImageFlags,
    assign_greedily,
    average_precision,
    merge,
)
from quantgate.core.bootstrap import FEWEST_RESAMPLES, resampled_roles, summarize
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.accuracy import class_mean, outline_of, resamples
from quantgate.tasks.detection.average_precision import THRESHOLDS, classes_of
from quantgate.tasks.detection.matching import Detected, checked, objects_of
from quantgate.tasks.detection.overlap import overlap_with_truth
from quantgate.tasks.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.average_precision import ClassFlags
    from quantgate.core.predictions import Detections, Objects
    from quantgate.pair import Role

#: Bounds of the area, px², both included; of an object's mask where the annotation tells it.
SIZES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "small objects": (0.0, 32.0**2),
        "medium objects": (32.0**2, 96.0**2),
        "large objects": (96.0**2, 1e10),
    }
)


def size_segments(comparison: Detected, metric: str) -> tuple[Segment, ...]:
    """Measure each of COCO's sizes that is annotated; none for metrics that are not COCO's, or of quadrilaterals."""
    if metric not in THRESHOLDS or outline_of(comparison) == "corners":
        return ()
    return comparison.once(f"sizes {metric}", lambda: _segments(comparison, metric))


def _segments(comparison: Detected, metric: str) -> tuple[Segment, ...]:
    roles = Pair(*(_flags(comparison, role, THRESHOLDS[metric]) for role in ROLES))
    return tuple(
        _segment(comparison, name, flags)
        for name in SIZES
        if (flags := roles.map(lambda of, name=name: of[name])).parent  # type: ignore[misc]
    )


def _segment(comparison: Detected, name: str, flags: Pair[dict[int, ClassFlags]]) -> Segment:
    # Three sizes share what the whole set's interval may cost, and a little more.
    count = max(FEWEST_RESAMPLES, resamples(flags) // 4)
    once = np.ones((1, len(comparison)), np.int32)
    value = flags.map(lambda role: float(_mean(role, once)[0]))
    samples = resampled_roles(len(comparison), lambda role, drawn: _mean(flags[role], drawn), count)
    positives = np.sum([own.positives for own in flags.parent.values()], axis=0)
    drop = summarize(
        value.parent - value.optimized, samples.parent - samples.optimized, len(comparison)
    )
    return Segment(name, int((positives > 0).sum()), int(positives.sum()), value, drop)


def _mean(flags: Mapping[int, ClassFlags], weights: NDArray[np.int32]) -> NDArray[np.float64]:
    return class_mean({label: average_precision(own, weights) for label, own in flags.items()})


def _flags(
    comparison: Detected, role: Role, thresholds: Sequence[float]
) -> dict[str, dict[int, ClassFlags]]:
    """Match every class of every image once a size; sizes of which nothing is annotated are empty."""
    masks = outline_of(comparison) == "segm"
    listed: dict[str, dict[int, list[tuple[int, ImageFlags]]]] = {name: {} for name in SIZES}
    images = checked(comparison)
    for index, result in enumerate(images):
        found, truth = result.record[role], objects_of(result)
        iou = overlap_with_truth(found, truth)
        areas = _areas(found, masks=masks)
        for label, rows, columns in classes_of(found, truth, COCO_MOST):
            near = _Near(found.scores[rows], areas[rows], iou[rows[:, None], columns], {})
            for name, bounds in SIZES.items():
                flags = _flag_class(near, (truth, columns), thresholds, bounds)
                listed[name].setdefault(label, []).append((index, flags))
    return {
        name: {
            label: merged
            for label, own in sorted(by_class.items())
            if (merged := merge(own, len(images), len(thresholds))).positives.any()
        }
        for name, by_class in listed.items()
    }


class _Near(NamedTuple):
    """Detections of a class on an image: scores and areas [n], IoU [n, m], and what was assigned by who is aside."""

    scores: NDArray[np.float32]
    areas: NDArray[np.float64]
    iou: NDArray[np.float64]
    assigned: dict[bytes, NDArray[np.int64]]


def _flag_class(
    near: _Near,
    annotated: tuple[Objects, NDArray[np.int64]],
    thresholds: Sequence[float],
    bounds: tuple[float, float],
) -> ImageFlags:
    """Match one class on one image: objects of other sizes are set aside, as crowd regions are."""
    (truth, columns), (low, high) = annotated, bounds
    other = np.broadcast_to(
        (near.areas < low) | (near.areas > high), (len(thresholds), len(near.areas))
    )
    if not len(columns):  # most classes of most images
        return ImageFlags(near.scores, np.zeros_like(other), other, 0)
    own = truth.areas[columns]
    aside = truth.aside[columns] | (own < low) | (own > high)
    # Where all are aside, or none is, nobody comes before another.
    key = aside.tobytes() if aside.any() and not aside.all() else b""
    if key not in near.assigned:
        crowd = truth.crowd[columns]
        near.assigned[key] = assign_greedily(near.iou, aside, thresholds, shared=crowd)
    chosen = near.assigned[key]
    matched, counted = chosen >= 0, np.append(aside, False)[chosen]
    return ImageFlags(
        near.scores,
        matched & ~counted,
        (matched & counted) | (~matched & other),
        int((~aside).sum()),
    )


def _areas(found: Detections, *, masks: bool) -> NDArray[np.float64]:
    if masks and found.masks is not None and len(found):
        from faster_coco_eval.core import mask as rle

        return np.asarray(rle.area(list(found.masks)), np.float64)
    sides = found.boxes[:, 2:].astype(np.float64) - found.boxes[:, :2].astype(np.float64)
    return np.asarray(sides.prod(axis=1))

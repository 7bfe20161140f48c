"""Numbers from placed key points, with their intervals: PCK and NME of each role, PCK and OKS between them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import Resampled, bootstrap_ratio
from quantgate.core.metrics import MetricKind
from quantgate.errors import MeasurementError
from quantgate.tasks.detection import accuracy as of_objects
from quantgate.tasks.detection import matching
from quantgate.tasks.detection.summed import Summed
from quantgate.tasks.keypoints.placement import (
    RIGHT_WITHIN,
    SAME_WITHIN,
    against_truth,
    between_roles,
    by_image,
    errors,
    right,
    skeleton_in,
)
from quantgate.tasks.keypoints.space import UNIT, object_means
from quantgate.tasks.keypoints.wholes import pooled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.detection.matching import Detected

_AP = ("ap", "ap50", "ap75", "ap_medium", "ap_large")
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "ap": MetricKind("OKS AP@[.5:.95]"),
        "ap50": MetricKind("OKS AP50"),
        "ap75": MetricKind("OKS AP75"),
        "ap_medium": MetricKind("OKS AP medium", judged=False),
        "ap_large": MetricKind("OKS AP large", judged=False),
        "pck": MetricKind("PCK@.1 of the box"),
        "nme_box": MetricKind("NME of the box", worst=None, is_error=True),
        "nme_eyes": MetricKind("NME of the eyes", worst=None, is_error=True),
        "mpjpe": MetricKind("MPJPE, in the model's unit", unit=UNIT, worst=None, is_error=True),
    }
)
#: Objects in which a key point has to be seen before it is judged by itself.
FEWEST_SEEN = 10
#: Metrics that are a ratio of two sums over images.
SUMS = frozenset({"pck", "nme_box", "nme_eyes", "mpjpe"})


def role_metrics(comparison: Detected, role: Role) -> dict[str, float]:
    """Every metric of one role; what nothing annotated defines is left out."""
    found = dict(of_objects.coco(pooled(comparison), role).overall)
    for metric in sorted(SUMS):
        above, below = sums(comparison, role, metric)
        if below.sum():
            found[metric] = float(above.sum() / below.sum())
    return found


def sums(
    comparison: Detected, role: Role, metric: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a metric is the ratio of, summed over each image, [images] twice."""
    placed = against_truth(comparison, role)
    if metric == "pck":
        near, counts = (values.sum(axis=1) for values in right(placed, RIGHT_WITHIN))
    elif metric == "mpjpe":
        near, counts = object_means(placed.spatial)
    else:
        near, known = errors(placed, by_eyes=metric == "nme_eyes")
        near, counts = near * known, known.astype(np.float64)
    return by_image(placed, near, len(comparison)), by_image(placed, counts, len(comparison))


def _lacking(metric: str) -> str:
    """Say why a metric is not defined, and what to do."""
    if metric == "mpjpe":
        return (
            "no object has keypoints_3d in its annotations, or the decoder gives no depth; use pck in "
            "evaluate.metric"
        )
    return "no face with both eyes is annotated; use nme_box in evaluate.metric"


#: What limits against annotations are measured with.
MEASURES = Summed(
    METRICS,
    SUMS,
    sums,
    _lacking,
    "use ap, ap50 or ap75 in evaluate.metric, or limits.min_keypoint_pck for the worst key point",
    pooled,
)


def role_sums(
    comparison: Detected, plan: EvaluationPlan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """OKS of the matched objects of each image, summed up, and how many there are, [images] twice."""
    images = matching.matched(comparison, plan)
    values = [[m.iou for m in image.matches if matching.is_matched(m)] for image in images]
    return (
        np.array([sum(own) for own in values], np.float64),
        np.array([len(own) for own in values], np.float64),
    )


def role_oks(comparison: Detected, plan: EvaluationPlan) -> Resampled:
    """Mean OKS of the roles over all matched objects; where they see objects and share none, 0 of these."""
    near, counts = role_sums(comparison, plan)
    if not counts.sum():
        return matching.match_rate(matching.matched(comparison, plan))
    return bootstrap_ratio(near, counts)


def space_sums(
    comparison: Detected, plan: EvaluationPlan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean distance in space of each matched object, summed over each image, and their number, [images] twice."""
    placed = between_roles(comparison, plan)
    near, counts = object_means(placed.spatial)
    return by_image(placed, near, len(comparison)), by_image(placed, counts, len(comparison))


def role_mpjpe(comparison: Detected, plan: EvaluationPlan) -> Resampled:
    """Mean distance in space of the roles' key points, each pose about its root, over matched objects.

    Raises
    ------
    MeasurementError
        Where the decoder gives no depth, or no object is matched.
    """
    away, counts = space_sums(comparison, plan)
    if not counts.sum():
        raise MeasurementError(
            f"on {len(comparison)} images no matched object has key points in space: limits.max_role_mpjpe needs "
            'a decoder that gives depth (landmarks with third = "depth"), and objects that both roles find'
        )
    return bootstrap_ratio(away, counts)


def worst_keypoint(comparison: Detected, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the key point that most often leaves its place in the parent, and how often it stays.

    Where the roles see objects and share none, no key point stays.

    Raises
    ------
    MeasurementError
        Where no key point is seen in ten matched objects, or no object at all.
    """
    placed = between_roles(comparison, plan)
    if not len(placed.image):
        return "every key point", matching.match_rate(matching.matched(comparison, plan))
    near, counts = right(placed, SAME_WITHIN)
    worst = worst_of(near.sum(axis=0), counts.sum(axis=0))
    images = len(comparison)
    if worst is None:
        raise MeasurementError(
            f"no key point is seen in {FEWEST_SEEN} matched objects on these {images} images: "
            "limits.min_keypoint_pck needs more images, or a lower evaluate.score_threshold where objects are "
            "there that no role is so sure of"
        )
    found = bootstrap_ratio(
        by_image(placed, near[:, worst], images), by_image(placed, counts[:, worst], images)
    )
    return skeleton_in(comparison).names[worst], found


def worst_of(near: NDArray[np.float64], seen: NDArray[np.float64]) -> int | None:
    """Find the key point of the smallest share, sums [points] each; None where none is seen often enough."""
    large = np.flatnonzero(seen >= FEWEST_SEEN)
    return min(large.tolist(), key=lambda point: near[point] / seen[point], default=None)

"""Numbers from placed key points, with their intervals: PCK and NME of each role, PCK and OKS between them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import (
    Resampled,
    bootstrap_ratio,
    divide,
    draw,
    summarize,
    summarize_roles,
)
from quantgate.core.metrics import MetricKind
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection import accuracy as of_objects
from quantgate.tasks.detection import matching
from quantgate.tasks.keypoints.placement import (
    RIGHT_WITHIN,
    SAME_WITHIN,
    against_truth,
    between_roles,
    errors,
    right,
    skeleton_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.detection.matching import Detected
    from quantgate.tasks.keypoints.placement import Placed

_AP = ("ap", "ap50", "ap75", "ap_medium", "ap_large")
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "ap": MetricKind("OKS AP@[.5:.95]"),
        "ap50": MetricKind("OKS AP50"),
        "ap75": MetricKind("OKS AP75"),
        "ap_medium": MetricKind("OKS AP medium"),
        "ap_large": MetricKind("OKS AP large"),
        "pck": MetricKind("PCK@.1 of the box"),
        "nme_box": MetricKind("NME of the box", worst=None, is_error=True),
        "nme_eyes": MetricKind("NME of the eyes", worst=None, is_error=True),
    }
)
#: Objects in which a key point has to be seen before it is judged by itself.
FEWEST_SEEN = 10
_SUMS = frozenset({"pck", "nme_box", "nme_eyes"})


def role_metrics(comparison: Detected, role: Role) -> dict[str, float]:
    """Every metric of one role; what nothing annotated defines is left out."""
    found = dict(of_objects.coco(comparison, role).overall)
    for metric in sorted(_SUMS):
        above, below = _sums(comparison, role, metric)
        if below.sum():
            found[metric] = float(above.sum() / below.sum())
    return found


def _sums(
    comparison: Detected, role: Role, metric: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a metric is the ratio of, summed over each image, [images] twice."""
    placed = against_truth(comparison, role)
    if metric == "pck":
        near, counts = (values.sum(axis=1) for values in right(placed, RIGHT_WITHIN))
    else:
        near, known = errors(placed, by_eyes=metric == "nme_eyes")
        near, counts = near * known, known.astype(np.float64)
    return by_image(placed, near, len(comparison)), by_image(placed, counts, len(comparison))


def by_image(placed: Placed, values: NDArray[np.float64], images: int) -> NDArray[np.float64]:
    """Sum one value an object, [n], over the objects of each image, [images]."""
    return np.bincount(placed.image, values, images).astype(np.float64)


def _resampled(comparison: Detected, metric: str) -> tuple[Pair[float], Pair[NDArray[np.float64]]]:
    """Measure a sum's ratio of each role, and that of the same resamples of both, [resamples] each."""
    sums = Pair(*(_sums(comparison, role, metric) for role in ROLES))
    if not sums.parent[1].sum():
        raise DatasetError(
            f"{METRICS[metric].title} is not defined on these {len(comparison)} images: no face with both "
            "eyes is annotated; use nme_box in evaluate.metric"
        )
    weights = draw(len(comparison))
    value = sums.map(lambda of: float(of[0].sum() / of[1].sum()))
    return value, sums.map(lambda of: divide(weights @ of[0], weights @ of[1]))


def accuracy_drop(comparison: Detected, metric: str) -> Resampled:
    """``parent - optimized``, of errors the other way round, with its paired interval."""
    if metric not in _SUMS:
        return of_objects.accuracy_drop(comparison, metric)
    value, samples = _resampled(comparison, metric)
    sign = -1.0 if METRICS[metric].is_error else 1.0
    lost = sign * (value.parent - value.optimized)
    return summarize(lost, sign * (samples.parent - samples.optimized), len(comparison))


def metric_values(comparison: Detected, metric: str) -> Pair[float]:
    """Return the metric of both roles."""
    if metric not in _SUMS:
        return of_objects.metric_values(comparison, metric)
    return _resampled(comparison, metric)[0]


def role_scores(comparison: Detected, metric: str) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    if metric not in _SUMS:
        return of_objects.role_scores(comparison, metric)
    return summarize_roles(*_resampled(comparison, metric), len(comparison))


def error_increase(comparison: Detected, metric: str) -> Resampled:
    """Relative growth of the error: of NME itself, else of what is missing to 1.

    Raises
    ------
    MeasurementError
        Where the parent makes no error.
    """
    if metric not in _SUMS:
        return of_objects.error_increase(comparison, metric)
    value, samples = _resampled(comparison, metric)
    if not METRICS[metric].is_error:
        value, samples = value.map(lambda of: 1 - of), samples.map(lambda of: 1 - of)
    of_objects.refuse_perfect(1 - value.parent, metric)
    growth = divide(samples.optimized, samples.parent) - 1
    return summarize(value.optimized / value.parent - 1, growth, len(comparison))


def class_drop(comparison: Detected, metric: str) -> Resampled:
    """Measure the drop of the class that lost most.

    Raises
    ------
    MeasurementError
        For a metric that is not of single classes.
    """
    if metric in _SUMS:
        raise MeasurementError(
            f"limits.max_class_drop is not defined for {METRICS[metric].title}; use ap, ap50 or ap75 in "
            "evaluate.metric, or limits.min_keypoint_pck for the worst key point"
        )
    return of_objects.class_drop(comparison, metric)


def role_oks(comparison: Detected, plan: EvaluationPlan) -> Resampled:
    """Mean OKS of the roles over all matched objects."""
    images = matching.matched(comparison, plan)
    values = [[m.iou for m in image.matches if matching.is_matched(m)] for image in images]
    counts = np.array([len(own) for own in values], np.float64)
    if not counts.sum():
        raise MeasurementError(_nothing_matched(len(comparison)))
    return bootstrap_ratio(np.array([sum(own) for own in values]), counts)


def worst_keypoint(comparison: Detected, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the key point that most often leaves its place in the parent, and how often it stays.

    Raises
    ------
    MeasurementError
        Where no key point is seen in ten matched objects.
    """
    placed = between_roles(comparison, plan)
    if not len(placed.image):
        raise MeasurementError(_nothing_matched(len(comparison)))
    near, counts = right(placed, SAME_WITHIN)
    seen = counts.sum(axis=0)
    large = np.flatnonzero(seen >= FEWEST_SEEN)
    if not len(large):
        raise MeasurementError(
            f"no key point is seen in {FEWEST_SEEN} matched objects on these {len(comparison)} images: "
            "limits.min_keypoint_pck needs more images"
        )
    worst = int(min(large, key=lambda point: near[:, point].sum() / seen[point]))
    images = len(comparison)
    found = bootstrap_ratio(
        by_image(placed, near[:, worst], images), by_image(placed, counts[:, worst], images)
    )
    return skeleton_in(comparison).names[worst], found


def _nothing_matched(images: int) -> str:
    return (
        f"the roles have no object in common on any of {images} images: no key point can be compared; see "
        "min_match_rate, and lower evaluate.score_threshold if both see little"
    )

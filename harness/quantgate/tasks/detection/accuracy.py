"""Accuracy of detected objects against the truth: metrics of both roles and what quantization cost."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np

from quantgate.core.average_precision import (
    COCO_MOST,
    ClassFlags,
    Interpolation,
    average_precision,
)
from quantgate.core.bootstrap import (
    FEWEST_RESAMPLES,
    RESAMPLES,
    Resampled,
    divide,
    resampled,
    summarize,
    summarize_roles,
)
from quantgate.core.metrics import MetricKind
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.average_precision import (
    MOST_POINTED,
    THRESHOLDS,
    VOC_IOU,
    CocoScores,
    Outline,
    coco_flags,
    coco_scores,
    interpolation_of,
    voc_by_class,
    voc_flags,
)
from quantgate.tasks.detection.matching import Detected, checked, objects_of
from quantgate.tasks.losses import refuse_perfect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.predictions import Detections, Objects
    from quantgate.pair import Role

#: Objects that a class needs before its own drop is judged.
FEWEST_OBJECTS = 10
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "ap": MetricKind("AP@[.5:.95]"),
        "ap50": MetricKind("AP50"),
        "ap75": MetricKind("AP75"),
        "ap_small": MetricKind("AP small", judged=False),
        "ap_medium": MetricKind("AP medium", judged=False),
        "ap_large": MetricKind("AP large", judged=False),
        "voc": MetricKind("VOC mAP (all points)"),
        "voc11": MetricKind("VOC mAP (11 points)"),
    }
)
# Cells touched by all resamples together: a few seconds on one core.
_BUDGET = 400_000_000


def outline_of(comparison: Detected) -> Outline:
    """Key points, masks or quadrilaterals where every object of both roles and of the truth has them, else boxes."""
    return comparison.once("outline", lambda: _outline_of(comparison))


def _outline_of(comparison: Detected) -> Outline:
    listed: list[Detections | Objects] = []
    for result in checked(comparison):
        listed += [*result.record, objects_of(result)]
    found = [item for item in listed if len(item)]
    if found and all(item.points is not None for item in found):
        return "keypoints"
    if found and all(item.quads is not None for item in found):
        return "corners"
    return "segm" if found and all(item.masks is not None for item in found) else "bbox"


def coco(comparison: Detected, role: Role, outline: Outline | None = None) -> CocoScores:
    """COCO's scores of one role, by masks where all have one unless ``outline`` says otherwise.

    Raises
    ------
    DatasetError
        Where an image has no annotation, or no image has an annotated object.
    """
    by = outline or outline_of(comparison)
    scores = comparison.once(f"coco {by} {role}", lambda: _coco(comparison, role, by))
    if not scores.overall:
        raise DatasetError(
            f"none of {len(comparison)} images holds an annotated object: average precision is not "
            "defined; check the dataset's annotations"
        )
    return scores


def _coco(comparison: Detected, role: Role, outline: Outline) -> CocoScores:
    images = checked(comparison)
    return coco_scores([r.record[role] for r in images], [objects_of(r) for r in images], outline)


def role_metrics(comparison: Detected, role: Role) -> dict[str, float]:
    """Every metric of one role; a size of which nothing is annotated has none."""
    overall = dict(coco(comparison, role).overall)
    for name in ("voc", "voc11"):
        overall[name] = float(np.mean(list(class_metrics(comparison, role, name).values())))
    return overall


def class_metrics(comparison: Detected, role: Role, metric: str) -> dict[int, float]:
    """One metric of one role for every annotated class."""
    if metric in THRESHOLDS:
        rows = coco(comparison, role).by_class
        return {label: row[metric] for label, row in rows.items()}
    if metric not in {"voc", "voc11"}:
        raise MeasurementError(
            f"metric {metric} cannot be judged for object detection; expected ap, ap50, ap75, voc "
            "or voc11 in evaluate.metric"
        )
    coco(comparison, role)
    return voc_by_class(flags_of(comparison, role, metric), cast("Interpolation", metric))


def flags_of(comparison: Detected, role: Role, metric: str) -> dict[int, ClassFlags]:
    """Match one role with the truth, class by class, by the rules of a metric that can be resampled."""
    images = checked(comparison)
    found, truth = [r.record[role] for r in images], [objects_of(r) for r in images]
    if outline_of(comparison) == "corners":
        levels = THRESHOLDS.get(metric, (VOC_IOU,))
        return comparison.once(f"flags {metric} {role}", lambda: voc_flags(found, truth, levels))
    if metric in THRESHOLDS:
        thresholds = THRESHOLDS[metric]
        most = MOST_POINTED if outline_of(comparison) == "keypoints" else COCO_MOST
        return comparison.once(
            f"flags {metric} {role}", lambda: coco_flags(found, truth, thresholds, most)
        )
    return comparison.once(f"flags voc {role}", lambda: voc_flags(found, truth))


def metric_values(comparison: Detected, metric: str) -> Pair[float]:
    """Return the metric of both roles."""
    return Pair(*(_overall(comparison, role, metric) for role in ROLES))


def _overall(comparison: Detected, role: Role, metric: str) -> float:
    if metric in THRESHOLDS:
        return coco(comparison, role).overall[metric]
    return float(np.mean(list(class_metrics(comparison, role, metric).values())))


def accuracy_drop(comparison: Detected, metric: str) -> Resampled:
    """``parent - optimized`` with its paired interval."""
    value = metric_values(comparison, metric)
    samples = _resampled(comparison, metric)
    difference = class_mean(samples.parent) - class_mean(samples.optimized)
    return summarize(value.parent - value.optimized, difference, len(comparison))


def role_scores(comparison: Detected, metric: str) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    samples = _resampled(comparison, metric).map(class_mean)
    return summarize_roles(metric_values(comparison, metric), samples, len(comparison))


def error_increase(comparison: Detected, metric: str) -> Resampled:
    """``(1 - optimized) / (1 - parent) - 1``: relative growth of what is missing to perfect.

    Raises
    ------
    MeasurementError
        Where the parent is perfect: growth from nothing is not defined.
    """
    value = metric_values(comparison, metric)
    refuse_perfect(value.parent, metric)
    samples = _resampled(comparison, metric)
    ratios = divide(1 - class_mean(samples.optimized), 1 - class_mean(samples.parent)) - 1
    growth = (1 - value.optimized) / (1 - value.parent) - 1
    return summarize(growth, ratios, len(comparison))


def class_drop(comparison: Detected, metric: str) -> Resampled:
    """Measure the drop of the class that lost most, among those with at least ten annotated objects."""
    label = worst_class(comparison, metric)
    values = Pair(*(class_metrics(comparison, role, metric)[label] for role in ROLES))
    samples = _resampled(comparison, metric)
    return summarize(
        values.parent - values.optimized,
        samples.parent[label] - samples.optimized[label],
        len(comparison),
    )


def worst_class(comparison: Detected, metric: str) -> int:
    """Class id with the largest drop, the first of several.

    Raises
    ------
    MeasurementError
        Where no class has ten annotated objects.
    """
    values = Pair(*(class_metrics(comparison, role, metric) for role in ROLES))
    counted = object_counts(comparison)
    large = [label for label in sorted(values.parent) if counted[label] >= FEWEST_OBJECTS]
    if not large:
        raise MeasurementError(
            f"no class has {FEWEST_OBJECTS} annotated objects on these {len(comparison)} images: "
            "limits.max_class_drop needs more images"
        )
    return max(large, key=lambda label: values.parent[label] - values.optimized[label])


def object_counts(comparison: Detected) -> dict[int, int]:
    """Annotated objects of every class, crowd regions left out."""
    listed = [objects_of(r) for r in comparison.images]
    labels = np.concatenate([item.labels[~item.aside] for item in listed])
    values, counts = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _resampled(comparison: Detected, metric: str) -> Pair[dict[int, NDArray[np.float64]]]:
    """Average precision of every class on every resample, both roles on the same resamples."""
    return comparison.once(f"resampled {metric}", lambda: _resample(comparison, metric))


def _resample(comparison: Detected, metric: str) -> Pair[dict[int, NDArray[np.float64]]]:
    flags = Pair(*(flags_of(comparison, role, metric) for role in ROLES))
    interpolation = interpolation_of(metric, outline_of(comparison))
    every = [own for role in flags for own in role.values()]
    found = resampled(
        len(comparison),
        lambda drawn: np.stack([average_precision(own, drawn, interpolation) for own in every], 1),
        resamples(flags),
    )
    columns = iter(found.T)
    return flags.map(lambda role: dict(zip(role, columns, strict=False)))


def resamples(flags: Pair[dict[int, ClassFlags]]) -> int:
    """How many resamples the size of the set allows: by count, never by clock, so it repeats."""
    work = sum(own.work for role in flags for own in role.values())
    return int(np.clip(_BUDGET // max(work, 1), FEWEST_RESAMPLES, RESAMPLES))


def class_mean(samples: Mapping[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over the classes, values by resample [resamples] each; NaN where a resample holds none."""
    stacked = np.stack(list(samples.values()))
    held = np.isfinite(stacked)
    return divide(np.where(held, stacked, 0.0).sum(axis=0), held.sum(axis=0).astype(np.float64))

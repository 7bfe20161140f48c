"""Semantic segmentation: one class a pixel."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.likeness import Measure
from quantgate.core.matching import ChangeCounts
from quantgate.core.metrics import MetricKind
from quantgate.core.predictions import LabelMap
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.detection.tables import label_name
from quantgate.tasks.protocol import ImageChange, TallyKind
from quantgate.tasks.segmentation import accuracy, record, tally
from quantgate.tasks.segmentation.soft_accuracy import role_mae
from quantgate.tasks.segmentation.tables import (
    basic_table,
    class_table,
    hidden_classes,
    image_agreement,
    sentence_of,
    soft_apart,
)
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import Match
    from quantgate.core.pictures import PictureKind
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.segmentation.accuracy import Segmented
    from quantgate.tasks.segmentation.record import SegmentationRecord

DEFAULT_METRIC = "miou"
TRUTH: str | None = "pixels"
PICTURE: PictureKind | None = "segments"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "miou": MetricKind("Mean IoU"),
        "pixels": MetricKind("Pixel accuracy"),
        "foreground_iou": MetricKind("IoU of the foreground"),
        "foreground_f1": MetricKind("F1 of the foreground"),
        "mae": MetricKind("MAE of the soft map", worst=None, is_error=True),
        "max_f": MetricKind("Max F of the soft map (beta² .3)"),
    }
)
_QUANTITIES: Mapping[str, Callable[[Segmented, str], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": accuracy.accuracy_drop,
        "max_error_increase": accuracy.error_increase,
        "max_class_drop": lambda c, _: accuracy.class_drop(c),
        "max_segment_drop": lambda c, metric: worst_segment(segments(c, metric), len(c)).drop,
        "min_agreement": lambda c, _: accuracy.agreement(c),
        "min_role_iou": lambda c, _: accuracy.role_iou(c),
        "min_class_iou": lambda c, _: accuracy.class_iou(c),
        "max_role_mae": lambda c, _: role_mae(c),
    }
)
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
TALLY = TallyKind(tally.tally, tally.unpack)
#: What tells a parent that is fed wrongly, where images are annotated.
FITNESS = Measure("mean IoU of an image", 0.7, 0.04)


#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack


def _metric(plan: EvaluationPlan) -> str:
    return plan.metric or DEFAULT_METRIC


def metrics(comparison: Segmented) -> Pair[dict[str, float]]:
    """Every metric of both roles; of two classes also those of the second, the foreground."""
    return Pair(*(accuracy.role_metrics(comparison, role, METRICS) for role in ROLES))


def judge_quantity(key: str, comparison: Segmented, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """
    task = TaskLimits("semantic segmentation", LIMITS)
    return judge(
        key, comparison, task, lambda own: _QUANTITIES[own](comparison, _metric(plan)).estimate
    )


def smallest_drop(comparison: Segmented, plan: EvaluationPlan) -> float:
    """Smallest drop of the metric that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, _metric(plan)).smallest_drop


def role_scores(comparison: Segmented, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    return accuracy.role_scores(comparison, _metric(plan))


def subject(key: str, comparison: Segmented, plan: EvaluationPlan) -> str:
    """Name the class that a limit on the worst class is about; empty for every other limit."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, _metric(plan)), len(comparison)).name
    if key == "max_class_drop":
        return label_name(comparison.labels, accuracy.worst_class(comparison))
    if key == "min_class_iou":
        return label_name(comparison.labels, accuracy.least_alike_class(comparison))
    return ""


def detail(key: str, comparison: Segmented, plan: EvaluationPlan) -> ChangeCounts:
    """Count the images that are equal in every pixel, and those that are not (as relabelled)."""
    del key, plan
    same = sum(share == 1.0 for share in image_agreement(comparison))
    return ChangeCounts(kept=same, relabelled=len(comparison) - same)


def tables(comparison: Segmented, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the tables by image and by class, and that of the segments that the dataset names."""
    annotated = all(isinstance(result.truth, LabelMap) for result in comparison.images)
    parts = segments(comparison, _metric(plan))
    return (
        basic_table(comparison, annotated=annotated),
        class_table(comparison, annotated=annotated),
        *([segment_table(parts, METRICS[_metric(plan)])] if parts else []),
    )


def segments(comparison: Segmented, metric: str) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names."""
    return comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison,
            lambda own: Pair(*(accuracy.metric_value(own, role, metric) for role in ROLES)),
            lambda own: accuracy.accuracy_drop(own, metric),
        ),
    )


def changes(result: ImageResult[SegmentationRecord], plan: EvaluationPlan) -> list[Match]:
    """Return nothing: a class map has no objects."""
    del result, plan
    return []


def severity(comparison: Segmented, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the changes of one class map are; tuples compare from left to right, more is worse.

    1. With annotations: pixels that were right and are wrong now, as a share of those annotated; counted
       class by class, so that one class's gain does not hide another's loss.
    2. Over the classes that the parent sees here: the share of the class that is gone times the square
       root of its share of the image. A small class that vanished comes before the seams of a large one.
    3. The share of pixels that changed, and of soft maps their mean difference.
    """
    del plan
    return (
        _turned_wrong(comparison, index),
        _lost_classes(comparison, index),
        1.0 - image_agreement(comparison)[index] + soft_apart(comparison, index),
    )


def _turned_wrong(comparison: Segmented, index: int) -> float:
    if not all(isinstance(result.truth, LabelMap) for result in comparison.images):
        return 0.0
    parent, optimized = (accuracy.areas(comparison, role, "against_truth") for role in ROLES)
    fewer = np.maximum(parent.common[index] - optimized.common[index], 0)
    return float(fewer.sum() / max(1, parent.reference[index].sum()))


def _lost_classes(comparison: Segmented, index: int) -> float:
    found = accuracy.areas(comparison, "optimized", "against_parent")
    seen, kept = found.reference[index], found.common[index]
    gone = (seen - kept) / np.maximum(seen, 1)
    return float((gone * np.sqrt(seen / max(1, seen.sum()))).sum())


#: Soft maps that differ by less look the same in eight bits.
_ROUNDED = 0.5 / 255


def worst(comparison: Segmented, plan: EvaluationPlan) -> list[ImageChange]:
    """Images on which a pixel changed its class, or a soft map by more than rounding, in the order of `severity`."""
    listed = [
        ImageChange(index, severity(comparison, index, plan), sentence_of(comparison, index))
        for index, share in enumerate(image_agreement(comparison))
        if share < 1.0 or soft_apart(comparison, index) > _ROUNDED
    ]
    return sorted(listed, key=lambda change: change.severity, reverse=True)


def doubts(comparison: Segmented) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent sees."""
    from quantgate.tasks.doubts.maps import map_doubts

    return map_doubts(comparison)


def notes(comparison: Segmented) -> tuple[str, ...]:
    """Name the class in which the roles part although nearly all pixels agree."""
    return hidden_classes(comparison)

"""Semantic segmentation: one class a pixel."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.matching import ChangeCounts
from quantgate.core.metrics import MetricKind
from quantgate.core.predictions import LabelMap
from quantgate.errors import MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.detection.tables import label_name
from quantgate.tasks.protocol import ImageChange, TallyKind
from quantgate.tasks.segmentation import accuracy, record, tally
from quantgate.tasks.segmentation.tables import (
    basic_table,
    class_table,
    image_agreement,
    sentence_of,
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
    }
)
_QUANTITIES: Mapping[str, Callable[[Segmented], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": accuracy.accuracy_drop,
        "max_error_increase": accuracy.error_increase,
        "max_class_drop": accuracy.class_drop,
        "max_segment_drop": lambda c: worst_segment(segments(c), len(c)).drop,
        "min_agreement": accuracy.agreement,
        "min_role_iou": accuracy.role_iou,
        "min_class_iou": accuracy.class_iou,
    }
)
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
TALLY = TallyKind(tally.tally, tally.unpack)


#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack


def metrics(comparison: Segmented) -> Pair[dict[str, float]]:
    """Mean IoU and pixel accuracy of both roles."""
    return Pair(
        *(
            {
                "miou": accuracy.mean_iou(comparison, role),
                "pixels": accuracy.pixel_accuracy(comparison, role),
            }
            for role in ROLES
        )
    )


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
    return judge(key, comparison, task, lambda own: _quantity(own, comparison, plan))


def _quantity(key: str, comparison: Segmented, plan: EvaluationPlan) -> Estimate:
    if plan.metric not in {None, DEFAULT_METRIC}:
        raise MeasurementError(
            f"metric {plan.metric} cannot be judged for semantic segmentation; leave "
            "evaluate.metric out (mean IoU)"
        )
    return _QUANTITIES[key](comparison).estimate


def smallest_drop(comparison: Segmented, plan: EvaluationPlan) -> float:
    """Smallest drop of mean IoU that this evaluation set can detect."""
    del plan
    return accuracy.accuracy_drop(comparison).smallest_drop


def role_scores(comparison: Segmented, plan: EvaluationPlan) -> Pair[Resampled]:
    """Mean IoU of each role, with its own interval."""
    del plan
    return accuracy.role_scores(comparison)


def subject(key: str, comparison: Segmented, plan: EvaluationPlan) -> str:
    """Name the class that a limit on the worst class is about; empty for every other limit."""
    del plan
    if key == "max_segment_drop":
        return worst_segment(segments(comparison), len(comparison)).name
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
    del plan
    annotated = all(isinstance(result.truth, LabelMap) for result in comparison.images)
    parts = segments(comparison)
    return (
        basic_table(comparison, annotated=annotated),
        class_table(comparison, annotated=annotated),
        *([segment_table(parts, METRICS[DEFAULT_METRIC])] if parts else []),
    )


def segments(comparison: Segmented) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names."""
    return comparison.once(
        "segments",
        lambda: user_segments(
            comparison,
            lambda own: Pair(*(accuracy.mean_iou(own, role) for role in ROLES)),
            accuracy.accuracy_drop,
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
    3. The share of pixels that changed.
    """
    del plan
    return (
        _turned_wrong(comparison, index),
        _lost_classes(comparison, index),
        1.0 - image_agreement(comparison)[index],
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


def worst(comparison: Segmented, plan: EvaluationPlan) -> list[ImageChange]:
    """Images on which a pixel changed its class, in the order of `severity`."""
    listed = [
        ImageChange(index, severity(comparison, index, plan), sentence_of(comparison, index))
        for index, share in enumerate(image_agreement(comparison))
        if share < 1.0
    ]
    return sorted(listed, key=lambda change: change.severity, reverse=True)

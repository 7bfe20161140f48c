"""Key points: object detection by OKS in place of IoU, and how far each key point is off."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.likeness import Measure
from quantgate.errors import DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.detection import accuracy as of_objects
from quantgate.tasks.detection import matching, record
from quantgate.tasks.detection import task as detection
from quantgate.tasks.detection.average_precision import THRESHOLDS
from quantgate.tasks.detection.severity import severity
from quantgate.tasks.detection.tables import class_table, label_name
from quantgate.tasks.detection.task import changes, detail, doubts, metric_of, quantities
from quantgate.tasks.keypoints import accuracy, tally
from quantgate.tasks.keypoints.placement import moved_points, skeleton_in
from quantgate.tasks.keypoints.space import UNIT
from quantgate.tasks.keypoints.tables import in_oks, keypoint_table
from quantgate.tasks.keypoints.wholes import pooled
from quantgate.tasks.protocol import TallyKind
from quantgate.tasks.segments import Segment, segment_table, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Detections, Truth
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.matching import Detected, MatchedImage
    from quantgate.tasks.detection.task import Quantity
    from quantgate.tasks.protocol import ImageChange

__all__ = [
    "DEFAULT_METRIC",
    "FITNESS",
    "LIMITS",
    "METRICS",
    "PICTURE",
    "TALLY",
    "TRUTH",
    "changes",
    "compact",
    "detail",
    "doubts",
    "judge_quantity",
    "metrics",
    "pack",
    "role_scores",
    "severity",
    "smallest_drop",
    "subject",
    "tables",
    "unpack",
    "worst",
]

DEFAULT_METRIC = "ap"
TRUTH: str | None = "points"
PICTURE: PictureKind | None = "objects"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS

_QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        **quantities(accuracy.MEASURES),
        "min_role_oks": accuracy.role_oks,
        "max_role_mpjpe": accuracy.role_mpjpe,
        "min_keypoint_pck": lambda c, plan: accuracy.worst_keypoint(c, plan)[1],
    }
)
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
TALLY = TallyKind(tally.tally, tally.unpack)
FITNESS = Measure("soft F1 by OKS", 0.4, 0.03)


def compact(
    prediction: Pair[Detections], truth: Truth | None, name: str = "this image"
) -> Pair[Detections]:
    """Keep the best objects of both roles with their key points.

    Raises
    ------
    DecoderError
        On NaN or infinity, and on objects without key points, naming the image.
    """
    del truth  # it travels beside the record
    for role in ROLES:
        found = prediction[role]
        if len(found) and found.points is None:
            raise DecoderError(
                f"{name}, {role} model: objects without key points; keypoints needs a decoder that gives "
                'them, or task = "detection"'
            )
        columns = (found.scores, found.boxes, found.points, found.spatial)
        if not all(np.isfinite(column).all() for column in columns if column is not None):
            raise DecoderError(
                f"{name}, {role} model: scores, boxes or key points hold NaN or infinity"
            )
    return prediction.map(detection.best_of)


#: How the objects of one role are kept in a file.
pack, unpack = record.pack, record.unpack


def metrics(comparison: Detected) -> Pair[dict[str, float]]:
    """Every metric of both roles; what nothing annotated defines has none."""
    return Pair(*(accuracy.role_metrics(comparison, role) for role in ROLES))


def judge_quantity(key: str, comparison: Detected, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """
    task = TaskLimits("key points", LIMITS)
    found = judge(key, comparison, task, lambda own: _QUANTITIES[own](comparison, plan).estimate)
    in_metric = key in {"max_accuracy_drop", "max_segment_drop"} and METRICS[metric_of(plan)].unit
    return replace(found, unit=UNIT) if in_metric or key == "max_role_mpjpe" else found


def smallest_drop(comparison: Detected, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.MEASURES.accuracy_drop(comparison, metric_of(plan)).smallest_drop


def role_scores(comparison: Detected, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the plan's metric of each role, with its own interval."""
    return accuracy.MEASURES.role_scores(comparison, metric_of(plan))


def subject(key: str, comparison: Detected, plan: EvaluationPlan) -> str:
    """Name the class, segment or key point that a limit on the worst one is about."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, plan), len(comparison)).name
    if key == "min_keypoint_pck":
        return accuracy.worst_keypoint(comparison, plan)[0]
    if key == "max_class_drop" and metric_of(plan) in THRESHOLDS:
        return label_name(
            comparison.labels, of_objects.worst_class(pooled(comparison), metric_of(plan))
        )
    return detection.subject(key, comparison, plan) if key == "min_class_precision" else ""


def tables(comparison: Detected, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make basic, advanced and by key point; with annotations the same of each role, and by class."""
    rule = matching.rule_of(plan)
    return comparison.once(f"tables {rule} {metric_of(plan)}", lambda: _tables(comparison, plan))


def _tables(comparison: Detected, plan: EvaluationPlan) -> tuple[Table, ...]:
    basic, advanced, *against = map(in_oks, detection.tables_of_objects(comparison, plan))
    made = [basic, advanced, keypoint_table(comparison, plan), *against]
    metric = metric_of(plan)
    if detection.judged_with_truth(comparison):
        parts = segments(comparison, plan)
        made += [segment_table(parts, METRICS[metric])] if parts else []
        made += [class_table(pooled(comparison), metric)] if metric in THRESHOLDS else []
    return tuple(made)


def segments(comparison: Detected, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the sizes of objects, and the segments that the dataset names."""
    whole = metric_of(plan) in THRESHOLDS
    return detection.segments_by(
        pooled(comparison) if whole else comparison, plan, accuracy.MEASURES
    )


def worst(comparison: Detected, plan: EvaluationPlan) -> list[ImageChange]:
    """Images on which an object is not simply kept, in the order of `severity`."""
    names = skeleton_in(comparison).names

    def moved(image: MatchedImage, match: Match) -> str:
        return _moved(image, match, names)

    rule = matching.rule_of(plan)
    return comparison.once(f"worst {rule}", lambda: detection.changed(comparison, plan, moved))


def _moved(image: MatchedImage, match: Match, names: Sequence[str]) -> str:
    """Word how far an object moved, and which of its key points moved most."""
    away, side = moved_points(image.objects.parent, image.objects.optimized, match)
    farthest = int(np.nanargmax(away))
    return f"OKS {match.iou:.2f}, {names[farthest]} by {away[farthest] * side:.0f} px"

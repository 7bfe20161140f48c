"""Quadrilaterals: object detection by the overlap of polygons, and regions of text by ICDAR's protocol."""

from __future__ import annotations

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
from quantgate.tasks.detection.severity import severity
from quantgate.tasks.detection.tables import class_table, label_name
from quantgate.tasks.detection.task import changes, detail, quantities, worst
from quantgate.tasks.protocol import TallyKind
from quantgate.tasks.quads import accuracy, tally
from quantgate.tasks.segments import Segment, segment_table, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.estimate import Estimate
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Detections, Truth
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.matching import Detected
    from quantgate.tasks.detection.task import Quantity

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

DEFAULT_METRIC = "ap50"
TRUTH: str | None = "corners"
PICTURE: PictureKind | None = "objects"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS

_QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    quantities(accuracy.MEASURES, DEFAULT_METRIC)
)
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
TALLY = TallyKind(lambda c, plan: tally.tally(c, metric_of(plan)), tally.unpack)
FITNESS = Measure("soft F1 of quadrilaterals", 0.4, 0.03)


def metric_of(plan: EvaluationPlan) -> str:
    """Name the metric that is judged."""
    return plan.metric or DEFAULT_METRIC


def compact(
    prediction: Pair[Detections], truth: Truth | None, name: str = "this image"
) -> Pair[Detections]:
    """Keep the best objects of both roles with their corners.

    Raises
    ------
    DecoderError
        On NaN or infinity, and on objects without corners, naming the image.
    """
    del truth  # it travels beside the record
    for role in ROLES:
        found = prediction[role]
        if len(found) and found.quads is None:
            raise DecoderError(
                f"{name}, {role} model: objects without corners; quads needs a decoder that gives them, or "
                'task = "detection"'
            )
        columns = (found.scores, found.boxes, found.quads)
        if not all(np.isfinite(column).all() for column in columns if column is not None):
            raise DecoderError(
                f"{name}, {role} model: scores, boxes or corners hold NaN or infinity"
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
    task = TaskLimits("quadrilaterals", LIMITS)
    return judge(key, comparison, task, lambda own: _QUANTITIES[own](comparison, plan).estimate)


def smallest_drop(comparison: Detected, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.MEASURES.accuracy_drop(comparison, metric_of(plan)).smallest_drop


def role_scores(comparison: Detected, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the plan's metric of each role, with its own interval."""
    return accuracy.MEASURES.role_scores(comparison, metric_of(plan))


def subject(key: str, comparison: Detected, plan: EvaluationPlan) -> str:
    """Name the class or segment that a limit on the worst one is about; empty for every other limit."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, plan), len(comparison)).name
    if key == "max_class_drop":
        label = of_objects.worst_class(comparison, metric_of(plan))
        return label_name(comparison.labels, label)
    return detection.subject(key, comparison, plan)


def tables(comparison: Detected, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make basic and advanced; with annotations the same of each role, and by class."""
    rule = matching.rule_of(plan)
    return comparison.once(f"tables {rule} {metric_of(plan)}", lambda: _tables(comparison, plan))


def _tables(comparison: Detected, plan: EvaluationPlan) -> tuple[Table, ...]:
    made = detection.tables_of_objects(comparison, plan)
    metric = metric_of(plan)
    if detection.judged_with_truth(comparison):
        parts = segments(comparison, plan)
        made += [segment_table(parts, METRICS[metric])] if parts else []
        made += [class_table(comparison, metric)] if accuracy.by_class(metric) else []
    return tuple(made)


def segments(comparison: Detected, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the sizes of objects, and the segments that the dataset names."""
    return detection.segments_by(comparison, plan, accuracy.MEASURES, DEFAULT_METRIC)


def doubts(comparison: Detected) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent sees."""
    from quantgate.tasks.doubts.quads import quad_doubts

    return quad_doubts(comparison)

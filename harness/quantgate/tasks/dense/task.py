"""Dense values: depth, disparity, optical flow, planes of colour: numbers at every pixel."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.core.dense import MEASURES
from quantgate.core.likeness import Measure
from quantgate.core.matching import ChangeCounts
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.dense import accuracy, record, tally
from quantgate.tasks.dense.accuracy import OF_ROLES, in_unit_of, metric_of, role_error
from quantgate.tasks.dense.tables import annotated, image_table, is_changed, range_table
from quantgate.tasks.doubts.dense import dense_doubts
from quantgate.tasks.protocol import ImageChange, TallyKind
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.dense.record import DenseRecord, Mapped

DEFAULT_METRIC = accuracy.DEFAULT_METRIC
TRUTH: str | None = "values"
PICTURE: PictureKind | None = "numbers"
METRICS: Mapping[str, MetricKind] = MappingProxyType(accuracy.METRICS)
LIMITS: tuple[str, ...] = (
    "max_accuracy_drop",
    "max_error_increase",
    "max_segment_drop",
    *OF_ROLES,
    *tensors.LIMITS,
)
TALLY = TallyKind(tally.tally, tally.unpack)
#: What tells a parent that is fed wrongly, where images are annotated.
FITNESS = Measure("correlation with the annotation", 0.5, 0.03)

_EPE = MEASURES.index("epe")

#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack
#: What speaks against the annotations.
doubts = dense_doubts
role_scores = accuracy.role_scores


def metrics(comparison: Mapped) -> Pair[dict[str, float]]:
    """Every metric of both roles that is defined for these maps, mean over the images."""
    return Pair(*(accuracy.role_metrics(comparison, role) for role in ROLES))


def judge_quantity(key: str, comparison: Mapped, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """
    task = TaskLimits("dense values", LIMITS)
    return judge(key, comparison, task, lambda own: _quantity(own, comparison, plan))


def _quantity(key: str, comparison: Mapped, plan: EvaluationPlan) -> Estimate:
    if key in OF_ROLES:
        return role_error(key, comparison)
    if key == "max_error_increase":
        return accuracy.error_increase(comparison, plan).estimate
    if key == "max_accuracy_drop":
        found = accuracy.accuracy_drop(comparison, plan)
    else:
        found = worst_segment(segments(comparison, plan), len(comparison)).drop
    return in_unit_of(metric_of(plan), found.estimate)


def smallest_drop(comparison: Mapped, plan: EvaluationPlan) -> float:
    """Smallest loss of the metric that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, plan).smallest_drop


def subject(key: str, comparison: Mapped, plan: EvaluationPlan) -> str:
    """Name the segment that a limit on the worst one is about; no limit is about a class."""
    if key != "max_segment_drop":
        return ""
    return worst_segment(segments(comparison, plan), len(comparison)).name


def segments(comparison: Mapped, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names."""
    metric = metric_of(plan)

    def drop(own: Mapped) -> Resampled:
        return accuracy.accuracy_drop(own, plan)

    return comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison, lambda own: metrics(own).map(lambda of: of[metric]), drop
        ),
    )


def detail(key: str, comparison: Mapped, plan: EvaluationPlan) -> ChangeCounts:
    """Count the images whose maps are equal in every pixel, and those whose are not (as moved)."""
    del key, plan
    moved = sum(map(is_changed, comparison.images))
    return ChangeCounts(kept=len(comparison) - moved, moved=moved)


def tables(comparison: Mapped, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the tables by image, by range, and of the segments that the dataset names."""
    parts = segments(comparison, plan)
    made = image_table(comparison), range_table(comparison)
    return (*made, *([segment_table(parts, METRICS[metric_of(plan)])] if parts else []))


def changes(result: ImageResult[DenseRecord], plan: EvaluationPlan) -> list[Match]:
    """Return nothing: a map of numbers has no objects."""
    del result, plan
    return []


def severity(comparison: Mapped, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the change of one image's map is; tuples compare from left to right, more is worse.

    1. With annotations: how much worse the optimized model's map is than its parent's, by the entry's metric.
    2. How far it is from the parent's map: the mean length of the difference.
    """
    result = comparison.images[index]
    worse, metric = 0.0, metric_of(plan)
    if annotated(comparison):
        place = MEASURES.index(metric)
        parent, optimized = (float(r.against_truth[place]) for r in result.record)
        worse = max(0.0, METRICS[metric].drop(parent, optimized))
    return worse, float(result.record.optimized.against_parent[_EPE])


def worst(comparison: Mapped, plan: EvaluationPlan) -> list[ImageChange]:
    """Images on which a number changed, in the order of `severity`."""
    accuracy.check(comparison)
    listed = [
        ImageChange(index, severity(comparison, index, plan), _sentence(result, plan))
        for index, result in enumerate(comparison.images)
        if is_changed(result)
    ]
    return sorted(listed, key=lambda change: change.severity, reverse=True)


def _sentence(result: ImageResult[DenseRecord], plan: EvaluationPlan) -> str:
    """Say how far the maps are apart and, where the truth is known, what became of the metric."""
    metric = metric_of(plan)
    place = MEASURES.index(metric)
    unit = getattr(result.truth, "unit", "")
    apart = float(result.record.optimized.against_parent[_EPE])
    said = f"{apart:.3g}{f' {unit}' if unit else ''} from the parent on average"
    parent, optimized = (float(r.against_truth[place]) for r in result.record)
    if parent != parent:  # noqa: PLR0124 - NaN: not annotated
        return said
    return f"{said}; {METRICS[metric].title} {parent:.3g} became {optimized:.3g}"

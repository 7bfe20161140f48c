"""Classification: one class an image, by the highest score."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.core.bootstrap import Resampled
from quantgate.core.likeness import Measure
from quantgate.core.matching import ChangeCounts
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.classification import accuracy, record
from quantgate.tasks.classification.tables import classification_table, is_wrong, verdict_of
from quantgate.tasks.detection.tables import label_name
from quantgate.tasks.protocol import ImageChange
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.classification.accuracy import Classified
    from quantgate.tasks.classification.record import ClassRecord

DEFAULT_METRIC = accuracy.DEFAULT_METRIC
TRUTH: str | None = "class"
PICTURE: PictureKind | None = "classes"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS
_QUANTITIES: Mapping[str, Callable[[Classified, EvaluationPlan], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": accuracy.accuracy_drop,
        "max_error_increase": accuracy.error_increase,
        "max_class_drop": accuracy.class_drop,
        "max_segment_drop": lambda c, plan: worst_segment(segments(c, plan), len(c)).drop,
        "min_agreement": accuracy.agreement,
    }
)
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
#: What tells a parent that is fed wrongly, where images are annotated.
FITNESS = Measure("root of the annotated class's share", 0.75, 0.03)


#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack


def metrics(comparison: Classified) -> Pair[dict[str, float]]:
    """Top-1 and top-5 accuracy of both roles."""
    return Pair(
        *(
            {name: float(accuracy.hits(comparison, name)[role].mean()) for name in METRICS}
            for role in ROLES
        )
    )


def judge_quantity(key: str, comparison: Classified, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """
    task = TaskLimits("classification", LIMITS)
    return judge(key, comparison, task, lambda own: _QUANTITIES[own](comparison, plan).estimate)


def smallest_drop(comparison: Classified, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, plan).smallest_drop


role_scores = accuracy.role_scores


def subject(key: str, comparison: Classified, plan: EvaluationPlan) -> str:
    """Name the class that a limit on the worst class is about; empty for every other limit."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, plan), len(comparison)).name
    if key != "max_class_drop":
        return ""
    return label_name(comparison.labels, accuracy.worst_class(comparison, plan))


def detail(key: str, comparison: Classified, plan: EvaluationPlan) -> ChangeCounts:
    """How many images keep their class, and how many change it (counted as relabelled)."""
    del key, plan
    same = int(accuracy.same_class(comparison).sum())
    return ChangeCounts(kept=same, relabelled=len(comparison) - same)


def tables(comparison: Classified, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the table of all images, and that of the segments that the dataset names."""
    accuracy.check(comparison)
    parts = segments(comparison, plan)
    by_segment = segment_table(parts, METRICS[accuracy.metric_of(plan)])
    return (classification_table(comparison), *([by_segment] if parts else []))


def segments(comparison: Classified, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names."""
    metric = accuracy.metric_of(plan)
    return comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison,
            lambda own: metrics(own).map(lambda of: of[metric]),
            lambda own: accuracy.accuracy_drop(own, plan),
        ),
    )


def changes(result: ImageResult[ClassRecord], plan: EvaluationPlan) -> list[Match]:
    """Nothing: an image without objects has no object that changed."""
    del result, plan
    return []


def severity(comparison: Classified, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the change of one image's class is; tuples compare from left to right, more is worse.

    1. With annotations: 2 for right that is wrong now, 1 for wrong in both, 0 for wrong that is right
       now. Without, always 1.
    2. How clearly the class changed, in confidence: what the parent's class lost and the new one leads by.
    3. The rank to which the parent's class fell.
    """
    del plan
    result = comparison.images[index]
    parent, optimized = result.record
    turned = 1 + is_wrong(optimized, result) - is_wrong(parent, result)
    fall = parent.score - optimized.parent_score
    lead = optimized.score - optimized.parent_score
    return float(turned), fall + lead, float(optimized.parent_rank)


def worst(comparison: Classified, plan: EvaluationPlan) -> list[ImageChange]:
    """Images whose class changed, in the order of `severity`."""
    accuracy.check(comparison)
    listed = []
    for index, result in enumerate(comparison.images):
        parent, optimized = result.record
        if parent.label == optimized.label:
            continue
        before, after = (label_name(comparison.labels, r.label) for r in (parent, optimized))
        sentence = (
            f"{before} {parent.score:.2f} became {after} {optimized.score:.2f}; "
            f"{verdict_of(result)}, {before} now ranks {optimized.parent_rank + 1}"
        )
        listed.append(ImageChange(index, severity(comparison, index, plan), sentence))
    return sorted(listed, key=lambda change: change.severity, reverse=True)


def doubts(comparison: Classified) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent sees."""
    from quantgate.tasks.doubts.images import image_doubts

    return image_doubts(comparison)

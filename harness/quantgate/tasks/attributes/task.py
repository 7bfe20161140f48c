"""Attributes: what several heads of one model say of an image, each judged by itself."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.core.heads import spans
from quantgate.core.likeness import Measure
from quantgate.core.matching import ChangeCounts
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.attributes import accuracy, record, tally
from quantgate.tasks.attributes.answers import answers_of, differences, with_truth
from quantgate.tasks.attributes.tables import (
    answer_table,
    changes_of,
    head_table,
    image_table,
    share,
    spelled,
)
from quantgate.tasks.doubts.heads import head_doubts
from quantgate.tasks.protocol import ImageChange, TallyKind
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
    from quantgate.core.predictions import Attributes
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.attributes.record import Told

DEFAULT_METRIC = accuracy.DEFAULT_METRIC
TRUTH: str | None = "facts"
PICTURE: PictureKind | None = "heads"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS
#: Limits on the worst head, and what finds it.
_WORST: Mapping[str, Callable[[Told, EvaluationPlan], tuple[str, Resampled]]] = MappingProxyType(
    {
        "max_class_drop": accuracy.head_drop,
        "max_mae_increase": accuracy.mae_increase,
        "min_head_agreement": accuracy.head_agreement,
        "max_head_mae": accuracy.head_mae,
    }
)
_OF_ALL: Mapping[str, Callable[[Told, EvaluationPlan], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": accuracy.accuracy_drop,
        "max_error_increase": accuracy.error_increase,
        "max_segment_drop": lambda c, plan: worst_segment(segments(c, plan), len(c)).drop,
        "min_agreement": accuracy.agreement,
    }
)
LIMITS: tuple[str, ...] = (*_OF_ALL, *_WORST, *tensors.LIMITS)
#: Limits in the unit of the judged metric, and those in the unit of values.
_IN_METRIC = frozenset({"max_accuracy_drop", "max_class_drop", "max_segment_drop"})
_IN_VALUES = frozenset({"max_mae_increase", "max_head_mae"})
TALLY = TallyKind(tally.tally, tally.unpack)
FITNESS = Measure("likeness to the annotated attributes", 0.6, 0.03)

#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack
#: What speaks against the annotations.
doubts = head_doubts


def metrics(comparison: Told) -> Pair[dict[str, float]]:
    """Every metric of both roles, mean over heads; what is not defined on these images is left out."""
    return Pair(*(accuracy.role_metrics(comparison, role) for role in ROLES))


def judge_quantity(key: str, comparison: Told, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """

    def own(asked: str) -> Estimate:
        found = (
            _WORST[asked](comparison, plan)[1]
            if asked in _WORST
            else _OF_ALL[asked](comparison, plan)
        )
        return found.estimate

    found = judge(key, comparison, TaskLimits("attributes", LIMITS), own)
    in_values = key in _IN_VALUES or (key in _IN_METRIC and METRICS[accuracy.metric_of(plan)].unit)
    return replace(found, unit=accuracy.UNIT) if in_values else found


def smallest_drop(comparison: Told, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, plan).smallest_drop


role_scores = accuracy.role_scores


def subject(key: str, comparison: Told, plan: EvaluationPlan) -> str:
    """Name the head or segment that a limit on the worst one is about; empty for every other limit."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, plan), len(comparison)).name
    if key not in _WORST:
        return ""
    name = _WORST[key](comparison, plan)[0]
    units = {head.name: head.unit for head in answers_of(comparison).heads}
    return f"{name} ({units[name]})" if units[name] else name


def detail(key: str, comparison: Told, plan: EvaluationPlan) -> ChangeCounts:
    """Count what became of the answers: kept, and changed (as relabelled classes and labels, or moved values)."""
    del key, plan
    all_of, valued = answers_of(comparison), set(answers_of(comparison).valued.tolist())
    places = [k for change in changes_of(comparison) for k in change.places.tolist()]
    moved = sum(k in valued for k in places)
    kept = len(comparison) * len(all_of.heads) - len(places)
    return ChangeCounts(kept=kept, moved=moved, relabelled=len(places) - moved)


def tables(comparison: Told, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the tables by image, by image and head, by head, and of the segments that the dataset names."""
    parts = segments(comparison, plan)
    made = image_table(comparison), answer_table(comparison), head_table(comparison)
    by_segment = segment_table(parts, METRICS[accuracy.metric_of(plan)])
    return (*made, *([by_segment] if parts else []))


def segments(comparison: Told, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names."""
    metric = accuracy.metric_of(plan)
    return comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison,
            lambda own: role_scores(own, plan).map(lambda of: of.value),
            lambda own: accuracy.accuracy_drop(own, plan),
        ),
    )


def changes(result: ImageResult[Attributes], plan: EvaluationPlan) -> list[Match]:
    """Nothing: attributes are no objects with a place in the image."""
    del result, plan
    return []


def severity(comparison: Told, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the change of one image's attributes is; tuples compare from left to right, more is worse.

    1. With annotations: 2 where an answer that was right is wrong now, 0 where one was wrong and is right,
       and none the other way round; else, and without annotations, 1.
    2. How many more answers are wrong now than before; 0 without annotations.
    3. Sum over changed heads: of classes and labels how sure the parent was; of values their difference in
       standard deviations of the parent's, at most 1.
    """
    del plan
    change = changes_of(comparison)[index]
    before, after = (set(own.tolist()) for own in change.wrong)
    turned = 2 if after - before else 0 if before - after else 1
    if not with_truth(comparison):
        turned = 1
    return (
        float(turned),
        float(len(after) - len(before)),
        _weight(comparison, index),
    )


def _weight(comparison: Told, index: int) -> float:
    """Sum of what changed on one image, see `severity`."""
    all_of, change = answers_of(comparison), changes_of(comparison)[index]
    spread = comparison.once("spread", lambda: all_of.said.parent.std(axis=0))
    apart = comparison.once("differences", lambda: differences(all_of, *all_of.said))
    own, total = spans(all_of.heads), 0.0
    for k in change.places.tolist():
        sure = share(all_of.heads[k], comparison.images[index].record.parent.values[own[k]])
        if sure is None:
            sure = min(1.0, float(apart[index, k] / spread[k])) if spread[k] else 1.0
        total += sure
    return total


def worst(comparison: Told, plan: EvaluationPlan) -> list[ImageChange]:
    """Images of which an answer changed, in the order of `severity`."""
    listed = []
    for index, change in enumerate(changes_of(comparison)):
        if len(change.places):
            said = f"{spelled(comparison, index)}; {change.verdict}"
            listed.append(ImageChange(index, severity(comparison, index, plan), said))
    return sorted(listed, key=lambda change: change.severity, reverse=True)

"""Text recognition: the string that a picture of a word or a line reads."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.core.likeness import Measure
from quantgate.core.predictions import Transcript
from quantgate.core.text import edits
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.doubts.texts import text_doubts
from quantgate.tasks.protocol import ImageChange, TallyKind
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge
from quantgate.tasks.text import accuracy, letters, record, tally
from quantgate.tasks.text.tables import is_changed, letter_table, named, text_table, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import ChangeCounts, Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.text.record import Transcribed

DEFAULT_METRIC = accuracy.DEFAULT_METRIC
TRUTH: str | None = "text"
PICTURE: PictureKind | None = "text"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS
_QUANTITIES: Mapping[str, Callable[[Transcribed, EvaluationPlan], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": accuracy.accuracy_drop,
        "max_error_increase": accuracy.error_increase,
        "max_class_drop": lambda c, plan: letters.letter_drop(c, plan)[1],
        "max_segment_drop": lambda c, plan: worst_segment(segments(c, plan), len(c)).drop,
        "min_match_rate": accuracy.identical,
        "min_agreement": accuracy.identical,
        "max_role_cer": accuracy.role_cer,
    }
)
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
TALLY = TallyKind(tally.tally, tally.unpack)
FITNESS = Measure("share of common letters", 0.5, 0.03)

#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack
#: What speaks against the annotations.
doubts = text_doubts


def metrics(comparison: Transcribed) -> Pair[dict[str, float]]:
    """Word accuracy and character error of both roles, as annotated and of letters and digits alone."""
    return Pair(*(accuracy.role_metrics(comparison, role) for role in ROLES))


def judge_quantity(key: str, comparison: Transcribed, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """
    task = TaskLimits("text", LIMITS)
    return judge(key, comparison, task, lambda own: _QUANTITIES[own](comparison, plan).estimate)


def smallest_drop(comparison: Transcribed, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, plan).smallest_drop


role_scores = accuracy.role_scores


def subject(key: str, comparison: Transcribed, plan: EvaluationPlan) -> str:
    """Name the character or segment that a limit on the worst one is about; empty for every other limit."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, plan), len(comparison)).name
    return named(letters.letter_drop(comparison, plan)[0]) if key == "max_class_drop" else ""


def detail(key: str, comparison: Transcribed, plan: EvaluationPlan) -> ChangeCounts:
    """Count what became of the parent's letters: kept, replaced (as relabelled), lost, and those gained."""
    del key, plan
    return letters.letter_changes(comparison)


def tables(comparison: Transcribed, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the table by image, by character, and of the segments that the dataset names."""
    accuracy.check(comparison)
    parts = segments(comparison, plan)
    by_segment = segment_table(parts, METRICS[accuracy.metric_of(plan)])
    made = text_table(comparison, plan), letter_table(comparison, plan)
    return (*made, *([by_segment] if parts else []))


def segments(comparison: Transcribed, plan: EvaluationPlan) -> tuple[Segment, ...]:
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


def changes(result: ImageResult[Transcript], plan: EvaluationPlan) -> list[Match]:
    """Nothing: letters are no objects with a place in the image."""
    del result, plan
    return []


def severity(comparison: Transcribed, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the change of one image's text is; tuples compare from left to right, more is worse.

    1. With annotations: 2 for right that is wrong now, 1 for wrong (or right) in both, 0 for wrong that is
       right now. Without, always 1.
    2. With annotations: how many more edits the optimized model's string is away from them than its
       parent's. Without, 0.
    3. Edits between the roles, a share of the longer string.
    4. How sure the parent was.
    """
    result, metric = comparison.images[index], accuracy.metric_of(plan)
    parent, optimized = result.record
    turned, farther = 1, 0
    if isinstance(result.truth, Transcript):
        right = [accuracy.is_right(result, role, metric) for role in ROLES]
        turned += right[0] - right[1]
        own = accuracy.spelled(result.truth.text, metric)
        before, after = (edits(own, accuracy.spelled(r.text, metric)) for r in result.record)
        farther = after - before
    longer = max(len(parent.text), len(optimized.text), 1)
    sure = parent.confidence if parent.confidence == parent.confidence else 0.0
    return float(turned), float(farther), edits(parent.text, optimized.text) / longer, sure


def worst(comparison: Transcribed, plan: EvaluationPlan) -> list[ImageChange]:
    """Images whose text changed, in the order of `severity`."""
    accuracy.check(comparison)
    metric = accuracy.metric_of(plan)
    listed = []
    for index, result in enumerate(comparison.images):
        if not is_changed(result):
            continue
        before, after = (record.text for record in result.record)
        said = f"{before!r} became {after!r}; {verdict_of(result, metric)}"
        listed.append(ImageChange(index, severity(comparison, index, plan), said))
    return sorted(listed, key=lambda change: change.severity, reverse=True)

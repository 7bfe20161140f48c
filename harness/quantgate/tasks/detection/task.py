"""Object detection: boxes (and masks, where the model gives them) with classes and scores."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from quantgate.core.likeness import Measure
from quantgate.core.matching import Change, ChangeCounts, Match
from quantgate.errors import DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.detection import accuracy, matching, record, tally
from quantgate.tasks.detection.severity import severity
from quantgate.tasks.detection.sizes import size_segments
from quantgate.tasks.detection.tables import (
    AGAINST_TRUTH,
    BETWEEN,
    advanced_table,
    basic_table,
    class_table,
    label_name,
    with_changed,
)
from quantgate.tasks.protocol import ImageChange, TallyKind
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Detections, Truth
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.matching import Detected, MatchedImage

DEFAULT_METRIC = "ap"
TRUTH: str | None = "objects"
PICTURE: PictureKind | None = "objects"
METRICS: Mapping[str, MetricKind] = accuracy.METRICS
#: Objects kept of one image and role.
MOST_OBJECTS = 300
# Objects named in the sentence of one image.
_NAMED = 5
#: Words how far an object moved, of an image and a match of it.
Moved: TypeAlias = "Callable[[MatchedImage, Match], str]"

#: What a limit judges, of a comparison and its plan.
Quantity: TypeAlias = "Callable[[Detected, EvaluationPlan], Resampled]"


class Measures(Protocol):
    """What a limit against annotations is measured with, of a metric: a module, or part of one."""

    def accuracy_drop(self, comparison: Detected, metric: str, /) -> Resampled:
        """``parent - optimized``, or the other way round of errors."""
        ...

    def error_increase(self, comparison: Detected, metric: str, /) -> Resampled:
        """Relative growth of the error."""
        ...

    def class_drop(self, comparison: Detected, metric: str, /) -> Resampled:
        """Drop of the class that lost most."""
        ...

    def metric_values(self, comparison: Detected, metric: str, /) -> Pair[float]:
        """The metric of both roles."""
        ...


def quantities(measures: Measures, default: str = DEFAULT_METRIC) -> dict[str, Quantity]:
    """Everything that limits on objects judge, whatever their overlap and their metrics are.

    ``default`` is the metric where a plan names none.
    """
    return {
        "max_accuracy_drop": lambda c, plan: measures.accuracy_drop(c, plan.metric or default),
        "max_error_increase": lambda c, plan: measures.error_increase(c, plan.metric or default),
        "max_class_drop": lambda c, plan: measures.class_drop(c, plan.metric or default),
        "max_segment_drop": lambda c, plan: (
            worst_segment(segments_by(c, plan, measures, default), len(c)).drop
        ),
        "min_match_rate": lambda c, plan: matching.match_rate(matching.matched(c, plan)),
        "min_agreement": lambda c, plan: matching.agreement(matching.matched(c, plan)),
        "min_class_precision": lambda c, plan: matching.class_precision(matching.matched(c, plan))[
            1
        ],
    }


_QUANTITIES: Mapping[str, Quantity] = MappingProxyType(quantities(accuracy))
LIMITS: tuple[str, ...] = (*_QUANTITIES, *tensors.LIMITS)
TALLY = TallyKind(lambda c, plan: tally.tally(c, metric_of(plan)), tally.unpack)
#: What tells a parent that is fed wrongly, where images are annotated.
FITNESS = Measure("soft F1", 0.4, 0.03)


def metric_of(plan: EvaluationPlan) -> str:
    """Name the metric that is judged."""
    return plan.metric or DEFAULT_METRIC


def compact(
    prediction: Pair[Detections], truth: Truth | None, name: str = "this image"
) -> Pair[Detections]:
    """Keep the best objects of both roles, at most ``MOST_OBJECTS`` each, stable on ties.

    Raises
    ------
    DecoderError
        On NaN or infinite scores or boxes, naming the image.
    """
    del truth  # it travels beside the record
    for role in ROLES:
        found = prediction[role]
        if not (np.isfinite(found.scores).all() and np.isfinite(found.boxes).all()):
            raise DecoderError(f"{name}, {role} model: scores or boxes hold NaN or infinity")
    # Boxes alone are judged, whatever else a decoder gives.
    return prediction.map(lambda found: best_of(replace(found, points=None, quads=None)))


def best_of(found: Detections) -> Detections:
    """Keep the ``MOST_OBJECTS`` surest, stable on ties."""
    return found.take(np.argsort(-found.scores, kind="stable")[:MOST_OBJECTS])


#: How the detections of one role are kept in a file.
pack, unpack = record.pack, record.unpack


def metrics(comparison: Detected) -> Pair[dict[str, float]]:
    """Every metric of both roles; a size of which nothing is annotated has none."""
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
    task = TaskLimits("object detection", LIMITS)
    return judge(key, comparison, task, lambda own: _QUANTITIES[own](comparison, plan).estimate)


def smallest_drop(comparison: Detected, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return accuracy.accuracy_drop(comparison, metric_of(plan)).smallest_drop


def role_scores(comparison: Detected, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the plan's metric of each role, with its own interval."""
    return accuracy.role_scores(comparison, metric_of(plan))


def subject(key: str, comparison: Detected, plan: EvaluationPlan) -> str:
    """Name the class that a limit on the worst class is about; empty for every other limit."""
    if key == "max_segment_drop":
        return worst_segment(segments(comparison, plan), len(comparison)).name
    if key == "max_class_drop":
        label = accuracy.worst_class(comparison, metric_of(plan))
    elif key == "min_class_precision":
        label = matching.class_precision(matching.matched(comparison, plan))[0]
    else:
        return ""
    return label_name(comparison.labels, label)


def detail(key: str, comparison: Detected, plan: EvaluationPlan) -> ChangeCounts:
    """Count what happened to the objects of all images, whatever the limit."""
    del key
    return matching.total(matching.matched(comparison, plan))


def tables(comparison: Detected, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make basic and advanced; with annotations the same of each role against them, and by class."""
    rule = matching.rule_of(plan)
    return comparison.once(f"tables {rule} {metric_of(plan)}", lambda: _tables(comparison, plan))


def _tables(comparison: Detected, plan: EvaluationPlan) -> tuple[Table, ...]:
    made = tables_of_objects(comparison, plan)
    metric = metric_of(plan)
    if judged_with_truth(comparison):
        parts = segments(comparison, plan)
        made += [segment_table(parts, METRICS[metric])] if parts else []
        made.append(class_table(comparison, metric))
    return tuple(made)


def tables_of_objects(comparison: Detected, plan: EvaluationPlan) -> list[Table]:
    """Make basic and advanced between the roles, then where there are annotations of each role against them."""
    images, labels = matching.matched(comparison, plan), comparison.labels
    made = [basic_table(images, BETWEEN), advanced_table(images, labels, BETWEEN)]
    if all(result.truth is not None for result in comparison.images):
        for role in ROLES:
            judged = matching.matched_with_truth(comparison, plan, role)
            view = AGAINST_TRUTH[role]
            against = basic_table(judged, view), advanced_table(judged, labels, view)
            made += map(with_changed, against, made[:2])
    return made


def judged_with_truth(comparison: Detected) -> bool:
    """Whether every image is annotated, and some object is."""
    return all(result.truth is not None for result in comparison.images) and any(
        accuracy.object_counts(comparison).values()
    )


def segments(comparison: Detected, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the sizes of objects, and the segments that the dataset names."""
    return segments_by(comparison, plan, accuracy)


def segments_by(
    comparison: Detected, plan: EvaluationPlan, measures: Measures, default: str = DEFAULT_METRIC
) -> tuple[Segment, ...]:
    """As :func:`segments`, by other measures."""
    metric = plan.metric or default
    named = comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison,
            lambda own: measures.metric_values(own, metric),
            lambda own: measures.accuracy_drop(own, metric),
            lambda own: sum(accuracy.object_counts(own).values()),
        ),
    )
    return (*size_segments(comparison, metric), *named)


def changes(result: ImageResult[Detections], plan: EvaluationPlan) -> list[Match]:
    """Return what happened to each object of one image, for drawing."""
    return list(matching.match_image(result, matching.rule_of(plan)).matches)


def worst(comparison: Detected, plan: EvaluationPlan) -> list[ImageChange]:
    """Images on which an object is not simply kept, in the order of `severity`."""
    return comparison.once(f"worst {matching.rule_of(plan)}", lambda: changed(comparison, plan))


def changed(
    comparison: Detected, plan: EvaluationPlan, moved: Moved | None = None
) -> list[ImageChange]:
    """List the images that changed, the worst first; ``moved`` words how far an object moved."""
    listed = [
        ImageChange(
            index,
            severity(comparison, index, plan),
            _sentence(image, comparison.labels, moved or _by_iou),
        )
        for index, image in enumerate(matching.matched(comparison, plan))
        if image.counts.changed
    ]
    return sorted(listed, key=lambda change: change.severity, reverse=True)


def _by_iou(image: MatchedImage, match: Match) -> str:
    del image
    return f"IoU {match.iou:.2f}"


def _sentence(image: MatchedImage, labels: Sequence[str], moved: Moved) -> str:
    """Say how many of each, then name the first few: "2 lost; person 0.91 lost, cat 0.60 lost"."""
    counts: dict[Change, int] = {}
    for match in image.matches:
        counts[match.change] = counts.get(match.change, 0) + 1
    order = (Change.LOST, Change.GAINED, Change.RELABELLED, Change.MOVED)
    summary = ", ".join(f"{counts[c]} {c.value}" for c in order if c in counts)
    named = [m for c in order for m in image.matches if m.change is c]
    listed = [_name(match, image, labels, moved) for match in named[:_NAMED]]
    if len(named) > _NAMED:
        listed.append(f"and {len(named) - _NAMED} more")
    return f"{summary}; {', '.join(listed)}"


def _name(match: Match, image: MatchedImage, labels: Sequence[str], moved: Moved) -> str:
    objects = image.objects

    def shown(found: Detections, index: int) -> str:
        return f"{label_name(labels, int(found.labels[index]))} {found.scores[index]:.2f}"

    if match.parent is None:
        assert match.optimized is not None
        return f"{shown(objects.optimized, match.optimized)} {match.change.value}"
    before = shown(objects.parent, match.parent)
    if match.change is Change.RELABELLED and match.optimized is not None:
        return f"{before} became {shown(objects.optimized, match.optimized)}"
    if match.change is Change.MOVED:
        return f"{before} moved ({moved(image, match)})"
    return f"{before} {match.change.value}"


def doubts(comparison: Detected) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent sees."""
    from quantgate.tasks.doubts.boxes import object_doubts

    return object_doubts(comparison)

"""Accuracy of classification: which images are right in which role, and what quantization cost."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.bootstrap import Counted, Resampled, bootstrap_mean, bootstrap_ratio
from quantgate.core.comparison import Comparison
from quantgate.core.metrics import MetricKind
from quantgate.core.predictions import ClassLabel
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.classification.record import ClassRecord
from quantgate.tasks.losses import refuse_perfect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan

Classified: TypeAlias = Comparison[ClassRecord]
Booleans: TypeAlias = "NDArray[np.bool_]"

DEFAULT_METRIC = "top1"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "top1": MetricKind("Top-1 accuracy", guesses=1),
        "top5": MetricKind("Top-5 accuracy", guesses=5),
    }
)
#: How many of the best classes a metric looks at.
DEPTH: Mapping[str, int] = MappingProxyType({"top1": 1, "top5": 5})
#: Images that a class needs before its own drop is judged.
FEWEST_IMAGES = 10


def metric_of(plan: EvaluationPlan) -> str:
    """Return the metric that a plan asks for.

    Raises
    ------
    MeasurementError
        Where it is one of another task.
    """
    metric = plan.metric or DEFAULT_METRIC
    if metric not in METRICS:
        raise MeasurementError(
            f"metric {metric} cannot be judged for classification; expected top1 or top5 in "
            "evaluate.metric"
        )
    return metric


def check(comparison: Classified) -> None:
    """Refuse an empty set, and classes that the dataset's labels do not name although declared.

    Raises
    ------
    MeasurementError
        Where there is no image.
    DatasetError
        On a class outside the labels, naming the id and the image.
    """
    if not len(comparison):
        raise MeasurementError("the evaluation set holds no image: nothing can be compared")
    names = len(comparison.labels)
    for result in comparison.images:
        label = result.truth.label if isinstance(result.truth, ClassLabel) else 0
        if label < 0 or (names and label >= names):
            raise DatasetError(
                f"image {result.name}: annotated class id {label} is outside the list of {names} "
                "labels; add its name to the dataset's labels"
            )
        classes = result.record.parent.classes
        if names and classes > names and not comparison.labels_open:
            raise DatasetError(
                f"image {result.name}: the model gives {classes} classes (highest class id "
                f"{classes - 1}) for a list of {names} labels; name every class, or let the decoder "
                "remove the background class"
            )


def same_class(comparison: Classified) -> Booleans:
    """Whether both roles give an image the same class, [images]."""
    check(comparison)
    records = [result.record for result in comparison.images]
    return np.array([record.parent.label == record.optimized.label for record in records])


def annotated(comparison: Classified) -> NDArray[np.int64]:
    """Class that each image is annotated with, [images].

    Raises
    ------
    DatasetError
        Where an image has none.
    """
    check(comparison)
    for result in comparison.images:
        if not isinstance(result.truth, ClassLabel):
            raise DatasetError(
                f"image {result.name}: accuracy needs an annotated class, found "
                f"{type(result.truth).__name__}; use an annotated dataset or limits that need none "
                "(min_agreement)"
            )
    return np.array([r.truth.label for r in comparison.images if isinstance(r.truth, ClassLabel)])


def hits(comparison: Classified, metric: str) -> Pair[Booleans]:
    """Whether the annotated class is among the best one or five, of both roles, [images]."""
    labels, depth = annotated(comparison), DEPTH[metric]
    return Pair(
        *(
            np.array(
                [
                    label in result.record[role].labels[:depth]
                    for label, result in zip(labels, comparison.images, strict=True)
                ]
            )
            for role in ROLES
        )
    )


def accuracy_drop(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    """``parent - optimized``, paired by image."""
    right = hits(comparison, metric_of(plan)).map(lambda column: column.astype(np.float64))
    return bootstrap_mean(right.parent - right.optimized)


def role_scores(comparison: Classified, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    right = hits(comparison, metric_of(plan))
    return right.map(lambda column: bootstrap_mean(column.astype(np.float64)))


def error_increase(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    """``errors of optimized / errors of parent - 1``."""
    metric = metric_of(plan)
    right = hits(comparison, metric)
    refuse_perfect(float(right.parent.mean()), metric)
    errors = right.map(lambda column: (~column).astype(np.float64))
    # (optimized - parent) / parent: the growth itself, so that equal errors are exactly 0.
    return bootstrap_ratio(errors.optimized - errors.parent, errors.parent)


def class_drop(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    """Drop of the class that lost most, among those with at least ten images."""
    mine = (annotated(comparison) == worst_class(comparison, plan)).astype(np.float64)
    return bootstrap_ratio(_lost(comparison, plan) * mine, mine)


def _lost(comparison: Classified, plan: EvaluationPlan) -> NDArray[np.float64]:
    """1 for an image that only the parent has right, -1 for the opposite, [images]."""
    right = hits(comparison, metric_of(plan))
    return right.parent.astype(np.float64) - right.optimized


def worst_class(comparison: Classified, plan: EvaluationPlan) -> int:
    """Class id with the largest drop, the first of several.

    Raises
    ------
    MeasurementError
        Where no class has ten images.
    """
    own, lost = annotated(comparison), _lost(comparison, plan)
    labels, counts = np.unique(own, return_counts=True)
    large = labels[counts >= FEWEST_IMAGES]
    if not len(large):
        raise MeasurementError(
            f"no class has {FEWEST_IMAGES} of these {len(comparison)} images: limits.max_class_drop "
            "needs more images"
        )
    classes: list[int] = large.tolist()
    return max(classes, key=lambda each: float(lost[own == each].mean()))


def agreement(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    """Share of images to which both roles give the same class."""
    del plan
    same = same_class(comparison)
    counted = Counted(len(same), int((~same).sum()), "images")
    return replace(bootstrap_mean(same.astype(np.float64)), counted=counted)

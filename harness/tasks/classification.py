"""Classification: one class an image, by the highest score."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from harness.core.bootstrap import Resampled, bootstrap_mean, bootstrap_ratio
from harness.core.matching import ChangeCounts
from harness.core.predictions import ClassLabel
from harness.errors import DatasetError, MeasurementError
from harness.pair import ROLES, Pair
from harness.tasks import tensors
from harness.tasks.classification_record import (
    ClassRecord,
    compact_scores,
    pack_records,
    unpack_records,
)
from harness.tasks.classification_table import classification_table, is_wrong, verdict_of
from harness.tasks.detection_accuracy import refuse_perfect
from harness.tasks.detection_tables import label_name
from harness.tasks.protocol import ImageChange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.core.comparison import Comparison, ImageResult
    from harness.core.estimate import Estimate
    from harness.core.matching import Match
    from harness.core.predictions import ClassScores, Truth
    from harness.core.table import Table
    from harness.entries import EvaluationPlan

Classified: TypeAlias = "Comparison[ClassRecord]"
Booleans: TypeAlias = "NDArray[np.bool_]"

DEFAULT_METRIC = "top1"
METRICS: Mapping[str, str] = MappingProxyType(
    {
        "top1": "Top-1 accuracy",
        "top5": "Top-5 accuracy",
    }
)
#: Images that a class needs before its own drop is judged.
FEWEST_IMAGES = 10
_DEPTH = {"top1": 1, "top5": 5}

LIMITS: tuple[str, ...] = (
    "max_accuracy_drop",
    "max_error_increase",
    "max_class_drop",
    "min_agreement",
    *tensors.LIMITS,
)


def compact(
    prediction: Pair[ClassScores], truth: Truth | None, name: str = "this image"
) -> Pair[ClassRecord]:
    """Keep the ten best classes of both roles, and where the truth and the parent's class rank.

    Raises
    ------
    DecoderError
        On NaN or infinite scores, or a different number of classes in the roles.
    DatasetError
        Where the annotated class is not one of the model's.
    """
    return compact_scores(prediction, truth, name)


def pack(records: Sequence[ClassRecord]) -> dict[str, NDArray[np.generic]]:
    """Turn the records of one role into flat arrays."""
    return pack_records(records)


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[ClassRecord]:
    """Inverse of ``pack``, bit for bit."""
    return unpack_records(arrays)


def metrics(comparison: Classified) -> Pair[dict[str, float]]:
    """Top-1 and top-5 accuracy of both roles."""
    return Pair(
        *({name: float(_hits(comparison, name)[role].mean()) for name in METRICS} for role in ROLES)
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
    if key in tensors.LIMITS:
        return tensors.judge_quantity(key, comparison)
    if key not in _QUANTITIES:
        raise MeasurementError(
            f"limits.{key} is not defined for classification; expected one of {', '.join(LIMITS)}"
        )
    return _QUANTITIES[key](comparison, plan).estimate


def smallest_drop(comparison: Classified, plan: EvaluationPlan) -> float:
    """Smallest accuracy drop that this evaluation set can detect."""
    return _accuracy_drop(comparison, plan).smallest_drop


def detail(key: str, comparison: Classified, plan: EvaluationPlan) -> ChangeCounts:
    """How many images keep their class, and how many change it (counted as relabelled)."""
    del key, plan
    same = int(_same(comparison).sum())
    return ChangeCounts(kept=same, relabelled=len(comparison) - same)


def tables(comparison: Classified, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the one table of classification."""
    del plan
    _checked(comparison)
    return (classification_table(comparison),)


def changes(result: ImageResult[ClassRecord], plan: EvaluationPlan) -> list[Match]:
    """Nothing: an image without objects has no object that changed."""
    del result, plan
    return []


def worst(comparison: Classified, plan: EvaluationPlan) -> list[ImageChange]:
    """Images whose class changed: those now wrong first, then by how far the parent's class fell."""
    del plan
    _checked(comparison)
    listed = []
    for index, result in enumerate(comparison.images):
        parent, optimized = result.record
        if parent.label == optimized.label:
            continue
        now_wrong = is_wrong(optimized, result) and not is_wrong(parent, result)
        fall = parent.score - optimized.parent_score
        severity = (float(now_wrong), float(optimized.parent_rank), fall)
        before, after = (label_name(comparison.labels, r.label) for r in (parent, optimized))
        sentence = (
            f"{before} {parent.score:.2f} became {after} {optimized.score:.2f}; "
            f"{verdict_of(result)}, {before} now ranks {optimized.parent_rank}"
        )
        listed.append(ImageChange(index, severity, sentence))
    return sorted(listed, key=lambda change: change.severity, reverse=True)


def _metric(plan: EvaluationPlan) -> str:
    metric = plan.metric or DEFAULT_METRIC
    if metric not in METRICS:
        raise MeasurementError(
            f"metric {metric} cannot be judged for classification; expected top1 or top5 in "
            "evaluate.metric"
        )
    return metric


def _checked(comparison: Classified) -> None:
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
        if names and classes > names:
            raise DatasetError(
                f"image {result.name}: the model gives {classes} classes (highest class id "
                f"{classes - 1}) for a list of {names} labels; name every class, or let the decoder "
                "remove the background class"
            )


def _same(comparison: Classified) -> Booleans:
    """Whether both roles give an image the same class, [images]."""
    _checked(comparison)
    records = [result.record for result in comparison.images]
    return np.array([record.parent.label == record.optimized.label for record in records])


def _truth(comparison: Classified) -> NDArray[np.int64]:
    _checked(comparison)
    for result in comparison.images:
        if not isinstance(result.truth, ClassLabel):
            raise DatasetError(
                f"image {result.name}: accuracy needs an annotated class, found "
                f"{type(result.truth).__name__}; use an annotated dataset or limits that need none "
                "(min_agreement)"
            )
    return np.array([r.truth.label for r in comparison.images if isinstance(r.truth, ClassLabel)])


def _hits(comparison: Classified, metric: str) -> Pair[Booleans]:
    """Whether the annotated class is among the best one or five, of both roles, [images]."""
    truth, depth = _truth(comparison), _DEPTH[metric]
    return Pair(
        *(
            np.array(
                [
                    label in result.record[role].labels[:depth]
                    for label, result in zip(truth, comparison.images, strict=True)
                ]
            )
            for role in ROLES
        )
    )


def _accuracy_drop(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    hits = _hits(comparison, _metric(plan)).map(lambda column: column.astype(np.float64))
    return bootstrap_mean(hits.parent - hits.optimized)


def _error_increase(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    """``errors of optimized / errors of parent - 1``."""
    metric = _metric(plan)
    hits = _hits(comparison, metric)
    refuse_perfect(float(hits.parent.mean()), metric)
    errors = hits.map(lambda column: (~column).astype(np.float64))
    # (optimized - parent) / parent: the growth itself, so that equal errors are exactly 0.
    return bootstrap_ratio(errors.optimized - errors.parent, errors.parent)


def _class_drop(comparison: Classified, plan: EvaluationPlan) -> Resampled:
    """Drop of the class that lost most, among those with at least ten images."""
    truth, hits = _truth(comparison), _hits(comparison, _metric(plan))
    lost = hits.parent.astype(np.float64) - hits.optimized
    labels, counts = np.unique(truth, return_counts=True)
    large = labels[counts >= FEWEST_IMAGES]
    if not len(large):
        raise MeasurementError(
            f"no class has {FEWEST_IMAGES} of these {len(comparison)} images: limits.max_class_drop "
            "needs more images"
        )
    label = max(large.tolist(), key=lambda own: float(lost[truth == own].mean()))
    mine = (truth == label).astype(np.float64)
    return bootstrap_ratio(lost * mine, mine)


_QUANTITIES: Mapping[str, Callable[[Classified, EvaluationPlan], Resampled]] = MappingProxyType(
    {
        "max_accuracy_drop": _accuracy_drop,
        "max_error_increase": _error_increase,
        "max_class_drop": _class_drop,
        "min_agreement": lambda c, _: bootstrap_mean(_same(c).astype(np.float64)),
    }
)

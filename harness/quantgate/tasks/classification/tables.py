"""The table of classification: one row an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from quantgate.core.predictions import ClassLabel
from quantgate.core.table import Cell, Column, Table
from quantgate.tasks.detection.tables import label_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.tasks.classification.record import ClassRecord

    Classified: TypeAlias = Comparison[ClassRecord]
    Result: TypeAlias = ImageResult[ClassRecord]

_COLUMNS = (
    Column("image", "Image Name"),
    Column("optimized_class", "Class Predicted by Optimized Model"),
    Column("parent_class", "Class Predicted by Parent Model"),
    Column(
        "parent_rank",
        "Rank of Class Predicted by Parent Model in Optimized Predictions (from 1)",
        "count",
    ),
    Column(
        "optimized_confidence",
        "Optimized Model Confidence in Class Predicted by Optimized Model",
        "score",
    ),
    Column(
        "parent_class_confidence",
        "Optimized Model Confidence in Class Predicted by Parent Model",
        "score",
    ),
    Column(
        "parent_confidence", "Parent Model Confidence in Class Predicted by Parent Model", "score"
    ),
)
_ANNOTATED = (
    Column("annotated_class", "Class Defined in Annotations"),
    Column(
        "optimized_rank",
        "Rank of Class Defined in Annotations in Optimized Predictions (from 1)",
        "count",
    ),
    Column(
        "parent_annotated_rank",
        "Rank of Class Defined in Annotations in Parent Predictions (from 1)",
        "count",
    ),
)
_VERDICT = Column("verdict", "Verdict")


def classification_table(comparison: Classified) -> Table:
    """Make the table; columns about annotations are there where every image has one."""
    annotated = all(isinstance(result.truth, ClassLabel) for result in comparison.images)
    columns = (*_COLUMNS, *(_ANNOTATED if annotated else ()), _VERDICT)
    rows = tuple(_row(result, comparison, annotated=annotated) for result in comparison.images)
    erroneous = frozenset(
        index for index, result in enumerate(comparison.images) if is_erroneous(result)
    )
    changed = frozenset(
        index
        for index, result in enumerate(comparison.images)
        if result.record.parent.label != result.record.optimized.label
    )
    return Table("classification", "Predicted classes", columns, rows, erroneous, changed)


def _row(result: Result, comparison: Classified, *, annotated: bool) -> tuple[Cell, ...]:
    name: Callable[[int], str] = lambda label: label_name(comparison.labels, label)  # noqa: E731
    parent, optimized = result.record
    truth: tuple[Cell, ...] = ()
    if annotated and isinstance(result.truth, ClassLabel):
        truth = (name(result.truth.label), optimized.truth_rank + 1, parent.truth_rank + 1)
    return (
        result.name,
        name(optimized.label),
        name(parent.label),
        optimized.parent_rank + 1,
        optimized.score,
        optimized.parent_score,
        parent.score,
        *truth,
        verdict_of(result),
    )


def is_wrong(record: ClassRecord, result: ImageResult[Any]) -> bool:
    """Whether a role contradicts the annotation; False where there is none."""
    return isinstance(result.truth, ClassLabel) and record.label != result.truth.label


def is_erroneous(result: Result) -> bool:
    """Optimized against the annotation, else against the parent."""
    parent, optimized = result.record
    if isinstance(result.truth, ClassLabel):
        return is_wrong(optimized, result)
    return parent.label != optimized.label


def verdict_of(result: Result) -> str:
    """Return "same", "changed", "changed and now wrong" or "changed and now right"."""
    parent, optimized = result.record
    if parent.label == optimized.label:
        return "same"
    if not isinstance(result.truth, ClassLabel):
        return "changed"
    if not is_wrong(parent, result):
        return "changed and now wrong"
    return "changed" if is_wrong(optimized, result) else "changed and now right"

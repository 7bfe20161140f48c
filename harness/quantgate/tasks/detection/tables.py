"""The Basic and Advanced tables of objects: one row an image, one row an image and class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quantgate.core.average_precision import assign_greedily, average_precision, flag, merge
from quantgate.core.matching import Change
from quantgate.core.table import Cell, Column, Table
from quantgate.pair import ROLES
from quantgate.tasks.detection.accuracy import METRICS, class_metrics, object_counts
from quantgate.tasks.detection.matching import Detected, MatchedImage, is_matched
from quantgate.tasks.detection.overlap import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.predictions import Detections

_AP_IOU = 0.5


class View(NamedTuple):
    """Who is compared with whom: A (what is judged) against B (what it should be)."""

    name: str
    title: str
    a: str
    b: str
    lost: str
    gained: str
    #: Changes that make an image or class "erroneous".
    errors: frozenset[Change]


_WRONG = frozenset({Change.LOST, Change.GAINED, Change.RELABELLED})
BETWEEN = View(
    "",
    "Optimized against parent",
    "Optimized Model Detections",
    "Parent Model Detections",
    "Lost",
    "Gained",
    _WRONG | {Change.MOVED},
)
AGAINST_TRUTH = {
    role: View(
        f"{role}_",
        f"{role.capitalize()} against annotations",
        f"{role.capitalize()} Model Detections",
        "Annotated Objects",
        "Missed",
        "False",
        # No box fits an annotation to the pixel: a shifted one that still matches is right.
        _WRONG,
    )
    for role in ROLES
}


def basic_table(images: Sequence[MatchedImage], view: View) -> Table:
    """One row an image."""
    columns = (
        Column("image", "Image Name"),
        Column("a", f"A. {view.a}", "count"),
        Column("b", f"B. {view.b}", "count"),
        Column("matches", "Matches between A and B", "count"),
        Column("lost", view.lost, "count"),
        Column("gained", view.gained, "count"),
        Column("moved", "Moved", "count"),
        Column("relabelled", "Relabelled", "count"),
        Column("mean_iou", "Mean IoU of the Matches", "fraction"),
        Column("score_change", "Largest Score Change", "score"),
        Column("score_crossed", "Score Crossed", "count"),
    )
    erroneous = frozenset(
        row
        for row, image in enumerate(images)
        if any(m.change in view.errors for m in image.matches)
    )
    rows = tuple(_basic_row(image, view) for image in images)
    return Table(f"{view.name}basic", f"{view.title}, by image", columns, rows, erroneous)


def with_changed(table: Table, between: Table) -> Table:
    """Mark the rows of a role against annotations in whose image (and class) the roles differ."""
    names = sum(column.kind == "text" for column in between.columns)
    changed = {between.rows[row][:names] for row in between.erroneous}
    differ = frozenset(i for i, row in enumerate(table.rows) if row[:names] in changed)
    return replace(table, changed=differ)


def _basic_row(image: MatchedImage, view: View) -> tuple[Cell, ...]:
    counts = image.counts
    ious = [m.iou for m in image.matches if is_matched(m)]
    # An annotation has no score that could change.
    scored = view is BETWEEN
    return (
        image.name,
        counts.optimized,
        counts.parent,
        counts.matches,
        counts.lost,
        counts.gained,
        counts.moved,
        counts.relabelled,
        float(np.mean(ious)) if ious else None,
        largest_score_change(image) if scored else None,
        counts.score_crossed if scored else None,
    )


def largest_score_change(image: MatchedImage) -> float | None:
    """Largest change of score among the matches, optimized - parent; None without a match."""
    changes = [
        float(image.objects.optimized.scores[m.optimized])
        - float(image.objects.parent.scores[m.parent])
        for m in image.matches
        if is_matched(m) and m.parent is not None and m.optimized is not None
    ]
    return max(changes, key=abs) if changes else None


def advanced_table(images: Sequence[MatchedImage], labels: Sequence[str], view: View) -> Table:
    """One row an image and class, those that A has lost completely included."""
    role = view.a.removesuffix(" Detections")
    columns = (
        Column("image", "Image Name"),
        Column("class", f"Class Predicted by {role}"),
        Column("a", f"A. {view.a} of Predicted Class", "count"),
        Column("b", f"B. {view.b} of Predicted Class", "count"),
        Column("matches", "Matches between A and B", "count"),
        Column("moved", "Moved", "count"),
        Column("relabelled", "Relabelled", "count"),
        Column("precision", "Predicted Class Precision", "fraction"),
        Column("recall", "Predicted Class Recall", "fraction"),
        Column("ap", "Predicted Class Average Precision", "fraction"),
    )
    rows: list[tuple[Cell, ...]] = []
    erroneous: set[int] = set()
    for image in images:
        for label, row in _class_rows(image):
            if row.wrong & view.errors:
                erroneous.add(len(rows))
            rows.append((image.name, label_name(labels, label), *row.cells))
    return Table(
        f"{view.name}advanced",
        f"{view.title}, by class",
        columns,
        tuple(rows),
        frozenset(erroneous),
    )


class _ClassRow(NamedTuple):
    cells: tuple[Cell, ...]
    wrong: set[Change]


def _class_rows(image: MatchedImage) -> list[tuple[int, _ClassRow]]:
    parent, optimized = image.objects
    own_a: dict[int, list[int]] = {}
    own_b: dict[int, list[int]] = {}
    matches: dict[int, int] = {}
    moved: dict[int, int] = {}
    renamed: dict[int, int] = {}
    wrong: dict[int, set[Change]] = {}
    for match in image.matches:
        touched = set()
        if match.optimized is not None:
            touched.add(int(optimized.labels[match.optimized]))
            own_a.setdefault(int(optimized.labels[match.optimized]), []).append(match.optimized)
        if match.parent is not None:
            touched.add(int(parent.labels[match.parent]))
            own_b.setdefault(int(parent.labels[match.parent]), []).append(match.parent)
        for label in touched:
            wrong.setdefault(label, set()).add(match.change)
            matches[label] = matches.get(label, 0) + is_matched(match)
            moved[label] = moved.get(label, 0) + (match.change is Change.MOVED)
            renamed[label] = renamed.get(label, 0) + (match.change is Change.RELABELLED)
    listed = []
    for label in sorted(wrong):
        a, b, m = own_a.get(label, []), own_b.get(label, []), matches[label]
        ap = _image_ap(
            optimized.take(np.sort(np.array(a, np.int64))), parent.take(np.array(b, np.int64))
        )
        rates = (m / len(a) if a else None, m / len(b) if b else None, ap)
        cells = (len(a), len(b), m, moved[label], renamed[label], *rates)
        listed.append((label, _ClassRow(cells, wrong[label])))
    return listed


def _image_ap(found: Detections, truth: Detections) -> float | None:
    """Average precision of one class on one image; None where there is nothing to find."""
    if not len(truth):
        return None
    if not len(found):
        return 0.0
    order = np.argsort(-found.scores, kind="stable")
    aside = np.zeros(len(truth), np.bool_)
    chosen = assign_greedily(overlap(found, truth)[order], aside, (_AP_IOU,))
    hits = int((chosen >= 0).sum())
    if hits in {0, len(found)}:
        # Nothing right, or nothing wrong on the way to this recall: no curve to draw.
        return 0.0 if not hits else _flat_curve(hits / len(truth))
    flags = merge([(0, flag(found.scores[order], chosen, aside))], 1, 1)
    return float(average_precision(flags, np.ones((1, 1), np.int32))[0])


def _flat_curve(recall: float) -> float:
    """Area under a precision of 1 up to ``recall``, by COCO's 101 points."""
    return int((np.linspace(0.0, 1.0, 101) <= recall).sum()) / 101


def class_table(comparison: Detected, metric: str) -> Table:
    """One row an annotated class, the largest drop first: the metric of both roles."""
    title = METRICS[metric].title
    columns = (
        Column("class", "Class"),
        Column("objects", "Annotated Objects", "count"),
        Column("parent", f"Parent {title}", "fraction"),
        Column("optimized", f"Optimized {title}", "fraction"),
        Column("drop", "Drop", "fraction"),
    )
    parent, optimized = (class_metrics(comparison, role, metric) for role in ROLES)
    counted = object_counts(comparison)
    labels = sorted(parent, key=lambda label: (optimized[label] - parent[label], label))
    rows = tuple(
        (
            label_name(comparison.labels, label),
            counted[label],
            parent[label],
            optimized[label],
            parent[label] - optimized[label],
        )
        for label in labels
    )
    worse = frozenset(i for i, label in enumerate(labels) if optimized[label] < parent[label])
    return Table("classes", "Accuracy by class", columns, rows, worse)


def label_name(labels: Sequence[str], label: int) -> str:
    """Name of a class; its id where the dataset does not name it."""
    return labels[label] if 0 <= label < len(labels) else f"class {label}"

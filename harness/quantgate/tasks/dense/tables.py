"""Tables of dense values: by image, and by the size of what is annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.dense import MEASURES, ONE
from quantgate.core.predictions import DenseMap
from quantgate.core.table import Column, Table
from quantgate.pair import ROLES
from quantgate.tasks.dense.accuracy import METRICS, check

if TYPE_CHECKING:
    from quantgate.core.comparison import ImageResult
    from quantgate.core.table import Cell
    from quantgate.tasks.dense.record import DenseRecord, Mapped


def annotated(comparison: Mapped) -> bool:
    """Whether every image has an annotated map."""
    return all(isinstance(result.truth, DenseMap) for result in comparison.images)


def shown_metrics(comparison: Mapped) -> tuple[str, ...]:
    """Metrics that maps of so many numbers a pixel have."""
    two = comparison.images[0].record.parent.preview.shape[2] > 1
    return ("rmse", "epe") if two else MEASURES


def image_table(comparison: Mapped) -> Table:
    """One row an image: the optimized model's map against the parent's, and both against the truth."""
    check(comparison)
    metrics, known = shown_metrics(comparison), annotated(comparison)
    columns = [Column("image", "Image Name")]
    columns += [
        Column(f"role_{one}", f"{METRICS[one].title} of Optimized against Parent", _kind(one))
        for one in metrics
    ]
    if known:
        columns += [
            Column(f"{role}_{one}", f"{role.capitalize()} {METRICS[one].title}", _kind(one))
            for one in metrics
            for role in ROLES
        ]
    rows = tuple(_row(result, metrics, known=known) for result in comparison.images)
    changed = frozenset(i for i, r in enumerate(comparison.images) if is_changed(r))
    return Table("basic", "Maps, by image", tuple(columns), rows, changed)


def _kind(metric: str) -> str:
    return "number" if METRICS[metric].unit else "fraction"


def is_changed(result: ImageResult[DenseRecord]) -> bool:
    """Whether the roles' maps differ in any pixel."""
    return float(result.record.optimized.against_parent[MEASURES.index("epe")]) > 0


def _row(
    result: ImageResult[DenseRecord], metrics: tuple[str, ...], *, known: bool
) -> tuple[Cell, ...]:
    places = [MEASURES.index(one) for one in metrics]
    cells: list[Cell] = [_cell(result.record.optimized.against_parent[k]) for k in places]
    if known:
        cells += [_cell(result.record[role].against_truth[k]) for k in places for role in ROLES]
    return (result.name, *cells)


def _cell(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def range_table(comparison: Mapped) -> Table:
    """One row a range of the annotated numbers (of the parent's where nothing is annotated), all images together."""
    check(comparison)
    of = "Annotated" if annotated(comparison) else "Parent's"
    sums = {
        role: np.sum([r.record[role].ranges for r in comparison.images], axis=0) for role in ROLES
    }
    columns = (
        Column("from", f"{of} Value, From", "number"),
        Column("to", "To", "number"),
        Column("pixels", "Share of the Pixels", "percent"),
        Column("parent", "Parent Mean Error", "number"),
        Column("optimized", "Optimized Mean Error", "number"),
        Column("parent_relative", "Parent Error, Relative", "fraction"),
        Column("optimized_relative", "Optimized Error, Relative", "fraction"),
    )
    total = float(sums["parent"][:, 0].sum())
    rows: list[tuple[Cell, ...]] = []
    worse: set[int] = set()
    for place in np.flatnonzero(sums["parent"][:, 0]).tolist():
        count, size, _ = sums["parent"][place]
        lost = [float(sums[role][place, 2]) for role in ROLES]
        if lost[1] > lost[0]:
            worse.add(len(rows))
        ends = (0.0 if place == 0 else 2.0 ** (place - ONE), 2.0 ** (place + 1 - ONE))
        relative = [one / float(size) if size else None for one in lost]
        rows.append((*ends, float(count) / total, *(one / float(count) for one in lost), *relative))
    return Table("advanced", "Errors by range", columns, tuple(rows), frozenset(worse))

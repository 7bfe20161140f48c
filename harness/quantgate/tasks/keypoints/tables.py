"""The tables of key points: those of objects by OKS, and one row a key point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.table import Cell, Column, Table
from quantgate.errors import DatasetError
from quantgate.pair import ROLES
from quantgate.tasks.keypoints.placement import (
    RIGHT_WITHIN,
    SAME_WITHIN,
    against_truth,
    between_roles,
    right,
    skeleton_in,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.matching import Detected


def in_oks(table: Table) -> Table:
    """Name the overlap of key points in a table of objects."""
    columns = tuple(
        replace(column, title=column.title.replace("IoU", "OKS")) for column in table.columns
    )
    return replace(table, columns=columns)


def keypoint_table(comparison: Detected, plan: EvaluationPlan) -> Table:
    """One row a key point, the one that moves most first; with annotations PCK of both roles beside it."""
    names = skeleton_in(comparison).names
    placed = between_roles(comparison, plan)
    near, counts = right(placed, SAME_WITHIN)
    columns = [
        Column("point", "Key Point"),
        Column("seen", "Matched Objects in which it is Seen", "count"),
        Column("same", f"Same Place (within {SAME_WITHIN:g} of the box)", "fraction"),
        Column("distance", "Mean Distance, in Sides of the Box", "number"),
    ]
    cells: list[list[Cell]] = [
        [
            name,
            int(counts[:, k].sum()),
            _share(near[:, k], counts[:, k]),
            _mean(placed.distances[:, k]),
        ]
        for k, name in enumerate(names)
    ]
    if not np.isnan(placed.spatial).all():
        columns.append(Column("space", "Mean Distance in Space, in the Model's Unit", "number"))
        for k, row in enumerate(cells):
            row.append(_mean(placed.spatial[:, k]))
    try:
        pck = [right(against_truth(comparison, role), RIGHT_WITHIN) for role in ROLES]
    except DatasetError:
        pck = []
    if pck:
        columns += [
            Column("annotated", "Annotated", "count"),
            Column("parent", f"Parent PCK@{RIGHT_WITHIN:g}", "fraction"),
            Column("optimized", f"Optimized PCK@{RIGHT_WITHIN:g}", "fraction"),
        ]
        for k, row in enumerate(cells):
            row.append(int(pck[0][1][:, k].sum()))
            row += [_share(hits[:, k], known[:, k]) for hits, known in pck]
    order = sorted(range(len(names)), key=lambda k: (_sortable(cells[k][2]), k))
    rows = tuple(tuple(cells[k]) for k in order)
    moved = frozenset(i for i, row in enumerate(rows) if _sortable(row[2]) < 1)
    title = "Optimized against parent, by key point"
    return Table("keypoints", title, tuple(columns), rows, moved)


def _share(hits: NDArray[np.float64], counts: NDArray[np.float64]) -> float | None:
    return float(hits.sum() / counts.sum()) if counts.sum() else None


def _mean(distances: NDArray[np.float64]) -> float | None:
    known = distances[np.isfinite(distances)]
    return float(known.mean()) if len(known) else None


def _sortable(cell: Cell) -> float:
    return float(cell) if isinstance(cell, float) else 2.0

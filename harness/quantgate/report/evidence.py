"""Evidence: named bytes that Allure receives and that a run's directory keeps."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.table import Column, Table
from quantgate.escaping import csv_text
from quantgate.report.codec import encode
from quantgate.report.model import SCHEMA

if TYPE_CHECKING:
    from quantgate.core.table import Cell
    from quantgate.report.picture import ObjectChange, Picture


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finished attachment.

    Parameters
    ----------
    name
        File name with its extension, e.g. ``matches.csv``.
    media_type
        IANA media type, e.g. ``text/csv``.
    data
        The bytes as they are written.
    """

    name: str
    media_type: str
    data: bytes


def table_csv(table: Table) -> Evidence:
    """Write a table as RFC 4180 CSV in UTF-8; an undefined cell is empty.

    A text that a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([csv_text(column.title) for column in table.columns])
    writer.writerows(
        [csv_text(cell) if isinstance(cell, str) else cell for cell in row] for row in table.rows
    )
    return Evidence(f"{table.name}.csv", "text/csv", stream.getvalue().encode())


def table_json(table: Table) -> Evidence:
    """Write a table as JSON: columns with keys and titles, rows of cells, erroneous row numbers."""
    document = {
        "schema": SCHEMA,
        "name": table.name,
        "title": table.title,
        "columns": encode(table.columns),
        "rows": [[_finite(cell) for cell in row] for row in table.rows],
        "erroneous": sorted(table.erroneous),
    }
    return json_evidence(f"{table.name}.json", document)


def matches_csv(picture: Picture) -> Evidence:
    """Write every object of one picture as CSV: its change, both roles' classes, scores and boxes."""
    return table_csv(matches_table(picture))


def matches_table(picture: Picture) -> Table:
    """Make one picture's objects into a table, changed ones first."""
    box = tuple(f"{role}_{edge}" for role in ("parent", "optimized") for edge in _EDGES)
    keys = ("change", "parent_class", "parent_score", "optimized_class", "optimized_score", "iou")
    columns = tuple(Column(key, key.replace("_", " ")) for key in (*keys, *box))
    rows = tuple(_match_row(change) for change in picture.changes)
    return Table("matches", f"Objects on {picture.name}", columns, rows)


def json_evidence(name: str, document: object) -> Evidence:
    """Write plain values as JSON, one line an entry of the outermost levels.

    NaN and infinity raise ValueError: JSON knows neither.
    """
    text = _lines(document, depth=2)
    return Evidence(name, "application/json", text.encode())


_EDGES = ("x0", "y0", "x1", "y1")
#: Made once: each row of a table is written by itself.
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def _lines(value: object, depth: int) -> str:
    """Write the outer levels a line an entry, for people and diffs, and the rest compact."""
    if depth and isinstance(value, dict) and value:
        inner = (f"{json.dumps(key)}: {_lines(item, depth - 1)}" for key, item in value.items())
        return "{\n" + ",\n".join(inner) + "\n}"
    if depth and isinstance(value, list) and value:
        return "[\n" + ",\n".join(_lines(item, depth - 1) for item in value) + "\n]"
    return _JSON.encode(value)


def _match_row(change: ObjectChange) -> tuple[Cell, ...]:
    parent, optimized = change.parent, change.optimized
    named: tuple[Cell, ...] = (
        change.change,
        parent.label if parent else None,
        parent.score if parent else None,
        optimized.label if optimized else None,
        optimized.score if optimized else None,
        change.iou,
    )
    absent = (None, None, None, None)
    return (*named, *(parent.box if parent else absent), *(optimized.box if optimized else absent))


def _finite(cell: Cell) -> Cell:
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell

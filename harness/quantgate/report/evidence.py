"""Evidence: named bytes that Allure receives and that a run's directory keeps."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

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
        "rows": [
            [str(cell) if isinstance(cell, float) and not isfinite(cell) else cell for cell in row]
            for row in table.rows
        ],
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
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
#: Between two rows of a table.
_ENDS = "], ["


def _lines(value: object, depth: int) -> str:
    """Write the outer levels a line an entry, for people and diffs, and the rest compact."""
    if depth and isinstance(value, dict) and value:
        inner = (f"{json.dumps(key)}: {_lines(item, depth - 1)}" for key, item in value.items())
        return "{\n" + ",\n".join(inner) + "\n}"
    if depth and isinstance(value, list) and value:
        return "[\n" + _items(value, depth - 1) + "\n]"
    return _JSON.encode(value)


def _items(values: list[Any], depth: int) -> str:
    """Write a list's items a line each; rows of a table in one go, where no text looks like their ends."""
    if not depth and all(isinstance(item, list) for item in values):
        rows = _JSON.encode(values)[1:-1].split(_ENDS)
        if len(rows) == len(values):
            return "],\n[".join(rows)
    return ",\n".join(_lines(item, depth) for item in values)


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

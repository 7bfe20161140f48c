"""Tables as the templates show them: all rows as data for the script, the first ones as text."""

from __future__ import annotations

import base64
import json
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from quantgate.report.words import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.core.table import Cell, Table

#: Rows of a table that are there without JavaScript, erroneous ones first.
STATIC_ROWS = 20
_MODES = ("basic", "advanced")
#: What the rows that a table marks are, by the key of its first column.
_ONLY = {
    "class": "classes that changed",
    "segment": "segments that lost",
    "layer": "layers that got slower",
    "type": "types that got slower",
    "kind": "groups asked about",
}


@dataclass(frozen=True, slots=True)
class TableView:
    """One table: its data for the script, and some formatted rows for reading without it.

    ``file`` is the address of its CSV and JSON beside the page, without the extension; empty where
    there are none.
    """

    id: str
    name: str
    title: str
    mode: str
    report: str
    only: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    erroneous: int
    changed: int
    data: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class TableGroup:
    """Tables that answer one question: switched between Basic and Advanced."""

    title: str
    report: str
    tables: tuple[TableView, ...]


def embedded(document: object) -> Markup:
    """Write JSON that can stand inside a script element: no ``<`` can end it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped just above


def packed(document: object) -> str:
    """Write JSON compressed, as text for a script element; the browser unpacks it when it is asked for."""
    return deflated(
        json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    )


def deflated(text: str) -> str:
    """Compress a text into one that can stand inside a script element."""
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode("ascii")


def table_groups(
    tables: Sequence[Table], prefix: str, files: str, worst: Sequence[str] = ()
) -> tuple[TableGroup, ...]:
    """Group tables by the question that they answer.

    ``files`` is the folder of their CSV, and ``worst`` are the changed images, the worst first.
    """
    groups: dict[str, list[TableView]] = {}
    places = {name: place for place, name in enumerate(worst)}
    for place, table in enumerate(tables):
        mode = next((mode for mode in _MODES if table.name.endswith(mode)), "")
        stem = table.name.removesuffix(mode)
        view = table_view(table, f"{prefix}-t{place}", mode, files=files, places=places)
        groups.setdefault(stem, []).append(view)
    return tuple(
        TableGroup(views[0].title.split(", by ")[0], views[0].report, tuple(views))
        for views in groups.values()
    )


def table_view(
    table: Table,
    identity: str,
    mode: str = "",
    *,
    files: str = "",
    places: Mapping[str, int] | None = None,
) -> TableView:
    """Prepare one table, the worst rows first: all rows as data, the first ones as text."""
    order = _worst_first(table, places or {})
    # What a row comes to is read beside its name, not behind the last number.
    shown = sorted(
        range(len(table.columns)), key=lambda i: (i > 0, table.columns[i].key != "verdict")
    )
    columns = [table.columns[i] for i in shown]
    cells = [[table.rows[row][i] for i in shown] for row in order]
    rows = tuple(
        tuple(numbers.cell(cell, column.kind) for cell, column in zip(row, columns, strict=True))
        for row in cells[:STATIC_ROWS]
    )
    changed = table.erroneous if table.changed is None else table.changed
    document = {
        "columns": [[column.title, column.kind] for column in columns],
        "rows": [[_plain(cell) for cell in row] for row in cells],
        "erroneous": [i for i, row in enumerate(order) if row in table.erroneous],
        "changed": [i for i, row in enumerate(order) if row in changed],
    }
    return TableView(
        id=identity,
        name=table.name,
        title=table.title,
        mode=mode,
        report=_report(table),
        only=_ONLY.get(table.columns[0].key, "erroneous images"),
        columns=tuple((column.title, column.kind != "text") for column in columns),
        rows=rows,
        total=len(table.rows),
        erroneous=len(table.erroneous),
        changed=0 if table.changed is None else len(table.changed),
        data=packed(document),
        file=f"{files}/{table.name}" if files else "",
    )


def _worst_first(table: Table, places: Mapping[str, int]) -> list[int]:
    """Order rows: what changed, by the severity of its image, then what is erroneous, then the rest."""
    changed = table.erroneous if table.changed is None else table.changed
    by = next((i for i, column in enumerate(table.columns) if column.key == table.worst), None)

    def rank(row: int) -> tuple[bool, float, bool, int]:
        cells = table.rows[row]
        place = places.get(str(cells[0]), len(places))
        worth = float(place) if by is None else -numbers.amount(cells[by])
        return (
            row not in changed,
            worth if row in changed or by is not None else 0.0,
            row not in table.erroneous,
            row,
        )

    return sorted(range(len(table.rows)), key=rank)


def _report(table: Table) -> str:
    """Name the report that a table belongs to, by the words of DL Workbench."""
    if table.name == "tensors":
        return "tensor distance"
    if table.name.startswith(("parent_", "optimized_", "classes", "segments")):
        return "validation"
    keys = {column.key for column in table.columns}
    annotated = keys & {"annotated_class", "parent_miou", "parent_psnr_db", "parent_ssim"}
    return "comparison and validation" if annotated else "comparison"


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, float):
        # Six digits are more than any column shows, and halve the page.
        return float(f"{cell:.6g}") if math.isfinite(cell) else str(cell)
    return cell

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
    from collections.abc import Sequence

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
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode("ascii")


def table_groups(tables: Sequence[Table], prefix: str, files: str) -> tuple[TableGroup, ...]:
    """Group tables by the question that they answer; ``files`` is the folder of their CSV."""
    groups: dict[str, list[TableView]] = {}
    for place, table in enumerate(tables):
        mode = next((mode for mode in _MODES if table.name.endswith(mode)), "")
        stem = table.name.removesuffix(mode)
        view = table_view(table, f"{prefix}-t{place}", mode, files=files)
        groups.setdefault(stem, []).append(view)
    return tuple(
        TableGroup(views[0].title.split(", by ")[0], views[0].report, tuple(views))
        for views in groups.values()
    )


def table_view(table: Table, identity: str, mode: str = "", *, files: str = "") -> TableView:
    """Prepare one table, erroneous rows first: all rows as data, the first ones as text."""
    order = [
        *sorted(table.erroneous),
        *(i for i in range(len(table.rows)) if i not in table.erroneous),
    ]
    kinds = [column.kind for column in table.columns]
    rows = tuple(
        tuple(numbers.cell(cell, kind) for cell, kind in zip(table.rows[i], kinds, strict=True))
        for i in order[:STATIC_ROWS]
    )
    document = {
        "columns": [[column.title, column.kind] for column in table.columns],
        "rows": [[_plain(cell) for cell in table.rows[i]] for i in order],
        "erroneous": list(range(len(table.erroneous))),
    }
    return TableView(
        id=identity,
        name=table.name,
        title=table.title,
        mode=mode,
        report=_report(table),
        only=_ONLY.get(table.columns[0].key, "erroneous images"),
        columns=tuple((column.title, column.kind != "text") for column in table.columns),
        rows=rows,
        total=len(table.rows),
        erroneous=len(table.erroneous),
        data=packed(document),
        file=f"{files}/{table.name}" if files else "",
    )


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

"""What a search for a recipe found: the points, all that was tried, and the lines to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from quantgate.core.table import Column, Table
from quantgate.report.html.page import render
from quantgate.report.html.pareto_chart import legend, pareto_chart
from quantgate.report.html.view_tables import table_view
from quantgate.report.words import remedy as words

if TYPE_CHECKING:
    from quantgate.core.estimate import Estimate
    from quantgate.core.remedy import Point, Remedy
    from quantgate.core.table import Cell

_TRIED = (
    Column("title", "Tried"),
    Column("layers", "Layers in Float", "count"),
    Column("images", "Images", "count"),
    Column("need", "Part of the Limit", "number"),
    Column("loss", "Loss", "number"),
    Column("noise", "Noise over Signal", "number"),
    Column("chance", "Chance on Other Images", "fraction"),
    Column("pace", "Rough Speed over f32", "number"),
    Column("fate", "Fate"),
)


def render_remedy(found: Remedy, *, files: str = "") -> str:
    """Render the page of one search; ``files`` is the folder of its CSV and JSON."""
    return render(
        "remedy.html.j2",
        model=found.model,
        headline=words.headline(found),
        sentences=tuple(words.sentences(found)),
        lines=words.lines(found),
        chart=Markup(pareto_chart(found)),  # noqa: S704 - escaped there
        legend=legend(found),
        tables=[
            (title, table_view(table, f"remedy-{table.name}", files=files))
            for title, table in (
                ("What each costs and brings", points_table(found)),
                ("All that was tried", tried_table(found)),
            )
            if table.rows
        ],
    )


def points_table(found: Remedy) -> Table:
    """Every measured point, the winner first, with its intervals."""
    columns = (
        Column("title", "Recipe"),
        Column("role", "Role"),
        *_ends("loss", found.of[:1].upper() + found.of[1:]),
        *_ends("speedup", "Speedup over f32"),
        *_ends("native", "Speedup over Default"),
        Column("size", "Size over Parent", "fraction"),
        Column("int8", "INT8 Share", "fraction"),
        Column("missed", "Limits Missed"),
        Column("undecided", "Limits Undecided"),
        Column("need", "Part of the Limit When Chosen", "number"),
        Column("front", "On the Front"),
    )
    return Table("points", "Points", columns, tuple(_row(point) for point in found.points))


def _row(point: Point) -> tuple[Cell, ...]:
    return (
        point.title,
        point.role,
        *_cells(point.loss),
        *_cells(point.speedups.get("parent_f32")),
        *_cells(point.speedups.get("parent_default")),
        point.size,
        point.int8_share,
        ", ".join(point.missed),
        ", ".join(point.undecided),
        point.need,
        "yes" if point.optimal else "",
    )


def _ends(key: str, title: str) -> tuple[Column, ...]:
    return (
        Column(key, title, "number"),
        Column(f"{key}_low", f"{title}, Low", "number"),
        Column(f"{key}_high", f"{title}, High", "number"),
    )


def _cells(found: Estimate | None) -> tuple[Cell, ...]:
    return (None, None, None) if found is None else (found.value, found.low, found.high)


def tried_table(found: Remedy) -> Table:
    """Every candidate, on as many images as it came to."""
    rows: list[tuple[Cell, ...]] = [
        (
            one.title,
            one.layers,
            one.reading.images,
            one.need,
            one.reading.loss.judged,
            one.reading.loss.noise,
            one.reading.chance,
            one.reading.pace,
            one.fate,
        )
        for one in words.best_tried(found)
    ]
    return Table("tried", "Tried", _TRIED, tuple(rows))

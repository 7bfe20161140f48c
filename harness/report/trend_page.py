"""The page of a history: what moved as a table, all series as small charts; one file, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from harness.report import titles
from harness.report import wording_trend as wording
from harness.report.files import write_atomic
from harness.report.page import render
from harness.report.trend_chart import change_chart
from harness.report.trend_data import page_data, report_link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.changes.change import Change
    from harness.core.series import RunFacts
    from harness.report.trend import Trend

#: Rows of the table of changes, those that fail a gate first; the charts mark all.
MOST_ROWS = 300
#: The words of a change to the outcome whose colour it has.
_COLOURS = {"worse": "failed", "better": "passed", "unclear": "undecided", "accepted": "known"}


@dataclass(frozen=True, slots=True)
class Link:
    """A run in the table; ``href`` is empty where no report is known."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A row of the table of changes."""

    id: str
    change: Change
    word: str
    colour: str
    night: str
    title: str
    place: str
    levels: str
    size: tuple[str, str]
    between: str
    notes: tuple[str, ...]
    runs: tuple[Link, Link]
    chart: Markup


def write_trend(trend: Trend, page: Path) -> None:
    """Write the page.

    Raises
    ------
    ReportError
        Where the disk is full or read-only.
    """
    write_atomic(page, render_trend(trend, page.parent).encode())


def render_trend(trend: Trend, folder: Path) -> str:
    """Render the page that will lie in a folder."""
    rows = list(_rows(trend, folder))
    names = ("quantity", "machine", "stack")
    choices = {name: sorted({getattr(one.key, name) for one in trend.series}) for name in names}
    return render(
        "trend.html.j2",
        trend=trend,
        rows=rows,
        omitted=len(trend.changes) - len(rows),
        summary=wording.summary(trend),
        nights=[wording.day(run.at) for run in (trend.runs[0], trend.runs[-1])],
        machines=list(wording.machine_lines(trend.changes)),
        choices=choices,
        titles={key: titles.limit_title(key) for key in choices["quantity"]},
        data=page_data(trend, {id(row.change): row.id for row in rows}, folder),
    )


def _rows(trend: Trend, folder: Path) -> Iterator[ChangeView]:
    series = {one.key: one for one in trend.series}
    # What fails a gate comes first, what a machine did last; within, the latest first.
    ordered = sorted(trend.changes, key=lambda c: (not c.open, c.cause == "machine"))
    for place, change in enumerate(ordered[:MOST_ROWS]):
        word = wording.headword(change)
        yield ChangeView(
            id=f"c{place}",
            change=change,
            word=word,
            colour=_COLOURS.get(word, "skipped"),
            night=wording.day(change.moved.at),
            title=titles.limit_title(change.key.quantity),
            place=wording.place_text(change),
            levels=wording.levels_text(change),
            size=wording.size_parts(change),
            between=wording.between_text(change),
            notes=tuple(wording.notes(change)),
            runs=(_link(change.last_good, folder), _link(change.first_changed, folder)),
            chart=Markup(change_chart(series[change.key], change)),  # noqa: S704 - numbers only
        )


def _link(run: RunFacts, folder: Path) -> Link:
    return Link(run.id, report_link(run.place, folder))

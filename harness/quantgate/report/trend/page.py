"""The page of a history: what moved as a table, all series as small charts; one file, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from quantgate.core.limits import limit_title
from quantgate.report.files import write_atomic
from quantgate.report.html.page import render
from quantgate.report.trend.data import page_data, report_link
from quantgate.report.words import trend as wording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.changes.change import ChangePoint
    from quantgate.core.series import Columns, RunFacts
    from quantgate.report.trend.model import Trend

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
    change: ChangePoint
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
    """Render the page for a folder, with links relative to it."""
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
        titles={key: limit_title(key) for key in choices["quantity"]},
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
            title=limit_title(change.key.quantity),
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


_WIDE, _HIGH, _PAD = 150.0, 34.0, 3.0
#: Nights drawn before and after.
_AROUND = 30


def change_chart(columns: Columns, change: ChangePoint) -> str:
    """Draw the nights around a change, as decoration: its numbers are in the table."""
    last = max(change.found, change.first) + _AROUND
    held = slice(max(0, change.first - _AROUND), min(len(columns), last))
    value, low, high = (column[held] for column in (columns.value, columns.low, columns.high))
    limit = columns.threshold[held][-1]
    # One wild interval must not press all others flat.
    lowest, highest = float(value.min()), float(value.max())
    spare = (highest - lowest) * 0.15 or abs(highest) * 0.01 or 1.0
    bottom, top = lowest - spare, highest + spare

    def y(number: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = np.clip(number, bottom, top)
        return _HIGH - _PAD - (inside - bottom) / (top - bottom) * (_HIGH - 2 * _PAD)

    x = np.linspace(_PAD, _WIDE - _PAD, len(value))
    at = x[change.first - held.start]
    band = _path([*zip(x, y(high), strict=True), *reversed([*zip(x, y(low), strict=True)])])
    drawn = f'<path class="band" d="{band}Z"/>'
    if bottom <= limit <= top:
        level = float(y(np.array(limit)))
        drawn += f'<line class="lim" x1="0" x2="{_WIDE:.0f}" y1="{level:.1f}" y2="{level:.1f}"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" aria-hidden="true">{drawn}'
        f'<line class="at" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HIGH:.0f}"/>'
        f'<path class="est" d="{_path([*zip(x, y(value), strict=True)])}"/></svg>'
    )


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)

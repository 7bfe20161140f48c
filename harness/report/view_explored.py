"""An exploration as the templates show it: plot, best settings, table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from harness.report import numbers
from harness.report.charts_explored import exploration_chart
from harness.report.exploration import exploration_table, sweet_spot
from harness.report.view_tables import TableView, table_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.report.performance import Explored


@dataclass(frozen=True, slots=True)
class ExploredView:
    """One exploration; ``snippets`` holds ``(title, lines of models.toml)``."""

    chart: Markup
    within: str
    snippets: tuple[tuple[str, str], ...]
    none_fits: str
    table: TableView


def explored_view(
    points: Sequence[Explored], identity: str, within_ns: float | None = None, *, files: str = ""
) -> ExploredView:
    """Prepare it; ``files`` is the folder of its CSV and JSON."""
    within = "" if within_ns is None else numbers.written(within_ns, "duration")
    snippets = tuple(_snippets(points, within_ns, within))
    missed = bool(within) and all(within not in title for title, _ in snippets)
    return ExploredView(
        chart=Markup(exploration_chart(points, within_ns)),  # noqa: S704 - escaped there
        within=within,
        snippets=snippets,
        none_fits=f"No setting answers within {within} at p90." if missed else "",
        table=table_view(exploration_table(points), identity, files=files),
    )


def _snippets(
    points: Sequence[Explored], within_ns: float | None, within: str
) -> Iterator[tuple[str, str]]:
    optimized = [point for point in points if point.role == "optimized"]
    fastest = sweet_spot(optimized)
    wanted = [("The fastest", fastest)]
    if within_ns is not None:
        fitting = sweet_spot(optimized, within_ns)
        if fitting == fastest:
            wanted = [(f"The fastest, and the fastest within {within}", fastest)]
        else:
            wanted.append((f"The fastest within {within}", fitting))
    yield from ((title, best.snippet) for title, best in wanted if best is not None)

"""What ``quantgate explore`` measured: its table, its best points, and a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.table import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.report.performance import Explored

_COLUMNS = (
    Column("setting", "Setting"),
    Column("role", "Role"),
    Column("rate_per_s", "Images/s", "number"),
    Column("rate_low_per_s", "Images/s, low", "number"),
    Column("rate_high_per_s", "Images/s, high", "number"),
    Column("p50_ms", "p50, ms", "number"),
    Column("p90_ms", "p90, ms", "number"),
    Column("problem", "Problem"),
)
_NS_PER_MS = 1e6


def exploration_table(points: Sequence[Explored]) -> Table:
    """Tabulate every point, both roles."""
    return Table("exploration", "Explored settings", _COLUMNS, tuple(map(_row, points)))


def sweet_spot(points: Sequence[Explored], within_ns: float | None = None) -> Explored | None:
    """Find the highest rate, of those whose p90 latency is at most ``within_ns``; None without any."""
    fitting = [
        point
        for point in points
        if point.rate_per_s is not None
        and (within_ns is None or (point.p90_ns is not None and point.p90_ns <= within_ns))
    ]
    return max(fitting, key=lambda point: point.rate_per_s or 0.0, default=None)


def write_exploration(
    path: Path, model: str, points: Sequence[Explored], within_ns: float | None = None
) -> None:
    """Write the page with the plot, and its table as CSV and JSON in a folder of the same name.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    from harness.report.evidence import table_csv, table_json
    from harness.report.files import write_atomic
    from harness.report.page import render_exploration

    for item in (table_csv(exploration_table(points)), table_json(exploration_table(points))):
        write_atomic(path.parent / path.stem / item.name, item.data)
    page = render_exploration(model, points, within_ns=within_ns, files=path.stem)
    write_atomic(path, page.encode())


def _row(point: Explored) -> tuple[Cell, ...]:
    low, high = point.rate_range_per_s or (None, None)
    times = (point.p50_ns, point.p90_ns)
    return (
        point.setting,
        point.role,
        point.rate_per_s,
        low,
        high,
        *(None if time is None else time / _NS_PER_MS for time in times),
        point.problem or None,
    )

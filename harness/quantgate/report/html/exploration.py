"""Results of ``quantgate explore``: the table, the best points, and the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from quantgate.core.table import Cell, Column, Table
from quantgate.escaping import markup
from quantgate.report.html.view_tables import TableView, table_view
from quantgate.report.words import numbers
from quantgate.report.words.numbers import interval, rate, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.report.performance import Explored

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


_WIDE, _HIGH = 720.0, 380.0
_LEFT, _BOTTOM, _TOP, _RIGHT = 64.0, 44.0, 14.0, 16.0
_MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a latency (ns, logarithmic) and a rate (a second, from 0) lie."""

    low_ns: float
    high_ns: float
    most: float

    def x(self, latency_ns: float) -> float:
        part = math.log(latency_ns / self.low_ns) / math.log(self.high_ns / self.low_ns)
        return _LEFT + part * (_WIDE - _LEFT - _RIGHT)

    def y(self, per_s: float) -> float:
        return _HIGH - _BOTTOM - per_s / self.most * (_HIGH - _BOTTOM - _TOP)


def exploration_chart(points: Sequence[Explored], within_ns: float | None = None) -> str:
    """Draw every measured point of both roles, its interval, and the best within the latency.

    p90 latency goes to the right on a logarithmic axis, throughput upwards from 0: the upper left
    corner is where one wants to be. Empty where nothing was measured.
    """
    shown = [point for point in points if point.rate_per_s and point.p90_ns]
    if not shown:
        return ""
    times = [point.p90_ns or 1.0 for point in shown] + ([within_ns] if within_ns else [])
    rates = [max(point.rate_range_per_s or (point.rate_per_s or 0.0,)) for point in shown]
    frame = _Frame(min(times) / 1.15, max(times) * 1.15, max(rates) * 1.08)
    body = "".join((*_axes(frame), *_limit(frame, within_ns), *_points(frame, shown, within_ns)))
    return (
        f'<svg class="explored" viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" role="img" '
        f'aria-label="Throughput against p90 latency of {len(shown)} points">{body}</svg>'
    )


def _axes(frame: _Frame) -> Iterator[str]:
    bottom, right = _HIGH - _BOTTOM, _WIDE - _RIGHT
    for per_s in _round_steps(frame.most):
        y = frame.y(per_s)
        yield f'<line class="g" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{per_s:,g}</text>'
    for time_ns in _round_times(frame.low_ns, frame.high_ns):
        x = frame.x(time_ns)
        yield f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
        label = _time(time_ns)
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>'
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{_HIGH - 6}" text-anchor="middle">p90 latency (logarithmic)</text>'
    yield f'<text x="{_LEFT + 6}" y="{_TOP + 10}">images a second</text>'


def _round_steps(most: float) -> Iterator[float]:
    """Round numbers from 0 up to the most, four to nine of them."""
    size = 10.0 ** math.floor(math.log10(most))
    step = next(size * part for part in (0.2, 0.5, 1.0, 2.0) if most / (size * part) <= _MOST_TICKS)
    yield from (index * step for index in range(int(most / step) + 1))


def _round_times(low_ns: float, high_ns: float) -> Iterator[float]:
    """1, 2 and 5 of every power of ten between two times."""
    powers = range(math.floor(math.log10(low_ns)), math.ceil(math.log10(high_ns)) + 1)
    every = (part * 10.0**power for power in powers for part in (1, 2, 5))
    yield from (time for time in every if low_ns <= time <= high_ns)


def _time(time_ns: float) -> str:
    unit, size = next(
        (u, s) for u, s in (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)) if time_ns >= s
    )
    return f"{time_ns / size:g} {unit}"


def _limit(frame: _Frame, within_ns: float | None) -> Iterator[str]:
    if within_ns:
        x = frame.x(within_ns)
        yield f'<line class="lim" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HIGH - _BOTTOM}"/>'
        text = f"within {written(within_ns, 'duration')}"
        yield f'<text class="lim" x="{x - 5:.1f}" y="{_HIGH - _BOTTOM - 8}" text-anchor="end">{text}</text>'


def _points(frame: _Frame, shown: Sequence[Explored], within_ns: float | None) -> Iterator[str]:
    for role in ("parent", "optimized"):
        of_role = [point for point in shown if point.role == role]
        best = sweet_spot(of_role, within_ns)
        for point in of_role:
            yield _point(frame, point, best=point == best)


def _point(frame: _Frame, point: Explored, *, best: bool) -> str:
    per_s, time_ns = point.rate_per_s or 0.0, point.p90_ns or 1.0
    x, y = frame.x(time_ns), frame.y(per_s)
    low, high = point.rate_range_per_s or (per_s, per_s)
    said = f"{point.role}, {point.setting}: {rate(per_s)} {interval(rate(low), rate(high))}, p90 {written(time_ns, 'duration')}"
    ring = f'<circle class="best" cx="{x:.1f}" cy="{y:.1f}" r="10"/>' if best else ""
    mark = (
        f'<rect class="parent" x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"/>'
        if point.role == "parent"
        else f'<circle class="optimized" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    )
    return (
        f"<g><title>{markup(said)}</title>{ring}"
        f'<line class="e {markup(point.role)}" x1="{x:.1f}" x2="{x:.1f}" '
        f'y1="{frame.y(high):.1f}" y2="{frame.y(low):.1f}"/>{mark}</g>'
    )

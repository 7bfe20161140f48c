"""Latency against throughput of explored settings, as inline SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from harness.report.exploration import sweet_spot
from harness.report.numbers import interval, rate, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.report.performance import Explored

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
        f"<g><title>{escape(said)}</title>{ring}"
        f'<line class="e {escape(point.role)}" x1="{x:.1f}" x2="{x:.1f}" '
        f'y1="{frame.y(high):.1f}" y2="{frame.y(low):.1f}"/>{mark}</g>'
    )

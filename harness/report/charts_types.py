"""Time by layer type as inline SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from harness.report.numbers import amount, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.table import Table

_ROLES = ("parent", "optimized")
_NS_PER_US = 1e3
_MOST_TYPES = 12
_NAMES, _WIDE, _ROW = 150.0, 640.0, 34.0
#: Room for a number behind the longest bar.
_NUMBER = 76.0


def types_chart(types: Table) -> str:
    """Draw both roles' time by layer type, the longest first; empty where nothing took time."""
    place = {column.key: index for index, column in enumerate(types.columns)}
    rows = [
        (str(row[place["type"]]), [amount(row[place[f"{role}_us"]]) for role in _ROLES])
        for row in types.rows
    ]
    rows = sorted(rows, key=lambda row: -max(row[1]))[:_MOST_TYPES]
    longest = max((max(times) for _, times in rows), default=0.0)
    if longest == 0:
        return ""
    bars = "".join(
        _type_row(name, times, index * _ROW, longest) for index, (name, times) in enumerate(rows)
    )
    high = len(rows) * _ROW
    return (
        f'<svg class="types" viewBox="0 0 {_WIDE:.0f} {high:.0f}" role="img" '
        f'aria-label="Time by layer type, parent and optimized">{bars}</svg>'
    )


def _type_row(name: str, times: Sequence[float], top: float, longest: float) -> str:
    bars = "".join(
        _bar(time_us, top + 4 + side * 13, _ROLES[side], longest)
        for side, time_us in enumerate(times)
    )
    middle = top + _ROW / 2 + 4
    return f'<text x="{_NAMES - 8}" y="{middle:.1f}" text-anchor="end">{escape(name)}</text>{bars}'


def _bar(time_us: float, y: float, role: str, longest: float) -> str:
    wide = time_us / longest * (_WIDE - _NAMES - _NUMBER)
    text = written(time_us * _NS_PER_US, "duration") if time_us else "–"
    return (
        f'<rect class="{role}" x="{_NAMES}" y="{y:.1f}" width="{wide:.1f}" height="11"/>'
        f'<text class="v" x="{_NAMES + wide + 5:.1f}" y="{y + 9.5:.1f}">{text}</text>'
    )

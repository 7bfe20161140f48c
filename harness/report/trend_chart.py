"""A change as a small inline SVG: the nights around it, their intervals, the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.core.changes.change import Change
    from harness.core.series import Columns

_WIDE, _HIGH, _PAD = 150.0, 34.0, 3.0
#: Nights drawn before and after.
_AROUND = 30


def change_chart(columns: Columns, change: Change) -> str:
    """Draw the nights around a change; decoration, its numbers stand beside it."""
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

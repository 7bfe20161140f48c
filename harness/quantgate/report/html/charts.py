"""Small charts as inline SVG: an interval against its limit, rounds of a speedup, shares of work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.escaping import markup
from quantgate.report.words.numbers import amount, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.core.table import Table
    from quantgate.core.verdict import Verdict
    from quantgate.report.performance import Speedup

_WIDE, _HIGH = 200.0, 26.0
#: Names of two lines nearer than this would lie over each other.
_LETTERS = 12.0
_PRECISIONS = {
    "INT8": ("i8", "u8", "int8", "i4", "u4"),
    "16 bit": ("f16", "bf16", "fp16"),
    "FP32": ("f32", "fp32"),
}
_PRECISION_CLASSES = {"INT8": "p8", "16 bit": "p16", "FP32": "p32"}


def interval_chart(verdict: Verdict, word: str) -> str:
    """Draw value and interval against the limit, the side that passes shaded, in the colour of ``word``; empty where nothing was measured."""
    estimate, limit = verdict.estimate, verdict.limit
    if estimate is None or limit.threshold is None:
        return ""
    low, high = min(estimate.low, limit.threshold), max(estimate.high, limit.threshold)
    pad = (high - low) * 0.15 or abs(high) * 0.1 or 1.0
    low, high = low - pad, high + pad

    def x(value: float) -> float:
        return (value - low) / (high - low) * _WIDE

    edge = x(limit.threshold)
    start, end = (edge, _WIDE) if limit.relation == "min" else (0.0, edge)
    middle = _HIGH / 2
    return (
        f'<svg class="iv {word}" viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" aria-hidden="true">'
        f'<rect class="ok" x="{start:.1f}" y="3" width="{end - start:.1f}" height="{_HIGH - 6:.0f}"/>'
        f'<line class="lim" x1="{edge:.1f}" y1="1" x2="{edge:.1f}" y2="{_HIGH - 1:.0f}"/>'
        f'<line class="rng" x1="{x(estimate.low):.1f}" y1="{middle}" x2="{x(estimate.high):.1f}" y2="{middle}"/>'
        f'<circle class="val" cx="{x(estimate.value):.1f}" cy="{middle}" r="4.5"/></svg>'
    )


def rounds_chart(speedup: Speedup) -> str:
    """Draw every round's ratio in the order measured, with estimate, interval and limit."""
    rounds = speedup.rounds
    if not rounds:
        return ""
    wide, high, left = 560.0, 150.0, 44.0
    estimate = speedup.estimate
    marks = [1.0, estimate.low, estimate.high, *([speedup.limit] if speedup.limit else [])]
    low, top = min(*rounds, *marks), max(*rounds, *marks)
    pad = (top - low) * 0.08 or 0.05
    low, top = low - pad, top + pad

    def y(value: float) -> float:
        return high - (value - low) / (top - low) * high

    step = (wide - left - 8) / max(1, len(rounds) - 1)
    dots = "".join(
        f'<circle cx="{left + 4 + place * step:.1f}" cy="{y(ratio):.1f}" r="2.8"/>'
        for place, ratio in enumerate(rounds)
    )
    band_y, band_high = y(estimate.high), max(1.5, y(estimate.low) - y(estimate.high))
    limit = speedup.limit
    near = limit is not None and abs(y(limit) - y(1.0)) < _LETTERS
    lines = _level("" if near else written(1.0, "factor"), y(1.0), "one", left, wide)
    if limit is not None:
        lines += _level(written(limit, "factor"), y(limit), "lim", left, wide)
    label = markup(f"{len(rounds)} rounds between {min(rounds):.2f}× and {max(rounds):.2f}×")
    return (
        f'<svg class="rounds" viewBox="0 -6 {wide:.0f} {high + 12:.0f}" role="img" aria-label="{label}">'
        f'<rect class="band" x="{left}" y="{band_y:.1f}" width="{wide - left}" height="{band_high:.1f}"/>'
        f'{lines}<line class="est" x1="{left}" x2="{wide}" y1="{y(estimate.value):.1f}" y2="{y(estimate.value):.1f}"/>'
        f"{dots}</svg>"
    )


def _level(text: str, y: float, kind: str, left: float, wide: float) -> str:  # noqa: PLR0917 - one line
    return (
        f'<line class="{kind}" x1="{left}" x2="{wide}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="{kind}" x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">{markup(text)}</text>'
    )


def share_bar(by_precision: Mapping[str, float]) -> str:
    """Draw shares of work as one bar, INT8 first; what is no known precision comes last."""
    grouped = grouped_shares(by_precision)
    at, parts = 0.0, []
    for name, share in grouped.items():
        kind = _PRECISION_CLASSES.get(name, "pother")
        parts.append(
            f'<rect class="{kind}" x="{at * 100:.2f}" y="0" width="{share * 100:.2f}" height="10"/>'
        )
        at += share
    said = ", ".join(f"{name} {written(share, 'percent')}" for name, share in grouped.items())
    return (
        '<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{markup(said)}">{"".join(parts)}</svg>'
    )


def grouped_shares(by_precision: Mapping[str, float]) -> dict[str, float]:
    """Sum shares of the element types that people see as one precision, in a fixed order."""
    grouped = dict.fromkeys(_PRECISIONS, 0.0)
    for name, share in by_precision.items():
        group = next((g for g, names in _PRECISIONS.items() if name.lower() in names), name)
        grouped[group] = grouped.get(group, 0.0) + share
    return {name: share for name, share in grouped.items() if share > 0}


def share_legend(by_precision: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """List ``(css class, precision, share)`` for the legend of `share_bar`."""
    return [
        (_PRECISION_CLASSES.get(name, "pother"), name, written(share, "percent"))
        for name, share in grouped_shares(by_precision).items()
    ]


def outcome_bar(counts: Mapping[str, int]) -> str:
    """Draw a run's outcomes as one bar, the worst first."""
    total = sum(counts.values())
    at, parts = 0.0, []
    for name, count in counts.items():
        width = count / total * 100 if total else 0.0
        parts.append(f'<rect class="{name}" x="{at:.2f}" y="0" width="{width:.2f}" height="10"/>')
        at += width
    said = markup(", ".join(f"{count} {name}" for name, count in counts.items()))
    return f'<svg class="share outcomes" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{said}">{"".join(parts)}</svg>'


_ROLES = ("parent", "optimized")
_NS_PER_US = 1e3
_MOST_TYPES = 12
_NAMES, _TYPES_WIDE, _ROW = 150.0, 640.0, 34.0
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
        f'<svg class="types" viewBox="0 0 {_TYPES_WIDE:.0f} {high:.0f}" role="img" '
        f'aria-label="Time by layer type, parent and optimized">{bars}</svg>'
    )


def _type_row(name: str, times: Sequence[float], top: float, longest: float) -> str:
    bars = "".join(
        _bar(time_us, top + 4 + side * 13, _ROLES[side], longest)
        for side, time_us in enumerate(times)
    )
    middle = top + _ROW / 2 + 4
    return f'<text x="{_NAMES - 8}" y="{middle:.1f}" text-anchor="end">{markup(name)}</text>{bars}'


def _bar(time_us: float, y: float, role: str, longest: float) -> str:
    wide = time_us / longest * (_TYPES_WIDE - _NAMES - _NUMBER)
    text = written(time_us * _NS_PER_US, "duration") if time_us else "–"
    return (
        f'<rect class="{role}" x="{_NAMES}" y="{y:.1f}" width="{wide:.1f}" height="11"/>'
        f'<text class="v" x="{_NAMES + wide + 5:.1f}" y="{y + 9.5:.1f}">{text}</text>'
    )

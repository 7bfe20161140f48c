"""What each recipe loses and how fast it is, as inline SVG: the front is what nothing beats in both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.escaping import markup
from quantgate.report.words.numbers import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.core.remedy import Point, Remedy

_WIDE, _HIGH = 860.0, 334.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 20.0, 40.0, 44.0
#: Intervals between ticks at most, and their lengths but for a power of ten.
_TICKS, _STEPS = 5, (1.0, 2.0, 5.0)
#: Names of two lines nearer than this would lie over each other.
_LETTERS = 70.0


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range of values on a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a value; what is beyond an end lies on it."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values of the range, about as many as are wanted."""
        least = (self.high - self.low) / _TICKS
        size = 10.0 ** math.floor(math.log10(least))
        step = size * next((one for one in _STEPS if one * size >= least), 10)
        return [step * n for n in range(math.ceil(self.low / step), int(self.high // step) + 1)]


def pareto_chart(found: Remedy) -> str:
    """Draw loss against speed over f32: measured points numbered, with intervals, candidates small.

    Candidates are those read on all images that chose, by their rough speeds. Empty where nothing was measured.
    """
    points = [point for point in found.points if "parent_f32" in point.speedups]
    if not points:
        return ""
    x = _axis(_speeds(found, points), _LEFT, _WIDE - _RIGHT)
    y = _axis(_losses(found, points), _HIGH - _BOTTOM, _TOP)
    body = "".join(
        (
            *_frame(found, x, y),
            *_lines(found, x, y),
            *_candidates(found, x, y),
            *_marks(points, x, y),
        )
    )
    said = markup(f"{found.of} against speed of {len(points)} points")
    return f'<svg class="pareto" viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" role="img" aria-label="{said}">{body}</svg>'


def legend(found: Remedy) -> list[tuple[str, int, str]]:
    """List ``(css class, number, title)`` of the numbered points."""
    points = [point for point in found.points if "parent_f32" in point.speedups]
    return [(point.role, number, point.title) for number, point in enumerate(points, 1)]


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or abs(high) * 0.1 or 0.01
    return _Axis(low - pad, high + pad, start, end)


def _speeds(found: Remedy, points: Sequence[Point]) -> list[float]:
    ends = [end for point in points for end in _ends(point)]
    wanted = found.limits.get("min_speedup")
    return [*ends, 1.0, *([] if wanted is None else [wanted])]


def _ends(point: Point) -> tuple[float, float]:
    fast = point.speedups["parent_f32"]
    return fast.low, fast.high


def _losses(found: Remedy, points: Sequence[Point]) -> list[float]:
    allowed = _allowed(found)
    ends = [end for point in points for end in (point.loss.low, point.loss.high)]
    return [*ends, 0.0, *([] if allowed is None else [allowed])]


def _allowed(found: Remedy) -> float | None:
    """The limit that is on the axis of losses."""
    return found.limits.get("max_accuracy_drop") if found.of.startswith("drop") else None


def _frame(found: Remedy, x: _Axis, y: _Axis) -> Iterator[str]:
    for value in y.ticks():
        yield f'<line class="g" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{written(value, "fraction")}</text>'
    for value in x.ticks():
        yield f'<text x="{x(value):.1f}" y="{_HIGH - _BOTTOM + 18:.1f}" text-anchor="middle">{written(value, "factor")}</text>'
    middle = (_LEFT + _WIDE - _RIGHT) / 2
    yield f'<text x="{middle:.1f}" y="{_HIGH - 6:.1f}" text-anchor="middle">speed over the parent in f32 →</text>'
    yield f'<text x="4" y="12">{markup(found.of)} ↓</text>'


def _lines(found: Remedy, x: _Axis, y: _Axis) -> Iterator[str]:
    """Both baselines upright, and the limits on either axis."""
    natives = [one.speed for one in found.points if one.role == "parent" and one.speed != 1]
    upright = [("one", "f32", 1.0), *(("one", "default", speed) for speed in natives)]
    wanted = found.limits.get("min_speedup")
    if wanted is not None:
        upright.append(("lim", "min_speedup", wanted))
    named: list[float] = []
    for kind, name, value in upright:
        at = x(value)
        yield f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HIGH - _BOTTOM}"/>'
        if all(abs(at - other) > _LETTERS for other in named):
            yield f'<text class="{kind}" x="{at:.1f}" y="{_TOP - 5}" text-anchor="middle">{name}</text>'
            named.append(at)
    allowed = _allowed(found)
    if allowed is not None:
        yield f'<line class="lim" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y(allowed):.1f}" y2="{y(allowed):.1f}"/>'
        yield (
            f'<text class="lim" x="{_WIDE - _RIGHT}" y="{y(allowed) - 5:.1f}" text-anchor="end">'
            f"limit {written(allowed, 'fraction')}</text>"
        )


def _candidates(found: Remedy, x: _Axis, y: _Axis) -> Iterator[str]:
    for one in found.tried:
        pace, loss = one.reading.pace, one.reading.loss.judged
        if one.reading.images >= found.chosen_on and pace is not None:
            said = markup(f"{one.title}: {written(loss, 'fraction')}, {written(pace, 'factor')}")
            yield f'<circle class="tried" cx="{x(pace):.1f}" cy="{y(loss):.1f}" r="3"><title>{said}</title></circle>'


def _marks(points: Sequence[Point], x: _Axis, y: _Axis) -> Iterator[str]:
    for number, point in reversed([*enumerate(points, 1)]):
        at, (low, high) = (x(point.speed), y(point.loss.value)), _ends(point)
        ends = y(point.loss.low), y(point.loss.high)
        front = " front" if point.optimal else ""
        said = markup(
            f"{point.title}: {written(point.loss.value, 'fraction')}, {written(point.speed, 'factor')}"
        )
        yield (
            f'<g class="{point.role}{front}"><title>{said}</title>'
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{at[1]:.1f}" y2="{at[1]:.1f}"/>'
            f'<line x1="{at[0]:.1f}" x2="{at[0]:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}"/>'
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="9"/>'
            f'<text x="{at[0]:.1f}" y="{at[1] + 4:.1f}" text-anchor="middle">{number}</text></g>'
        )

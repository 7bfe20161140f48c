"""Signal to noise along the depth of a network, as inline SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from quantgate.core.explained import WORTH, sqnr_db
from quantgate.escaping import markup
from quantgate.report.words.numbers import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.core.explained import Explanation, LayerFacts

_WIDE, _HIGH = 860.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 14.0, 16.0, 40.0
_STEP_DB, _MARKED = 10, 3


def depth_chart(found: Explanation) -> str:
    """Draw signal to noise along the network: each layer's own, and what has gathered behind it.

    The layers that cost most are ringed and named. Empty without layers.
    """
    layers = found.layers
    shown = [_decibels(layer) for layer in layers]
    if not shown:
        return ""
    high = max(max(pair) for pair in shown)
    low = min(0.0, *(min(pair) for pair in shown))
    top, bottom = math.ceil(high / _STEP_DB) * _STEP_DB, math.floor(low / _STEP_DB) * _STEP_DB
    body = "".join(
        (*_grid(bottom, top), *_curves(shown, bottom, top), *_marks(found, shown, bottom, top))
    )
    return (
        f'<svg class="depth" viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" role="img" aria-label="Signal to noise '
        f'of {len(layers)} layers along the network">{body}</svg>'
    )


def _decibels(layer: LayerFacts) -> tuple[float, float]:
    own, gathered = (min(90.0, sqnr_db(noise)) for noise in (layer.own, layer.gathered))
    return own, gathered


def _x(place: int, count: int) -> float:
    return _LEFT + (place + 0.5) / count * (_WIDE - _LEFT - _RIGHT)


def _y(value: float, bottom: float, top: float) -> float:
    return _TOP + (top - value) / max(1.0, top - bottom) * (_HIGH - _TOP - _BOTTOM)


def _grid(bottom: int, top: int) -> Iterator[str]:
    for value in range(bottom, top + 1, _STEP_DB):
        y = _y(value, bottom, top)
        yield f'<line class="g" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
    middle = (_LEFT + _WIDE - _RIGHT) / 2
    yield f'<text x="{middle}" y="{_HIGH - 6}" text-anchor="middle">layers in the order of execution</text>'
    yield f'<text x="{_LEFT + 6}" y="{_TOP - 4}">dB</text>'


def _curves(shown: Sequence[tuple[float, float]], bottom: float, top: float) -> Iterator[str]:
    count = len(shown)
    points = " ".join(
        f"{_x(place, count):.1f},{_y(gathered, bottom, top):.1f}"
        for place, (_, gathered) in enumerate(shown)
    )
    yield f'<polyline class="all" points="{points}"/>'
    for place, (own, _) in enumerate(shown):
        x, y = _x(place, count), _y(own, bottom, top)
        yield f'<circle class="own" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'


def _marks(
    found: Explanation, shown: Sequence[tuple[float, float]], bottom: float, top: float
) -> Iterator[str]:
    """Ring the layers that cost most; every layer says what it is when pointed at."""
    count, places = len(shown), {layer.name: layer.depth for layer in found.layers}
    causes = [group for group in found.ranked("layer") if group.costs(found.base) >= WORTH]
    for rank, group in enumerate(causes[:_MARKED], 1):
        place = places[group.name]
        x, y = _x(place, count), _y(shown[place][0], bottom, top)
        beside = y - 11 if rank % 2 else y + 20  # neighbours would write over each other
        said = f"{group.name}: {written(group.costs(found.base), 'percent')} of the loss"
        yield (
            f'<g><title>{markup(said)}</title><circle class="worst" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
            f'<text class="rank" x="{x:.1f}" y="{beside:.1f}" text-anchor="middle">{rank}</text></g>'
        )

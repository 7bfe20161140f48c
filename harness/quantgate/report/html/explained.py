"""Where accuracy was lost: tables, and a chart along the depth of the network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from quantgate.core.explained import sqnr_db
from quantgate.core.table import Cell, Column, Table
from quantgate.escaping import markup
from quantgate.report.html.view_tables import TableView, table_view
from quantgate.report.words import explained as words
from quantgate.report.words.numbers import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.core.explained import Explanation, Group, LayerFacts, Loss, Values

_GROUP_COLUMNS = (
    Column("kind", "Grouped by"),
    Column("group", "Group"),
    Column("layers", "Layers", "count"),
    Column("costs", "Part of the Loss", "fraction"),
    Column("share", "Share of the Noise", "fraction"),
    Column("only_drop", "Quantized Alone: Metric", "fraction"),
    Column("only_db", "Quantized Alone: SNR, dB", "number"),
    Column("back_drop", "Put Back: Metric", "fraction"),
    Column("back_db", "Put Back: SNR, dB", "number"),
    Column("ignored", "To Leave It Out"),
)
_LAYER_COLUMNS = (
    Column("name", "Layer"),
    Column("type", "Type"),
    Column("depth", "Depth", "count"),
    Column("costs", "Part of the Loss", "fraction"),
    Column("share", "Share of the Noise", "fraction"),
    Column("own_db", "SNR, Only It Quantized, dB", "number"),
    Column("gathered_db", "SNR, All Quantized, dB", "number"),
    Column("reason", "Seen"),
    Column("low", "Input, Low", "number"),
    Column("high", "Input, High", "number"),
    Column("grid_low", "Grid, Low", "number"),
    Column("grid_high", "Grid, High", "number"),
    Column("clipped", "Beyond the Grid", "fraction"),
    Column("spread", "Input Channels, Largest / Median", "number"),
    Column("weights_low", "Weights, Low", "number"),
    Column("weights_high", "Weights, High", "number"),
    Column("weights_spread", "Filters, Largest / Median", "number"),
    Column("saturating", "Pairs That Saturate without VNNI", "fraction"),
    Column("block", "Block"),
    Column("pattern", "Pattern"),
)
#: Groups of a kind that a table lists.
_MOST = 20


@dataclass(frozen=True, slots=True)
class ExplainedView:
    """One explanation as the templates show it."""

    headline: str
    sentences: tuple[str, ...]
    chart: Markup
    groups: TableView | None
    layers: TableView | None
    cost: str


def explained_view(found: Explanation, identity: str, files: str) -> ExplainedView:
    """Prepare it; ``files`` is the folder of its CSV and JSON."""
    groups, layers = groups_table(found), layers_table(found)
    return ExplainedView(
        words.headline(found),
        words.sentences(found),
        Markup(depth_chart(found)),  # noqa: S704 - escaped there
        table_view(groups, f"{identity}-groups", files=files) if groups.rows else None,
        table_view(layers, f"{identity}-suspects", files=files) if layers.rows else None,
        written(found.seconds * 1e9, "duration"),
    )


def explained_tables(found: Explanation | None) -> tuple[Table, ...]:
    """Both tables of an explanation; none where there is none."""
    return () if found is None else (groups_table(found), layers_table(found))


def groups_table(found: Explanation) -> Table:
    """Tabulate the groups of every kind, what costs most first."""
    kinds = dict.fromkeys(group.kind for group in found.groups)
    listed = [group for kind in kinds for group in found.ranked(kind)[:_MOST]]
    rows = tuple(_group_row(found, group) for group in listed)
    asked = frozenset(place for place, group in enumerate(listed) if group.asked)
    return Table("groups", "Groups, what costs most first", _GROUP_COLUMNS, rows, asked)


def layers_table(found: Explanation) -> Table:
    """Tabulate every layer, the largest part of the loss first."""
    known = {group.name: group for group in found.ranked("layer")}
    costs = {name: group.costs(found.base) for name, group in known.items()}
    ranked = {name: place for place, name in enumerate(known)}
    listed = sorted(found.layers, key=lambda layer: ranked.get(layer.name, len(ranked)))
    rows = tuple(_layer_row(layer, costs.get(layer.name)) for layer in listed)
    return Table("explained-layers", "Layers, what costs most first", _LAYER_COLUMNS, rows)


def _group_row(found: Explanation, group: Group) -> tuple[Cell, ...]:
    return (
        group.kind,
        group.name,
        len(group.layers),
        group.costs(found.base) if group.asked else None,
        group.share,
        *_loss_cells(found, group.only),
        *_loss_cells(found, group.back),
        words.ignored(group.layers),
    )


def _loss_cells(found: Explanation, loss: Loss | None) -> tuple[Cell, Cell]:
    """The arm's metric, or its agreement without annotations, and its signal to noise."""
    if loss is None:
        return None, None
    if loss.drop is not None and found.parent is not None:
        return found.parent - loss.drop, sqnr_db(loss.noise)
    return None if loss.disagreement is None else 1 - loss.disagreement, sqnr_db(loss.noise)


def _layer_row(layer: LayerFacts, costs: float | None) -> tuple[Cell, ...]:
    fed, weights = layer.inputs, layer.weights
    return (
        layer.name,
        layer.type,
        layer.depth,
        costs,
        layer.share,
        sqnr_db(layer.own),
        sqnr_db(layer.gathered),
        words.reason(layer) or None,
        *(fed.seen if fed else (None, None)),
        *(fed.grid if fed else (None, None)),
        fed.clipped if fed else None,
        fed.spread if fed else None,
        *_weight_cells(weights),
        layer.saturating,
        layer.block,
        layer.pattern,
    )


def _weight_cells(weights: Values | None) -> tuple[Cell, Cell, Cell]:
    return (None, None, None) if weights is None else (*weights.seen, weights.spread)


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
    for rank, group in enumerate(found.ranked("layer")[:_MARKED], 1):
        place = places[group.name]
        x, y = _x(place, count), _y(shown[place][0], bottom, top)
        said = f"{group.name}: {written(group.costs(found.base), 'percent')} of the loss"
        yield (
            f'<g><title>{markup(said)}</title><circle class="worst" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
            f'<text class="rank" x="{x:.1f}" y="{y - 11:.1f}" text-anchor="middle">{rank}</text></g>'
        )

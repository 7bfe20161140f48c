"""Where accuracy was lost: tables, and a chart along the depth of the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from quantgate.core.explained import sqnr_db
from quantgate.core.table import Cell, Column, Table
from quantgate.report.html.depth_chart import depth_chart
from quantgate.report.html.view_tables import TableView, table_view
from quantgate.report.words import explained as words
from quantgate.report.words.numbers import written

if TYPE_CHECKING:
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

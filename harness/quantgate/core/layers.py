"""Both roles' layers side by side, joined over what was fused, largest slowdown first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.table import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quantgate.core.profile import Layer, Profile
    from quantgate.pair import Pair

_TIMES = (
    Column("parent_us", "Parent, µs", "number"),
    Column("optimized_us", "Optimized, µs", "number"),
    Column("difference_us", "Difference, µs", "number"),
    Column("ratio", "Parent / optimized", "number"),
)
LAYER_COLUMNS = (
    Column("layer", "Layer"),
    Column("type", "Type"),
    Column("parent_precision", "Parent precision"),
    Column("optimized_precision", "Optimized precision"),
    *_TIMES,
    Column("macs", "Multiply-accumulates", "count"),
)
TYPE_COLUMNS = (
    Column("type", "Layer type"),
    Column("parent_layers", "Parent layers", "count"),
    Column("optimized_layers", "Optimized layers", "count"),
    *_TIMES,
)


@dataclass(frozen=True, slots=True)
class MatchedLayers:
    """Layers of both roles that implement the same operations of the model."""

    parent: tuple[Layer, ...]
    optimized: tuple[Layer, ...]

    @property
    def name(self) -> str:
        """Name of the layer that does the most."""
        return _main(self.optimized or self.parent).name

    @property
    def parent_ns(self) -> int:
        """Time of the parent's layers."""
        return sum(layer.time_ns for layer in self.parent)

    @property
    def optimized_ns(self) -> int:
        """Time of the optimized model's layers."""
        return sum(layer.time_ns for layer in self.optimized)

    @property
    def slower_ns(self) -> int:
        """How much slower the optimized model is here; negative where it is faster."""
        return self.optimized_ns - self.parent_ns


def joined(profiles: Pair[Profile]) -> tuple[MatchedLayers, ...]:
    """Join the layers of both roles that share an operation, the largest slowdown first.

    Inserted reorders name no operation and stay alone. Layers that take no time and compute
    nothing on either side are left out.
    """
    owner: dict[str, str] = {}

    def root(name: str) -> str:
        while owner.setdefault(name, name) != name:
            name = owner[name]
        return name

    for layer in (*profiles.parent.layers, *profiles.optimized.layers):
        for name in layer.originals[1:]:
            owner[root(name)] = root(layer.originals[0])
    groups: dict[str, tuple[list[Layer], list[Layer]]] = {}
    for side, profile in enumerate(profiles):
        for layer in profile.layers:
            key = root(layer.originals[0]) if layer.originals else f"{side}:{layer.name}"
            groups.setdefault(key, ([], []))[side].append(layer)
    made = [MatchedLayers(tuple(parent), tuple(optimized)) for parent, optimized in groups.values()]
    worth = [group for group in made if group.parent_ns or group.optimized_ns]
    return tuple(sorted(worth, key=lambda group: -group.slower_ns))


def layer_table(profiles: Pair[Profile]) -> Table:
    """Tabulate every joined layer: precision and time of both roles, difference and ratio."""
    rows = tuple(
        (
            group.name,
            _main(group.optimized or group.parent).type,
            _precisions(group.parent),
            _precisions(group.optimized),
            *_times(group.parent_ns or None, group.optimized_ns or None),
            max(sum(layer.macs for layer in side) for side in (group.parent, group.optimized)),
        )
        for group in joined(profiles)
    )
    return Table("layers", "Layers, largest slowdown first", LAYER_COLUMNS, rows, _slower(rows))


def type_table(profiles: Pair[Profile]) -> Table:
    """Tabulate both roles by layer type, largest slowdown first."""
    counts = [Counter(layer.type for layer in profile.layers) for profile in profiles]
    times = [_time_by_type(profile.layers) for profile in profiles]
    kinds = sorted(
        set(times[0]) | set(times[1]), key=lambda kind: (times[0][kind] - times[1][kind], kind)
    )
    rows = tuple(
        (
            kind,
            counts[0][kind],
            counts[1][kind],
            *_times(times[0][kind] or None, times[1][kind] or None),
        )
        for kind in kinds
        if times[0][kind] or times[1][kind]
    )
    return Table(
        "layer-types", "Layer types, largest slowdown first", TYPE_COLUMNS, rows, _slower(rows)
    )


def _slower(rows: Sequence[tuple[Cell, ...]]) -> frozenset[int]:
    """Rows whose difference, the second cell from the ratio, is positive."""
    place = {len(LAYER_COLUMNS): 6, len(TYPE_COLUMNS): 5}
    return frozenset(
        index
        for index, row in enumerate(rows)
        if isinstance(value := row[place[len(row)]], float) and value > 0
    )


def _times(parent_ns: int | None, optimized_ns: int | None) -> tuple[Cell, ...]:
    difference = ((optimized_ns or 0) - (parent_ns or 0)) / 1e3
    ratio = parent_ns / optimized_ns if parent_ns and optimized_ns else None
    return (
        None if parent_ns is None else parent_ns / 1e3,
        None if optimized_ns is None else optimized_ns / 1e3,
        difference,
        ratio,
    )


def _time_by_type(layers: Iterable[Layer]) -> Counter[str]:
    found: Counter[str] = Counter()
    for layer in layers:
        found[layer.type] += layer.time_ns
    return found


def _main(layers: Sequence[Layer]) -> Layer:
    return max(layers, key=lambda layer: (layer.macs, layer.time_ns))


def _precisions(layers: Sequence[Layer]) -> Cell:
    return ", ".join(dict.fromkeys(layer.precision for layer in layers)) or None

"""Groups of layers that are measured together: by block, type, pattern, and each layer alone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from quantgate.attribution.scores import ends
from quantgate.core.explained import TAIL, Group, GroupKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quantgate.engine.quantizers import Graph, QuantizedLayer

#: More blocks than these are joined: nobody reads a list of fifty.
MOST_BLOCKS = 16
_TRAILING = re.compile(r"[^/.:]*$")


def groups_of(graph: Graph, shares: Mapping[str, float]) -> tuple[Group, ...]:
    """Group the layers of a graph in every way, the largest share first within a kind.

    Parameters
    ----------
    shares
        Part of the noise at the outputs by layer.
    """
    ways: tuple[tuple[GroupKind, Mapping[str, str]], ...] = (
        ("block", blocks(graph)),
        ("type", {layer.name: layer.type for layer in graph.layers}),
        ("pattern", patterns(graph)),
        ("layer", {layer.name: layer.name for layer in graph.layers}),
    )
    return tuple(group for kind, names in ways for group in _grouped(kind, names, shares))


def _grouped(kind: GroupKind, names: Mapping[str, str], shares: Mapping[str, float]) -> list[Group]:
    found: dict[str, list[str]] = {}
    for layer, name in names.items():
        found.setdefault(name, []).append(layer)
    made = [
        Group(kind, name, tuple(layers), sum(shares[layer] for layer in layers))
        for name, layers in found.items()
    ]
    return sorted(made, key=lambda group: -group.share)


def patterns(graph: Graph) -> dict[str, str]:
    """Name each layer's pattern: its type and the pointwise operations behind it.

    What follows the last weights is one pattern: coordinates are computed there, which hardly anything
    of the noise at the outputs tells.
    """
    behind, last = ends(graph), tail(graph)
    found = dict.fromkeys(last, TAIL)
    for layer in graph.layers:
        if layer.name in found:
            continue
        place, kinds = layer.place, [layer.type]
        while place != behind[layer.place]:
            place = graph.places[
                next(iter(graph.nodes[place].output(0).get_target_inputs())).get_node().get_name()
            ]
            kinds.append(graph.kind(place))
        found[layer.name] = " + ".join(kinds)
    return found


def tail(graph: Graph) -> list[str]:
    """Names of the layers without weights behind which no layer with weights comes."""
    weighted = {layer.place for layer in graph.layers if layer.weights}
    before: set[int] = set()
    for place in sorted(graph.moving, reverse=True):
        if place in weighted or place in before:
            before.update(graph.sources(graph.nodes[place]))
    return [layer.name for layer in graph.layers if not layer.weights and layer.place not in before]


def blocks(graph: Graph) -> dict[str, str]:
    """Name each layer's block: a stretch of the network that one tensor enters and one leaves.

    Where the network has no such narrow places, stretches of equal length.
    """
    stretches = _stretches(graph.layers, _narrow(graph))
    while len(stretches) > MOST_BLOCKS:
        at = min(range(len(stretches) - 1), key=lambda i: len(stretches[i]) + len(stretches[i + 1]))
        stretches[at : at + 2] = [[*stretches[at], *stretches[at + 1]]]
    return {
        layer.name: name
        for stretch, name in zip(stretches, _names(stretches), strict=True)
        for layer in stretch
    }


def _stretches(
    layers: Sequence[QuantizedLayer], narrow: Sequence[int]
) -> list[list[QuantizedLayer]]:
    found: list[list[QuantizedLayer]] = []
    cuts = iter([*narrow, float("inf")])
    cut: float = -1
    for layer in layers:
        if layer.place > cut:
            found.append([])
            while layer.place > cut:
                cut = next(cuts)
        found[-1].append(layer)
    longest = max(map(len, found), default=0)
    if longest <= len(layers) // 2 or longest <= MOST_BLOCKS // 2:
        return found
    length = -(-len(layers) // MOST_BLOCKS)
    return [part for stretch in found for part in _chunks(stretch, length)]


def _chunks(layers: list[QuantizedLayer], length: int) -> list[list[QuantizedLayer]]:
    return [layers[at : at + length] for at in range(0, len(layers), length)]


def _narrow(graph: Graph) -> list[int]:
    """Places behind which one value alone is waited for; what only computes shapes does not count."""
    waited: dict[int, int] = {}
    shapes: set[int] = set()
    found = []
    for place in sorted(graph.moving):
        node = graph.nodes[place]
        read = [source for source in graph.sources(node) if source in graph.moving]
        if graph.kind(place) == "ShapeOf" or (read and shapes.issuperset(read)):
            shapes.add(place)
            continue
        for source in read:
            if source in waited:
                waited[source] -= 1
                if not waited[source]:
                    del waited[source]
        readers = [
            reader.get_node() for out in node.outputs() for reader in out.get_target_inputs()
        ]
        count = sum(reader.get_type_name() != "ShapeOf" for reader in readers)
        if count:
            waited[place] = count
        if len(waited) <= 1:
            found.append(place)
    return found


def _names(stretches: Sequence[Sequence[QuantizedLayer]]) -> list[str]:
    """Name stretches by what their layers' names have in common, else by the first and last."""
    wanted = [_common([layer.name for layer in stretch]) for stretch in stretches]
    return [
        name
        if name and wanted.count(name) == 1
        else " … ".join(dict.fromkeys((stretch[0].name, stretch[-1].name)))
        for name, stretch in zip(wanted, stretches, strict=True)
    ]


def _common(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    common = os.path.commonprefix(names)  # noqa: RUF071 - what is left of a name's part goes below
    return _TRAILING.sub("", common).strip("/.:")


def most_suspect(
    groups: Sequence[Group], counts: Mapping[GroupKind, int], keep: Callable[[Group], bool]
) -> list[Group]:
    """Choose the groups to ask about: of each kind so many, the largest shares first, and always the tail.

    The first of every kind come first, so that a short time answers the most.
    """
    ranked = {
        kind: _first([group for group in groups if group.kind == kind and keep(group)], count)
        for kind, count in counts.items()
    }
    turns = max(map(len, ranked.values()), default=0)
    return [
        of_kind[turn] for turn in range(turns) for of_kind in ranked.values() if turn < len(of_kind)
    ]


def _first(groups: list[Group], count: int) -> list[Group]:
    return groups[:count] + [group for group in groups[count:] if group.name == TAIL]

"""Sets of layers to leave in floating point: by type, by what they are, by where the noise begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.attribution.execution import refusals
from quantgate.attribution.groups import blocks, patterns
from quantgate.attribution.scores import scores
from quantgate.engine.quantizers import Graph
from quantgate.errors import HarnessError
from quantgate.remedy.patterns import architecture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.pair import Pair

#: Numbers of the layers in which most noise begins.
_NOISIEST = (1, 2, 3, 4, 6, 8, 12, 16)


def scopes(models: Pair[Any], inputs: Sequence[NDArray[Any]]) -> dict[str, frozenset[str]]:
    """Name sets of quantized layers, each once, what is best known first; all layers are no set.

    Parameters
    ----------
    models
        Graphs of both roles.
    inputs
        Prepared images, each [1, ...], on which the noise of each layer is measured.
    """
    graph = Graph(models.optimized)
    every = frozenset(layer.name for layer in graph.layers)
    found: dict[frozenset[str], str] = {}
    for title, names in _every_way(graph, models, inputs):
        if names and names < every:
            found.setdefault(names, title)
    return {title: names for names, title in found.items()}


def _every_way(
    graph: Graph, models: Pair[Any], inputs: Sequence[NDArray[Any]]
) -> Iterator[tuple[str, frozenset[str]]]:
    yield from architecture(graph).items()
    yield from _grouped("every {}", {layer.name: layer.type for layer in graph.layers})
    shares = _shares(models, inputs)
    ranked = sorted(shares, key=lambda name: -shares[name])
    for count in _NOISIEST:
        some = "the layer" if count == 1 else f"the {count} layers"
        yield f"{some} where most noise begins", frozenset(ranked[:count])
    yield from _grouped("every {}", patterns(graph))
    yield from _grouped("block {}", blocks(graph))


def _shares(models: Pair[Any], inputs: Sequence[NDArray[Any]]) -> Mapping[str, float]:
    try:
        with refusals():
            return {name: score.share for name, score in scores(models, inputs).items()}
    except HarnessError:  # a graph that cannot be scored has its other sets
        return {}


def _grouped(title: str, names: Mapping[str, str]) -> Iterator[tuple[str, frozenset[str]]]:
    for group in dict.fromkeys(names.values()):
        yield title.format(group), frozenset(one for one, of in names.items() if of == group)

"""Which layer's noise arrives at the outputs: gathered noise followed back through the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.engine.quantizers import Graph


def shares_of(graph: Graph, noise: Sequence[tuple[float, float]]) -> list[float]:
    """Part of the noise at the model's outputs that begins in each layer; they sum to 1 at most.

    What has gathered behind a layer is its own noise and what came in: the part that is its own stays
    there, the rest is handed to the layers before it in proportion to what has gathered behind them.

    Parameters
    ----------
    noise
        ``(own, gathered)`` noise over signal behind each layer, in the order of ``graph.layers``.
    """
    feeding = Feeding(graph)
    arriving = [0.0] * len(noise)
    results = [place for place in graph.moving if graph.kind(place) == "Result"]
    for place in results:
        _hand_on(1 / len(results), feeding.before(place), arriving, noise)
    shares = [0.0] * len(noise)
    for number in reversed(range(len(noise))):
        own, gathered = noise[number]
        part = min(1.0, own / gathered) if gathered else 1.0
        shares[number] = arriving[number] * part
        rest = arriving[number] - shares[number]
        _hand_on(rest, feeding.before(graph.layers[number].place), arriving, noise)
    return shares


def _hand_on(
    amount: float,
    before: Sequence[int],
    arriving: list[float],
    noise: Sequence[tuple[float, float]],
) -> None:
    total = sum(noise[number][1] for number in before)
    for number in before:
        arriving[number] += amount * noise[number][1] / total if total else 0.0


class Feeding:
    """The layers whose values reach an operation without another layer between."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._number = {layer.place: number for number, layer in enumerate(graph.layers)}
        self._known: dict[int, frozenset[int]] = {}
        for place in sorted(graph.moving):  # sources first: no recursion however deep the network
            self._known[place] = frozenset(
                number
                for source in graph.sources(graph.nodes[place])
                if source in graph.moving
                for number in self._of(source)
            )

    def before(self, place: int) -> list[int]:
        """Numbers of the layers that feed the operation at a place, in order."""
        return sorted(self._known[place])

    def _of(self, source: int) -> frozenset[int]:
        if source in self._number:
            return frozenset({self._number[source]})
        return self._known[source]

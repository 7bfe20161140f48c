"""The graphs that candidates are cut from, each read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantgate.attribution.execution import refusals
from quantgate.engine.profile import macs_by_name
from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import without
from quantgate.pair import Pair
from quantgate.remedy.resources import share_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from quantgate.entries import Recipe
    from quantgate.remedy.candidate import Candidate, Make


@dataclass(slots=True)
class Graphs:
    """Graphs of the parent and of what recipes make of it.

    Parameters
    ----------
    path
        IR of the parent.
    make
        Quantizes by a recipe on the calibrating part of the images.
    """

    path: Path
    make: Make
    _read: dict[str, Any] = field(default_factory=dict)
    _types: dict[str, dict[str, str]] = field(default_factory=dict)
    _macs: dict[str, int] | None = None

    @property
    def parent(self) -> Any:
        """The parent's."""
        return self._graph("", lambda: self.path)

    def models(self, recipe: Recipe) -> Pair[Any]:
        """Both roles'."""
        return Pair(self.parent, self._graph(repr(recipe), lambda: self.make(recipe)))

    def types(self, recipe: Recipe) -> dict[str, str]:
        """Type of each layer that a recipe quantizes, by its name."""
        key = repr(recipe)
        if key not in self._types:
            layers = Graph(self.models(recipe).optimized).layers
            self._types[key] = {layer.name: layer.type for layer in layers}
        return self._types[key]

    def work(self, names: Collection[str]) -> float:
        """Share of the multiply-accumulates that some layers have."""
        if self._macs is None:
            self._macs = macs_by_name(self.parent)
        return share_of(names, self._macs)

    def cut(self, candidate: Candidate, make: Make | None = None) -> Any:
        """Cut a candidate from its recipe's graph; ``make``: from what that makes of the recipe.

        Raises
        ------
        MeasurementError
            Where OpenVINO refuses the graph.
        """
        models, base = self.models(candidate.base), candidate.base
        if make is not None:
            exchanged = self._graph(f"exchanged {base!r}", lambda: make(base))
            models = Pair(models.parent, exchanged)
        if not candidate.layers:
            return models.optimized
        with refusals():
            return without(models, candidate.layers)

    def same(self, candidate: Candidate, path: Path) -> bool:
        """Whether an IR quantizes what a candidate does, whatever the images that calibrated it."""
        import openvino as ov

        return _rounded(self.cut(candidate)) == _rounded(ov.Core().read_model(path))

    def _graph(self, key: str, path: Callable[[], Path]) -> Any:
        import openvino as ov

        if key not in self._read:
            self._read[key] = ov.Core().read_model(path())
        return self._read[key]


def _rounded(model: Any) -> list[tuple[str, ...]]:
    """Inputs of layers that are rounded, those together that one quantizer rounds."""
    readers: dict[int, list[str]] = {}
    for layer in Graph(model).layers:
        for edge in layer.edges:
            for place in (*edge.activations, *edge.weights):
                readers.setdefault(place, []).append(f"{layer.name} {edge.index}")
    return sorted(tuple(sorted(found)) for found in readers.values())

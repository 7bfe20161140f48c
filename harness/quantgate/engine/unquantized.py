"""Find what ``calibrate.unquantized`` names in a quantized graph, and take it out."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import taken_out
from quantgate.errors import QuantizationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import openvino as ov

    from quantgate.entries import Unquantized
    from quantgate.pair import Pair


def without_named(models: Pair[ov.Model], scope: Unquantized) -> ov.Model:
    """Copy the optimized graph without the quantizers that a scope names; itself for an empty one.

    Raises
    ------
    QuantizationError
        Where a name, pattern or type fits nothing that is quantized; says what comes near.
    """
    if not (scope.names or scope.patterns or scope.types):
        return models.optimized
    graph = Graph(models.optimized)
    layers = {layer.name: layer.type for layer in graph.layers}
    fakes = {str(graph.nodes[place].get_friendly_name()) for place in graph.fakes()}
    names = [*layers, *sorted(fakes)]
    chosen = {*_named(scope.names, names), *_matching(scope.patterns, names)}
    _check(scope.types, sorted(set(layers.values())), "types", "operation of type")
    chosen |= {name for name, kind in layers.items() if kind in scope.types}
    return taken_out(models, chosen & layers.keys(), chosen & fakes)


def _named(asked: Sequence[str], present: Sequence[str]) -> Sequence[str]:
    _check(asked, present, "names", "operation or quantizer")
    return asked


def _matching(patterns: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        try:
            fits = re.compile(pattern).match
        except re.error as error:
            raise QuantizationError(
                f"calibrate.unquantized.patterns: {pattern!r} is not a regular expression ({error})"
            ) from error
        found = [name for name in names if fits(name)]
        if not found:
            raise QuantizationError(
                f"calibrate.unquantized.patterns: {pattern!r} matches the start of no quantized "
                f"operation's or quantizer's name{_like(names[:3])}"
            )
        yield from found


def _check(asked: Sequence[str], present: Sequence[str], field: str, what: str) -> None:
    for name in asked:
        if name in present:
            continue
        near = get_close_matches(name, present, n=3, cutoff=0.5)
        hint = f"; did you mean {_listed(near)}?" if near else _like(present[:3])
        raise QuantizationError(
            f"calibrate.unquantized.{field}: the optimized model has no quantized {what} {name!r}{hint}"
        )


def _like(names: Sequence[str]) -> str:
    return f"; quantized are {_listed(names, 'and')}" if names else "; nothing is quantized"


def _listed(names: Sequence[str], word: str = "or") -> str:
    return f" {word} ".join(map(repr, names))

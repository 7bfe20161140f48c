"""What is known of every layer: its noise, the values it rounds, its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.explained import LayerFacts, Values
from quantgate.engine.quantizers import QUANTIZER, Graph, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.attribution.scores import Score
    from quantgate.engine.quantizers import QuantizedLayer, Quantizer

#: 255 times two neighbouring weights beyond this sum leaves the 16 bits that older instructions add in.
_MOST_BOTH = 32767 / 255
_OF_INT8 = 127


def facts_of(
    graph: Graph,
    scores: Mapping[str, Score],
    groups: tuple[Mapping[str, str], Mapping[str, str]],
) -> tuple[LayerFacts, ...]:
    """Collect the facts of every layer, in the order of execution.

    Parameters
    ----------
    groups
        Block and pattern by layer.
    """
    read: dict[tuple[str, str], Quantizer] = {}
    for quantizer in graph.quantizers():
        for name in quantizer.layers:
            read.setdefault((name, quantizer.kind), quantizer)
    weights = _weights(graph)
    blocks, patterns = groups
    found = []
    for depth, layer in enumerate(graph.layers):
        score, fed = scores[layer.name], read.get((layer.name, "activations"))
        own = weights.get(layer.name)
        found.append(
            LayerFacts(
                layer.name,
                layer.type,
                depth,
                blocks[layer.name],
                patterns[layer.name],
                score.own,
                score.gathered,
                score.share,
                None if fed is None else _inputs(fed, score),
                None if own is None else _values(own[0]),
                None if own is None else saturating(own[1]),
            )
        )
    return tuple(found)


def saturating(integers: NDArray[np.generic]) -> float:
    """Share of neighbouring pairs of weights whose products with 255 can leave 16 bits.

    Without VNNI a processor adds two products of 8 bits in 16; beyond that it saturates.

    Parameters
    ----------
    integers
        Weights of 8 bits, [outputs, inputs, ...].
    """
    last = np.moveaxis(np.abs(integers.astype(np.float32)), 1, -1)
    even = last.shape[-1] // 2 * 2
    pairs = last[..., :even:2] + last[..., 1:even:2]
    return float(np.mean(pairs > _MOST_BOTH)) if pairs.size else 0.0


def _weights(graph: Graph) -> dict[str, tuple[NDArray[np.float32], NDArray[np.generic]]]:
    """Quantized weights by layer as floats and as integers, [outputs, inputs, ...]."""
    having: list[QuantizedLayer] = [layer for layer in graph.layers if layer.weights]
    values = folded([graph.nodes[layer.weights[0]].output(0) for layer in having])
    return {
        layer.name: (value, _integers(graph.nodes[layer.weights[0]], value))
        for layer, value in zip(having, values, strict=True)
        if value.ndim > 1 and value.size
    }


def _integers(node: Any, value: NDArray[np.float32]) -> NDArray[np.generic]:
    """Integers that a weight is held in; for a FakeQuantize those that its grid comes to."""
    if node.get_type_name() == QUANTIZER:
        largest = float(np.abs(value).max()) or 1.0
        return np.round(value / largest * _OF_INT8)
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    held: NDArray[np.generic] = np.array(node.data)
    return held if held.shape == value.shape else held.reshape(value.shape)


def _inputs(quantizer: Quantizer, score: Score) -> Values:
    return Values(
        (quantizer.low, quantizer.high), (score.low, score.high), score.clipped, score.spread
    )


def _values(weights: NDArray[np.float32]) -> Values:
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    median = float(np.median(largest))
    ends = (float(weights.min()), float(weights.max()))
    return Values(ends, ends, 0.0, float(largest.max()) / median if median > 0 else 1.0)

"""A quantized graph computed in plain floating point: what rounding alone costs, without INT8 kernels."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.engine.quantizers import QUANTIZER, Graph, folded
from quantgate.engine.surgery import replace
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import openvino as ov
    from numpy.typing import NDArray

#: One stream for latency: with the throughput hint OpenVINO 2026.4 has given garbage for such graphs.
CONFIG: Mapping[str, str] = MappingProxyType(
    {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
)


def simulated(model: ov.Model, places: Collection[int] | None = None) -> ov.Model:
    """Copy a graph with each FakeQuantize computed as clamp, scale, round half to even, scale back.

    Parameters
    ----------
    places
        Of the quantizers to compute so, the others stay; all where None, and integer weights then
        become the floats that they stand for.
    """
    return Simulated(model, places).model


class Simulated(Graph):
    """A copy of a graph as :func:`simulated` makes it; places are those of the graph.

    Attributes
    ----------
    heads
        By place of a quantizer, the input that reads what the quantizer read.
    clamped
        By place of a quantizer, what it read without what lies beyond its grid.
    """

    def __init__(self, model: ov.Model, places: Collection[int] | None = None) -> None:
        super().__init__(model.clone())
        fakes = [place for place, node in enumerate(self.nodes) if _is_fake(node)]
        chosen = [place for place in fakes if places is None or place in places]
        if places is None:
            _unpack_weights(self)
        nodes = [self.nodes[place] for place in chosen]
        ends = folded([node.input_value(index) for node in nodes for index in range(1, 5)])
        self.heads: dict[int, Any] = {}
        self.clamped: dict[int, Any] = {}
        for number, place in enumerate(chosen):
            node = self.nodes[place]
            first, clamped, output = _plain(node, ends[4 * number : 4 * number + 4])
            self.heads[place], self.clamped[place] = first, clamped
            output.get_node().set_friendly_name(node.get_friendly_name())
            replace(node.output(0), output)


def _is_fake(node: Any) -> bool:
    return bool(node.get_type_name() == QUANTIZER)


def _plain(node: Any, ends: Sequence[NDArray[np.float32]]) -> tuple[Any, Any, Any]:
    """Build the operations of one quantizer; return the first one's input, the clamped values, the last."""
    op = opset()
    low, high, out_low, out_high = ends
    steps = np.float32(int(node.get_attributes()["levels"]) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(high > low, steps / (high - low), np.float32(0))
    back = ((out_high - out_low) / steps).astype(np.float32)
    first = op.maximum(node.input_value(0), low)
    clamped = op.minimum(first, high)
    scaled = op.multiply(op.subtract(clamped, low), scale.astype(np.float32))
    back_again = op.multiply(op.round(scaled, "half_to_even"), back)
    return first.input(0), clamped.output(0), op.add(back_again, out_low).output(0)


def _unpack_weights(made: Graph) -> None:
    """Replace integer weights by floats: the device would compute with integers again."""
    readers = [
        (node, index, source)
        for node in (made.nodes[place] for place in sorted(made.moving))
        for index, source in enumerate(made.sources(node))
        if made.is_weights(source) and not _is_fake(made.nodes[source])
    ]
    values = folded([made.nodes[source].output(0) for *_, source in readers])
    for (node, index, source), value in zip(readers, values, strict=True):
        fresh = opset().constant(value)
        fresh.set_friendly_name(made.nodes[source].get_friendly_name())
        node.input(index).replace_source_output(fresh.output(0))

"""The smallest part of a graph that the device computes otherwise than plain floating point does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.attribution.execution import in_floats
from quantgate.attribution.simulate import Simulated, simulated
from quantgate.engine.quantizers import QUANTIZER, Graph
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.attribution.execution import Execute

#: Quantizers before the faulty one that a part may reach back to.
_DEEPEST = 4
#: Noise over signal of a part that reproduces the fault; what rounding does to one layer is far below.
_REPRODUCES = 1e-2
_MODEL, _INPUTS = "subgraph.xml", "inputs.npz"


def save_failing(
    model: ov.Model, place: int, image: NDArray[np.generic], *, execute: Execute, folder: Path
) -> Path | None:
    """Save the smallest subgraph around a quantizer that fails on its own, with its inputs.

    Parameters
    ----------
    place
        Of the quantizer in the graph.
    image
        Prepared input of the whole model, [1, ...].

    Returns
    -------
    Path or None
        Of the IR; its inputs lie beside it. None where no part up to four quantizers back fails alone.
    """
    import openvino as ov

    for depth in range(_DEEPEST + 1):
        part, fed = _part(model, place, depth)
        if part is None:
            return None
        inputs = _values(model, fed, image)
        executed, plain = (
            np.array(compiled(inputs)[0], np.float64)
            for compiled in (execute(part), in_floats(simulated(part)))
        )
        power = float(np.mean(plain**2))
        if power and float(np.mean((executed - plain) ** 2)) / power > _REPRODUCES:
            folder.mkdir(parents=True, exist_ok=True)
            ov.save_model(part, folder / _MODEL, compress_to_fp16=False)
            np.savez(folder / _INPUTS, *inputs)
            return folder / _MODEL
    return None


def _part(model: ov.Model, place: int, depth: int) -> tuple[ov.Model | None, list[tuple[int, int]]]:
    """Cut out the first layer that reads a quantizer, with all before it up to so many quantizers back.

    Returns the part, and the ``(place, port)`` whose values its inputs take.
    """
    import openvino as ov

    graph = Graph(model.clone())
    layer = next((layer for layer in graph.layers if place in layer.activations), None)
    if layer is None:
        return None, []
    cutter = _Cutter(graph)
    cutter.walk(layer.place, depth)
    part = ov.Model([graph.nodes[layer.place].output(0)], list(cutter.parameters.values()))
    return part, list(cutter.parameters)


class _Cutter:
    """Walks backwards, and puts an input wherever a branch has passed enough quantizers."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._deepest: dict[int, int] = {}
        self.parameters: dict[tuple[int, int], Any] = {}

    def walk(self, place: int, depth: int) -> None:
        """Keep what feeds an operation; ``depth`` quantizers may still be passed."""
        if self._deepest.get(place, -1) >= depth:
            return
        self._deepest[place] = depth
        node = self._graph.nodes[place]
        fake = node.get_type_name() == QUANTIZER
        for index in range(node.get_input_size()):
            source = self._source(node, index)
            if source is None or source not in self._graph.moving:
                continue
            if (fake and depth == 0) or self._graph.kind(source) == "Parameter":
                self._cut(node, index, source)
            else:
                self.walk(source, depth - fake)

    def _source(self, node: Any, index: int) -> int | None:
        """Place of a source; None for an input that was put there already."""
        return self._graph.places.get(node.input_value(index).get_node().get_name())

    def _cut(self, node: Any, index: int, source: int) -> None:
        value = node.input_value(index)
        key = (source, value.get_index())
        if key not in self.parameters:
            self.parameters[key] = opset().parameter(
                value.get_partial_shape(), value.get_element_type().to_dtype()
            )
        node.input(index).replace_source_output(self.parameters[key].output(0))


def _values(
    model: ov.Model, fed: Sequence[tuple[int, int]], image: NDArray[np.generic]
) -> list[NDArray[Any]]:
    """What the inputs of a part hold where the whole model runs in plain floating point."""
    import openvino as ov

    whole = Simulated(model)
    outputs = [whole.nodes[place].output(port) for place, port in fed]
    found = in_floats(ov.Model(outputs, whole.model.get_parameters()))(image)
    return [np.array(found[number]) for number in range(len(fed))]

"""Putting layers of a quantized graph back into floating point, or all the others, in memory.

Nothing is quantized again: quantizers are taken out of a copy of the optimized graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.engine.quantizers import QUANTIZER, Graph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import openvino as ov

    from quantgate.engine.quantizers import QuantizedLayer
    from quantgate.pair import Pair

#: NNCF's mark on a scaling of activations that only serves their quantization.
SMOOTHING = "nncf_smooth_quant"
_NULL_BIAS = "nncf_null_biases"


def without(models: Pair[ov.Model], names: Collection[str]) -> ov.Model:
    """Copy the optimized graph with the named layers in floating point.

    Quantizers are taken off the layers' inputs; weights and biases are the parent's. A quantizer that
    other layers read too stays before those, as it would with the names in ``calibrate.ignored``.
    """
    return floated(models, names).model


def only(models: Pair[ov.Model], names: Collection[str]) -> ov.Model:
    """Copy the optimized graph with all but the named layers in floating point."""
    every = [layer.name for layer in Graph(models.optimized).layers]
    return without(models, [name for name in every if name not in names])


def taken_out(
    models: Pair[ov.Model], names: Collection[str], quantizers: Collection[str]
) -> ov.Model:
    """As :func:`without`, and also without single quantizers of activations, by their names.

    A layer that would read rounded weights alone is put back into floating point as a whole.
    """
    graph = Graph(models.optimized)
    bare = {place for place in graph.fakes() if _name(graph, place) in quantizers}
    alone = {
        layer.name for layer in graph.layers if layer.activations and bare >= {*layer.activations}
    }
    made = floated(models, {*names, *alone})
    for place in bare:
        replace(made.nodes[place].output(0), unsmoothed(made, place))
    return made.model


def floated(models: Pair[ov.Model], names: Collection[str] | None = None) -> Graph:
    """As :func:`without`, all layers where no names are given; the optimized graph's places stay."""
    made = Graph(models.optimized.clone())
    chosen = [layer for layer in made.layers if names is None or layer.name in names]
    fakes = made.fakes()
    inputs = {place: unsmoothed(made, place) for place in fakes}
    _free(made, _spare(models.optimized, inputs), chosen, inputs)
    _put_back(made, Graph(models.parent.clone()), chosen)
    if names is None:
        for place in fakes:  # those that only a shape is read from
            replace(made.nodes[place].output(0), inputs[place])
    return made


def replace(output: Any, source: Any) -> None:
    """Let everything that reads an output read another one."""
    for reader in output.get_target_inputs():
        reader.replace_source_output(source)


def unsmoothed(graph: Graph, quantizer: int) -> Any:
    """Give the output that a quantizer reads, before a scaling that only serves quantization."""
    source = graph.nodes[quantizer].input_value(0)
    while SMOOTHING in source.get_node().get_friendly_name():
        source = source.get_node().input_value(0)
    return source


def _name(graph: Graph, place: int) -> str:
    return str(graph.nodes[place].get_friendly_name())


def _spare(model: ov.Model, inputs: Mapping[int, Any]) -> Graph:
    """Make a second copy without a quantizer, each stretch of which begins where one of the first stands.

    Operations between a quantizer and a layer hand values on to other layers too: those that are put
    back read the operations' twins in this copy.
    """
    spare = Graph(model.clone())
    for place, source in inputs.items():
        replace(spare.nodes[place].output(0), source)
    return spare


def _free(
    made: Graph, spare: Graph, chosen: Iterable[QuantizedLayer], inputs: Mapping[int, Any]
) -> None:
    for layer in chosen:
        node = made.nodes[layer.place]
        for edge in layer.edges:
            if not edge.activations:
                continue
            place, port = made.source(node, edge.index), node.input_value(edge.index).get_index()
            direct = made.kind(place) == QUANTIZER
            source = inputs[place] if direct else spare.nodes[place].output(port)
            node.input(edge.index).replace_source_output(source)


def _put_back(made: Graph, parent: Graph, chosen: Iterable[QuantizedLayer]) -> None:
    """Give layers the weights and biases that the operations of their names have in the parent."""
    named = {(node.get_friendly_name(), node.get_type_name()): node for node in parent.nodes}
    for layer in chosen:
        twin = named.get((layer.name, layer.type))
        if twin is None or not layer.weights:
            continue
        node = made.nodes[layer.place]
        for edge in layer.edges:
            if edge.weights:
                node.input(edge.index).replace_source_output(twin.input_value(edge.index))
        _put_back_bias(made, node, named)


def _put_back_bias(made: Graph, node: Any, named: Mapping[tuple[str, str], Any]) -> None:
    """Undo the correction of a bias that quantization has moved, or made."""
    for reader in node.output(0).get_target_inputs():
        add = reader.get_node()
        other = 1 - reader.get_index()
        if add.get_type_name() != "Add" or made.source(add, other) in made.moving:
            continue
        twin = named.get((add.get_friendly_name(), "Add"))
        if twin is not None:
            add.input(other).replace_source_output(twin.input_value(other))
        elif _NULL_BIAS in add.get_friendly_name():
            replace(add.output(0), node.output(0))

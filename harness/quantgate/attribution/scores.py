"""The noise that each layer adds, and the noise accumulated there, in one pass over the images.

Three copies of the graph are joined into one: in floating point, with every quantizer computed in
plain floating point, and one whose layers each read the first copy, so that their noise is their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.attribution.flow import shares_of
from quantgate.attribution.simulate import CONFIG, Simulated
from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import SMOOTHING, floated, replace, unsmoothed
from quantgate.errors import MeasurementError
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.pair import Pair

#: Operations that a layer is looked at behind: its bias and its activation.
# fmt: off
_POINTWISE = frozenset(
    {
        "Add", "Subtract", "Multiply", "Divide", "Relu", "PRelu", "Clamp", "Elu", "Gelu",
        "HSigmoid", "HSwish", "Mish", "Sigmoid", "SoftPlus", "Swish", "Tanh",
    }
)
# fmt: on
#: Outputs of the joined graph a layer.
_FACTS = 6


@dataclass(frozen=True, slots=True)
class Score:
    """What one layer does to the signal, over the images looked at.

    Parameters
    ----------
    own
        Noise over signal at its output where only this layer is quantized.
    gathered
        The same where every layer is.
    share
        Part of the noise at the model's outputs that begins here, as far as one pass tells.
    low, high
        What its first quantized input really holds.
    clipped
        Share of these values beyond the grid.
    spread
        The largest channel of this input over the median one.
    """

    own: float
    gathered: float
    share: float
    low: float
    high: float
    clipped: float
    spread: float


def scores(models: Pair[ov.Model], inputs: Iterable[NDArray[np.generic]]) -> dict[str, Score]:
    """Score every layer of the optimized graph.

    Parameters
    ----------
    inputs
        Prepared images as the model's input, [1, ...] each.

    Raises
    ------
    MeasurementError
        Where there is no image.
    """
    import openvino as ov

    graph = Graph(models.optimized)
    compiled = ov.Core().compile_model(_joined(models, graph), "CPU", dict(CONFIG))
    # A tensor without a row has no mean, and no noise either.
    rows = [
        [np.nan_to_num(np.asarray(v, np.float64)) for v in compiled([x]).values()] for x in inputs
    ]
    if not rows:
        raise MeasurementError("there is no image to score layers on: at least one is needed")
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    facts = [_facts(columns[at : at + _FACTS]) for at in range(0, len(columns), _FACTS)]
    shares = shares_of(graph, [(fact["own"], fact["gathered"]) for fact in facts])
    return {
        layer.name: Score(share=share, **fact)
        for layer, fact, share in zip(graph.layers, facts, shares, strict=True)
    }


def ends(graph: Graph) -> dict[int, int]:
    """Tell for each layer where its output stands: behind its bias and its activation, by place."""
    found = {}
    for layer in graph.layers:
        place = layer.place
        while (following := _following(graph, place)) is not None:
            place = following
        found[layer.place] = place
    return found


def _following(graph: Graph, place: int) -> int | None:
    """Place of the one pointwise operation that reads an output and nothing else that moves."""
    node = graph.nodes[place]
    readers = {reader.get_node().get_name() for reader in node.output(0).get_target_inputs()}
    following = graph.places.get(next(iter(readers))) if len(readers) == 1 else None
    if following is None or graph.kind(following) not in _POINTWISE:
        return None
    read = {source for source in graph.sources(graph.nodes[following]) if source in graph.moving}
    return following if read == {place} and node.get_output_size() == 1 else None


def _joined(models: Pair[ov.Model], graph: Graph) -> ov.Model:
    """Join the three copies; ``_FACTS`` outputs a layer, in the order that :func:`_facts` reads."""
    import openvino as ov

    quantized = models.optimized
    floats, whole, local = floated(models), Simulated(quantized), Simulated(quantized)
    parameters = floats.model.get_parameters()
    for copy in (whole, local):
        for mine, theirs in zip(copy.model.get_parameters(), parameters, strict=True):
            replace(mine.output(0), theirs.output(0))
    _read_floats(local, floats, graph)
    behind = ends(graph)
    outputs = []
    for layer in graph.layers:
        clean, all_noise, own_noise = (
            copy.nodes[behind[layer.place]].output(0) for copy in (floats, whole, local)
        )
        outputs += [_power(clean), _power(own_noise, clean), _power(all_noise, clean)]
        place = next(iter(layer.activations), None)
        if place is None:
            outputs += [opset().constant([0.0], np.float32)] * (_FACTS - 3)
        else:
            value = _same(unsmoothed(graph, place), graph, floats)
            outputs += _of_input(value, local.clamped[place], layer.type)
    return ov.Model(outputs, parameters)


def _read_floats(local: Simulated, floats: Graph, graph: Graph) -> None:
    """Let each layer of ``local``, quantized as it is, read what is in floating point."""
    for place, head in local.heads.items():
        if place in graph.moving:
            entry, source = head, unsmoothed(graph, place)
            above = graph.nodes[place].input_value(0).get_node()
            while SMOOTHING in above.get_friendly_name():
                entry = local.nodes[graph.places[above.get_name()]].input(0)
                above = above.input_value(0).get_node()
            entry.replace_source_output(_same(source, graph, floats))
    for layer in graph.layers:
        node = graph.nodes[layer.place]
        quantized = {edge.index for edge in layer.edges}
        for index, place in enumerate(graph.sources(node)):
            if index not in quantized and place in graph.moving:
                fed = _same(node.input_value(index), graph, floats)
                local.nodes[layer.place].input(index).replace_source_output(fed)


def _same(output: Any, graph: Graph, copy: Graph) -> Any:
    """Find an output's twin in a copy of its graph."""
    place = graph.places[output.get_node().get_name()]
    return copy.nodes[place].output(output.get_index())


def _power(value: Any, reference: Any = None) -> Any:
    """Mean square of a tensor, or of its distance from another."""
    op = opset()
    if reference is None:
        reference = op.constant(np.float32(0))
    elif value.get_partial_shape().is_dynamic:
        value, reference = _common_rows(value, reference)
    return op.reduce_mean(op.squared_difference(value, reference), _axes(value))


def _common_rows(value: Any, other: Any) -> tuple[Any, Any]:
    """Cut two tensors to the part that both have: where rows are data, noise changes their number."""
    op, axes = opset(), _axes(value)
    ends = op.minimum(op.shape_of(value), op.shape_of(other))
    first, ones = (np.full(len(axes), number, np.int64) for number in (0, 1))
    cut = [op.slice(tensor, first, ends, ones).output(0) for tensor in (value, other)]
    return cut[0], cut[1]


def _of_input(value: Any, clamped: Any, kind: str) -> list[Any]:
    """Share of a tensor beyond its grid, and each channel's least and largest value."""
    op, every = opset(), _axes(value)
    beyond = op.convert(op.not_equal(clamped, value), "f32")
    channel = every[-1] if kind == "MatMul" else every[min(1, len(every) - 1)]
    others = [axis for axis in every if axis != channel]
    if every and value.get_partial_shape()[channel].is_dynamic:
        others = every  # what is a channel in one image is none in the next
    return [
        op.reduce_mean(beyond, every),
        op.reduce_min(value, others),
        op.reduce_max(value, others),
    ]


def _axes(value: Any) -> list[int]:
    return list(range(value.get_partial_shape().rank.get_length()))


def _facts(columns: Sequence[NDArray[np.float64]]) -> dict[str, float]:
    """Sum up one layer's outputs over the images, each [images, ...]."""
    power, own, gathered, clipped, *ends = columns
    signal = max(float(power.mean()), float(np.finfo(np.float32).tiny))
    low, high = (end.reshape(len(end), -1) for end in ends)
    largest = np.maximum(-low, high).max(axis=0)
    median = float(np.median(largest))
    return {
        "own": float(own.mean()) / signal,
        "gathered": float(gathered.mean()) / signal,
        "low": float(low.min()),
        "high": float(high.max()),
        "clipped": float(clipped.mean()),
        "spread": float(largest.max()) / median if median > 0 else 1.0,
    }

"""The quantizers of a graph, and the layers whose inputs they round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import openvino as ov
    from numpy.typing import NDArray

QUANTIZER = "FakeQuantize"
#: Operations that hand quantized values on as they are: a quantizer before them is one of what follows.
# fmt: off
_AGNOSTIC = frozenset(
    {
        "AdaptiveMaxPool", "BatchToSpace", "Broadcast", "Concat", "DepthToSpace", "Gather",
        "GatherElements", "GatherND", "MaxPool", "Maximum", "Minimum", "Pad", "ReduceMax",
        "Reshape", "ScatterElementsUpdate", "ScatterNDUpdate", "ScatterUpdate", "ShuffleChannels",
        "SpaceToBatch", "SpaceToDepth", "Split", "Squeeze", "StridedSlice", "Tile", "Transpose",
        "Unsqueeze", "VariadicSplit",
    }
)
# fmt: on
#: What stands between an integer weight and the layer that multiplies with it.
_DECOMPRESSION = frozenset({"Convert", "Subtract", "Multiply", "Reshape", "Transpose"})
_BITS = {"i4": 4, "u4": 4, "i8": 8, "u8": 8}
_NO_LAYERS = frozenset({"Constant", "Parameter", "ShapeOf", "Assign", "ReadValue", QUANTIZER})
_CHANGING = frozenset({"Parameter", "ReadValue"})


@dataclass(frozen=True, slots=True)
class Quantizer:
    """One place where values are rounded to a grid.

    Parameters
    ----------
    name
        Of the FakeQuantize, or of what turns integer weights back into floats.
    kind
        What is rounded.
    layers
        Names of the layers that read it.
    low, high
        Ends of the grid, the widest over channels.
    levels
        Values of the grid.
    grids
        How many there are: 1 where all channels share one.
    """

    name: str
    kind: Literal["activations", "weights"]
    layers: tuple[str, ...]
    low: float
    high: float
    levels: int
    grids: int


@dataclass(frozen=True, slots=True)
class Edge:
    """An input of a layer that reads quantizers, perhaps through operations that hand values on.

    ``index`` of the input; ``activations``, ``weights``: places of the quantizers.
    """

    index: int
    activations: tuple[int, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class QuantizedLayer:
    """An operation with quantized inputs: the unit that ``calibrate.ignored`` names.

    ``place``: where it stands in the order of execution.
    """

    name: str
    type: str
    place: int
    edges: tuple[Edge, ...]

    @property
    def activations(self) -> tuple[int, ...]:
        """Places of the activation quantizers that it reads."""
        return tuple(dict.fromkeys(place for edge in self.edges for place in edge.activations))

    @property
    def weights(self) -> tuple[int, ...]:
        """Places of its quantized weights."""
        return tuple(dict.fromkeys(place for edge in self.edges for place in edge.weights))


class Graph:
    """A graph read once: its nodes by place, what depends on its input, what reads quantizers.

    Places are the order of execution at the time of reading; a clone has the same ones. What is inside
    loops and branches is not looked at.

    Attributes
    ----------
    moving
        Places of the operations whose value depends on the model's input.
    """

    def __init__(self, model: ov.Model) -> None:
        self.model = model
        self.nodes: list[Any] = list(model.get_ordered_ops())
        # OpenVINO's own name is unique in a graph, the friendly one need not be.
        self.places = {node.get_name(): place for place, node in enumerate(self.nodes)}
        self.moving = self._moving()
        self.layers = tuple(self._layers())

    def source(self, node: Any, index: int) -> int:
        """Place of the operation that feeds an input."""
        return self.places[node.input_value(index).get_node().get_name()]

    def sources(self, node: Any) -> list[int]:
        """Places of the operations that feed a node, input by input."""
        return [self.source(node, index) for index in range(node.get_input_size())]

    def kind(self, place: int) -> str:
        """Type of an operation."""
        return str(self.nodes[place].get_type_name())

    def fakes(self) -> list[int]:
        """Places of the activation quantizers, in the order of execution."""
        return [place for place in sorted(self.moving) if self.kind(place) == QUANTIZER]

    def is_weights(self, place: int) -> bool:
        """Whether an operation yields quantized weights."""
        if place in self.moving:
            return False
        kind = self.kind(place)
        return kind == QUANTIZER or (
            kind in _DECOMPRESSION and _bits(self.nodes[place]) is not None
        )

    def reads(self, place: int) -> Iterator[int]:
        """Places of the quantizers whose values reach the output of an operation unchanged."""
        if place not in self.moving:
            yield from [place] if self.is_weights(place) else []
        elif self.kind(place) == QUANTIZER:
            yield place
        elif self.kind(place) in _AGNOSTIC:
            for source in self.sources(self.nodes[place]):
                if source in self.moving:
                    yield from self.reads(source)

    def quantizers(self) -> tuple[Quantizer, ...]:
        """Every quantizer that a layer reads, in the order of execution."""
        readers: dict[int, list[str]] = {}
        for layer in self.layers:
            for place in (*layer.activations, *layer.weights):
                readers.setdefault(place, []).append(layer.name)
        places = sorted(readers)
        ends = folded([end for place in places for end in _ends(self.nodes[place])])
        pairs = zip(ends[::2], ends[1::2], strict=True)
        return tuple(
            self._quantizer(place, readers[place], pair)
            for place, pair in zip(places, pairs, strict=True)
        )

    def _quantizer(
        self, place: int, readers: list[str], ends: tuple[NDArray[np.float32], ...]
    ) -> Quantizer:
        node = self.nodes[place]
        own = node.get_type_name() == QUANTIZER
        low, high = ends
        return Quantizer(
            node.get_friendly_name(),
            "activations" if place in self.moving else "weights",
            tuple(readers),
            float(low.min()),
            float(high.max()),
            int(node.get_attributes()["levels"]) if own else 2 ** (_bits(node) or 8),
            int(low.size if own else low.shape[0] if low.ndim else 1),
        )

    def _moving(self) -> frozenset[int]:
        found: set[int] = set()
        for place, node in enumerate(self.nodes):
            if self.kind(place) in _CHANGING or not found.isdisjoint(self.sources(node)):
                found.add(place)
        return frozenset(found)

    def _layers(self) -> Iterator[QuantizedLayer]:
        for place in sorted(self.moving):
            kind, node = self.kind(place), self.nodes[place]
            if kind in _NO_LAYERS or kind in _AGNOSTIC:
                continue
            edges = tuple(filter(None, map(self._edge, *_inputs(node))))
            if edges:
                yield QuantizedLayer(node.get_friendly_name(), kind, place, edges)

    def _edge(self, node: Any, index: int) -> Edge | None:
        read = tuple(dict.fromkeys(self.reads(self.source(node, index))))
        moving = tuple(place for place in read if place in self.moving)
        fixed = tuple(place for place in read if place not in self.moving)
        return Edge(index, moving, fixed) if read else None


def graph_at(path: Path) -> Graph:
    """Read the graph of an IR."""
    import openvino as ov

    return Graph(ov.Core().read_model(path))


def layers(model: ov.Model) -> tuple[QuantizedLayer, ...]:
    """List the layers with quantized inputs, in the order of execution."""
    return Graph(model).layers


def quantizers(model: ov.Model) -> tuple[Quantizer, ...]:
    """List the quantizers that some layer reads, in the order of execution."""
    return Graph(model).quantizers()


def folded(outputs: Sequence[Any]) -> list[NDArray[np.float32]]:
    """Compute values that depend on no input of the model, as float32 arrays [...]."""
    import openvino as ov

    if not outputs:
        return []
    made = ov.Model([opset().convert(output, "f32") for output in outputs], [])
    tensors = [ov.Tensor(output.get_element_type(), output.get_shape()) for output in made.outputs]
    try:
        if made.evaluate(tensors, []):  # without a compilation, which takes ten times as long
            return [np.array(tensor.data) for tensor in tensors]
    except RuntimeError:
        pass  # an operation that OpenVINO has no reference for
    compiled = ov.Core().compile_model(made, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled({})
    return [np.array(found[place]) for place in range(len(outputs))]


def _inputs(node: Any) -> tuple[list[Any], range]:
    return [node] * node.get_input_size(), range(node.get_input_size())


def _ends(node: Any) -> list[Any]:
    """Where the ends of a grid stand; the weights themselves where they are integers."""
    own = node.get_type_name() == QUANTIZER
    return [node.input_value(3), node.input_value(4)] if own else [node.output(0)] * 2


def _bits(node: Any) -> int | None:
    """Bits of the integers that an operation turns into floats; None where there are none."""
    while node.get_type_name() in _DECOMPRESSION:
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        return None
    return _BITS.get(node.get_output_element_type(0).get_type_name())

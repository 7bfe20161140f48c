"""Parts of a network that are known to lose accuracy in INT8, recognised by structure, not by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quantgate.engine.quantizers import Graph

_WEIGHTY = frozenset(
    {
        "Convolution",
        "GroupConvolution",
        "ConvolutionBackpropData",
        "GroupConvolutionBackpropData",
        "MatMul",
    }
)
#: What makes the gate of an activation that multiplies its own input: x · sigmoid(x), x · relu6(x + 3) / 6.
_GATES = frozenset({"Sigmoid", "HSigmoid", "HardSigmoid", "Clamp", "Tanh", "SoftPlus", "Erf"})
_AROUND = frozenset(
    {"Add", "Multiply", "Divide", "Subtract", "FakeQuantize", "Convert", "Relu", "Exp"}
)
_ACTIVATIONS = frozenset({"Swish", "HSwish", "Mish", "Gelu", "SoftPlus"}) | _GATES
#: Dimensions of a picture-like tensor, and inputs of an operation on two moving values.
_PICTURE, _BINARY = 4, 2
#: Operations between an activation's input and its gate, at most.
_LONGEST = 6
_HANDED_ON = frozenset(
    {"Reshape", "Transpose", "FakeQuantize", "Squeeze", "Unsqueeze", "Convert", "Split"}
)


def architecture(graph: Graph) -> Mapping[str, frozenset[str]]:
    """Name the quantized layers of each part of a network that is recognised.

    Returns
    -------
    Mapping
        What it is, in words, to names of layers; parts without a quantized layer are left out.
    """
    net = Network(graph)
    found = {title: frozenset(net.names(find(net))) for title, find in _PARTS.items()}
    return {title: names for title, names in found.items() if names}


def has_attention(graph: Graph) -> bool:
    """Whether it multiplies values by a softmax of products: a transformer."""
    return bool(_attention(Network(graph)))


class Network:
    """A graph with its readers, and what lies before and behind the operations that have weights."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.readers: dict[int, list[int]] = {place: [] for place in graph.moving}
        for place in sorted(graph.moving):
            for source in graph.sources(graph.nodes[place]):
                if source in graph.moving:
                    self.readers[source].append(place)
        self._layers = {layer.place: layer.name for layer in graph.layers}
        self.weighty = {
            place
            for place in graph.moving
            if graph.kind(place) in _WEIGHTY and len(self.inputs(place)) == 1
        }

    def names(self, places: set[int]) -> Iterator[str]:
        """Name those that are quantized layers."""
        return (name for place, name in self._layers.items() if place in places)

    def layers(self) -> Iterator[tuple[int, str]]:
        """Places and types of the quantized layers."""
        return ((place, self.graph.kind(place)) for place in self._layers)

    def inputs(self, place: int) -> list[int]:
        """Places of what feeds an operation and depends on the model's input."""
        return [
            one for one in self.graph.sources(self.graph.nodes[place]) if one in self.graph.moving
        ]

    def rounded(self, place: int) -> int:
        """Step back over quantizers."""
        while self.graph.kind(place) == "FakeQuantize":
            place = self.inputs(place)[0]
        return place

    def behind(self, starts: set[int]) -> set[int]:
        """Everything that depends on these, without them."""
        found: set[int] = set()
        waiting = list(starts)
        while waiting:
            for reader in self.readers[waiting.pop()]:
                if reader not in found:
                    found.add(reader)
                    waiting.append(reader)
        return found

    def pixels(self, place: int) -> int | None:
        """Positions of a picture-like output [N, C, ...]; None where that is not known."""
        shape: Any = self.graph.nodes[place].output(0).get_partial_shape()
        if shape.rank.is_dynamic or shape.rank.get_length() != _PICTURE:
            return None
        height, width = shape[2], shape[3]
        return (
            None
            if height.is_dynamic or width.is_dynamic
            else height.get_length() * width.get_length()
        )


def _first(net: Network) -> set[int]:
    return net.weighty - net.behind(net.weighty)


def _last(net: Network) -> set[int]:
    return {place for place in net.weighty if not net.behind({place}) & net.weighty}


def _decoding(net: Network) -> set[int]:
    """Arithmetic behind the last operations with weights: boxes from offsets, scores from logits."""
    arithmetic = net.behind(net.weighty) - net.weighty
    return {place for place in arithmetic if not net.behind({place}) & net.weighty}


def _gated(net: Network) -> set[int]:
    """Activations that multiply their input by a gate of it: SiLU, Swish and HardSwish written out."""
    found = {place for place, kind in net.layers() if kind in _ACTIVATIONS}
    for place, kind in net.layers():
        if kind != "Multiply" or len(net.inputs(place)) != _BINARY:
            continue
        left, right = (net.rounded(one) for one in net.inputs(place))
        for value, gate in ((left, right), (right, left)):
            path = _path(net, gate, value)
            if any(net.graph.kind(one) in _GATES for one in path):
                found |= {place, *path}
    return found


def _path(net: Network, gate: int, value: int) -> list[int]:
    """Operations from a gate back to the value that it is made of; empty where it is not."""
    path: list[int] = []
    while gate != value:
        kind = net.graph.kind(gate)
        inputs = net.inputs(gate)
        if len(path) >= _LONGEST or len(inputs) != 1 or kind not in _GATES | _AROUND:
            return []
        path.append(gate)
        gate = net.rounded(inputs[0])
    return path


def _excited(net: Network) -> set[int]:
    """Squeeze and excite: channels weighed by numbers made of their means."""
    found: set[int] = set()
    for place, kind in net.layers():
        sides = [one for one in net.inputs(place) if net.pixels(one) == 1]
        if kind == "Multiply" and len(sides) == 1 and (net.pixels(place) or 0) > 1:
            found.add(place)
            waiting = sides
            while waiting:
                one = waiting.pop()
                if one not in found and net.pixels(one) == 1:
                    found.add(one)
                    waiting += net.inputs(one)
    return found


def _attention(net: Network) -> set[int]:
    """Products of two moving values around a softmax, and what stands between them."""
    products = {
        place
        for place in net.graph.moving
        if net.graph.kind(place) == "MatMul" and len(net.inputs(place)) == _BINARY
    }
    softmaxes = {place for place in net.graph.moving if net.graph.kind(place) == "Softmax"}
    behind = net.behind(products)
    if not products or not softmaxes & behind:
        return set()
    before_softmax = {place for place in behind if softmaxes & net.behind({place})}
    direct = {one for product in products for one in net.readers[product]} & before_softmax
    return products | (softmaxes & behind) | direct


def _distributions(net: Network) -> set[int]:
    """Distribution focal loss: sides of boxes as means over a softmax, and the arithmetic behind it."""
    found: set[int] = set()
    for place in net.graph.moving:
        if net.graph.kind(place) != "Softmax":
            continue
        reader = place
        while (
            len(net.readers[reader]) == 1 and net.graph.kind(net.readers[reader][0]) in _HANDED_ON
        ):
            reader = net.readers[reader][0]
        means = [
            one
            for one in net.readers[reader]
            if one in net.weighty and not net.behind({one}) & net.weighty
        ]
        if means:
            found |= {place, *means} | net.behind({place})
    return found


def _pointwise(net: Network) -> set[int]:
    return {place for place, _ in net.layers() if place not in net.weighty}


_PARTS: Mapping[str, Callable[[Network], set[int]]] = {
    "the first layers": _first,
    "the last layers": _last,
    "the arithmetic behind the last layers": _decoding,
    "the last layers and the arithmetic behind them": lambda net: _last(net) | _decoding(net),
    "activations with a gate": _gated,
    "squeeze and excite": _excited,
    "attention": _attention,
    "distributions of box sides": _distributions,
    "everything without weights": _pointwise,
}

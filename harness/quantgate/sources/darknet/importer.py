"""Darknet cfg and weights → an OpenVINO model with raw heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantgate.sources.darknet.cfg import Section, read_cfg
from quantgate.sources.darknet.graph import DarknetGraph, shape_of
from quantgate.sources.darknet.layers import LAYERS
from quantgate.sources.darknet.weights import WeightReader
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov

    from quantgate.sources.darknet.heads import DarknetHead

INPUT = "data"


@dataclass(frozen=True, slots=True)
class DarknetModel:
    """An imported network.

    Parameters
    ----------
    model
        Input ``data`` [1, channels, height, width], RGB / 255; one output a head in the order of
        the cfg, or the last layer's where there is no head.
    heads
        How each output is decoded; empty for a classifier.
    """

    model: ov.Model
    heads: tuple[DarknetHead, ...]


def import_darknet(
    cfg: Path, weights: Path, *, size: tuple[int, int] | None = None
) -> DarknetModel:
    """Build the network that a cfg describes, with the weights of a .weights file.

    Parameters
    ----------
    cfg, weights
        Darknet's two files. The layers' arithmetic is that of AlexeyAB's and pjreddie's Darknet;
        the batch norm's epsilon is OpenCV's.
    size
        ``(width, height)`` of the input, px; default: the cfg's own.

    Raises
    ------
    SourceError
        One sentence with file and line: malformed cfg, unsupported layer or activation, weights
        that are missing, left over, truncated or not finite.
    """
    ops = opset()
    net, *layers = read_cfg(cfg)
    width, height = size or (net.integer("width"), net.integer("height"))
    shape = [1, net.integer("channels", 3), height, width]
    source = ops.parameter(shape, name=INPUT)
    source.output(0).set_names({INPUT})
    graph = DarknetGraph(ops, WeightReader(weights), source.output(0), (width, height))
    for section in layers:
        _append(section, graph)
    graph.weights.finish(f"layer {layers[-1].index} of {cfg.name}")
    return DarknetModel(_model(graph, source, cfg.stem), tuple(head for head, _ in graph.heads))


def _append(section: Section, graph: DarknetGraph) -> None:
    build = LAYERS.get(section.kind)
    if build is None:
        raise section.fail(
            f"this layer is not supported; supported are {', '.join(sorted(LAYERS))}"
        )
    try:
        node = build(section, graph)
        shape_of(node)
    except (RuntimeError, MemoryError, OverflowError) as error:
        # What the checks above did not foresee, OpenVINO's own shape inference refuses.
        reason = " ".join(str(error).split())[-200:]
        raise section.fail(f"OpenVINO refuses this layer: {reason}") from error
    graph.current = node.output(0) if hasattr(node, "output") else node
    graph.layers.append(graph.current)


def _model(graph: DarknetGraph, source: Any, name: str) -> ov.Model:
    import openvino as ov

    ends = [(head.output, node) for head, node in graph.heads] or [("output", graph.current)]
    for title, node in ends:
        # Before the model is made, which would add a name of its own to a tensor without one.
        node.add_names({title})
    return ov.Model([node for _, node in ends], [source], name)

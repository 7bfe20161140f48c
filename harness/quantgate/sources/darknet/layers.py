"""Every layer kind that can be imported, in one visible table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from quantgate.sources.darknet.convolution import build_convolution
from quantgate.sources.darknet.graph import DarknetGraph, shape_of
from quantgate.sources.darknet.heads import COORDINATES, read_head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.sources.darknet.cfg import Section

#: Takes a section and the network so far, returns the layer's output.
DarknetLayer: TypeAlias = "Callable[[Section, DarknetGraph], Any]"

#: An upsampled or reorganised plane above this is a typing error, not a network.
MAX_PIXELS = 1 << 26


def _route(section: Section, graph: DarknetGraph) -> Any:
    """Concatenate earlier outputs, or one group of each one's channels."""
    inputs = graph.find(section, "layers")
    groups = section.integer("groups", 1)
    group = section.integer("group_id", 0, least=0)
    if group >= groups:
        raise section.fail(f"group_id={group} must be below groups={groups}", "group_id")
    parts = [_group(section, graph, node, (group, groups)) for node in inputs]
    planes = {shape_of(part)[2:] for part in parts}
    if len(planes) > 1:
        raise section.fail(f"cannot join planes of different sizes (h, w): {sorted(planes)}")
    return parts[0] if len(parts) == 1 else graph.ops.concat(parts, 1)


def _group(section: Section, graph: DarknetGraph, node: Any, part: tuple[int, int]) -> Any:
    group, groups = part
    channels = shape_of(node)[1]
    if channels % groups:
        raise section.fail(f"groups={groups} must divide {channels} channels", "groups")
    width = channels // groups
    if groups == 1:
        return node
    return _channels(graph, node, group * width, (group + 1) * width)


def _channels(graph: DarknetGraph, node: Any, start: int, stop: int) -> Any:
    bounds = (graph.constant([value]) for value in (start, stop, 1, 1))
    return graph.ops.slice(node, *bounds)


def _shortcut(section: Section, graph: DarknetGraph) -> Any:
    """Add earlier outputs; where they have other channel counts, the common ones are added."""
    for key in ("weights_type", "weights_normalization"):
        if section.text(key, "none") not in {"none", "0"}:
            raise section.fail(f"{key}={section.text(key, '')} is not supported", key)
    total = graph.current
    for other in graph.find(section, "from"):
        total = graph.ops.add(total, _fit_channels(section, graph, other))
    return graph.activate(section, total, "linear")


def _fit_channels(section: Section, graph: DarknetGraph, other: Any) -> Any:
    _, channels, *plane = shape_of(graph.current)
    _, found, *other_plane = shape_of(other)
    if plane != other_plane:
        raise section.fail(
            f"cannot add planes of different sizes (h, w): {tuple(plane)} and {tuple(other_plane)}"
        )
    if found == channels:
        return other
    if found > channels:
        return _channels(graph, other, 0, channels)
    zeros = graph.constant(np.zeros((1, channels - found, *plane)), np.float32)
    return graph.ops.concat([other, zeros], 1)


def _upsample(section: Section, graph: DarknetGraph) -> Any:
    """Repeat every pixel ``stride`` times along both axes."""
    stride = section.integer("stride", 2)
    height, width = shape_of(graph.current)[2:]
    if height * width * stride**2 > MAX_PIXELS:
        raise section.fail(f"stride={stride} of {width}x{height} pixels is too large", "stride")
    node = graph.ops.interpolate(
        graph.current,
        graph.constant([stride, stride], np.float32),
        mode="nearest",
        shape_calculation_mode="scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=graph.constant([2, 3]),
    )
    scale = section.number("scale", 1.0)
    return node if scale == 1.0 else graph.ops.multiply(node, graph.constant(scale, np.float32))


def _maxpool(section: Section, graph: DarknetGraph) -> Any:
    """Pool with Darknet's rule: size - 1 padded in all, the smaller half at the top and left."""
    section.refuse("maxpool_depth", "antialiasing", "maxpool_zero_nonmax")
    stride = section.integer("stride", 1)
    size = section.integer("size", stride)
    strides = [section.integer("stride_y", stride), section.integer("stride_x", stride)]
    padding = section.integer("padding", size - 1, least=0)
    before, after = padding // 2, padding - padding // 2
    if max(before, after) >= size:
        raise section.fail(f"padding={padding} is too wide for windows of {size}", "padding")
    if min(shape_of(graph.current)[2:]) + padding < size:
        raise section.fail(f"a window of {size} does not fit {shape_of(graph.current)[2:]}", "size")
    return graph.ops.max_pool(
        graph.current, strides, [1, 1], [before, before], [after, after], [size, size]
    ).output(0)


def _avgpool(_section: Section, graph: DarknetGraph) -> Any:
    return graph.ops.reduce_mean(graph.current, graph.constant([2, 3]), keep_dims=True)


def _reorg(section: Section, graph: DarknetGraph) -> Any:
    """[reorg]: the first Darknet's order, which reads the input as if it had stride² fewer channels."""
    stride = _reorg_stride(section, graph)
    _, channels, height, width = shape_of(graph.current)
    if channels % stride**2:
        raise section.fail(f"stride={stride}: its square must divide {channels} channels", "stride")
    tall = [1, channels // stride**2, height, stride, width, stride]
    return _to_depth(graph, tall, [1, channels * stride**2, height // stride, width // stride])


def _reorg3d(section: Section, graph: DarknetGraph) -> Any:
    """[reorg3d]: every stride x stride block becomes channels."""
    stride = _reorg_stride(section, graph)
    _, channels, height, width = shape_of(graph.current)
    blocks = [1, channels, height // stride, stride, width // stride, stride]
    return _to_depth(graph, blocks, [1, channels * stride**2, height // stride, width // stride])


def _reorg_stride(section: Section, graph: DarknetGraph) -> int:
    section.refuse("reverse", "flatten", "extra")
    stride = section.integer("stride", 1)
    height, width = shape_of(graph.current)[2:]
    if height % stride or width % stride:
        raise section.fail(f"stride={stride} must divide the plane {width}x{height}", "stride")
    return stride


def _to_depth(graph: DarknetGraph, blocks: list[int], final: list[int]) -> Any:
    ops = graph.ops
    split = ops.reshape(graph.current, graph.constant(blocks), special_zero=False)
    moved = ops.transpose(split, graph.constant([0, 3, 5, 1, 2, 4]))
    return ops.reshape(moved, graph.constant(final), special_zero=False)


def _softmax(section: Section, graph: DarknetGraph) -> Any:
    """Softmax over everything, as a classifier's last layer; ``spatial`` over the channels."""
    if section.integer("groups", 1) != 1:
        raise section.fail("softmax groups are not supported", "groups")
    if "tree" in section.options:
        raise section.fail("a softmax tree is not supported", "tree")
    temperature = section.number("temperature", 1.0)
    if temperature <= 0:
        raise section.fail("temperature must be positive", "temperature")
    logits = graph.ops.divide(graph.current, graph.constant(temperature, np.float32))
    if section.number("spatial", 0.0):
        return graph.ops.softmax(logits, 1)
    flat = graph.ops.reshape(logits, graph.constant([1, -1, 1, 1]), special_zero=False)
    return graph.ops.softmax(flat, 1)


def _head(section: Section, graph: DarknetGraph) -> Any:
    if section.integer("coords", COORDINATES) != COORDINATES:
        raise section.fail("coords must be 4", "coords")
    name = f"{section.kind}_{section.index}"
    head = read_head(section, shape_of(graph.current), graph.size, name)
    graph.heads.append((head, graph.current))
    return graph.current


def _same(_section: Section, graph: DarknetGraph) -> Any:
    """Pass on: the layer only acts in training."""
    return graph.current


def _activation(section: Section, graph: DarknetGraph) -> Any:
    return graph.activate(section, graph.current, "linear")


LAYERS: Mapping[str, DarknetLayer] = {
    "activation": _activation,
    "avg": _avgpool,
    "avgpool": _avgpool,
    "conv": build_convolution,
    "convolutional": build_convolution,
    "cost": _same,
    "dropout": _same,
    "empty": _same,
    "max": _maxpool,
    "maxpool": _maxpool,
    "region": _head,
    "reorg": _reorg,
    "reorg3d": _reorg3d,
    "route": _route,
    "shortcut": _shortcut,
    "silence": _same,
    "soft": _softmax,
    "softmax": _softmax,
    "upsample": _upsample,
    "yolo": _head,
}

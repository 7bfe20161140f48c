"""[convolutional]: the only layer with weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.sources.darknet.graph import shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.sources.darknet.cfg import Section
    from quantgate.sources.darknet.graph import DarknetGraph

#: Added to the variance, as OpenCV's reader does.
EPSILON = 1e-6
_OTHER_ARITHMETIC = (
    "antialiasing",
    "assisted_excitation",
    "binary",
    "bin_output",
    "cbn",
    "coordconv",
    "deform",
    "flipped",
    "reverse",
    "rotate",
    "share_index",
    "stretch",
    "stretch_sway",
    "sway",
    "xnor",
)


@dataclass(frozen=True, slots=True)
class _Geometry:
    filters: int
    channels: int
    size: int
    groups: int
    strides_yx: tuple[int, int]
    pad: int
    dilation: int

    def output(self, height: int, width: int) -> tuple[int, int]:
        span = 2 * self.pad - self.dilation * (self.size - 1) - 1
        y, x = self.strides_yx
        return (height + span) // y + 1, (width + span) // x + 1


def build_convolution(section: Section, graph: DarknetGraph) -> Any:
    """Append convolution, folded batch norm or bias, and activation."""
    section.refuse(*_OTHER_ARITHMETIC)
    _, channels, height, width = shape_of(graph.current)
    geometry = _geometry(section, channels)
    if min(geometry.output(height, width)) < 1:
        raise section.fail(
            f"a kernel of {geometry.size} does not fit its input of {width}x{height} pixels", "size"
        )
    weights, bias = _parameters(section, graph, geometry)
    node = _convolve(graph, geometry, weights)
    node.set_friendly_name(f"conv_{section.index}")
    shaped = graph.constant(bias.reshape(1, -1, 1, 1), np.float32)
    return graph.activate(section, graph.ops.add(node, shaped), "logistic")


def _geometry(section: Section, channels: int) -> _Geometry:
    size = section.integer("size", 1)
    stride = section.integer("stride", 1)
    dilation = 1 if size == 1 else section.integer("dilation", 1)
    pad = section.integer("padding", 0, least=0)
    if section.integer("pad", 0, least=0):
        pad = size // 2
    filters, groups = section.integer("filters", 1), section.integer("groups", 1)
    if channels % groups or filters % groups:
        raise section.fail(
            f"groups={groups} must divide the {channels} input channels and the {filters} filters",
            "groups",
        )
    strides = section.integer("stride_y", stride), section.integer("stride_x", stride)
    # Darknet's im2col pads by pad·dilation.
    return _Geometry(filters, channels, size, groups, strides, pad * dilation, dilation)


def _parameters(
    section: Section, graph: DarknetGraph, geometry: _Geometry
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read biases, batch norm and kernel, in the file's order; fold the batch norm in float64."""
    where = f"layer {section.index} ([convolutional], line {section.line} of {section.file})"
    normalized = section.integer("batch_normalize", 0, least=0) != 0
    filters, inputs = geometry.filters, geometry.channels // geometry.groups
    kernel_count = filters * inputs * geometry.size**2
    # All at once, so that a short file is refused with the layer's full need.
    flat = graph.weights.take((4 if normalized else 1) * filters + kernel_count, where)
    kernel = flat[-kernel_count:].reshape(filters, inputs, geometry.size, geometry.size)
    bias = flat[:filters]
    if not normalized:
        return kernel, bias
    gamma, mean, variance = flat[filters : 4 * filters].reshape(3, filters).astype(np.float64)
    if variance.min() < 0:
        raise section.fail("the weights hold a negative variance: they belong to another cfg")
    factor = gamma / np.sqrt(variance + EPSILON)
    folded = kernel.astype(np.float64) * factor[:, None, None, None]
    return folded.astype(np.float32), (bias - mean * factor).astype(np.float32)


def _convolve(graph: DarknetGraph, geometry: _Geometry, kernel: NDArray[np.float32]) -> Any:
    pads = [geometry.pad, geometry.pad]
    dilations = [geometry.dilation, geometry.dilation]
    groups, strides = geometry.groups, list(geometry.strides_yx)
    if groups == 1:
        constant = graph.constant(kernel, np.float32)
        return graph.ops.convolution(graph.current, constant, strides, pads, pads, dilations)
    grouped = kernel.reshape(groups, geometry.filters // groups, *kernel.shape[1:])
    constant = graph.constant(grouped, np.float32)
    return graph.ops.group_convolution(graph.current, constant, strides, pads, pads, dilations)

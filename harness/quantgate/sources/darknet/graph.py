"""The network while it is being built: one node a layer, and the weights still to be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.sources.darknet.activations import ACTIVATIONS

if TYPE_CHECKING:
    from types import ModuleType

    from quantgate.sources.darknet.cfg import Section
    from quantgate.sources.darknet.heads import DarknetHead
    from quantgate.sources.darknet.weights import WeightReader


@dataclass(slots=True)
class DarknetGraph:
    """What the layers so far have produced.

    Parameters
    ----------
    ops
        An OpenVINO opset.
    weights
        Read in the order of the layers.
    current
        Output of the layer before, NCHW.
    size
        ``(width, height)`` of the network's input.
    layers
        One output a layer, as routes count them.
    heads
        The heads met so far, and the node each ends at.
    """

    ops: ModuleType
    weights: WeightReader
    current: Any
    size: tuple[int, int]
    layers: list[Any] = field(default_factory=list)
    heads: list[tuple[DarknetHead, Any]] = field(default_factory=list)

    def constant(self, values: Any, dtype: type = np.int64) -> Any:
        """Make a constant node."""
        return self.ops.constant(np.asarray(values, dtype))

    def activate(self, section: Section, node: Any, default: str) -> Any:
        """Append the section's activation, or raise a SourceError naming it and its line."""
        name = section.text("activation", default)
        if name not in ACTIVATIONS:
            raise section.fail(
                f"activation={name[:40]} is not supported; supported are {', '.join(ACTIVATIONS)}",
                "activation",
            )
        return ACTIVATIONS[name](self.ops, node)

    def find(self, section: Section, key: str) -> list[Any]:
        """Return the outputs of the layers that an option names, absolute or relative to here."""
        numbers = section.integers(key)
        if not numbers:
            raise section.fail(f"{key} is missing; name at least one layer")
        found = [number if number >= 0 else section.index + number for number in numbers]
        for number, layer in zip(numbers, found, strict=True):
            if not 0 <= layer < section.index:
                raise section.fail(
                    f"{key}={number} must name one of the {section.index} layers before", key
                )
        return [self.layers[layer] for layer in found]


def shape_of(node: Any) -> tuple[int, ...]:
    """Return the static shape NCHW of a node or output."""
    output = node.output(0) if hasattr(node, "output") else node
    return tuple(output.get_shape())

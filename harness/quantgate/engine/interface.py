"""Whether the optimized model is quantized at all, and can take its parent's place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from quantgate.engine.naming import model_ports
from quantgate.sources.quantized import QuantizationTrace, quantization_trace

if TYPE_CHECKING:
    from quantgate.engine.artifact import Artifact
    from quantgate.pair import Pair


@dataclass(frozen=True, slots=True)
class Integrity:
    """What the graphs of both roles say before any number is measured.

    Parameters
    ----------
    trace
        What shows that the optimized model is quantized; false where nothing does.
    differences
        One sentence an input or output that is not the parent's; empty where all are.
    """

    trace: QuantizationTrace
    differences: tuple[str, ...]


def integrity(artifacts: Pair[Artifact]) -> Integrity:
    """Compare the interfaces of the roles and look for quantization in the optimized one."""
    import openvino as ov

    models = artifacts.map(lambda artifact: ov.Core().read_model(artifact.path))
    return Integrity(quantization_trace(models.optimized), interface_differences(models))


def interface_differences(models: Pair[Any]) -> tuple[str, ...]:
    """Say where inputs and outputs differ between the roles: name, shape, type and order."""
    found = []
    for what in ("inputs", "outputs"):
        sides = models.map(lambda model, what=what: _described(getattr(model, what)))  # type: ignore[misc]
        for number, (old, new) in enumerate(zip_longest(*sides)):
            if old != new:
                found.append(
                    f"{what[:-1]} {number} is {new or 'missing'} in the optimized model, "
                    f"{old or 'missing'} in its parent"
                )
    return tuple(found)


def _described(nodes: list[Any]) -> list[str]:
    return [
        f"{port.name} {list(port.shape)} {node.get_element_type().get_type_name()}"
        for port, node in zip(model_ports(nodes), nodes, strict=True)
    ]

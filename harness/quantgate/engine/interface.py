"""Whether the optimized model is quantized at all, and can take its parent's place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from quantgate.engine.artifact import told_of
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
    given
        The file of an optimized model that was made elsewhere; empty where it was quantized here.
    notes
        What was done to bring it to the parent's interface.
    """

    trace: QuantizationTrace
    differences: tuple[str, ...]
    given: str = ""
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the optimized model is none, or cannot take its parent's place; empty where it can."""
        said = [self._unquantized()] if self._unquantized() else []
        if self.differences:
            listed = "; ".join(self.differences)
            said.append(f"the optimized model cannot take its parent's place: {listed}")
        return tuple(said)

    def _unquantized(self) -> str:
        if self.trace.layers:
            return ""
        if self.trace:
            return (
                f"the optimized model is {self.trace.short}, but no layer with weights (convolution, "
                "matrix product) takes quantized numbers: nothing is computed in INT8"
            )
        if self.given:
            return (
                f"the model given as `optimized`, {self.given}, is a floating-point model: it holds no "
                "FakeQuantize node and no integer weight; give a quantized one, or `calibrate` instead"
            )
        return (
            "the optimized model holds no quantized layer: the ignored scope leaves nothing, or "
            "the optimizer found no layer it could quantize"
        )

    @property
    def text(self) -> str:
        """What holds, for a gate that passed."""
        return f"{self.trace.short}, same inputs and outputs"


def integrity(artifacts: Pair[Artifact]) -> Integrity:
    """Compare the interfaces of the roles and look for quantization in the optimized one."""
    import openvino as ov

    models = artifacts.map(lambda artifact: ov.Core().read_model(artifact.path))
    told = told_of(artifacts.optimized)
    # Embedding folds weights that are quantized dynamically: a given file was looked at as it came.
    trace = (
        QuantizationTrace(**told["trace"])
        if "trace" in told
        else quantization_trace(models.optimized)
    )
    notes = tuple(told.get("notes", ()))
    return Integrity(trace, interface_differences(models), told.get("file", ""), notes)


def interface_differences(models: Pair[Any]) -> tuple[str, ...]:
    """Say where inputs and outputs differ between the roles: name, shape, type and order."""
    found = []
    for what in ("inputs", "outputs"):
        sides = models.map(lambda model, what=what: _described(getattr(model, what), what))  # type: ignore[misc]
        for number, (old, new) in enumerate(zip_longest(*sides)):
            if old != new:
                found.append(
                    f"{what[:-1]} {number} is {new or 'missing'} in the optimized model, "
                    f"{old or 'missing'} in its parent"
                )
    return tuple(found)


def _described(nodes: list[Any], what: str) -> list[str]:
    """Tell each port; the one image input may be called as it likes: it is fed by its place."""
    named = what == "outputs" or len(nodes) > 1
    return [
        f"{f'{port.name} ' if named else ''}{list(port.shape)} {node.get_element_type().get_type_name()}"
        for port, node in zip(model_ports(nodes), nodes, strict=True)
    ]

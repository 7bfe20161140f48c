"""Quantization or execution: the executed model against its own graph in plain floating point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.attribution.images import Images, Reference
from quantgate.attribution.simulate import CONFIG, simulated
from quantgate.core.explained import Execution, FirstFault
from quantgate.engine.quantizers import Graph
from quantgate.errors import HarnessError, MeasurementError
from quantgate.sources.reading import first_line

if TYPE_CHECKING:
    import openvino as ov

#: Makes the executed arm of a graph, as the model is deployed; asked once a compilation.
Execute = Callable[["ov.Model"], "ov.CompiledModel"]
#: Compilations of one file that are held against each other.
COMPILATIONS = 2
#: Images that the search for the first fault looks at: it compiles more than it infers.
_FEW = 3


@dataclass(frozen=True, slots=True)
class Device:
    """Executes graphs under the conditions of the evaluation."""

    name: str
    config: dict[str, Any]

    def __call__(self, model: ov.Model) -> ov.CompiledModel:
        """Compile a graph.

        Raises
        ------
        MeasurementError
            Where the device refuses it.
        """
        import openvino as ov

        try:
            return ov.Core().compile_model(model, self.name, self.config)
        except RuntimeError as error:
            raise MeasurementError(
                f"{self.name} does not compile it ({first_line(error)})"
            ) from error


#: Plain floating point, for latency, with one stream, on the CPU.
in_floats = Device("CPU", dict(CONFIG))


def execution(model: ov.Model, parent: Reference, execute: Execute) -> Execution:
    """Hold the executed model against its graph in plain floating point, and its compilations together.

    Parameters
    ----------
    model
        The optimized graph.
    parent
        The parent's answers on the images.

    Raises
    ------
    MeasurementError
        Where an arm does not compile or infer.
    DecoderError
        Where an arm's outputs hold NaN or infinity.
    """
    images = parent.images
    plain = Reference(images, in_floats(simulated(model)))
    executed = [Reference(images, execute(model)) for _ in range(COMPILATIONS)]
    answers = [plain.against(arm) for arm in executed]
    errors = [answer.error() for answer in answers]
    worst, of = max(errors, key=lambda found: found[0].value)
    spread = worst.value - min(found.value for found, _ in errors)
    return Execution(
        images=len(images),
        simulated=parent.against(plain).loss(),
        executed=parent.against(executed[0]).loss(),
        error=replace(worst, low=worst.low - spread, high=worst.high + spread),
        of=of,
        apart=max(answer.noise for answer in answers),
        compilations=max(executed[0].against(arm).noise for arm in executed[1:]),
        spread=spread,
    )


def first_fault(
    model: ov.Model, images: Images, execute: Execute, found: Execution
) -> FirstFault | None:
    """Find the first quantizer that the device executes otherwise than the graph says.

    All quantizers behind a place are computed in floating point and those before it executed; the
    place is found by halving. None where compilations differ among themselves only.
    """
    plain = Reference(images.first(_FEW), in_floats(simulated(model)))
    graph = Graph(model)
    fakes = graph.fakes()
    limit = math.sqrt(max(found.simulated.noise, 1e-12) * max(found.apart, 1e-12))

    def wrong(floats: set[int]) -> bool:
        try:
            return plain.ask(execute(simulated(model, floats))).noise > limit
        except HarnessError:
            return True  # garbage is no answer either

    if not fakes or not wrong(set()):
        return None
    right, faulty = 0, len(fakes)
    while faulty - right > 1:
        middle = (right + faulty) // 2
        if wrong(set(fakes[middle:])):
            faulty = middle
        else:
            right = middle
    place = fakes[faulty - 1]
    return _described(graph, place, alone=not wrong({place}))


def _described(graph: Graph, place: int, *, alone: bool) -> FirstFault:
    node = graph.nodes[place]
    before = node.input_value(0).get_node()
    behind = next(iter(node.output(0).get_target_inputs())).get_node()
    readers = tuple(layer.name for layer in graph.layers if place in layer.activations)
    said = [f"{end.get_friendly_name()} ({end.get_type_name()})" for end in (before, behind)]
    return FirstFault(node.get_friendly_name(), place, (said[0], said[1]), readers, alone=alone)

"""Quantization or execution: the executed model against its own graph in plain floating point."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.attribution.images import Reference
from quantgate.attribution.simulate import CONFIG, simulated
from quantgate.core.explained import Execution
from quantgate.errors import MeasurementError
from quantgate.sources.reading import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openvino as ov

#: Makes the executed arm of a graph, as the model is deployed; asked once a compilation.
Execute = Callable[["ov.Model"], "ov.CompiledModel"]
#: Compilations of one file that are held against each other.
COMPILATIONS = 2


_ONE_STREAM = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}


@contextmanager
def refusals() -> Iterator[None]:
    """Tell what OpenVINO raises about a graph that was made here as a measurement that failed."""
    try:
        yield
    except RuntimeError as error:
        raise MeasurementError(
            f"OpenVINO refuses a graph made of the model's own ({first_line(error)})"
        ) from error


@dataclass(frozen=True, slots=True)
class Device:
    """Executes graphs under the conditions of the evaluation."""

    name: str
    config: dict[str, Any]

    def in_one_stream(self) -> Device:
        """Execute the same for latency, with one stream: the only way that float graphs are sure to run."""
        return Device(self.name, self.config | _ONE_STREAM)

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


def execution(
    model: ov.Model, parent: Reference, execute: Execute, compiled: ov.CompiledModel | None = None
) -> Execution:
    """Hold the executed model against its graph in plain floating point, and its compilations together.

    Parameters
    ----------
    model
        The optimized graph.
    parent
        The parent's answers on the images.
    compiled
        The first compilation, where it is there already.

    Raises
    ------
    MeasurementError
        Where an arm does not compile or infer.
    DecoderError
        Where an arm's outputs hold NaN or infinity.
    """
    images = parent.images
    plain = Reference(images, in_floats(simulated(model)))
    arms = [compiled or execute(model), *(execute(model) for _ in range(COMPILATIONS - 1))]
    executed = [Reference(images, arm) for arm in arms]
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

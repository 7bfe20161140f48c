"""Compiling artifacts for a device, and what the device says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from quantgate.errors import MeasurementError
from quantgate.machine import restrictions
from quantgate.sources.reading import first_line

if TYPE_CHECKING:
    import openvino as ov

    from quantgate.engine.artifact import Artifact

Precision = Literal["f32", "default"]


#: oneDNN's names of caps below which there is no bf16, in lower case.
_WITHOUT_BF16 = frozenset({"sse41", "avx", "avx2", "avx2_vnni", "avx512_core", "avx512_core_vnni"})


def own_choice(device: str) -> dict[str, str]:
    """Give the precision that a device would choose by itself, where it is kept from choosing so.

    OpenVINO asks the processor for bf16, whatever oneDNN is told not to use of it, and then finds no kernel.
    """
    caps = {value.lower() for name, value in restrictions().items() if name.endswith("MAX_CPU_ISA")}
    capped = device == "CPU" and not caps.isdisjoint(_WITHOUT_BF16)
    return {"INFERENCE_PRECISION_HINT": "f32"} if capped else {}


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how a model runs.

    Parameters
    ----------
    precision
        Of what is not quantized: ``f32``, or the device's own choice (bf16 on some CPUs).
    hint
        What the device optimizes for.
    streams, threads, requests
        The device's choice where None.
    """

    device: str = "CPU"
    precision: Precision = "f32"
    hint: Literal["latency", "throughput"] = "throughput"
    streams: int | None = None
    threads: int | None = None
    requests: int | None = None

    def config(self) -> dict[str, Any]:
        """As properties of OpenVINO."""
        asked = {
            "INFERENCE_PRECISION_HINT": "f32" if self.precision == "f32" else None,
            **own_choice(self.device),
            "PERFORMANCE_HINT": self.hint.upper(),
            "PERFORMANCE_HINT_NUM_REQUESTS": self.requests,
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.threads,
        }
        return {key: str(value) for key, value in asked.items() if value is not None}


def compile_model(artifact: Artifact, target: Target) -> ov.CompiledModel:
    """Read and compile an artifact.

    Raises
    ------
    MeasurementError
        Where the device is not there (lists those that are), or refuses the model.
    """
    import openvino as ov

    return compile_graph(ov.Core().read_model(artifact.path), artifact, target)


def compile_graph(graph: ov.Model, artifact: Artifact, target: Target) -> ov.CompiledModel:
    """Compile a graph that was read from an artifact; as :func:`compile_model`."""
    import openvino as ov

    core = ov.Core()
    check_device(core, target.device)
    try:
        return core.compile_model(graph, target.device, target.config())
    except RuntimeError as error:
        raise MeasurementError(
            f"{artifact.path}: {target.device} does not compile it ({first_line(error)})"
        ) from error


def check_device(core: ov.Core, device: str) -> None:
    """Refuse a device that is not there.

    Raises
    ------
    MeasurementError
        Lists the devices of this machine.
    """
    present = core.available_devices
    wanted = device.split(":", 1)[-1].split(",")
    absent = [name for name in wanted if not any(_same(name, other) for other in present)]
    if absent and device != "AUTO":
        raise MeasurementError(
            f"device {absent[0]} is not on this machine, found {', '.join(present) or 'none'}: "
            "set benchmark.device to one of these"
        )


def _same(name: str, other: str) -> bool:
    return name == other or other.startswith(f"{name}.")

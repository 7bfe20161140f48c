"""Peak memory of compiling and running one model, measured in a separate process.

``python -m quantgate.engine.memory MODEL DEVICE HINT THREADS`` prints the figures as JSON.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.engine.runtime import own_choice
from quantgate.engine.worker.deaths import Death, death_error, oom_kills
from quantgate.engine.worker.process import die_with
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from quantgate.entries import Benchmark

INFERENCES = 4
STATUS = Path("/proc/self/status")
#: The folder that holds the package: the child finds it from any working directory.
PACKAGES = str(Path(__file__).parents[2])
TIMEOUT_S = 600
#: ru_maxrss counts kilobytes on Linux and bytes on macOS.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process that reads, compiles and runs one model, bytes.

    Parameters
    ----------
    base_bytes
        With OpenVINO loaded, before the model is read.
    peak_bytes
        Highest value until the last inference, above ``base_bytes``: what the model costs.
    """

    base_bytes: int
    peak_bytes: int


def peak_memory(path: Path, benchmark: Benchmark) -> Memory:
    """Measure one model's peak memory in a child process.

    Raises
    ------
    MeasurementError
        When the child fails or takes longer than ten minutes.
    WorkerError
        When a signal ends it.
    """
    threads = str(benchmark.threads or 0)
    command = [sys.executable, "-m", "quantgate.engine.memory", str(path)]
    command += [benchmark.device, benchmark.hint, threads]
    known = os.environ.get("PYTHONPATH")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (PACKAGES, known)))}
    before = oom_kills()
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environ
        )
    except subprocess.TimeoutExpired as error:
        raise MeasurementError(
            f"measuring the memory of {path} took longer than {TIMEOUT_S} s"
        ) from error
    if done.returncode < 0:
        killed = oom_kills() > before
        raise death_error(
            f"measuring the memory of {path}", Death(done.returncode, killed, done.stderr)
        )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise MeasurementError(f"measuring the memory of {path} failed: {said}")
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def measure(path: str, device: str, hint: str, threads: int) -> Memory:
    """Read, compile and run a model in this process and read its own peak."""
    import numpy as np
    import openvino as ov

    core = ov.Core()
    base = _peak_bytes()
    chosen: dict[str, str | int] = {"PERFORMANCE_HINT": hint.upper(), **own_choice(device)}
    if threads:
        chosen["INFERENCE_NUM_THREADS"] = threads
    compiled = core.compile_model(core.read_model(path), device, chosen)
    request = compiled.create_infer_request()
    for port in compiled.inputs:
        shape = [size.get_length() if size.is_static else 1 for size in port.get_partial_shape()]
        request.set_tensor(port, ov.Tensor(np.zeros(shape, port.get_element_type().to_dtype())))
    for _ in range(INFERENCES):
        request.infer()
    return Memory(base, max(1, _peak_bytes() - base))


def _peak_bytes() -> int:
    """Highest resident memory of this process so far.

    On Linux from the kernel's high-water mark: ru_maxrss of a child begins at its parent's size.
    """
    try:
        status = STATUS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return _peak_elsewhere()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _peak_elsewhere() -> int:
    if sys.platform == "win32":
        import psutil  # type: ignore[import-untyped]

        return int(psutil.Process().memory_info().peak_wset)
    else:  # noqa: RET505 - mypy reads each system's branch alone
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT


if __name__ == "__main__":
    _, MODEL, DEVICE, HINT, THREADS = sys.argv
    die_with(os.getppid())
    faulthandler.enable()
    sys.stdout.write(json.dumps(asdict(measure(MODEL, DEVICE, HINT, int(THREADS)))) + "\n")

"""Reading, compiling and feeding a model under the conditions of an entry."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.engine.runtime import own_choice
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.timing import ArmName
    from quantgate.entries import Benchmark


#: Larger exports are not kept in memory, one an arm; such models compile anew each time.
MOST_EXPORTED_BYTES = 512 * 2**20


def balanced(names: tuple[ArmName, ...], copy: int) -> tuple[ArmName, ...]:
    """Order the arms so that over every two copies each one is compiled first equally often.

    A model that is always compiled second can be steadily slower: its memory lies elsewhere.
    """
    turn = (copy // 2) % len(names)
    turned = names[turn:] + names[:turn]
    return turned[::-1] if copy % 2 else turned


def properties(benchmark: Benchmark, name: ArmName) -> dict[str, Any]:
    """Compile properties of an arm: the entry's conditions, and f32 where it is demanded."""
    chosen: dict[str, Any] = {"PERFORMANCE_HINT": benchmark.hint.upper()}
    chosen |= own_choice(benchmark.device)
    if benchmark.streams is not None:
        chosen["NUM_STREAMS"] = str(benchmark.streams)
    if benchmark.threads is not None:
        chosen["INFERENCE_NUM_THREADS"] = benchmark.threads
    if name in {"parent_f32", "parent_copy"}:
        chosen["INFERENCE_PRECISION_HINT"] = "f32"
    return chosen


def set_inputs(
    request: Any, compiled: Any, inputs: Mapping[str, NDArray[np.generic]], batch: int
) -> None:
    """Give a request its tensors, arrays [1, ...] repeated to the batch.

    Raises
    ------
    MeasurementError
        When an input of the model gets no array, or one that does not fit it.
    """
    import openvino as ov

    for port in compiled.inputs:
        names = port.get_names()
        chosen = next((inputs[name] for name in names if name in inputs), None)
        if chosen is None and len(inputs) == 1 == len(compiled.inputs):
            chosen = next(iter(inputs.values()))
        if chosen is None:
            raise MeasurementError(
                f"no tensor for the input {sorted(names)}: inputs were given for {sorted(inputs)}"
            )
        try:
            request.set_tensor(port, ov.Tensor(np.ascontiguousarray(_repeated(chosen, batch))))
        except RuntimeError as error:
            raise MeasurementError(
                f"the tensor for input {sorted(names)}, {chosen.dtype} {chosen.shape}, does not fit "
                f"the model: {told_by(error)}"
            ) from error


def _repeated(array: NDArray[np.generic], batch: int) -> NDArray[np.generic]:
    """Repeat one sample to the batch; an array that holds the batch already stays."""
    return array if array.shape[0] == batch else np.repeat(array[:1], batch, axis=0)


def batched(core: Any, path: Path, inputs: Mapping[str, NDArray[np.generic]], batch: int) -> Any:
    """Read a model and give its inputs, arrays [1, ...], the batch.

    Raises
    ------
    MeasurementError
        When the file cannot be read or reshaped, or no input tensor was given.
    """
    try:
        model = core.read_model(path)
        if batch > 1:
            model.reshape({port: [batch, *list(port.partial_shape)[1:]] for port in model.inputs})
    except RuntimeError as error:
        raise MeasurementError(f"{path} cannot be read for timing: {told_by(error)}") from error
    if not inputs:
        raise MeasurementError(f"no input tensor was given to time {path} with")
    return model


@dataclass(slots=True)
class Copier:
    """Makes compiled copies of one model under one set of properties.

    The first is compiled from the model. The others are imported from what the first one exported,
    as a deployment with a model cache does: each builds a graph of its own, with its own kernels and
    memory, but the passes over the model (most of the time of a quantized one) run only once. A
    device that exports nothing compiles every time.
    """

    core: Any
    model: Any
    device: str
    chosen: Mapping[str, Any]
    exported: bytes | None = None

    def compiled(self) -> Any:
        """Compile from the model.

        Raises
        ------
        RuntimeError
            As OpenVINO says it, here and in :meth:`copy`.
        """
        return self.core.compile_model(self.model, self.device, dict(self.chosen))

    def export(self, compiled: Any) -> None:
        """Keep what the copies are made of, once."""
        if self.exported is None:
            self.exported = _exported(compiled)

    def copy(self) -> Any:
        """Make one more copy of what was exported; compile anew where a device does not read its own export.

        OpenVINO 2024.6 writes some interpolations in a version of the operation that it then refuses.
        """
        if self.exported:
            try:
                stream = io.BytesIO(self.exported)
                return self.core.import_model(stream, self.device, dict(self.chosen))
            except RuntimeError:
                self.exported = b""
        return self.compiled()


def _exported(compiled: Any) -> bytes:
    """Export a compiled model; nothing where the device cannot, or where it is too large to keep."""
    try:
        content = compiled.export_model()
    except RuntimeError:
        return b""
    held = bytes(content if isinstance(content, bytes) else content.getvalue())
    return held if len(held) <= MOST_EXPORTED_BYTES else b""


def number(compiled: Any, key: str) -> int:
    """Read a compiled model's property as a number; 0 where the device has none."""
    try:
        return int(compiled.get_property(key))
    except (RuntimeError, TypeError, ValueError):
        return 0


def told_by(error: Exception) -> str:
    """Take the line of an OpenVINO error that says what happened: the last one."""
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
